"""What providers have in common: a name, a label, a registered client, and for OpenID providers the whole flow.

The law: nothing here knows a provider. Its places, scopes, fields and rules stand in its own file under `providers/`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from bridge.identity import ExternalIdentity
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.fields import Fields
from bridge.oauth.grant import CodeGrant
from bridge.oauth.oidc import OpenIdClient
from bridge.sections import ProviderConfig


class OAuthProvider(ABC):
    """A provider asked by OAuth 2.0: a code, a token, and documents read with the token. Safe for many threads.

    Of the settings of place in a `[[provider]]` it understands `takes` and cannot go without `needs`; `scopes` are asked for
    unless the configuration says otherwise. Raises `ValueError` where the client secret cannot be read.
    """

    default_label: ClassVar[str]
    takes: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[frozenset[str]] = frozenset()
    scopes: ClassVar[tuple[str, ...]]

    def __init__(self, config: ProviderConfig, *, http: ProviderHttp, clock: Callable[[], datetime]) -> None:
        self.name = config.name
        self.kind = config.provider_kind
        self.label = config.label or self.default_label
        self.config = config
        self.http = http
        self.clock = clock
        self.grant = CodeGrant(config, http, scopes=self.scopes)

    @abstractmethod
    def authorization_url(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return where to send the browser; see `providers.Provider.authorization_url`."""

    @abstractmethod
    def identify(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> ExternalIdentity:
        """Return who signed in; see `providers.Provider.identify`."""


class OpenIdProvider(OAuthProvider):
    """A provider asked by OpenID Connect: its claims come from a verified ID token, and from userinfo what that lacks."""

    scopes: ClassVar[tuple[str, ...]] = ("openid", "email", "profile")

    def __init__(self, config: ProviderConfig, *, http: ProviderHttp, clock: Callable[[], datetime]) -> None:
        super().__init__(config, http=http, clock=clock)
        self._client = OpenIdClient(self.grant, self.issuer_of(config), http=http, clock=clock)

    @abstractmethod
    def issuer_of(self, config: ProviderConfig) -> str:
        """Return the issuer's URL."""

    @abstractmethod
    def identity_of(self, claims: Fields) -> ExternalIdentity:
        """Return whom *claims* speak of; raises `ProviderBadReply` and `ProviderBadToken`."""

    def authorization_url(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return where to send the browser, with nonce and login hint."""
        return self._client.authorization_url(attempt, redirect_uri)

    def identify(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> ExternalIdentity:
        """Return who signed in."""
        return self.identity_of(self._client.claims(callback, attempt, redirect_uri))
