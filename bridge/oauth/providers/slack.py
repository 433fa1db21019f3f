"""Slack: OpenID Connect by discovery ("Sign in with Slack").

Source: "Sign in with Slack" of docs.slack.dev. Its API reports errors with HTTP 200 and `{"ok": false, "error"}`, its token
endpoint too. A `sub` is a user's id within one workspace only.

The law: a person is a workspace and a user of it, never the user's id alone.
"""

from typing import ClassVar

from bridge.oauth.fields import Fields
from bridge.oauth.provider import FIXED, OpenIdProvider

ISSUER = "https://slack.com"


class Slack(OpenIdProvider):
    """Identity by workspace and user; the email counts where `email_verified` is true."""

    default_label: ClassVar[str] = "Slack"
    takes: ClassVar[frozenset[str]] = FIXED
    rule: ClassVar[str] = "slack.email_verified"

    def issuer(self) -> str:
        """Return Slack's, or the stand-in's."""
        return self.own_base or ISSUER

    def uid_of(self, claims: Fields) -> str:
        """Return `<team id>/<user id>`."""
        return f"{claims.text('https://slack.com/team_id')}/{claims.text('https://slack.com/user_id')}"
