"""Slack as it speaks: api.slack.com, "Sign in with Slack" (OpenID Connect).

Every answer of the API has HTTP 200 and says in `ok` whether it is one. A user's id is theirs within one workspace only: who
somebody is stands in two claims whose names are URLs. The token has no lifetime, and discovery does not speak of PKCE.

The law: only what Slack documents.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response

from bridge.harness.personas import Persona
from bridge.harness.standin.oidc_wire import OidcWire
from bridge.harness.standin.wire import BearerProblem, json_reply

_ERRORS = {
    "invalid_client": "bad_client_secret",
    "invalid_grant": "invalid_code",
    "redirect_uri_mismatch": "bad_redirect_uri",
    "unsupported_grant_type": "invalid_grant_type",
}
_PROBLEMS: dict[BearerProblem, str] = {
    "missing": "not_authed",
    "unknown": "invalid_auth",
    "expired": "token_expired",
    "scope": "missing_scope",
}


class Slack(OidcWire):
    """`slack`, with one workspace."""

    name = "slack"
    label = "Slack"
    authorize_path = "/openid/connect/authorize"
    token_path = "/api/openid.connect.token"  # noqa: S105 - a path
    userinfo_path = "/api/openid.connect.userInfo"
    jwks_path = "/openid/connect/keys"
    client_auth = ("client_secret_post", "client_secret_basic")
    token_prefix = "xoxp-"  # noqa: S105 - how Slack's tokens begin
    claims_supported = ("sub", "auth_time", "iss")

    def claims(self, persona: Persona) -> dict[str, Any]:
        """Return the claims of a person in their workspace."""
        team, user = persona.uid(self.name).split("/")
        given, _, family = persona.name.partition(" ")
        claims: dict[str, Any] = {
            "sub": user,
            "https://slack.com/user_id": user,
            "https://slack.com/team_id": team,
            "name": persona.name,
            "given_name": given,
            "family_name": family,
            "picture": f"https://secure.gravatar.com/avatar/{persona.key}.jpg",
            "locale": "en-US",
            "https://slack.com/team_name": "Stand-in",
            "https://slack.com/team_domain": "standin",
        }
        if persona.email is not None:
            claims |= {"email": persona.email, "email_verified": persona.email_verified}
            claims |= {"date_email_verified": 1622128723} if persona.email_verified else {}
        return claims

    def id_claims(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return what userinfo says, too."""
        return {name: value for name, value in super().userinfo(persona, scope).items() if name != "ok"}

    def userinfo(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return the claims, and that they are some."""
        return {"ok": True, **super().userinfo(persona, scope)}

    def discovery(self) -> dict[str, Any]:
        """Return the metadata without a word of PKCE."""
        metadata = super().discovery()
        del metadata["code_challenge_methods_supported"]
        return metadata

    def token_reply(self, token: Mapping[str, Any], *, accept: str) -> Response:
        """Return the tokens: no lifetime, no scope."""
        return super().token_reply(
            {"ok": True, **{name: token[name] for name in ("access_token", "token_type", "id_token") if name in token}},
            accept=accept,
        )

    def token_error(self, error: str, description: str, *, accept: str) -> Response:
        """Return Slack's error, with HTTP 200."""
        del accept, description
        return json_reply({"ok": False, "error": _ERRORS.get(error, error)})

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return Slack's error, with HTTP 200."""
        return json_reply({"ok": False, "error": _PROBLEMS[problem]})
