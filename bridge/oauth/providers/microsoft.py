"""Microsoft Entra ID and personal Microsoft accounts: OpenID Connect, one issuer for each directory (tenant).

Sources: "OpenID Connect on the Microsoft identity platform", "ID token claims" and "Migrate away from using email claims" of
learn.microsoft.com. `email` is whatever an administrator of any tenant wrote (nOAuth): it counts only where the optional claim
`xms_edov` says that the owner of its domain is verified.

The law: a person is a tenant and an object of it. A token of a tenant that is not listed is nobody's.
"""

import re
from typing import ClassVar

from bridge.errors import ProviderDisabled
from bridge.identity import EmailEvidence, ExternalIdentity
from bridge.oauth.discovery import GUID, TENANT
from bridge.oauth.fields import Fields
from bridge.oauth.provider import FIXED, OpenIdProvider

HOME = "https://login.microsoftonline.com"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all personal accounts."""

_ISSUED_BY = {"common": TENANT, "organizations": TENANT, "consumers": PERSONAL}
_GUID = re.compile(GUID)


class Microsoft(OpenIdProvider):
    """Identity by `tid` and `oid`, joined as `omniauth-azure-activedirectory-v2` does, so that identities can be carried over.

    Userinfo is not asked: evidence for an address of its own is nowhere to be had.
    """

    default_label: ClassVar[str] = "Microsoft"
    takes: ClassVar[frozenset[str]] = FIXED | {"tenant", "allowed_tenants"}
    needs: ClassVar[frozenset[str]] = frozenset({"tenant"})
    asks_userinfo: ClassVar[bool] = False
    rule: ClassVar[str] = "microsoft.xms_edov"

    def issuer(self) -> str:
        """Return the tenant's, or for several the template that the tenant of each token fills."""
        tenant = self.config.tenant or ""
        return f"{self.own_base or HOME}/{_ISSUED_BY.get(tenant, tenant)}/v2.0"

    def issuer_found_at(self) -> str | None:
        """Return where the document of `common` and its like lies."""
        return f"{self.own_base or HOME}/{self.config.tenant}/v2.0"

    def uid_of(self, claims: Fields) -> str:
        """Return the tenant followed by the object, both GUIDs, so that no two pairs make one text."""
        for name in ("tid", "oid"):
            if not _GUID.fullmatch(claims.text(name)):
                raise claims.refusal(name, "is no GUID")
        return claims.text("tid") + claims.text("oid")

    def evidence_of(self, claims: Fields) -> EmailEvidence:
        """Return Microsoft's word on the domain's owner; `email_verified` is not said of accounts at work."""
        return EmailEvidence(claims.is_true("xms_edov"), self.rule)

    def identity_of(self, claims: Fields) -> ExternalIdentity:
        """Return whom *claims* speak of; raises `ProviderDisabled` for a tenant that is not listed."""
        identity = super().identity_of(claims)
        if self.config.allowed_tenants and claims.text("tid") not in self.config.allowed_tenants:
            raise ProviderDisabled(provider=self.name, reason="tid: the tenant is not among allowed_tenants")
        return identity
