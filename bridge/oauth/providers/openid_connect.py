"""Any OpenID provider that publishes its configuration: Keycloak, Okta, Zitadel and their like.

Source: OpenID Connect Core 1.0 5.1 and Discovery 1.0. An `email_verified` of "true" in quotes, as some send it, is not true.

The law: nothing is read that the standards do not define, and no provider's habit is guessed.
"""

from typing import ClassVar

from bridge.identity import ExternalIdentity
from bridge.oauth.fields import Fields, external_identity
from bridge.oauth.provider import OpenIdProvider
from bridge.sections import ProviderConfig

RULE = "oidc.email_verified"


class OpenIdConnect(OpenIdProvider):
    """Identity by `sub`, stable and never reused within the issuer (OIDC Core 5.7)."""

    default_label: ClassVar[str] = "OpenID Connect"
    takes: ClassVar[frozenset[str]] = frozenset({"issuer"})
    needs: ClassVar[frozenset[str]] = frozenset({"issuer"})

    def issuer_of(self, config: ProviderConfig) -> str:
        """Return the issuer's URL."""
        return config.issuer or ""

    def identity_of(self, claims: Fields) -> ExternalIdentity:
        """Return whom *claims* speak of."""
        return external_identity(
            provider=self.name,
            uid=claims.text("sub"),
            email=claims.email(),
            verified=claims.is_true("email_verified"),
            rule=RULE,
            name=claims.label("name"),
            username=claims.username("preferred_username") or claims.username("nickname"),
            avatar_url=claims.url("picture"),
        )
