"""Bitbucket Cloud: OAuth 2.0 with its REST API.

Sources: "OAuth 2.0" and "Users" of developer.atlassian.com/cloud/bitbucket. Its token endpoint wants HTTP Basic. Of the pages
of addresses the first is read, a hundred long; the `next` that it names is not followed.

The law: a person is a `uuid`, never a `username`, which can be given up and taken over (CVE-2024-4024).
"""

from typing import ClassVar

from bridge.identity import EmailEvidence, ExternalIdentity
from bridge.oauth.client_auth import AuthMethod
from bridge.oauth.fields import primary_email
from bridge.oauth.grant import Tokens
from bridge.oauth.provider import FIXED, Places, RestProvider

RULE = "bitbucket.primary_confirmed"


class Bitbucket(RestProvider):
    """Identity by `uuid`; the email counts where the primary one is confirmed."""

    default_label: ClassVar[str] = "Bitbucket"
    takes: ClassVar[frozenset[str]] = FIXED
    scopes: ClassVar[tuple[str, ...]] = ("account", "email")
    auth_method: ClassVar[AuthMethod] = "client_secret_basic"

    def places(self, own: str | None) -> Places:
        """Return Bitbucket's, or the stand-in's."""
        web = own or "https://bitbucket.org"
        return Places(
            f"{web}/site/oauth2/authorize", f"{web}/site/oauth2/access_token", f"{own or 'https://api.bitbucket.org'}/2.0"
        )

    def identity_of(self, tokens: Tokens) -> ExternalIdentity:
        """Return the user with their primary address."""
        user = self.ask("user", "/user", tokens).object()
        emails = self.ask("emails", "/user/emails?pagelen=100", tokens)
        entries = [] if emails.status == 403 else emails.object().objects("values")  # the consumer may lack the scope
        email, verified = primary_email(entries, primary="is_primary", verified="is_confirmed")
        return self.identity(
            uid=user.text("uuid"),
            email=email,
            evidence=EmailEvidence(verified, RULE),
            name=user.label("display_name"),
            username=user.username("username"),
            avatar_url=user.inside("links").inside("avatar").url("href"),
        )
