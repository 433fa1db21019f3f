"""The authorization-code flow of every stand-in provider, by Authlib's server side.

The law: what Authlib does is known here alone, and it is stricter than the providers: PKCE with S256 is required of everybody
(RFC 9700 2.1.1), so that a client which forgets it fails here and not in production.
"""

from datetime import timedelta
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.errors import AccessDeniedError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.core.util import create_half_hash
from flask import Response, request

from bridge.harness.personas import Persona
from bridge.harness.standin.faults import FaultBoard
from bridge.harness.standin.ledger import AccessToken, Client, Code, Ledger
from bridge.harness.standin.wire import OidcWire, Wire

__all__ = ["OAuth2Error", "ProviderServer", "add_params_to_uri"]


class _Client(ClientMixin):  # type: ignore[misc]
    """A registered client, as Authlib wants to ask it."""

    def __init__(self, client: Client, auth_methods: tuple[str, ...]) -> None:
        self._client = client
        self._auth_methods = auth_methods

    @property
    def client_id(self) -> str:
        return self._client.client_id

    def get_client_id(self) -> str:
        return self._client.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self._client.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return self._client.check_secret(client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint == "token" and method in self._auth_methods

    def check_response_type(self, response_type: str | None) -> bool:
        return response_type in (None, "code")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token")


class _Code:
    """An authorization code, as Authlib wants to ask it."""

    code_challenge_method = "S256"

    def __init__(self, code: Code) -> None:
        self.code = code
        self.code_challenge = code.challenge

    def get_redirect_uri(self) -> str:
        return self.code.redirect_uri

    def get_scope(self) -> str:
        return self.code.scope


class _S256Required(CodeChallenge):  # type: ignore[misc]
    """Authlib requires PKCE of public clients only, and takes `plain`."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        for field in ("code_challenge", "code_challenge_method"):
            if not grant.request.payload.data.get(field):
                raise InvalidRequestError(f"Missing '{field}': PKCE with S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class ProviderServer(AuthorizationServer):  # type: ignore[misc]
    """The authorization server of one provider. Answers in the provider's own words."""

    def __init__(self, wire: Wire, ledger: Ledger, faults: FaultBoard) -> None:
        super().__init__(query_client=self._registered, save_token=self._keep)
        self.wire = wire
        self.ledger = ledger
        refresh = (lambda **_: ledger.new_secret("refresh_tokens")) if wire.refresh_tokens else None
        access = lambda **_: ledger.new_secret("access_tokens", prefix=wire.token_prefix)  # noqa: E731
        self.register_token_generator("default", BearerTokenGenerator(access, refresh, lambda *_: wire.token_seconds))
        extensions: list[object] = [_S256Required(required=True)]
        if isinstance(wire, OidcWire):
            extensions.append(_IdToken(wire, ledger, faults))
        self.register_grant(_code_grant(wire, ledger), extensions)

    def _registered(self, client_id: str) -> _Client | None:
        client = self.ledger.client(self.wire.name, client_id)
        return _Client(client, self.wire.client_auth) if client else None

    def _keep(self, token: dict[str, Any], oauth_request: Any) -> None:
        self.ledger.keep_token(
            AccessToken(
                value=token["access_token"],
                provider=self.wire.name,
                client_id=oauth_request.client.client_id,
                scope=token.get("scope", ""),
                persona=oauth_request.user.key,
                code=oauth_request.authorization_code.code.value,
                expires_at=self.ledger.clock() + timedelta(seconds=self.wire.token_seconds),
            )
        )

    def handle_response(self, status_code: int, payload: Any, headers: Any) -> Response:
        """Return a redirect as it is, and what the token endpoint has to say in the provider's own words."""
        if not isinstance(payload, dict):
            return Response(payload, status_code, headers)
        accept = request.headers.get("Accept", "")
        if "error" in payload:
            return self.wire.token_error(payload["error"], payload.get("error_description", ""), accept=accept)
        return self.wire.token_reply(payload, accept=accept, now=self.ledger.clock())


class _IdToken(OpenIDCode):  # type: ignore[misc]
    """The ID token of a code exchange, wrong in the way that a fault at the token endpoint asks for."""

    def __init__(self, wire: OidcWire, ledger: Ledger, faults: FaultBoard) -> None:
        super().__init__(require_nonce=False)
        self._wire = wire
        self._ledger = ledger
        self._faults = faults

    def exists_nonce(self, nonce: str, oauth_request: Any) -> bool:
        del nonce, oauth_request
        return False

    def encode_id_token(self, token: dict[str, Any], oauth_request: Any) -> str:
        wire, code, now = self._wire, oauth_request.authorization_code.code, int(self._ledger.clock().timestamp())
        claims = {
            "iss": wire.issuer,
            "azp": code.client_id,
            "aud": code.client_id,
            **wire.id_claims(oauth_request.user, code.scope),
            "at_hash": create_half_hash(token["access_token"], "RS256").decode("ascii"),
            "iat": now,
            "exp": now + wire.token_seconds,
        }
        if code.nonce:
            claims["nonce"] = code.nonce
        fault = self._faults.name_at(wire.name, "token")
        signed = wire.keys.sign(claims, fault=fault, lure=wire.lure)
        self._ledger.saw("id_tokens", signed)
        return signed


def _code_grant(wire: Wire, ledger: Ledger) -> type:
    class Grant(AuthorizationCodeGrant):  # type: ignore[misc]
        """RFC 6749 4.1 on the ledger."""

        TOKEN_ENDPOINT_AUTH_METHODS = wire.client_auth

        @classmethod
        def check_authorization_endpoint(cls, oauth_request: Any) -> bool:
            given = oauth_request.payload.response_type
            return given == "code" or (given is None and not wire.requires_types)

        @classmethod
        def check_token_endpoint(cls, oauth_request: Any) -> bool:
            given = oauth_request.payload.grant_type
            return given == cls.GRANT_TYPE or (given is None and not wire.requires_types)

        def create_authorization_response(self, redirect_uri: str, grant_user: Persona | None) -> Any:
            if grant_user is None:
                raise AccessDeniedError(wire.denied_description, redirect_uri=redirect_uri)
            return super().create_authorization_response(redirect_uri, grant_user)

        def generate_authorization_code(self) -> str:
            return ledger.new_secret("codes", prefix=wire.code_prefix)

        def save_authorization_code(self, code: str, oauth_request: Any) -> None:
            payload = oauth_request.payload
            ledger.keep_code(
                Code(
                    value=code,
                    provider=wire.name,
                    client_id=oauth_request.client.client_id,
                    redirect_uri=self.redirect_uri,
                    scope=oauth_request.scope,
                    nonce=payload.data.get("nonce"),
                    challenge=payload.data["code_challenge"],
                    persona=oauth_request.user.key,
                    expires_at=ledger.code_lifetime_ends(),
                )
            )

        def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
            taken = ledger.take_code(wire.name, code, client.client_id)
            if taken is not None and self.request.payload.redirect_uri != taken.redirect_uri:
                raise OAuth2Error(
                    "The redirect_uri is not the one of the authorization request.", error="redirect_uri_mismatch"
                )
            return _Code(taken) if taken else None

        def delete_authorization_code(self, authorization_code: _Code) -> None:
            """Nothing is left to do: `take_code` has spent it."""

        def authenticate_user(self, authorization_code: _Code) -> Persona | None:
            return ledger.persona(authorization_code.code.persona)

    return Grant
