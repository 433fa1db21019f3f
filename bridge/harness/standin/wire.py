"""What one provider's wire format is: paths, replies, errors and documents, as values.

The law: a wire knows how its provider speaks and nothing of the flow; `authorization.py` runs the flow and knows no provider.
The defaults are plain OAuth 2.0 (RFC 6749, RFC 6750) and OIDC Core 1.0; a provider's file says where it differs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from flask import Response, json

from bridge.harness.personas import Persona
from bridge.harness.standin.id_token import SigningKeys

Document = Mapping[str, Any] | list[dict[str, Any]]
BearerProblem = Literal["missing", "unknown", "expired", "scope"]

_SCOPE_CLAIMS = {
    "email": ("email", "email_verified"),
    "profile": ("name", "given_name", "family_name", "picture", "preferred_username"),
}


@dataclass(frozen=True, slots=True)
class Resource:
    """An endpoint that wants an access token with *scope* ("" for any); `document` takes a persona and the token's scope."""

    path: str
    scope: str
    document: Callable[[Persona, str], Document]


def json_reply(document: Document, status: int = 200, *, cache: str = "no-store", **headers: str) -> Response:
    """Return *document* as JSON."""
    sent = {"Cache-Control": cache, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Response(json.dumps(document), status, sent, content_type="application/json")


class Wire:
    """A provider that speaks plain OAuth 2.0; `base_url` is its own corner of the server."""

    name: ClassVar[str]
    label: ClassVar[str]
    authorize_path: ClassVar[str]
    token_path: ClassVar[str]
    client_auth: ClassVar[tuple[str, ...]] = ("client_secret_basic", "client_secret_post")
    requires_types: ClassVar[bool] = True  # response_type and grant_type
    token_seconds: ClassVar[int] = 3600
    code_prefix: ClassVar[str] = ""
    token_prefix: ClassVar[str] = ""
    refresh_tokens: ClassVar[bool] = False
    denied_description: ClassVar[str] = "The resource owner or authorization server denied the request."

    def __init__(self, public_url: str) -> None:
        self.base_url = f"{public_url}/{self.name}"

    @property
    def lure(self) -> str:
        """The address that faults point to and no client may ask."""
        return f"{self.base_url}/lure"

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The endpoints behind the access token."""
        raise NotImplementedError

    def callback_extras(self, persona: Persona | None, scope: str) -> dict[str, str]:
        """Return what the provider adds to the callback beside code or error and state; no persona when refused."""
        del persona, scope
        return {}

    def token_reply(self, token: Mapping[str, Any], *, accept: str, now: datetime) -> Response:
        """Return the answer to a good exchange (RFC 6749 5.1)."""
        del accept, now
        return json_reply(dict(token))

    def token_error(self, error: str, description: str, *, accept: str) -> Response:
        """Return the answer to a refused exchange (RFC 6749 5.2); the code `redirect_uri_mismatch` is not in the RFC."""
        del accept
        error = "invalid_grant" if error == "redirect_uri_mismatch" else error
        return json_reply({"error": error, "error_description": description}, 401 if error == "invalid_client" else 400)

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return the answer of a resource to a wrong access token (RFC 6750 3.1)."""
        if problem == "missing":
            return json_reply({}, 401, WWW_Authenticate="Bearer")
        error, status = ("insufficient_scope", 403) if problem == "scope" else ("invalid_token", 401)
        return json_reply({"error": error}, status, WWW_Authenticate=f'Bearer error="{error}"')


class OidcWire(Wire):
    """A provider that speaks OpenID Connect with discovery, ID tokens signed with RS256, and RFC 9207 issuer parameters."""

    jwks_path: ClassVar[str]
    userinfo_path: ClassVar[str]
    claims_supported: ClassVar[tuple[str, ...]]

    def __init__(self, public_url: str) -> None:
        super().__init__(public_url)
        self.keys = SigningKeys()

    @property
    def issuer(self) -> str:
        """The issuer identifier."""
        return self.base_url

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The userinfo endpoint (OIDC Core 5.3)."""
        return (Resource(self.userinfo_path, "openid", self.userinfo),)

    def claims(self, persona: Persona) -> dict[str, Any]:
        """Return all claims about *persona*; what is unknown is left out."""
        raise NotImplementedError

    def userinfo(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return the claims that *scope* asks for (OIDC Core 5.4)."""
        hidden = {name for part, names in _SCOPE_CLAIMS.items() if part not in scope.split() for name in names}
        return {name: value for name, value in self.claims(persona).items() if name not in hidden}

    def id_claims(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return what the ID token says about *persona*: who it is. What scopes ask for is at userinfo (OIDC Core 5.4)."""
        del scope
        return {"sub": persona.uid(self.name)}

    def callback_extras(self, persona: Persona | None, scope: str) -> dict[str, str]:
        """Add the issuer, to errors too (RFC 9207 2)."""
        return {**super().callback_extras(persona, scope), "iss": self.issuer}

    def discovery(self) -> dict[str, Any]:
        """Return the provider's metadata (OIDC Discovery 3)."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.base_url + self.authorize_path,
            "token_endpoint": self.base_url + self.token_path,
            "userinfo_endpoint": self.base_url + self.userinfo_path,
            "jwks_uri": self.base_url + self.jwks_path,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "email", "profile"],
            "token_endpoint_auth_methods_supported": list(self.client_auth),
            "claims_supported": list(self.claims_supported),
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
