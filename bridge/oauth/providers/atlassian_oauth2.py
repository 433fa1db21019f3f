"""Atlassian (Jira): OAuth 2.0 with the person's own page of the first Jira site that they granted.

Source: "OAuth 2.0 (3LO) apps" and "Myself" of developer.atlassian.com. An account id is the person's on all sites; the address
is shown as the person set it, or not at all, and nothing says that it is verified.

The law: no address of Atlassian's counts as verified.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from bridge.identity import NO_EVIDENCE, ExternalIdentity
from bridge.oauth.grant import Tokens
from bridge.oauth.provider import FIXED, Places, RestProvider

SCOPE = "read:jira-user"

_CLOUD_ID = re.compile(r"[A-Za-z0-9-]{1,64}")  # it becomes part of a path


class Atlassian(RestProvider):
    """Identity by `accountId`."""

    default_label: ClassVar[str] = "Atlassian"
    takes: ClassVar[frozenset[str]] = FIXED
    scopes: ClassVar[tuple[str, ...]] = (SCOPE,)
    more: ClassVar[Mapping[str, str]] = MappingProxyType({"audience": "api.atlassian.com", "prompt": "consent"})

    def places(self, own: str | None) -> Places:
        """Return Atlassian's, or the stand-in's."""
        web = own or "https://auth.atlassian.com"
        return Places(f"{web}/authorize", f"{web}/oauth/token", own or "https://api.atlassian.com")

    def identity_of(self, tokens: Tokens) -> ExternalIdentity:
        """Return the person, as the first granted Jira site has them."""
        person = self.ask("myself", f"/ex/jira/{self._cloud_id(tokens)}/rest/api/3/myself", tokens).object()
        return self.identity(
            uid=person.text("accountId"),
            email=person.email("emailAddress"),
            evidence=NO_EVIDENCE,
            name=person.label("displayName"),
            avatar_url=person.inside("avatarUrls").url("48x48"),
        )

    def _cloud_id(self, tokens: Tokens) -> str:
        reply = self.ask("resources", "/oauth/token/accessible-resources", tokens)
        for site in reply.objects():
            if SCOPE in site.texts("scopes"):
                if not _CLOUD_ID.fullmatch(site.text("id")):
                    raise site.refusal("id", "is no cloud id")
                return site.text("id")
        raise reply.refusal(f"holds no site with {SCOPE}")
