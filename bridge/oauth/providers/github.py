"""GitHub, at github.com or self-hosted (GitHub Enterprise Server): OAuth 2.0 with its REST API.

Sources: "Authorizing OAuth apps", "REST API endpoints for users" and "... for emails" of docs.github.com. Token errors come
with HTTP 200. The law: the email is the primary one of `/user/emails`, never the public `email` of `/user`, which anybody sets.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from bridge.identity import EmailEvidence, ExternalIdentity
from bridge.oauth.fields import primary_email
from bridge.oauth.grant import Tokens
from bridge.oauth.provider import SELF_HOSTED, Places, RestProvider

RULE = "github.primary_verified"


class GitHub(RestProvider):
    """Identity by the numeric `id`; a `login` can be renamed and taken over."""

    default_label: ClassVar[str] = "GitHub"
    takes: ClassVar[frozenset[str]] = SELF_HOSTED
    scopes: ClassVar[tuple[str, ...]] = ("user:email",)
    headers: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    )

    def places(self, own: str | None) -> Places:
        """Return github.com's, or those of a GitHub Enterprise Server."""
        web = own or "https://github.com"
        api = f"{own}/api/v3" if own else "https://api.github.com"
        return Places(f"{web}/login/oauth/authorize", f"{web}/login/oauth/access_token", api)

    def identity_of(self, tokens: Tokens) -> ExternalIdentity:
        """Return the user with their primary address."""
        user = self.ask("user", "/user", tokens).object()
        emails = self.ask("emails", "/user/emails", tokens)
        # 403 and 404: the person or the app did not grant the addresses.
        entries = [] if emails.status in (403, 404) else emails.objects()
        email, verified = primary_email(entries, primary="primary", verified="verified")
        return self.identity(
            uid=str(user.number("id")),
            email=email,
            evidence=EmailEvidence(verified, RULE),
            name=user.label("name"),
            username=user.username("login"),
            avatar_url=user.url("avatar_url"),
        )
