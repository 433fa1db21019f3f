"""GitLab, at gitlab.com or self-hosted: OAuth 2.0 with its REST API.

Sources: "OAuth 2.0 identity provider API" and "Users API" of docs.gitlab.com. `confirmed_at` of a self-hosted GitLab is worth
as much as its administrators and its own ways in: accounts made at a first sign-in there may be confirmed without a mail.

The law: an address counts as verified by `confirmed_at` alone, and its absence is no consent.
"""

from typing import ClassVar

from bridge.identity import EmailEvidence, ExternalIdentity
from bridge.oauth.grant import Tokens
from bridge.oauth.provider import SELF_HOSTED, Places, RestProvider

RULE = "gitlab.confirmed_at"


class GitLab(RestProvider):
    """Identity by the numeric `id`; the email counts where GitLab says when it was confirmed."""

    default_label: ClassVar[str] = "GitLab"
    takes: ClassVar[frozenset[str]] = SELF_HOSTED
    scopes: ClassVar[tuple[str, ...]] = ("read_user",)

    def places(self, own: str | None) -> Places:
        """Return gitlab.com's, or those of a GitLab of one's own."""
        base = own or "https://gitlab.com"
        return Places(f"{base}/oauth/authorize", f"{base}/oauth/token", base)

    def identity_of(self, tokens: Tokens) -> ExternalIdentity:
        """Return the user."""
        user = self.ask("user", "/api/v4/user", tokens).object()
        return self.identity(
            uid=str(user.number("id")),
            email=user.email(),
            evidence=EmailEvidence(user.optional_text("confirmed_at") is not None, RULE),
            name=user.label("name"),
            username=user.username("username"),
            avatar_url=user.url("avatar_url"),
        )
