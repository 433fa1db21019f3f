"""A generic OpenID Connect provider: the standards as they are written, client_secret_basic, email at userinfo only.

The law: nothing beyond the standards, in their strictest reading.
"""

from bridge.harness.standin.oidc_wire import OidcWire


class OpenIdConnect(OidcWire):
    """`openid_connect`."""

    name = "openid_connect"
    label = "OpenID Connect"
    authorize_path = "/authorize"
    token_path = "/token"  # noqa: S105 - a path
    userinfo_path = "/userinfo"
    jwks_path = "/jwks"
    client_auth = ("client_secret_basic",)
    names_itself = True
    claims_supported = ("aud", "email", "email_verified", "exp", "iat", "iss", "name", "nonce", "preferred_username", "sub")
