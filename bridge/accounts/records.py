"""What the store hands out: accounts, and sessions just opened or found open.

The law: a record is a copy of rows at one moment; changing the world goes through the store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

AccountState = Literal["active", "blocked", "pending"]
Outcome = Literal["known", "linked", "created"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person in one organization. `email` is the address as it came; `external` marks who is not one of its own.

    Who gave no address has an empty one. `attributes` are the organization's own (role ...).
    """

    id: int
    org_id: int
    email: str
    email_confirmed: bool
    username: str
    name: str
    state: AccountState
    external: bool
    attributes: Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """A session that was opened just now. `token` goes into the cookie and nowhere else; it is not in the repr."""

    token: str = field(repr=False)
    account: Account
    outcome: Outcome
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session found alive: whose it is, the provider's name it was opened with, and when it began and ends (UTC)."""

    account: Account
    provider: str
    signed_in_at: datetime
    expires_at: datetime
