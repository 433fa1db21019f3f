"""Google: OpenID Connect by discovery.

Source: "OpenID Connect" of developers.google.com. `email_verified` is true also for consumer accounts on somebody else's
domain: it says that the person reads the address, not that Google speaks for the domain. That is `hd`, which `hosted_domains`
asks for.

The law: an address counts as verified by `email_verified` alone, whatever its domain looks like, and by no less with `hd`.
"""

from typing import ClassVar

from bridge.identity import EmailEvidence
from bridge.oauth.fields import Fields
from bridge.oauth.provider import FIXED, OpenIdProvider

ISSUER = "https://accounts.google.com"


class Google(OpenIdProvider):
    """Identity by `sub`, which is never reused; the email counts where `email_verified` is true."""

    default_label: ClassVar[str] = "Google"
    takes: ClassVar[frozenset[str]] = FIXED | {"hosted_domains"}
    rule: ClassVar[str] = "google.email_verified"

    def issuer(self) -> str:
        """Return Google's, or the stand-in's."""
        return self.own_base or ISSUER

    def evidence_of(self, claims: Fields) -> EmailEvidence:
        """Return Google's word; with `hosted_domains`, only for a Workspace account of one of them."""
        if not self.config.hosted_domains:
            return super().evidence_of(claims)
        hosted = claims.optional_text("hd") in self.config.hosted_domains
        return EmailEvidence(hosted and claims.is_true("email_verified"), "google.hosted_domain")
