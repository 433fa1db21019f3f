"""Linking on purpose, by somebody who is signed in, in the caller's transaction.

The law: the account is held first, and an identity that opens another account is never taken from it.
"""

from datetime import datetime

from sqlalchemy import Connection, select

from bridge.accounts import audit
from bridge.accounts.listing import identities_of
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.records import Account
from bridge.accounts.resolve import refuse_unless_active, refuse_unless_open
from bridge.accounts.rows import find_by_key, insert_identity, to_account
from bridge.accounts.tables import accounts
from bridge.errors import AccountIdentityConflict, IdentityTaken
from bridge.identity import IdentityKey

EVIDENCE = "linked.by_holder"
"""Why an identity that somebody linked on purpose counts: its owner and the account's holder are one browser."""


def link(
    connection: Connection, *, key: IdentityKey, account_id: int, policy: OrgPolicy, reference: str, now: datetime
) -> Account:
    """Link *key* to the account; again is the same as once.

    Raises `ProviderDisabled`, `AccountBlocked`, `AccountPending`, `IdentityTaken`, and `AccountIdentityConflict` where the
    account has another identity of the provider.
    """
    org, provider = policy.org_name, key.provider
    refuse_unless_open(provider, policy)
    account = _held(connection, account_id, org_id=policy.org_id)
    refuse_unless_active(account, org_name=org, provider=provider)
    owner = find_by_key(connection, key, org_id=policy.org_id)
    if owner is not None and owner.id == account.id:
        return account
    if owner is not None:
        raise IdentityTaken(org=org, provider=provider, account_id=account.id)
    if any(mine.provider == provider for mine in identities_of(connection, account)):
        raise AccountIdentityConflict(org=org, provider=provider, rule=4, account_id=account.id)
    insert_identity(connection, account, key, now=now)
    audit.record(
        connection,
        "link",
        at=now,
        org_id=policy.org_id,
        actor=audit.PERSON,
        reference=reference,
        account_id=account.id,
        key=key,
        evidence=EVIDENCE,
    )
    return account


def _held(connection: Connection, account_id: int, *, org_id: int) -> Account:
    this_one = (accounts.c.id == account_id) & (accounts.c.org_id == org_id)
    return to_account(connection.execute(select(accounts).where(this_one).with_for_update()).one())
