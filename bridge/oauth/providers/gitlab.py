"""GitLab, at gitlab.com or self-hosted: OAuth 2.0 with its REST API.

Sources: "OAuth 2.0 identity provider API" and "Users API" of docs.gitlab.com. `confirmed_at` of a self-hosted GitLab is worth
as much as its administrators and its own ways in: accounts made at a first sign-in there may be confirmed without a mail.

The law: an address counts as verified by `confirmed_at` alone, and its absence is no consent.
"""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from bridge.identity import ExternalIdentity
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.fields import external_identity
from bridge.oauth.provider import OAuthProvider
from bridge.sections import ProviderConfig

RULE = "gitlab.confirmed_at"


class GitLab(OAuthProvider):
    """Identity by the numeric `id`; the email counts where GitLab says when it was confirmed."""

    default_label: ClassVar[str] = "GitLab"
    takes: ClassVar[frozenset[str]] = frozenset({"base_url", "unsafe_base_url"})
    scopes: ClassVar[tuple[str, ...]] = ("read_user",)

    def __init__(self, config: ProviderConfig, *, http: ProviderHttp, clock: Callable[[], datetime]) -> None:
        super().__init__(config, http=http, clock=clock)
        self._base = (config.unsafe_base_url or config.base_url or "https://gitlab.com").rstrip("/")

    def authorization_url(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return where to send the browser."""
        return self.grant.authorization_url(f"{self._base}/oauth/authorize", attempt, redirect_uri)

    def identify(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> ExternalIdentity:
        """Return who signed in; see `Provider.identify`."""
        endpoint = f"{self._base}/oauth/token"
        tokens = self.grant.redeem(endpoint, callback, attempt, redirect_uri, auth_method="client_secret_post")
        url = f"{self._base}/api/v4/user"
        user = self.http.get(url, provider=self.name, document="user", bearer=tokens.access_token).object()
        return external_identity(
            provider=self.name,
            uid=str(user.number("id")),
            email=user.email(),
            verified=user.optional_text("confirmed_at") is not None,
            rule=RULE,
            name=user.label("name"),
            username=user.username("username"),
            avatar_url=user.url("avatar_url"),
        )
