"""Casdoor as it speaks: casdoor.org/docs, "OAuth 2.0" and "OIDC", and its public source.

The ID token says `email_verified` where it is true and leaves it out where it is not; `/api/userinfo` says true of everybody. A
wrong access token is answered with HTTP 200 and `status: error`. Discovery does not tell how clients authenticate.

The law: only what Casdoor does, the careless userinfo included.
"""

from typing import Any

from flask import Response

from bridge.harness.personas import Persona
from bridge.harness.standin.oidc_wire import OidcWire
from bridge.harness.standin.wire import BearerProblem, json_reply


class Casdoor(OidcWire):
    """`casdoor`."""

    name = "casdoor"
    label = "Casdoor"
    authorize_path = "/login/oauth/authorize"
    token_path = "/api/login/oauth/access_token"  # noqa: S105 - a path
    userinfo_path = "/api/userinfo"
    jwks_path = "/.well-known/jwks"
    grants = frozenset({"refresh_token"})
    token_seconds = 7 * 24 * 3600

    def claims(self, persona: Persona) -> dict[str, Any]:
        """Return the claims of userinfo, which vouches for everybody."""
        claims = {**super().claims(persona), "iss": self.issuer, "picture": f"{self.base_url}/img/{persona.key}.png"}
        return {**claims, "email_verified": True} if persona.email else claims

    def id_claims(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return the claims of a standard token."""
        claims = self.userinfo(persona, scope)
        if not persona.email_verified:
            claims.pop("email_verified", None)
        return {**claims, "tokenType": "access-token", "scope": scope}

    def discovery(self) -> dict[str, Any]:
        """Return the metadata, silent about client authentication."""
        metadata = super().discovery()
        del metadata["token_endpoint_auth_methods_supported"]
        return {**metadata, "introspection_endpoint": f"{self.base_url}/api/login/oauth/introspect"}

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return the error, with HTTP 200."""
        del problem
        said = {
            "status": "error",
            "msg": "Please login first",
            "sub": "",
            "name": "",
            "data": "Please login first",
            "data2": None,
        }
        return json_reply(said)
