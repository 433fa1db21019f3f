"""A generic OpenID Connect provider: the standards as they are written, client_secret_basic, email at userinfo only.

The law: nothing beyond the standards, in their strictest reading.
"""

from typing import Any

from bridge.harness.personas import Persona
from bridge.harness.standin.wire import OidcWire


class OpenIdConnect(OidcWire):
    """`openid_connect`."""

    name = "openid_connect"
    label = "OpenID Connect"
    authorize_path = "/authorize"
    token_path = "/token"  # noqa: S105 - a path
    userinfo_path = "/userinfo"
    jwks_path = "/jwks"
    client_auth = ("client_secret_basic",)
    claims_supported = ("aud", "email", "email_verified", "exp", "iat", "iss", "name", "nonce", "preferred_username", "sub")

    def claims(self, persona: Persona) -> dict[str, Any]:
        """Return the standard claims (OIDC Core 5.1)."""
        claims: dict[str, Any] = {"sub": persona.uid(self.name), "name": persona.name, "preferred_username": persona.username}
        if persona.email is not None:
            claims |= {"email": persona.email, "email_verified": persona.email_verified}
        return claims
