"""The authorization server of every stand-in provider, by Authlib's server side.

The law: what Authlib does is known here and in `grants.py` alone, and it is stricter than the providers: PKCE with S256 is
required wherever the provider can know it (RFC 9700 2.1.1), so that a client which forgets it fails here and not in production.
"""

from datetime import timedelta
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.core.util import create_half_hash
from flask import Response, request
from werkzeug.datastructures import MultiDict

from bridge.harness.standin.faults import FaultBoard
from bridge.harness.standin.grants import code_grant, other_grants
from bridge.harness.standin.ledger import AccessToken, Client, Ledger
from bridge.harness.standin.oidc_wire import OidcWire
from bridge.harness.standin.wire import Wire

__all__ = ["OAuth2Error", "ProviderServer"]


class _Client(ClientMixin):  # type: ignore[misc]
    """A registered client, as Authlib wants to ask it."""

    def __init__(self, client: Client, wire: Wire) -> None:
        self.registered = client
        self._wire = wire

    @property
    def client_id(self) -> str:
        return self.registered.client_id

    def get_client_id(self) -> str:
        return self.registered.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or self._wire.default_scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.registered.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return self.registered.check_secret(client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        # "none" is only asked by the implicit grant, which has no secret to ask for.
        return endpoint == "token" and method in (*self._wire.client_auth, "none")

    def check_response_type(self, response_type: str | None) -> bool:
        return response_type in (None, "code") or (response_type == "token" and "implicit" in self._wire.grants)

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code" or grant_type in self._wire.grants


class _TokenRequest(FlaskOAuth2Request):  # type: ignore[misc]
    """A request to the token endpoint, read as the wire reads it."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(request)
        self._fields = MultiDict(wire.token_form(request))
        self.payload = _Payload(self._fields)

    @property
    def form(self) -> MultiDict[str, str]:
        return self._fields


class _Payload(FlaskOAuth2Payload):  # type: ignore[misc]
    def __init__(self, fields: MultiDict[str, str]) -> None:
        self._fields = fields

    @property
    def data(self) -> MultiDict[str, str]:
        return self._fields


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
        self._faults = faults
        refresh = (lambda **_: ledger.new_secret("refresh_tokens")) if "refresh_token" in wire.grants else None
        access = lambda **_: ledger.new_secret("access_tokens", prefix=wire.token_prefix)  # noqa: E731
        self.register_token_generator("default", BearerTokenGenerator(access, refresh, lambda *_: wire.token_seconds))
        extensions: list[object] = [_S256Required(required=True)] if wire.knows_pkce else []
        if isinstance(wire, OidcWire):
            extensions.append(_IdToken(wire, ledger, faults))
        self.register_grant(code_grant(wire, ledger), extensions)
        for grant in other_grants(wire, ledger):
            self.register_grant(grant)

    def create_oauth2_request(self, _request: object) -> Any:
        """Return the request that Flask has, in the form of Authlib."""
        at_token = str(request.endpoint).partition(".")[2] == "token"
        return _TokenRequest(self.wire) if at_token else FlaskOAuth2Request(request)

    def named_client(self, auth_methods: tuple[str, ...]) -> Client:
        """Return the client that the request authenticates; raises `OAuth2Error`."""
        found: Client = self.authenticate_client(_TokenRequest(self.wire), auth_methods).registered
        return found

    def _registered(self, client_id: str) -> _Client | None:
        client = self.ledger.client(self.wire.name, client_id)
        return _Client(client, self.wire) if client else None

    def _keep(self, token: dict[str, Any], oauth_request: Any) -> None:
        client, now = oauth_request.client.registered, self.ledger.clock()
        code = oauth_request.authorization_code
        if not token.get("scope") and self.wire.default_scope:
            token["scope"] = self.wire.default_scope
        self.ledger.keep_token(
            AccessToken(
                value=token["access_token"],
                provider=self.wire.name,
                client_id=client.client_id,
                scope=token.get("scope", ""),
                persona=oauth_request.user.key,
                code=code.code.value if code else None,
                issued_at=now,
                expires_at=now + timedelta(seconds=self.wire.token_seconds),
                refresh=token.get("refresh_token"),
            )
        )
        if oauth_request.payload.response_type != "token":
            fault = self._faults.name_at(self.wire.name, "token")
            token |= self.wire.token_extras(oauth_request.user, client, now, fault)

    def handle_response(self, status_code: int, payload: Any, headers: Any) -> Response:
        """Return a redirect as it is, and what the token endpoint has to say in the provider's own words."""
        if not isinstance(payload, dict):
            return Response(payload, status_code, headers)
        accept = request.headers.get("Accept", "")
        if "error" in payload:
            return self.wire.token_error(payload["error"], payload.get("error_description", ""), accept=accept)
        return self.wire.token_reply(payload, accept=accept)


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
        signed = wire.keys.sign(wire.spoilt_claims(claims, fault), fault=fault, lure=wire.lure)
        self._ledger.saw("id_tokens", signed)
        return signed
