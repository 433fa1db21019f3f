"""DingTalk as it speaks: open.dingtalk.com, "Obtain the user's token" and "Obtain the user's contact information" (new API).

The exchange is JSON in camelCase both ways and repeats no redirect URI, the callback calls the code `authCode`, the access
token travels in a header of DingTalk's own, and nothing knows PKCE. Errors are JSON of `code`, `message` and `requestid` with
HTTP 4xx; which codes exactly is not public (unconfirmed).

The law: only what DingTalk documents. An address of it was typed in by somebody: nothing says that it was ever confirmed.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from flask import Request, Response

from bridge.harness.personas import Persona
from bridge.harness.standin.wire import BearerProblem, Document, Resource, Wire, json_reply

_FIELDS = {
    "clientId": "client_id",
    "clientSecret": "client_secret",
    "code": "code",
    "grantType": "grant_type",
    "refreshToken": "refresh_token",
}
_ERRORS = {
    "invalid_client": ("invalidClientIdOrSecret", "无效的clientId或者clientSecret"),
    "invalid_grant": ("invalidParameter.authCode.notFound", "不存在的authCode"),
}
_TOKEN_HEADER = "x-acs-dingtalk-access-token"  # noqa: S105 - a header's name


class DingTalk(Wire):
    """`dingtalk`; the login host and the API are one."""

    name = "dingtalk"
    label = "DingTalk"
    authorize_path = "/oauth2/auth"
    token_path = "/v1.0/oauth2/userAccessToken"  # noqa: S105 - a path
    client_auth = ("client_secret_post",)
    grants = frozenset({"refresh_token"})
    wants = (("prompt", "consent"),)
    knows_pkce = False
    repeats_redirect_uri = False
    token_seconds = 7200
    code_field = "authCode"

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The user's own contact information."""
        return (Resource("/v1.0/contact/users/me", "openid", self._me),)

    def _me(self, persona: Persona, scope: str) -> Document:
        del scope
        union = persona.uid(self.name)
        said = {
            "nick": persona.name,
            "avatarUrl": f"https://static-legacy.dingtalk.com/media/{persona.key}.png",
            "mobile": "13800000000",
            "stateCode": "86",
            "openId": union[::-1],
            "unionId": union,
        }
        return said if persona.email is None else {**said, "email": persona.email}

    def token_form(self, request: Request) -> Mapping[str, str]:
        """Return the fields of the JSON body; a form is nothing here."""
        body = request.get_json(silent=True) if request.is_json else None
        if not isinstance(body, dict):
            return {}
        return {ours: body[theirs] for theirs, ours in _FIELDS.items() if isinstance(body.get(theirs), str)}

    def access_token(self, request: Request) -> str | None:
        """Return the token from DingTalk's own header."""
        return request.headers.get(_TOKEN_HEADER)

    def token_reply(self, token: Mapping[str, Any], *, accept: str) -> Response:
        """Return the token in camelCase."""
        del accept
        names = {"accessToken": "access_token", "refreshToken": "refresh_token", "expireIn": "expires_in"}
        return json_reply({theirs: token[ours] for theirs, ours in names.items() if ours in token})

    def token_error(self, error: str, description: str, *, accept: str) -> Response:
        """Return DingTalk's error."""
        del accept
        code, said = _ERRORS.get(error, (f"invalidParameter.{error}", description))
        return _error(code, said, 400)

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return the API's error."""
        if problem == "scope":
            return _error("Forbidden.AccessDenied.AccessTokenPermissionDenied", "应用尚未开通所需的权限", 403)
        return _error("InvalidAuthentication", "不合法的access_token", 401)


def _error(code: str, message: str, status: int) -> Response:
    return json_reply({"code": code, "requestid": str(uuid4()).upper(), "message": message}, status)
