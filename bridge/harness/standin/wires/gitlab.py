"""GitLab as it speaks: docs.gitlab.com/api/oauth2 (authorization code with PKCE) and docs.gitlab.com/api/users.

Used as OAuth 2.0: the user comes from `/api/v4/user`, whose `confirmed_at` says whether the address is confirmed.

The law: only what GitLab documents, whatever a test would like better.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Response

from bridge.harness.personas import Persona
from bridge.harness.standin.wire import BearerProblem, Document, Resource, Wire, json_reply

_DESCRIPTIONS = {
    "invalid_grant": (
        "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
        "authorization request, or was issued to another client."
    ),
    "invalid_client": (
        "Client authentication failed due to unknown client, no client authentication included, or unsupported "
        "authentication method."
    ),
}


class GitLab(Wire):
    """`gitlab`."""

    name = "gitlab"
    label = "GitLab"
    authorize_path = "/oauth/authorize"
    token_path = "/oauth/token"  # noqa: S105 - a path
    token_seconds = 7200
    refresh_tokens = True

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The signed-in user, for whom the scope `read_user` is enough."""
        return (Resource("/api/v4/user", "read_user", self._user),)

    def _user(self, persona: Persona, scope: str) -> Document:
        del scope
        uid = int(persona.uid(self.name))
        return {
            "id": uid,
            "username": persona.username,
            "public_email": None,
            "name": persona.name,
            "state": "active",
            "locked": False,
            "avatar_url": f"{self.base_url}/uploads/-/system/user/avatar/{uid}/avatar.png",
            "web_url": f"{self.base_url}/{persona.username}",
            "created_at": "2021-05-06T07:08:09.101Z",
            "bio": "",
            "confirmed_at": "2021-05-06T07:10:11.121Z" if persona.email_verified else None,
            "last_sign_in_at": "2026-01-02T03:04:05.678Z",
            "email": persona.email,
            "commit_email": persona.email,
            "identities": [],
            "two_factor_enabled": False,
            "external": False,
            "private_profile": False,
        }

    def token_reply(self, token: Mapping[str, Any], *, accept: str, now: datetime) -> Response:
        """Return the token with the time it was made at."""
        return super().token_reply({**token, "created_at": int(now.timestamp())}, accept=accept, now=now)

    def token_error(self, error: str, description: str, *, accept: str) -> Response:
        """Return the error in GitLab's words."""
        error = "invalid_grant" if error == "redirect_uri_mismatch" else error
        return super().token_error(error, _DESCRIPTIONS.get(error, description), accept=accept)

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return the REST API's error."""
        if problem == "scope":
            said = "The request requires higher privileges than provided by the access token."
            return json_reply({"error": "insufficient_scope", "error_description": said, "scope": "api read_user"}, 403)
        if problem == "expired":
            said = "Token is expired. You can either do re-authorization or token refresh."
            return json_reply({"error": "invalid_token", "error_description": said}, 401)
        return json_reply({"message": "401 Unauthorized"}, 401)
