"""Any OpenID provider that publishes its configuration: Keycloak, Okta, Zitadel and their like.

Source: OpenID Connect Core 1.0 5.1 and Discovery 1.0. An `email_verified` of "true" in quotes, as some send it, is not true.

The law: nothing is read that the standards do not define, and no provider's habit is guessed.
"""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from bridge.identity import ExternalIdentity
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.fields import external_identity
from bridge.oauth.oidc import OpenIdClient
from bridge.sections import ProviderConfig

RULE = "oidc.email_verified"


class OpenIdConnect:
    """Identity by `sub`, stable and never reused within the issuer (OIDC Core 5.7)."""

    default_label: ClassVar[str] = "OpenID Connect"
    takes: ClassVar[frozenset[str]] = frozenset({"issuer"})
    needs: ClassVar[frozenset[str]] = frozenset({"issuer"})

    def __init__(self, config: ProviderConfig, *, http: ProviderHttp, clock: Callable[[], datetime]) -> None:
        self.name = config.name
        self.kind = config.provider_kind
        self.label = config.label or self.default_label
        self._client = OpenIdClient(config, config.issuer or "", http=http, clock=clock)

    def authorization_url(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return where to send the browser; see `Provider.authorization_url`."""
        return self._client.authorization_url(attempt, redirect_uri)

    def identify(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> ExternalIdentity:
        """Return who signed in; see `Provider.identify`."""
        claims = self._client.claims(callback, attempt, redirect_uri)
        return external_identity(
            provider=self.name,
            uid=claims.text("sub"),
            email=claims.email(),
            verified=claims.is_true("email_verified"),
            rule=RULE,
            name=claims.label("name"),
            username=claims.username("preferred_username") or claims.username("nickname"),
            avatar_url=claims.url("picture"),
        )
