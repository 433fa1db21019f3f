"""What is true of a cell's tables at every moment, whoever was killed: checked over the rows themselves.

The law: it reads the rows and trusts no constraint, and says what is wrong in a sentence; no sentence means that all holds.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, select, text

from bridge.accounts.database import reading
from bridge.accounts.tables import accounts, audit_events, identities, sessions, spent_handoffs
from bridge.identity import IdentityKey

Rows = dict[str, Sequence[Row[Any]]]
UNIQUE: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (accounts, ("org_id", "email_folded")),
    (accounts, ("org_id", "username_folded")),
    (identities, ("org_id", "provider", "extern_uid")),
    (identities, ("account_id", "provider")),
    (sessions, ("token_sha256",)),
    (spent_handoffs, ("issuer", "handoff_id")),
    (audit_events, ("refused_handoff",)),
)


def broken(engine: Engine, *, handoffs_only: bool = False) -> list[str]:
    """Return a sentence for each invariant that does not hold, all read at one moment.

    The trail has to be whole, so nothing may be purged of it before. With *handoffs_only*, nobody signed in but by a handoff,
    and as many are spent as sign-ins, and accounts that wait for approval, came of them; otherwise no more than that.
    """
    with reading(engine) as connection:
        tables = (accounts, identities, sessions, spent_handoffs, audit_events)
        rows: Rows = {table.name: connection.execute(select(table)).all() for table in tables}
        found = list(_file(connection))
    for judge in (_unique, _folded, _owned, _told):
        found += judge(rows)
    return found + list(_spent(rows, handoffs_only=handoffs_only))


def _file(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for pragma, sound in (("integrity_check", [("ok",)]), ("foreign_key_check", [])):
            if (said := connection.execute(text(f"PRAGMA {pragma}")).all()) != sound:
                yield f"{pragma}: {said}"


def _unique(rows: Rows) -> Iterator[str]:
    for table, columns in UNIQUE:
        keys = Counter(tuple(getattr(row, column) for column in columns) for row in rows[table.name])
        yield from (f"{table} has {key} {count} times" for key, count in keys.items() if count > 1 and None not in key)


def _folded(rows: Rows) -> Iterator[str]:
    for row in rows["accounts"]:
        if (row.email_folded, row.username_folded) != (row.email.lower(), row.username.lower()):
            yield f"account {row.id} is looked up by other names than it has"


def _owned(rows: Rows) -> Iterator[str]:
    owners = {(row.id, row.org_id): row for row in rows["accounts"]}
    for name in ("identities", "sessions"):
        for row in rows[name]:
            owner = owners.get((row.account_id, row.org_id))
            if owner is None:
                yield f"{name} {row.id} belongs to no account of its organization"
            elif name == "sessions" and owner.state != "active":
                yield f"session {row.id} is of an account that is {owner.state}"


def _told(rows: Rows) -> Iterator[str]:
    """The trail tells of every account, identity and session, and of none that is not there."""
    trail = rows["audit_events"]
    created = Counter(row.account_id for row in trail if row.event == "create")
    for row in rows["accounts"]:
        if created[row.id] != 1:
            yield f"account {row.id} has {created[row.id]} audit rows of its creation"
    linked = _digests(trail, lambda row: row.event in ("create", "link"))
    there = {(row.account_id, row.provider, IdentityKey(row.provider, row.extern_uid).uid_digest) for row in rows["identities"]}
    yield from (f"an identity of account {account} at {at} is in no audit row" for account, at, _ in there - linked)
    gone = _digests(trail, lambda row: row.event == "unlink")
    yield from (f"account {account} was given an identity at {at} that is lost" for account, at, _ in linked - there - gone)
    opened = {(row.account_id, row.provider, row.at) for row in trail if row.event == "sign_in"}
    for row in rows["sessions"]:
        if (row.account_id, row.provider, row.created_at) not in opened:
            yield f"session {row.id} was opened by no sign-in of the trail"


def _digests(trail: Sequence[Row[Any]], wanted: Callable[[Row[Any]], bool]) -> set[tuple[int, str, str]]:
    return {(row.account_id, row.provider, row.uid_digest) for row in trail if row.provider and wanted(row)}


def _spent(rows: Rows, *, handoffs_only: bool) -> Iterator[str]:
    spent = Counter(row.org_id for row in rows["spent_handoffs"])
    came = Counter(
        row.org_id
        for row in rows["audit_events"]
        if row.event == "sign_in" or (row.event == "create" and row.code == "account.pending")
    )
    for org_id in spent | came:
        if spent[org_id] > came[org_id] or (handoffs_only and spent[org_id] < came[org_id]):
            yield f"organization {org_id} has {spent[org_id]} spent handoffs for {came[org_id]} sign-ins"
