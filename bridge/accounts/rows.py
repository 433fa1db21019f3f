"""Finding and writing account and identity rows, in the caller's transaction.

The law: every look-up names the organization; a uid is compared exactly, an address by its folded form. An account that was
found to be held stays as it was until the transaction ends, so that nobody is blocked between the rule that lets them in and
their session.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from bridge.accounts.records import Account, AccountState
from bridge.accounts.tables import accounts, identities
from bridge.identity import Email, IdentityKey


def to_account(row: Row[Any]) -> Account:
    """Return the record of a row that holds the columns of `accounts`."""
    return Account(
        id=row.id,
        org_id=row.org_id,
        email=row.email,
        email_confirmed=row.email_confirmed,
        username=row.username,
        name=row.name,
        state=row.state,
        attributes=MappingProxyType(row.attributes),
    )


def find_by_key(connection: Connection, key: IdentityKey, *, org_id: int, hold: bool = True) -> Account | None:
    """Return the organization's account that owns the identity; not to *hold* it is for those who only look."""
    wanted = (
        select(accounts)
        .join(identities, identities.c.account_id == accounts.c.id)
        .where(identities.c.org_id == org_id, identities.c.provider == key.provider, identities.c.extern_uid == key.uid)
    )
    return _only(connection, wanted, hold=hold)


def find_by_email(connection: Connection, email: Email, *, org_id: int, hold: bool = True) -> Account | None:
    """Return the organization's account that owns the address; not to *hold* it is for those who only look."""
    wanted = select(accounts).where(accounts.c.org_id == org_id, accounts.c.email_folded == email.folded)
    return _only(connection, wanted, hold=hold)


def _only(connection: Connection, wanted: Select[Any], *, hold: bool) -> Account | None:
    row = connection.execute(wanted.with_for_update(read=True, of=accounts) if hold else wanted).one_or_none()
    return None if row is None else to_account(row)


def providers_of(connection: Connection, account: Account) -> frozenset[str]:
    """Return the providers that the account has an identity of."""
    return frozenset(connection.scalars(select(identities.c.provider).where(identities.c.account_id == account.id)))


def first_free_username(connection: Connection, candidates: Sequence[str], *, org_id: int) -> str:
    """Return the first of *candidates* that nobody in the organization has; the last one if all are taken.

    It may be taken a moment later: then the unique constraint speaks, and the whole transaction starts again.
    """
    folded = [candidate.lower() for candidate in candidates]
    taken = set(
        connection.scalars(
            select(accounts.c.username_folded).where(accounts.c.org_id == org_id, accounts.c.username_folded.in_(folded))
        )
    )
    return next((candidate for candidate in candidates if candidate.lower() not in taken), candidates[-1])


def insert_account(
    connection: Connection,
    *,
    org_id: int,
    email: Email,
    email_confirmed: bool,
    username: str,
    name: str,
    state: AccountState,
    attributes: Mapping[str, str | int | bool],
    now: datetime,
) -> Account:
    """Write a new account and return it; a taken address or username is SQLAlchemy's `IntegrityError`."""
    row = connection.execute(
        insert(accounts)
        .values(
            org_id=org_id,
            email=email.address,
            email_folded=email.folded,
            email_confirmed=email_confirmed,
            username=username,
            username_folded=username.lower(),
            name=name,
            state=state,
            attributes=dict(attributes),
            created_at=now,
        )
        .returning(accounts)
    ).one()
    return to_account(row)


def insert_identity(connection: Connection, account: Account, key: IdentityKey, *, now: datetime) -> None:
    """Link the identity to the account; one that is taken is SQLAlchemy's `IntegrityError`."""
    connection.execute(
        insert(identities).values(
            org_id=account.org_id, account_id=account.id, provider=key.provider, extern_uid=key.uid, created_at=now
        )
    )
