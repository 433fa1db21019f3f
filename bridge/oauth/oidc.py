"""OpenID Connect's authorization-code flow with one issuer (OIDC Core 3.1), for every provider that speaks it.

The law: who signs in is the `sub` of a verified ID token; userinfo may add to it, of the same `sub`, and never replaces it.
"""

from collections.abc import Callable
from datetime import datetime

from bridge.errors import ProviderBadReply, ProviderBadToken
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.client_auth import AuthMethod
from bridge.oauth.discovery import Issuer, IssuerMetadata, tenant_of
from bridge.oauth.fields import Fields
from bridge.oauth.grant import CodeGrant
from bridge.oauth.id_token import verify_id_token

_WANTED = ("email", "email_verified", "name")
_EVIDENCE = ("email", "email_verified")


class OpenIdClient:
    """The client of *grant*, registered at *issuer*; with *asks_userinfo* off, the ID token alone says who it is."""

    def __init__(
        self, grant: CodeGrant, issuer: Issuer, *, http: ProviderHttp, clock: Callable[[], datetime], asks_userinfo: bool = True
    ) -> None:
        self._provider = grant.provider
        self._issuer = issuer
        self._asks_userinfo = asks_userinfo
        self._grant = grant
        self._http = http
        self._clock = clock

    def authorization_url(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return the URL to send the browser to, with nonce and login hint; raises as `Issuer.metadata`."""
        metadata, _ = self._metadata()
        return self._grant.authorization_url(
            metadata.authorization_endpoint, attempt, redirect_uri, nonce=attempt.nonce, login_hint=attempt.login_hint
        )

    def claims(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> Fields:
        """Return the person's claims: those of the verified ID token, and what userinfo adds where email or name are missing.

        `email` and `email_verified` come from one document, never mixed. Raises `ProviderUnavailable`, `ProviderBadReply` and
        `ProviderBadToken`.
        """
        metadata, auth_method = self._metadata()
        self._check_callback(callback, metadata)
        tokens = self._grant.redeem(metadata.token_endpoint, callback, attempt, redirect_uri, auth_method=auth_method)
        raw_id_token = tokens.reply.optional_text("id_token")
        if raw_id_token is None:
            raise ProviderBadToken(provider=self._provider, reason="form: the token reply holds no id_token")
        verified = verify_id_token(
            raw_id_token,
            provider=self._provider,
            issuer=metadata.issuer,
            client_id=self._grant.client_id,
            nonce=attempt.nonce,
            now=self._clock(),
            key_for=self._issuer.key,
        )
        claims = Fields(verified, provider=self._provider, document="id_token")
        endpoint = metadata.userinfo_endpoint if self._asks_userinfo else None
        if endpoint is None or all(name in claims for name in _WANTED):
            return claims
        return self._with_userinfo(claims, endpoint, tokens.access_token)

    def _metadata(self) -> tuple[IssuerMetadata, AuthMethod]:
        """Return the issuer's document, and how the client proves there who it is: as configured, or as offered."""
        metadata = self._issuer.metadata()
        auth_method = self._grant.credentials.configured_method or metadata.auth_method
        if auth_method is None:
            reason = (
                "discovery: token_endpoint_auth_methods_supported offers neither client_secret_basic nor client_secret_post"
            )
            raise ProviderBadReply(provider=self._provider, reason=reason)
        return metadata, auth_method

    def _check_callback(self, callback: Callback, metadata: IssuerMetadata) -> None:
        """Refuse, before the code is redeemed, a callback that another issuer sent (mix-up, RFC 9207 2.4)."""
        if callback.iss is None and not metadata.names_itself_in_callbacks:
            return
        if tenant_of(metadata.issuer, callback.iss) is None:
            raise ProviderBadReply(provider=self._provider, reason="callback: iss is missing or not the issuer")

    def _with_userinfo(self, claims: Fields, endpoint: str, access_token: str) -> Fields:
        userinfo = self._http.get(endpoint, provider=self._provider, document="userinfo", bearer=access_token).object()
        # An access token that was swapped for another person's shows here (OIDC Core 5.3.2).
        if userinfo.text("sub") != claims.text("sub"):
            raise ProviderBadToken(provider=self._provider, reason="sub: userinfo speaks of somebody else")
        told_by = userinfo if "email" in userinfo and not all(name in claims for name in _EVIDENCE) else claims
        evidence = {name: told_by.values.get(name) for name in _EVIDENCE}
        return Fields({**userinfo.values, **claims.values, **evidence}, provider=self._provider, document="claims")
