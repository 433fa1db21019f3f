"""Google as it speaks: developers.google.com/identity/openid-connect/openid-connect and its discovery document.

Google answers scopes by their long names, puts `authuser`, `prompt`, `scope` and (for Workspace) `hd` into the callback, sends
`azp` always, and gives no description with most errors.

The law: only what Google documents, with the extra callback fields that a careless client would trip over.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response

from bridge.harness.personas import Persona
from bridge.harness.standin.oidc_wire import OidcWire
from bridge.harness.standin.wire import BearerProblem, json_reply

_LONG_SCOPES = {
    "email": "https://www.googleapis.com/auth/userinfo.email",
    "profile": "https://www.googleapis.com/auth/userinfo.profile",
}


class Google(OidcWire):
    """`google_oauth2`."""

    name = "google_oauth2"
    label = "Google"
    authorize_path = "/o/oauth2/v2/auth"
    token_path = "/token"  # noqa: S105 - a path
    userinfo_path = "/v1/userinfo"
    jwks_path = "/oauth2/v3/certs"
    client_auth = ("client_secret_post", "client_secret_basic")
    token_seconds = 3599
    code_prefix = "4/0"
    token_prefix = "ya29."  # noqa: S105 - how Google's tokens begin
    denied_description = ""
    names_itself = True
    claims_supported = (
        *("aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss", "name", "picture", "sub"),
    )

    def claims(self, persona: Persona) -> dict[str, Any]:
        """Return Google's claims; `hd` only for Workspace accounts."""
        given, _, family = persona.name.partition(" ")
        claims: dict[str, Any] = {"sub": persona.uid(self.name), "name": persona.name, "given_name": given}
        if family:
            claims["family_name"] = family
        claims["picture"] = f"https://lh3.googleusercontent.com/a/{persona.key}=s96-c"
        if persona.email is not None:
            claims |= {"email": persona.email, "email_verified": persona.email_verified}
        if persona.hosted_domain:
            claims["hd"] = persona.hosted_domain
        return claims

    def id_claims(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return all that userinfo says: Google puts it into the ID token too."""
        return self.userinfo(persona, scope)

    def callback_extras(self, persona: Persona | None, scope: str) -> dict[str, str]:
        """Add what Google adds."""
        extras = super().callback_extras(persona, scope)
        if persona is None:
            return extras
        extras |= {"scope": _long(scope), "authuser": "0", "prompt": "consent"}
        return {**extras, "hd": persona.hosted_domain} if persona.hosted_domain else extras

    def token_reply(self, token: Mapping[str, Any], *, accept: str) -> Response:
        """Return the token with the long names of the scopes."""
        return super().token_reply({**token, "scope": _long(str(token.get("scope", "")))}, accept=accept)

    def token_error(self, error: str, description: str, *, accept: str) -> Response:
        """Return Google's error: `Bad Request` or `Unauthorized` is all it says of most."""
        del accept, description
        status, said = (401, "Unauthorized") if error == "invalid_client" else (400, "Bad Request")
        return json_reply({"error": error, "error_description": said}, status)

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return Google's userinfo error."""
        if problem == "scope":
            return super().bearer_error(problem)
        return json_reply({"error": "invalid_request", "error_description": "Invalid Credentials"}, 401)


def _long(scope: str) -> str:
    return " ".join(_LONG_SCOPES.get(part, part) for part in scope.split())
