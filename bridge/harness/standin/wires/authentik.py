"""authentik as it speaks: docs.goauthentik.io, "OAuth 2.0 provider".

Each application has an issuer of its own, whose URL ends with a slash. Claims are in the ID token too. Since 2025.10 the scope
mapping that ships says `email_verified: false` of everybody until an administrator changes it; here one has.

The law: only what authentik documents.
"""

from typing import Any, ClassVar

from bridge.harness.personas import Persona
from bridge.harness.standin.oidc_wire import OidcWire


class Authentik(OidcWire):
    """`authentik`, with one application."""

    application: ClassVar[str] = "cellbridge"

    name = "authentik"
    label = "authentik"
    authorize_path = "/application/o/authorize/"
    token_path = "/application/o/token/"  # noqa: S105 - a path
    userinfo_path = "/application/o/userinfo/"
    discovery_path = f"/application/o/{application}/.well-known/openid-configuration"
    jwks_path = f"/application/o/{application}/jwks/"
    client_auth = ("client_secret_post", "client_secret_basic")
    token_seconds = 300

    @property
    def issuer(self) -> str:
        """The application's own issuer, with the slash."""
        return f"{self.base_url}/application/o/{self.application}/"

    def claims(self, persona: Persona) -> dict[str, Any]:
        """Return the claims of the default mappings."""
        return {**super().claims(persona), "nickname": persona.username, "given_name": persona.name, "groups": ["people"]}

    def id_claims(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return what userinfo says, too."""
        return {**self.userinfo(persona, scope), "acr": "goauthentik.io/providers/oauth2/default", "amr": ["pwd"]}

    def discovery(self) -> dict[str, Any]:
        """Return the metadata; both PKCE methods are announced."""
        return {**super().discovery(), "code_challenge_methods_supported": ["plain", "S256"]}
