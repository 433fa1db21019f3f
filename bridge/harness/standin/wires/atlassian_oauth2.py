"""Atlassian as it speaks: developer.atlassian.com, "OAuth 2.0 (3LO) apps", and Jira's REST API version 3.

The authorization request names an audience and asks for consent. A token is good for the sites that the person chose, and who
the person is has to be asked at one of them. The exchange is a form or JSON. A person may hide their address, and nothing says
that one was confirmed.

The law: only what Atlassian documents; how errors are worded is not public (unconfirmed): those of Auth0, on which it runs.
"""

from collections.abc import Mapping

from flask import Request, Response, request

from bridge.harness.personas import Persona
from bridge.harness.standin.wire import BearerProblem, Document, Resource, Wire, json_reply

_CLOUD = "1324a887-45db-1bf4-1e99-ef0ff456d421"
_DESCRIPTIONS = {
    "invalid_grant": (403, "invalid_grant", "Invalid authorization code"),
    "redirect_uri_mismatch": (403, "invalid_grant", "The redirect URI is wrong."),
    "invalid_client": (401, "access_denied", "Unauthorized"),
}


class Atlassian(Wire):
    """`atlassian_oauth2`, with one site; the login host and the API are one."""

    name = "atlassian_oauth2"
    label = "Atlassian"
    authorize_path = "/authorize"
    token_path = "/oauth/token"  # noqa: S105 - a path
    client_auth = ("client_secret_post",)
    wants = (("audience", "api.atlassian.com"), ("prompt", "consent"))

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The sites of a token, and the person at one of them."""
        return (
            Resource("/oauth/token/accessible-resources", "", self._sites),
            Resource("/ex/jira/<cloud>/rest/api/3/myself", "read:jira-user", self._myself),
        )

    def _sites(self, persona: Persona, scope: str) -> Document:
        del persona
        avatar = f"{self.base_url}/site-admin-avatar.png"
        site = {"id": _CLOUD, "url": "https://standin.atlassian.net", "name": "standin", "scopes": scope.split()}
        return [{**site, "avatarUrl": avatar}]

    def _myself(self, persona: Persona, scope: str) -> Document | Response:
        del scope
        if (request.view_args or {}).get("cloud") != _CLOUD:
            return json_reply({"code": 404, "message": "Not Found"}, 404)
        uid = persona.uid(self.name)
        said = {
            "self": f"{self.base_url}/ex/jira/{_CLOUD}/rest/api/3/user?accountId={uid}",
            "accountId": uid,
            "accountType": "atlassian",
            "displayName": persona.name,
            "avatarUrls": {"48x48": f"https://avatar-management.services.atlassian.com/{persona.key}/48"},
            "active": True,
            "timeZone": "Etc/GMT",
            "locale": "en_US",
        }
        return said if persona.email is None else {**said, "emailAddress": persona.email}

    def token_form(self, request: Request) -> Mapping[str, str]:
        """Return the fields of a form or of a JSON body."""
        body = request.get_json(silent=True) if request.is_json else None
        if not isinstance(body, dict):
            return super().token_form(request)
        return {name: value for name, value in body.items() if isinstance(value, str)}

    def token_error(self, error: str, description: str, *, accept: str) -> Response:
        """Return the error in Auth0's words."""
        del accept
        status, code, said = _DESCRIPTIONS.get(error, (400, error, description))
        return json_reply({"error": code, "error_description": said}, status)

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return the gateway's error."""
        said = "Unauthorized; scope does not match" if problem == "scope" else "Unauthorized"
        return json_reply({"code": 401, "message": said}, 401)
