"""GitHub, at github.com or self-hosted (GitHub Enterprise Server): OAuth 2.0 with its REST API.

Sources: "Authorizing OAuth apps", "REST API endpoints for users" and "... for emails" of docs.github.com. Token errors come
with HTTP 200. The law: the email is the primary one of `/user/emails`, never the public `email` of `/user`, which anybody sets.
"""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from bridge.identity import Email, ExternalIdentity
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp, Reply
from bridge.oauth.fields import external_identity
from bridge.oauth.provider import OAuthProvider
from bridge.sections import ProviderConfig

RULE = "github.primary_verified"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class GitHub(OAuthProvider):
    """Identity by the numeric `id`; a `login` can be renamed and taken over."""

    default_label: ClassVar[str] = "GitHub"
    takes: ClassVar[frozenset[str]] = frozenset({"base_url", "unsafe_base_url"})
    scopes: ClassVar[tuple[str, ...]] = ("user:email",)

    def __init__(self, config: ProviderConfig, *, http: ProviderHttp, clock: Callable[[], datetime]) -> None:
        super().__init__(config, http=http, clock=clock)
        own = config.unsafe_base_url or config.base_url
        web = (own or "https://github.com").rstrip("/")
        self._api = f"{web}/api/v3" if own else "https://api.github.com"
        self._authorize = f"{web}/login/oauth/authorize"
        self._token = f"{web}/login/oauth/access_token"

    def authorization_url(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return where to send the browser."""
        return self.grant.authorization_url(self._authorize, attempt, redirect_uri)

    def identify(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> ExternalIdentity:
        """Return who signed in; see `Provider.identify`."""
        tokens = self.grant.redeem(self._token, callback, attempt, redirect_uri, auth_method="client_secret_post")
        user = self._get("user", "/user", tokens.access_token).object()
        email, verified = _primary(self._get("emails", "/user/emails", tokens.access_token))
        return external_identity(
            provider=self.name,
            uid=str(user.number("id")),
            email=email,
            verified=verified,
            rule=RULE,
            name=user.label("name"),
            username=user.username("login"),
            avatar_url=user.url("avatar_url"),
        )

    def _get(self, document: str, path: str, access_token: str) -> Reply:
        return self.http.get(self._api + path, provider=self.name, document=document, bearer=access_token, headers=HEADERS)


def _primary(emails: Reply) -> tuple[Email | None, bool]:
    if emails.status in (403, 404):  # the person or the app did not grant the addresses
        return None, False
    primary = [entry for entry in emails.objects() if entry.is_true("primary")]
    if not primary:
        return None, False
    if len(primary) > 1:
        raise primary[1].refusal("primary", "is true twice")
    return primary[0].email(), primary[0].is_true("verified")
