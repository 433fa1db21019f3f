"""Some OAuth 2.0 provider that is no OpenID provider: its userinfo has objects inside objects and names of its own.

The law: RFC 6749 and RFC 6750 as they are written; what the configuration cannot find by a path is not there.
"""

from bridge.harness.personas import Persona
from bridge.harness.standin.wire import Document, Resource, Wire


class OAuth2(Wire):
    """`oauth2`."""

    name = "oauth2"
    label = "OAuth 2.0"
    authorize_path = "/authorize"
    token_path = "/token"  # noqa: S105 - a path
    client_auth = ("client_secret_basic",)

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The signed-in user."""
        return (Resource("/me", "profile", self._me),)

    def _me(self, persona: Persona, scope: str) -> Document:
        del scope
        mail = None if persona.email is None else {"address": persona.email, "confirmed": persona.email_verified}
        picture = f"https://pictures.example/{persona.key}.png"
        user = {"id": int(persona.uid(self.name)), "login": persona.username, "mail": mail}
        return {"user": {**user, "profile": {"full_name": persona.name, "picture": picture}}}
