"""Any OpenID provider that publishes its configuration: Keycloak, Okta, Zitadel and their like.

Source: OpenID Connect Core 1.0 5.1 and Discovery 1.0. An `email_verified` of "true" in quotes, as some send it, is true only
where the configuration says so.

The law: nothing is read that the standards do not define, and no provider's habit is guessed.
"""

from typing import ClassVar

from bridge.identity import EmailEvidence
from bridge.oauth.fields import Fields
from bridge.oauth.provider import CLIENT_AUTH, OpenIdProvider


class OpenIdConnect(OpenIdProvider):
    """Identity by `sub`, stable and never reused within the issuer (OIDC Core 5.7)."""

    default_label: ClassVar[str] = "OpenID Connect"
    takes: ClassVar[frozenset[str]] = CLIENT_AUTH | {"issuer", "email_verified_as_text"}
    needs: ClassVar[frozenset[str]] = frozenset({"issuer"})
    rule: ClassVar[str] = "oidc.email_verified"

    def issuer(self) -> str:
        """Return the configured one."""
        return self.config.issuer or ""

    def evidence_of(self, claims: Fields) -> EmailEvidence:
        """Return the issuer's word, also as text where the configuration allows that."""
        if self.config.email_verified_as_text and claims.values.get("email_verified") == "true":
            return EmailEvidence(verified=True, rule="oidc.email_verified_as_text")
        return super().evidence_of(claims)
