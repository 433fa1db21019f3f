"""GitHub as it speaks: docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps and the REST API.

Its token endpoint answers form-encoded unless asked for JSON, and errors with HTTP 200; the two `..._type` parameters are not
needed; `user.email` is the public address or null, and `/user/emails` lists all of them, the primary one not first.

The law: only what GitHub documents; where its documents differ from RFC 6749, it is GitHub that is imitated.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Request, Response

from bridge.harness.personas import Persona
from bridge.harness.standin.wire import BearerProblem, Document, Resource, Wire, json_reply

_TROUBLE = "/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#"
_ERRORS = {
    "invalid_client": ("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."),
    "redirect_uri_mismatch": (
        "redirect_uri_mismatch",
        "The redirect_uri MUST match the registered callback URL for this application.",
    ),
    "invalid_grant": ("bad_verification_code", "The code passed is incorrect or expired."),
}


class GitHub(Wire):
    """`github`, with the API under `/api/v3` as on GitHub Enterprise Server."""

    name = "github"
    label = "GitHub"
    authorize_path = "/login/oauth/authorize"
    token_path = "/login/oauth/access_token"  # noqa: S105 - a path
    client_auth = ("client_secret_post", "client_secret_basic")
    requires_types = False
    token_seconds = 8 * 3600
    token_prefix = "gho_"  # noqa: S105 - how GitHub's tokens begin
    denied_description = "The user has denied your application access."

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The user and their addresses."""
        return (Resource("/api/v3/user", "", self._user), Resource("/api/v3/user/emails", "user:email", self._emails))

    def _user(self, persona: Persona, scope: str) -> Document:
        del scope
        uid = int(persona.uid(self.name))
        api = f"{self.base_url}/api/v3/users/{persona.username}"
        return {
            "login": persona.username,
            "id": uid,
            "node_id": f"U_{uid:x}",
            "avatar_url": f"https://avatars.githubusercontent.com/u/{uid}?v=4",
            "gravatar_id": "",
            "url": api,
            "html_url": f"{self.base_url}/{persona.username}",
            "type": "User",
            "user_view_type": "public",
            "site_admin": False,
            "name": persona.name,
            "company": None,
            "blog": "",
            "location": None,
            "email": None,
            "hireable": None,
            "bio": None,
            "public_repos": 2,
            "followers": 1,
            "created_at": "2019-03-04T05:06:07Z",
            "updated_at": "2026-01-02T03:04:05Z",
        }

    def _emails(self, persona: Persona, scope: str) -> Document:
        del scope
        if persona.email is None:
            return []
        noreply = f"{persona.uid(self.name)}+{persona.username}@users.noreply.github.com"
        return [
            {"email": noreply, "primary": False, "verified": True, "visibility": None},
            {"email": persona.email, "primary": True, "verified": persona.email_verified, "visibility": "private"},
        ]

    def access_token(self, request: Request) -> str | None:
        """Return the token; GitHub also takes the scheme `token`."""
        given = request.authorization
        return given.token if given and given.type in ("bearer", "token") else None

    def token_reply(self, token: Mapping[str, Any], *, accept: str) -> Response:
        """Return the token: no lifetime, scopes with commas, the type in lower case."""
        scope = ",".join(str(token.get("scope", "")).split())
        return _reply({"access_token": token["access_token"], "scope": scope, "token_type": "bearer"}, accept)

    def token_error(self, error: str, description: str, *, accept: str) -> Response:
        """Return GitHub's own error code, with HTTP 200."""
        code, said = _ERRORS.get(error, (error, description))
        uri = _TROUBLE + code.replace("_", "-")
        return _reply({"error": code, "error_description": said, "error_uri": uri}, accept)

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return the REST API's error; an endpoint outside the token's scopes is not found."""
        if problem == "scope":
            message, status = "Not Found", 404
        else:
            message, status = ("Requires authentication" if problem == "missing" else "Bad credentials"), 401
        return json_reply(
            {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}, status
        )


def _reply(document: dict[str, Any], accept: str) -> Response:
    if "application/json" in accept:
        return json_reply(document)
    return Response(urlencode(document), content_type="application/x-www-form-urlencoded; charset=utf-8")
