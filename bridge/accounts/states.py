"""Letting an account in, or keeping it out, by an operator's hand, in the caller's transaction.

The law: the account is held first, so that of a block and a sign-in at once one waits for the other, and a blocked account has
no session.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select, update

from bridge.accounts import audit, outbox
from bridge.accounts.listing import identities_of
from bridge.accounts.records import Account, AccountState
from bridge.accounts.rows import to_account
from bridge.accounts.sessions import end_all_sessions
from bridge.accounts.tables import accounts
from bridge.accounts.transaction import see_latest
from bridge.errors import NoSuchAccount, WrongAccountState


def set_state(
    connection: Connection,
    account_id: int,
    state: Literal["active", "blocked"],
    *,
    org_id: int,
    actor: str,
    now: datetime,
    reference: str | None,
    only_from: Collection[AccountState],
    cause: str | None = None,
) -> Account:
    """Approve, unblock or block an account; a blocked one loses its sessions.

    Raises `NoSuchAccount`, and `WrongAccountState` if its state is none of *only_from*.
    """
    see_latest(connection)
    this_one = (accounts.c.id == account_id) & (accounts.c.org_id == org_id)
    before = connection.scalar(select(accounts.c.state).where(this_one).with_for_update())
    if before is None:
        raise NoSuchAccount(reason=f"organization {org_id} has no account {account_id}")
    if before not in only_from:
        raise WrongAccountState(reason=f"account {account_id} is {before}, not {' or '.join(only_from)}: nothing is changed")
    row = connection.execute(update(accounts).where(this_one).values(state=state).returning(accounts)).one()
    if before == "pending" and state == "active":
        _tell_topology(connection, to_account(row), now=now)
    if state == "blocked":
        end_all_sessions(connection, account_id)
    audit.record(
        connection,
        "block" if state == "blocked" else "approve" if before == "pending" else "unblock",
        at=now,
        org_id=org_id,
        actor=actor,
        reference=reference,
        account_id=account_id,
        cause=cause,
    )
    return to_account(row)


def _tell_topology(connection: Connection, account: Account, *, now: datetime) -> None:
    """Wish that the topology knows who was let in and cannot be found by an address."""
    if not account.email:
        for key in identities_of(connection, account):
            outbox.wish(connection, key, org_id=account.org_id, held=True, now=now)
