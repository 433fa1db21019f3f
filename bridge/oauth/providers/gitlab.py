"""GitLab, at gitlab.com or self-hosted: OAuth 2.0 with its REST API.

Sources: "OAuth 2.0 identity provider API" and "Users API" of docs.gitlab.com. `confirmed_at` of a self-hosted GitLab is worth
as much as its administrators and its own ways in: accounts made at a first sign-in there may be confirmed without a mail.

GitLab's tokens name no audience. `/oauth/token/info` does, and its documents want that compared for tokens that came through a
browser (implicit grant); ours never do, and it is compared all the same, as the `aud` of an ID token would be.

The law: an address counts as verified by `confirmed_at` alone, and its absence is no consent.
"""

from typing import ClassVar

from bridge.errors import ProviderBadToken
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
        """Return the user; raises `ProviderBadToken` for a token that was issued to another application or for another user."""
        info = self.ask("token info", "/oauth/token/info", tokens).object()
        if info.inside("application").text("uid") != self.grant.client_id:
            raise ProviderBadToken(provider=self.name, reason="application.uid: is another application")
        user = self.ask("user", "/api/v4/user", tokens).object()
        if info.number("resource_owner_id") != user.number("id"):
            raise ProviderBadToken(provider=self.name, reason="resource_owner_id: is not the user")
        return self.identity(
            uid=str(user.number("id")),
            email=user.email(),
            evidence=EmailEvidence(user.optional_text("confirmed_at") is not None, RULE),
            name=user.label("name"),
            username=user.username("username"),
            avatar_url=user.url("avatar_url"),
        )
