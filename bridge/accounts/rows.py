"""Finding and writing account and identity rows, in the caller's transaction.

The law: every look-up names the organization; a uid is compared exactly, an address by its folded form. An account that was
found to be held stays as it was until the transaction ends, so that nobody is blocked between the rule that lets them in and
their session. Who is to change it holds it alone from the start: two who share it could only wait for each other.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

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
        external=row.external,
        attributes=MappingProxyType(row.attributes),
    )


def find_by_key(
    connection: Connection, key: IdentityKey, *, org_id: int, hold: bool = True, to_change: bool = False
) -> Account | None:
    """Return the organization's account that owns the identity; not to *hold* it is for those who only look."""
    wanted = (
        select(accounts)
        .join(identities, identities.c.account_id == accounts.c.id)
        .where(identities.c.org_id == org_id, identities.c.provider == key.provider, identities.c.extern_uid == key.uid)
    )
    # The identity is held with its account, or somebody could be let in by what is being unlinked.
    return _only(connection, wanted, of=(accounts, identities), hold=hold, to_change=to_change)


def find_by_email(
    connection: Connection, email: Email, *, org_id: int, hold: bool = True, to_change: bool = False
) -> Account | None:
    """Return the organization's account that owns the address; not to *hold* it is for those who only look."""
    wanted = select(accounts).where(accounts.c.org_id == org_id, accounts.c.email_folded == email.folded)
    return _only(connection, wanted, of=(accounts,), hold=hold, to_change=to_change)


def _only(connection: Connection, wanted: Select[Any], *, of: tuple[Table, ...], hold: bool, to_change: bool) -> Account | None:
    locked = wanted.with_for_update(read=not to_change, of=of) if hold else wanted
    row = connection.execute(locked).one_or_none()
    return None if row is None else to_account(row)


def providers_of(connection: Connection, account: Account) -> frozenset[str]:
    """Return the providers that the account has an identity of."""
    return frozenset(connection.scalars(select(identities.c.provider).where(identities.c.account_id == account.id)))


def insert_account(
    connection: Connection,
    *,
    org_id: int,
    email: Email | None,
    email_confirmed: bool,
    usernames: Sequence[str],
    name: str | None,
    state: AccountState,
    external: bool,
    attributes: Mapping[str, str | int | bool],
    now: datetime,
) -> Account:
    """Write a new account and return it: under the first of *usernames* that is free, which also names who has no *name*.

    The unique constraint alone says what is taken: a look before the insert would be raced for. A taken address, or a last
    username that is taken, is SQLAlchemy's `IntegrityError`.
    """
    *wished, last = usernames
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    for username in (*wished, last):
        statement = kind.insert(accounts).values(
            org_id=org_id,
            email=email.address if email else "",
            # What holds no @ is nobody's address; the column is unique, and so is the username.
            email_folded=email.folded if email else f"-{username.lower()}",
            email_confirmed=email_confirmed,
            username=username,
            username_folded=username.lower(),
            name=name or username,
            state=state,
            external=external,
            attributes=dict(attributes),
            created_at=now,
        )
        if username is not last:
            statement = statement.on_conflict_do_nothing(index_elements=["org_id", "username_folded"])
        row = connection.execute(statement.returning(accounts)).one_or_none()
        if row is not None:
            return to_account(row)
    raise AssertionError("the last insert writes a row or raises")


def change_profile(connection: Connection, account: Account, *, name: str | None, email: Email | None) -> Account:
    """Write what is not None and return the account as it is now: a new name, a new address that counts as confirmed.

    An address that somebody else has is SQLAlchemy's `IntegrityError`.
    """
    changes: dict[str, Any] = {} if name is None else {"name": name}
    if email is not None:
        changes |= {"email": email.address, "email_folded": email.folded, "email_confirmed": True}
    if not changes:
        return account
    row = connection.execute(update(accounts).where(accounts.c.id == account.id).values(changes).returning(accounts)).one()
    return to_account(row)


def insert_identity(connection: Connection, account: Account, key: IdentityKey, *, now: datetime) -> None:
    """Link the identity to the account; one that is taken is SQLAlchemy's `IntegrityError`."""
    connection.execute(
        insert(identities).values(
            org_id=account.org_id, account_id=account.id, provider=key.provider, extern_uid=key.uid, created_at=now
        )
    )
