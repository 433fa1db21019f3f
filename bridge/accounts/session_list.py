"""The sessions of one account: listing them, and ending some or all, in the caller's transaction.

The law: nobody reaches a session by its number without naming the account and the organization that own it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select

from bridge.accounts import audit
from bridge.accounts.sessions import SessionRules
from bridge.accounts.tables import accounts, sessions
from bridge.accounts.transaction import see_latest

LISTED = 100
MAX_ID = 2**63 - 1  # of a row, on both databases


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSession:
    """One living session: when it began, was last used and ends (UTC), and by which provider; `here` marks who asks."""

    id: int
    provider: str
    signed_in_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Whose sessions end, and for the trail by whom and when; *reference* is that of the request."""

    org_id: int
    account_id: int
    actor: str
    now: datetime
    reference: str


def list_sessions(
    connection: Connection, account_id: int, *, rules: SessionRules, org_id: int, now: datetime, raw_token: str | None
) -> Sequence[ListedSession]:
    """Return the living sessions of the account, the newest `LISTED` of them; that of *raw_token* is `here`."""
    here = rules.digest(raw_token)
    mine = (
        select(sessions)
        .where(sessions.c.account_id == account_id, sessions.c.org_id == org_id, rules.alive(now))
        .order_by(sessions.c.id.desc())
        .limit(LISTED)
    )
    return [
        ListedSession(
            id=row.id,
            provider=row.provider,
            signed_in_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            here=row.token_sha256 == here,
        )
        for row in connection.execute(mine)
    ]


def end_sessions(connection: Connection, ending: Ending, which: ColumnElement[bool]) -> int:
    """Remove the account's sessions of which *which* holds, with one audit row if there are any; return how many.

    The account is held first: of this and a sign-in at once one waits for the other, and two of this cannot lock crosswise.
    """
    see_latest(connection)
    owner = (accounts.c.id == ending.account_id) & (accounts.c.org_id == ending.org_id)
    connection.execute(select(accounts.c.id).where(owner).with_for_update())
    mine = (sessions.c.account_id == ending.account_id) & (sessions.c.org_id == ending.org_id)
    ended = connection.execute(delete(sessions).where(mine, which)).rowcount
    if ended:
        audit.record(
            connection,
            "sign_out",
            at=ending.now,
            org_id=ending.org_id,
            actor=ending.actor,
            reference=ending.reference,
            account_id=ending.account_id,
        )
    return ended
