"""Google: OpenID Connect by discovery.

Source: "OpenID Connect" of developers.google.com. `email_verified` is true also for consumer accounts on somebody else's
domain: it says that the person reads the address, not that Google speaks for the domain (that would be `hd`).

The law: an address counts as verified by `email_verified` alone, whatever its domain looks like.
"""

from typing import ClassVar

from bridge.identity import ExternalIdentity
from bridge.oauth.fields import Fields, external_identity
from bridge.oauth.provider import OpenIdProvider
from bridge.sections import ProviderConfig

ISSUER = "https://accounts.google.com"
RULE = "google.email_verified"


class Google(OpenIdProvider):
    """Identity by `sub`, which is never reused; the email counts where `email_verified` is true."""

    default_label: ClassVar[str] = "Google"
    takes: ClassVar[frozenset[str]] = frozenset({"unsafe_base_url"})

    def issuer_of(self, config: ProviderConfig) -> str:
        """Return the issuer's URL."""
        return config.unsafe_base_url or ISSUER

    def identity_of(self, claims: Fields) -> ExternalIdentity:
        """Return whom *claims* speak of."""
        return external_identity(
            provider=self.name,
            uid=claims.text("sub"),
            email=claims.email(),
            verified=claims.is_true("email_verified"),
            rule=RULE,
            name=claims.label("name"),
            avatar_url=claims.url("picture"),
        )
