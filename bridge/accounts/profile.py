"""Which of the account's name and address a sign-in brings up to date.

The law: nothing here does I/O. A provider's word changes the one account that it opened and never takes another's address; what
cannot be changed stays as it is, is told, and keeps nobody out.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bridge.accounts.policy import ProfileAttribute
from bridge.accounts.records import Account
from bridge.identity import Email, ExternalIdentity

EmailKept: TypeAlias = Literal["sync.email_unverified", "sync.email_taken"]


@dataclass(frozen=True, slots=True)
class ProfileChanges:
    """What to write: the new name and address, None where it stays; and why an address that differs was not taken over."""

    name: str | None = None
    email: Email | None = None
    email_kept: EmailKept | None = None


NO_CHANGES = ProfileChanges()


def may_take_email(identity: ExternalIdentity, account: Account, *, synced: AbstractSet[ProfileAttribute]) -> bool:
    """Whether *account* would get another address if nobody else of the organization has it."""
    email = identity.email if identity.evidence.verified else None
    return "email" in synced and email is not None and email.folded != account.email.lower()


def profile_changes(
    identity: ExternalIdentity,
    account: Account,
    *,
    synced: AbstractSet[ProfileAttribute],
    owner_of_email: Account | None,
) -> ProfileChanges:
    """Return what a sign-in of *identity* changes in the *account* that it opens.

    *owner_of_email* is the organization's account with the provider's address, if it was looked up (see `may_take_email`).
    What the provider did not say stays. Only a verified address is taken over, and then counts as confirmed; one that another
    account has is not, whatever the provider says: an address belongs to one account.
    """
    name = identity.name if "name" in synced and identity.name != account.name else None
    email = identity.email if "email" in synced else None
    if email is None:
        return ProfileChanges(name)
    same = email.folded == account.email.lower()
    if not identity.evidence.verified:
        return ProfileChanges(name, email_kept=None if same else "sync.email_unverified")
    if same:
        return ProfileChanges(name, None if account.email_confirmed else Email(account.email))
    if owner_of_email is not None:
        return ProfileChanges(name, email_kept="sync.email_taken")
    return ProfileChanges(name, email)
