"""Google: OpenID Connect by discovery.

Source: "OpenID Connect" of developers.google.com. `email_verified` is true also for consumer accounts on somebody else's
domain: it says that the person reads the address, not that Google speaks for the domain (that would be `hd`).

The law: an address counts as verified by `email_verified` alone, whatever its domain looks like.
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

ISSUER = "https://accounts.google.com"
RULE = "google.email_verified"


class Google:
    """Identity by `sub`, which is never reused; the email counts where `email_verified` is true."""

    default_label: ClassVar[str] = "Google"
    takes: ClassVar[frozenset[str]] = frozenset({"unsafe_base_url"})
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, config: ProviderConfig, *, http: ProviderHttp, clock: Callable[[], datetime]) -> None:
        self.name = config.name
        self.kind = config.provider_kind
        self.label = config.label or self.default_label
        self._client = OpenIdClient(config, config.unsafe_base_url or ISSUER, http=http, clock=clock)

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
            avatar_url=claims.url("picture"),
        )
