"""Bitbucket Cloud as it speaks: developer.atlassian.com/cloud/bitbucket/oauth-2 and its REST API 2.0.

The client authenticates with HTTP Basic alone, the token's scopes come under the name `scopes`, lists come in pages, and errors
of the API in an object of their own.

The law: only what Bitbucket documents; a person is their `uuid`, with its braces.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response

from bridge.harness.personas import Persona
from bridge.harness.standin.wire import BearerProblem, Document, Resource, Wire, json_reply


class Bitbucket(Wire):
    """`bitbucket`, its website and its API under one address."""

    name = "bitbucket"
    label = "Bitbucket"
    authorize_path = "/site/oauth2/authorize"
    token_path = "/site/oauth2/access_token"  # noqa: S105 - a path
    client_auth = ("client_secret_basic",)
    grants = frozenset({"refresh_token"})
    token_seconds = 7200

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The user and their addresses."""
        return (Resource("/2.0/user", "account", self._user), Resource("/2.0/user/emails", "email", self._emails))

    def _user(self, persona: Persona, scope: str) -> Document:
        del scope
        uuid, api = persona.uid(self.name), f"{self.base_url}/2.0"
        return {
            "type": "user",
            "uuid": uuid,
            "account_id": f"557058:{uuid.strip('{}')}",
            "username": persona.username,
            "nickname": persona.username,
            "display_name": persona.name,
            "links": {
                "self": {"href": f"{api}/users/{uuid}"},
                "avatar": {"href": f"https://avatar-management.services.atlassian.com/{persona.key}/128"},
                "html": {"href": f"{self.base_url}/{uuid}/"},
            },
            "created_on": "2020-04-05T06:07:08.901234+00:00",
            "account_status": "active",
            "is_staff": False,
        }

    def _emails(self, persona: Persona, scope: str) -> Document:
        del scope
        entries: list[dict[str, Any]] = []
        if persona.email is not None:
            old = f"{persona.key}@old-address.example"
            entries = [
                {"type": "email", "email": old, "is_primary": False, "is_confirmed": True},
                {"type": "email", "email": persona.email, "is_primary": True, "is_confirmed": persona.email_verified},
            ]
        return {"values": entries, "pagelen": 10, "size": len(entries), "page": 1}

    def token_reply(self, token: Mapping[str, Any], *, accept: str) -> Response:
        """Return the token, its scopes under Bitbucket's name."""
        said = {**token, "scopes": token.get("scope", ""), "token_type": "bearer", "state": "authorization_code"}
        del said["scope"]
        return super().token_reply(said, accept=accept)

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return the API's error."""
        if problem == "scope":
            said = {"message": "Your credentials lack one or more required privilege scopes."}
            return json_reply({"type": "error", "error": said}, 403)
        said = {"message": "Token is invalid, expired, or not supported for this endpoint."}
        return json_reply({"type": "error", "error": said}, 401)
