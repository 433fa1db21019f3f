"""The grants of a stand-in provider on Authlib's server side: the code for all, and those that a wire takes beside it.

The law: every grant is bound to its client, its person and its scope on the ledger; what the real provider refuses (a password
of a person with two factors) is refused here.
"""

from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import AccessDeniedError, InvalidGrantError
from authlib.oauth2.rfc6749.grants import (
    AuthorizationCodeGrant,
    ImplicitGrant,
    RefreshTokenGrant,
    ResourceOwnerPasswordCredentialsGrant,
)

from bridge.harness.personas import Persona
from bridge.harness.standin.ledger import AccessToken, Code, Ledger
from bridge.harness.standin.wire import Wire


class IssuedCode:
    """An authorization code, as Authlib wants to ask it."""

    code_challenge_method = "S256"

    def __init__(self, code: Code, *, repeats_redirect_uri: bool) -> None:
        self.code = code
        self.code_challenge = code.challenge
        self._repeats_redirect_uri = repeats_redirect_uri

    def get_redirect_uri(self) -> str | None:
        """Return what the exchange has to repeat."""
        return self.code.redirect_uri if self._repeats_redirect_uri else None

    def get_scope(self) -> str:
        """Return what was granted."""
        return self.code.scope


class _Refreshable:
    """A token that is refreshed, as Authlib wants to ask it."""

    def __init__(self, token: AccessToken) -> None:
        self.token = token

    def check_client(self, client: Any) -> bool:
        return bool(client.client_id == self.token.client_id)

    def get_scope(self) -> str:
        return self.token.scope


def code_grant(wire: Wire, ledger: Ledger) -> type:
    """Return the authorization-code grant of *wire*."""

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
                    challenge=payload.data.get("code_challenge"),
                    persona=oauth_request.user.key,
                    expires_at=ledger.code_lifetime_ends(),
                )
            )

        def query_authorization_code(self, code: str, client: Any) -> IssuedCode | None:
            taken = ledger.take_code(wire.name, code, client.client_id)
            if taken is None:
                return None
            if wire.repeats_redirect_uri and self.request.payload.redirect_uri != taken.redirect_uri:
                raise OAuth2Error(
                    "The redirect_uri is not the one of the authorization request.", error="redirect_uri_mismatch"
                )
            return IssuedCode(taken, repeats_redirect_uri=wire.repeats_redirect_uri)

        def delete_authorization_code(self, authorization_code: IssuedCode) -> None:
            """Nothing is left to do: `take_code` has spent it."""

        def authenticate_user(self, authorization_code: IssuedCode) -> Persona | None:
            return ledger.persona(authorization_code.code.persona)

    return Grant


def other_grants(wire: Wire, ledger: Ledger) -> list[type]:
    """Return the grants that *wire* takes beside the code."""
    made = {"refresh_token": _refresh_grant, "implicit": _implicit_grant, "password": _password_grant}
    return [make(wire, ledger) for name, make in made.items() if name in wire.grants]


def _refresh_grant(wire: Wire, ledger: Ledger) -> type:
    class Grant(RefreshTokenGrant):  # type: ignore[misc]
        """RFC 6749 6, with rotation: both old tokens end when the new ones are issued (RFC 9700 4.14.2)."""

        TOKEN_ENDPOINT_AUTH_METHODS = wire.client_auth
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, refresh_token: str) -> _Refreshable | None:
            found = ledger.refreshable(wire.name, refresh_token, self.request.client.client_id)
            return _Refreshable(found) if found else None

        def authenticate_user(self, refresh_token: _Refreshable) -> Persona | None:
            # Taken here and not after the new token is kept: of two refreshes at once, one succeeds.
            old = refresh_token.token
            if not ledger.revoke(wire.name, old.value, old.client_id):
                raise InvalidGrantError
            return ledger.persona(old.persona)

        def revoke_old_credential(self, refresh_token: _Refreshable) -> None:
            """Nothing is left to do."""

    return Grant


def _implicit_grant(wire: Wire, _ledger: Ledger) -> type:
    class Grant(ImplicitGrant):  # type: ignore[misc]
        """RFC 6749 4.2: a token in the fragment, for any client that is registered."""

        TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

        def create_authorization_response(self, redirect_uri: str, grant_user: Persona | None) -> Any:
            if grant_user is None:
                raise AccessDeniedError(wire.denied_description, redirect_uri=redirect_uri, redirect_fragment=True)
            return super().create_authorization_response(redirect_uri, grant_user)

    return Grant


def _password_grant(wire: Wire, ledger: Ledger) -> type:
    class Grant(ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]
        """RFC 6749 4.3; a person with two factors cannot sign in by a password alone."""

        TOKEN_ENDPOINT_AUTH_METHODS = wire.client_auth

        def authenticate_user(self, username: str, password: str) -> Persona:
            for one in ledger.personas():
                if username in (one.username, one.email) and password == one.password and not one.two_factor:
                    return one
            raise InvalidGrantError

    return Grant
