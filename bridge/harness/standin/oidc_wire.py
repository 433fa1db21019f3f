"""What OpenID Connect adds to a wire: discovery, keys, ID tokens, userinfo.

The law: OIDC Core 1.0 and Discovery 1.0 as they are written; a provider's file says where it differs.
"""

from typing import Any, ClassVar

from flask import Response

from bridge.harness.personas import Persona
from bridge.harness.standin.id_token import SigningKeys
from bridge.harness.standin.wire import Resource, Wire, json_reply

_SCOPE_CLAIMS = {
    "email": ("email", "email_verified"),
    "profile": ("name", "given_name", "family_name", "picture", "preferred_username"),
}
_PUBLIC = "public, max-age=3600"


class OidcWire(Wire):
    """A provider that speaks OpenID Connect with discovery and ID tokens signed with RS256.

    One that `names_itself` puts its issuer into callbacks (RFC 9207).
    """

    discovery_path: ClassVar[str] = "/.well-known/openid-configuration"
    jwks_path: ClassVar[str]
    userinfo_path: ClassVar[str]
    names_itself: ClassVar[bool] = False
    claims_supported: ClassVar[tuple[str, ...]] = ("aud", "email", "email_verified", "exp", "iat", "iss", "name", "sub")

    def __init__(self, public_url: str) -> None:
        super().__init__(public_url)
        self.keys = SigningKeys()

    @property
    def issuer(self) -> str:
        """The issuer identifier, as ID tokens hold it."""
        return self.base_url

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The userinfo endpoint (OIDC Core 5.3)."""
        return (Resource(self.userinfo_path, "openid", self.userinfo),)

    def claims(self, persona: Persona) -> dict[str, Any]:
        """Return all claims about *persona*; what is unknown is left out."""
        claims: dict[str, Any] = {"sub": persona.uid(self.name), "name": persona.name, "preferred_username": persona.username}
        if persona.email is not None:
            claims |= {"email": persona.email, "email_verified": persona.email_verified}
        return claims

    def userinfo(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return the claims that *scope* asks for (OIDC Core 5.4)."""
        hidden = {name for part, names in _SCOPE_CLAIMS.items() if part not in scope.split() for name in names}
        return {name: value for name, value in self.claims(persona).items() if name not in hidden}

    def id_claims(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return what the ID token says about *persona*: who it is. What scopes ask for is at userinfo (OIDC Core 5.4)."""
        del scope
        return {"sub": persona.uid(self.name)}

    def spoilt_claims(self, claims: dict[str, Any], fault: str | None) -> dict[str, Any]:
        """Return the claims of an ID token, wrong as an own *fault* of the token endpoint says."""
        del fault
        return claims

    def callback_extras(self, persona: Persona | None, scope: str) -> dict[str, str]:
        """Add the issuer, to errors too (RFC 9207 2)."""
        extras = super().callback_extras(persona, scope)
        return {**extras, "iss": self.issuer} if self.names_itself else extras

    def discovery(self) -> dict[str, Any]:
        """Return the provider's metadata (OIDC Discovery 3)."""
        metadata = {
            "issuer": self.issuer,
            "authorization_endpoint": self.base_url + self.authorize_path,
            "token_endpoint": self.base_url + self.token_path,
            "userinfo_endpoint": self.base_url + self.userinfo_path,
            "jwks_uri": self.base_url + self.jwks_path,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", *(["refresh_token"] if "refresh_token" in self.grants else [])],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "email", "profile"],
            "token_endpoint_auth_methods_supported": list(self.client_auth),
            "claims_supported": list(self.claims_supported),
            "code_challenge_methods_supported": ["S256"],
        }
        return {**metadata, "authorization_response_iss_parameter_supported": True} if self.names_itself else metadata

    def discovery_reply(self) -> Response:
        """Return the metadata as it is served."""
        return json_reply(self.discovery(), cache=_PUBLIC)

    def jwks_reply(self) -> Response:
        """Return the published keys as they are served."""
        return json_reply(self.keys.jwks(), cache=_PUBLIC)
