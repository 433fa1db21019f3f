"""What an organization allows at sign-in.

The law: absence is never consent. Nothing here has a default, and a provider that is not named is not allowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Self

from bridge.sections import OrgConfig

LEGACY_ORG_ID = 0
"""The organization id of the legacy cell's own accounts; a real organization's id is 1 or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgPolicy:
    """The rules of one organization: who may sign in, be linked by email, or get a new account with which attributes."""

    org_id: int
    org_path: str
    org_name: str
    signup: Literal["open", "approval", "closed"]
    read_only: bool
    link_by_email: frozenset[str]
    providers: frozenset[str]
    new_account: Mapping[str, str | int | bool]

    @classmethod
    def from_config(cls, org: OrgConfig) -> Self:
        """Return the policy that one `[[org]]` table spells out."""
        return cls(
            org_id=org.id,
            org_path=org.path,
            org_name=org.name,
            signup=org.signup,
            read_only=org.read_only,
            link_by_email=frozenset(org.link_by_email),
            providers=frozenset(org.providers),
            new_account=MappingProxyType(dict(org.new_account)),
        )
