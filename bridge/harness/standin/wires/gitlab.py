"""GitLab as it speaks: docs.gitlab.com/api/oauth2 and docs.gitlab.com/api/users.

The whole OAuth 2.0 API: code with PKCE, implicit (which earlier releases documented), the resource owner's password, refresh
with rotation, token info and revocation. The user comes from `/api/v4/user`, whose `confirmed_at` says whether the address is
confirmed.

The law: only what GitLab documents, whatever a test would like better.
"""

from datetime import datetime
from types import MappingProxyType
from typing import Any

from flask import Request, Response

from bridge.harness.personas import Persona
from bridge.harness.standin.ledger import AccessToken, Client
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
    token_info_path = "/oauth/token/info"  # noqa: S105
    revoke_path = "/oauth/revoke"
    token_seconds = 7200
    grants = frozenset({"refresh_token", "implicit", "password"})
    default_scope = "api"
    own_faults = MappingProxyType(
        {
            ("token_info", "other_application"): "the token was issued to another application, as by the implicit grant",
            ("token_info", "other_owner"): "the token is somebody else's",
        }
    )

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The signed-in user, for whom the scope `read_user` or `api` is needed."""
        return (Resource("/api/v4/user", "read_user api", self._user),)

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
            "two_factor_enabled": persona.two_factor,
            "external": False,
            "private_profile": False,
        }

    def access_token(self, request: Request) -> str | None:
        """Return the token from the header, or else from the query or form (`access_token`)."""
        return super().access_token(request) or request.values.get("access_token")

    def token_extras(self, persona: Persona, client: Client, now: datetime, fault: str | None) -> dict[str, Any]:
        """Add the time it was made at."""
        return {**super().token_extras(persona, client, now, fault), "created_at": int(now.timestamp())}

    def token_info(self, token: AccessToken, persona: Persona, now: datetime, fault: str | None) -> Document:
        """Return whose it is, what it may and which application it was made for, new names and deprecated ones."""
        left = int((token.expires_at - now).total_seconds())
        return {
            "resource_owner_id": int(persona.uid(self.name)) + (fault == "other_owner"),
            "scope": token.scope.split(),
            "expires_in": left,
            "application": {"uid": "another-application" if fault == "other_application" else token.client_id},
            "created_at": int(token.issued_at.timestamp()),
            "scopes": token.scope.split(),
            "expires_in_seconds": left,
        }

    def token_info_error(self, problem: BearerProblem) -> Response:
        """Return Doorkeeper's error."""
        said = "The access token expired" if problem == "expired" else "The access token is invalid"
        header = f'Bearer realm="Doorkeeper", error="invalid_token", error_description="{said}"'
        return json_reply({"error": "invalid_token", "error_description": said}, 401, WWW_Authenticate=header)

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
