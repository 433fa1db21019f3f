"""What providers have in common: a name, a label, a registered client, and the flow, by OAuth 2.0 or by OpenID Connect.

The law: nothing here knows a provider. Its places, scopes, fields and rules stand in its own file under `providers/`; what the
configuration says of an address overrules the provider here, for all of them alike.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from bridge.identity import Email, EmailEvidence, ExternalIdentity
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.client_auth import AuthMethod
from bridge.oauth.discovery import Issuer
from bridge.oauth.fields import Fields, external_identity
from bridge.oauth.grant import CodeGrant, Tokens
from bridge.oauth.oidc import OpenIdClient
from bridge.oauth.reply import Reply
from bridge.sections import ProviderConfig

FIXED = frozenset({"unsafe_base_url"})
SELF_HOSTED = frozenset({"base_url", "unsafe_base_url"})
CLIENT_AUTH = frozenset({"client_auth", "private_key_file", "private_key_id"})

NEVER = EmailEvidence(verified=False, rule="configured.never")
UNSAFE = EmailEvidence(verified=True, rule="configured.unsafe_email_verified")


class OAuthProvider(ABC):
    """A provider asked by OAuth 2.0: a code, a token, and documents read with the token. Safe for many threads.

    Of the settings that only some kinds know it understands `takes` and cannot go without `needs`; `scopes` are asked for
    unless the configuration says otherwise. Raises `ValueError` where the client secret or key cannot be read.
    """

    default_label: ClassVar[str]
    takes: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[frozenset[str]] = frozenset()
    scopes: ClassVar[tuple[str, ...]]
    pkce: ClassVar[bool] = True

    def __init__(self, config: ProviderConfig, *, http: ProviderHttp, clock: Callable[[], datetime]) -> None:
        self.name = config.name
        self.kind = config.provider_kind
        self.label = config.label or self.default_label
        self.config = config
        self.http = http
        self.clock = clock
        self.own_base = (config.unsafe_base_url or config.base_url or "").rstrip("/") or None
        self.grant = CodeGrant(config, http, scopes=self.scopes, clock=clock, pkce=self.pkce)

    @abstractmethod
    def authorization_url(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return where to send the browser; see `providers.Provider.authorization_url`."""

    @abstractmethod
    def identify(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> ExternalIdentity:
        """Return who signed in; see `providers.Provider.identify`."""

    def identity(
        self,
        *,
        uid: str,
        email: Email | None,
        evidence: EmailEvidence,
        name: str | None = None,
        username: str | None = None,
        avatar_url: str | None = None,
    ) -> ExternalIdentity:
        """Return the identity; the configuration may overrule the provider's *evidence*. Raises `ProviderBadReply`."""
        if self.config.email_evidence == "never":
            evidence = NEVER
        elif self.config.unsafe_email_verified:
            evidence = UNSAFE
        return external_identity(
            provider=self.name,
            uid=uid,
            email=email,
            evidence=evidence,
            name=name,
            username=username,
            avatar_url=avatar_url,
        )


@dataclass(frozen=True, slots=True)
class Places:
    """Two endpoints, and the base of the API without a slash at its end."""

    authorization: str
    token: str
    api: str


class RestProvider(OAuthProvider):
    """A provider that issues no ID token we read: who signed in stands in documents below `at.api`.

    `more` goes into the authorization request, `headers` with every document that is asked for.
    """

    auth_method: ClassVar[AuthMethod] = "client_secret_post"
    more: ClassVar[Mapping[str, str]] = MappingProxyType({})
    headers: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init__(self, config: ProviderConfig, *, http: ProviderHttp, clock: Callable[[], datetime]) -> None:
        super().__init__(config, http=http, clock=clock)
        self.at = self.places(self.own_base)

    @abstractmethod
    def places(self, own: str | None) -> Places:
        """Return where the provider is: below *own*, or at its public addresses where that is None."""

    @abstractmethod
    def identity_of(self, tokens: Tokens) -> ExternalIdentity:
        """Return whom *tokens* were issued for; raises as `providers.Provider.identify`."""

    def authorization_url(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return where to send the browser."""
        return self.grant.authorization_url(self.at.authorization, attempt, redirect_uri, **self.more)

    def identify(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> ExternalIdentity:
        """Return who signed in."""
        return self.identity_of(self.redeem(callback, attempt, redirect_uri))

    def redeem(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> Tokens:
        """Return the tokens for the callback's code."""
        return self.grant.redeem(self.at.token, callback, attempt, redirect_uri, auth_method=self.auth_method)

    def ask(self, document: str, path: str, tokens: Tokens) -> Reply:
        """Return the answer that calls itself *document* in reasons, from *path* of the API."""
        return self.http.get(
            self.at.api + path, provider=self.name, document=document, bearer=tokens.access_token, headers=self.headers
        )


class OpenIdProvider(OAuthProvider):
    """A provider asked by OpenID Connect: its claims come from a verified ID token, and from userinfo what that lacks.

    The defaults are the standard claims (OIDC Core 5.1), an address vouched for by `email_verified`, named `rule`.
    """

    scopes: ClassVar[tuple[str, ...]] = ("openid", "email", "profile")
    asks_userinfo: ClassVar[bool] = True
    rule: ClassVar[str]

    def __init__(self, config: ProviderConfig, *, http: ProviderHttp, clock: Callable[[], datetime]) -> None:
        super().__init__(config, http=http, clock=clock)
        issuer = Issuer(self.issuer(), provider=self.name, http=http, clock=clock, found_at=self.issuer_found_at())
        self._client = OpenIdClient(self.grant, issuer, http=http, clock=clock, asks_userinfo=self.asks_userinfo)

    @abstractmethod
    def issuer(self) -> str:
        """Return the issuer's name, a URL, as its own document and its tokens have it."""

    def issuer_found_at(self) -> str | None:
        """Return the URL below which the issuer's document lies, where its name is another."""
        return None

    def uid_of(self, claims: Fields) -> str:
        """Return the stable key of the person."""
        return claims.text("sub")

    def evidence_of(self, claims: Fields) -> EmailEvidence:
        """Return whether the address in *claims* counts as verified, and by which rule."""
        return EmailEvidence(claims.is_true("email_verified"), self.rule)

    def identity_of(self, claims: Fields) -> ExternalIdentity:
        """Return whom *claims* speak of; raises as `providers.Provider.identify`."""
        return self.identity(
            uid=self.uid_of(claims),
            email=claims.email(),
            evidence=self.evidence_of(claims),
            name=claims.label("name"),
            username=claims.username("preferred_username") or claims.username("nickname"),
            avatar_url=claims.url("picture"),
        )

    def authorization_url(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return where to send the browser, with nonce and login hint."""
        return self._client.authorization_url(attempt, redirect_uri)

    def identify(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> ExternalIdentity:
        """Return who signed in."""
        return self.identity_of(self._client.claims(callback, attempt, redirect_uri))
