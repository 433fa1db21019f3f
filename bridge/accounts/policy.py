"""What an organization allows at sign-in.

The law: absence is never consent. Nothing here has a default, and a provider that is not named is not allowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Self, TypeAlias

from bridge.sections import OrgConfig

LEGACY_ORG_ID = 0
"""The organization id of the legacy cell's own accounts; a real organization's id is 1 or more."""

Signup: TypeAlias = Literal["open", "approval", "closed"]
ProfileAttribute: TypeAlias = Literal["name", "email"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgPolicy:
    """The rules of one organization: who may sign in, be linked by email, or get a new account with which attributes."""

    org_id: int
    org_path: str
    org_name: str
    signup: Signup
    signup_by_provider: Mapping[str, Signup]
    read_only: bool
    link_by_email: frozenset[str]
    providers: frozenset[str]
    disabled_providers: frozenset[str]
    external_providers: frozenset[str]
    signup_without_email: frozenset[str]
    sync_profile_from: frozenset[str]
    sync_profile_attributes: frozenset[ProfileAttribute]
    new_account: Mapping[str, str | int | bool]

    @classmethod
    def from_config(cls, org: OrgConfig) -> Self:
        """Return the policy that one `[[org]]` table spells out."""
        return cls(
            org_id=org.id,
            org_path=org.path,
            org_name=org.name,
            signup=org.signup,
            signup_by_provider=MappingProxyType(dict(org.signup_by_provider)),
            read_only=org.read_only,
            link_by_email=frozenset(org.link_by_email),
            providers=frozenset(org.providers),
            disabled_providers=frozenset(org.disabled_providers),
            external_providers=frozenset(org.external_providers),
            signup_without_email=frozenset(org.signup_without_email),
            sync_profile_from=frozenset(org.sync_profile_from),
            sync_profile_attributes=frozenset(org.sync_profile_attributes),
            new_account=MappingProxyType(dict(org.new_account)),
        )

    @property
    def open_providers(self) -> frozenset[str]:
        """The providers that people may sign in with now."""
        return self.providers - self.disabled_providers

    def signup_from(self, provider: str) -> Signup:
        """What becomes of a stranger from *provider*."""
        return self.signup_by_provider.get(provider, self.signup)

    def synced_from(self, provider: str) -> frozenset[ProfileAttribute]:
        """What a sign-in with *provider* writes over in the account; nothing while the organization is read-only."""
        return self.sync_profile_attributes if provider in self.sync_profile_from and not self.read_only else frozenset()
