"""Casdoor: OpenID Connect by discovery.

Source: "OIDC" and "Token formats" of casdoor.org, and Casdoor's own code. Its ID token leaves `email_verified` out where it is
false; in the token format JWT the user's own fields stand there instead, with `name` for the user name and `emailVerified`.

The law: `/api/userinfo` is never asked: it says `email_verified` true of every address.
"""

from typing import ClassVar

from bridge.identity import EmailEvidence, ExternalIdentity
from bridge.oauth.fields import Fields
from bridge.oauth.provider import SELF_HOSTED, OpenIdProvider


class Casdoor(OpenIdProvider):
    """Identity by `sub`; the email counts where the ID token says that it is verified."""

    default_label: ClassVar[str] = "Casdoor"
    takes: ClassVar[frozenset[str]] = SELF_HOSTED
    needs: ClassVar[frozenset[str]] = frozenset({"base_url"})
    asks_userinfo: ClassVar[bool] = False
    rule: ClassVar[str] = "casdoor.id_token_email_verified"

    def issuer(self) -> str:
        """Return the configured one."""
        return self.own_base or ""

    def evidence_of(self, claims: Fields) -> EmailEvidence:
        """Return the ID token's word, by either of its names."""
        return EmailEvidence(claims.is_true("email_verified") or claims.is_true("emailVerified"), self.rule)

    def identity_of(self, claims: Fields) -> ExternalIdentity:
        """Return whom *claims* speak of, in either token format."""
        if "preferred_username" in claims:
            return super().identity_of(claims)
        return self.identity(
            uid=self.uid_of(claims),
            email=claims.email(),
            evidence=self.evidence_of(claims),
            name=claims.label("displayName"),
            username=claims.username("name"),
            avatar_url=claims.url("avatar"),
        )
