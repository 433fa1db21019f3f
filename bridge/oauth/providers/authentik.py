"""authentik: OpenID Connect, one issuer for each of its applications.

Source: "OAuth2 provider" and "Scope mappings" of docs.goauthentik.io. Since 2025.10 its own scope mapping says `email_verified`
false of everybody; who verifies addresses there writes a mapping that says so.

The law: the slug is part of the issuer, slash and all, so that no other application of the same authentik speaks for this one.
"""

from typing import ClassVar

from bridge.oauth.provider import SELF_HOSTED, OpenIdProvider


class Authentik(OpenIdProvider):
    """Identity by `sub`, in the mode that the provider is set to there."""

    default_label: ClassVar[str] = "authentik"
    takes: ClassVar[frozenset[str]] = SELF_HOSTED | {"application"}
    needs: ClassVar[frozenset[str]] = frozenset({"base_url", "application"})
    rule: ClassVar[str] = "authentik.email_verified"

    def issuer(self) -> str:
        """Return the issuer of the application."""
        return f"{self.own_base}/application/o/{self.config.application}/"
