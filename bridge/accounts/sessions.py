"""Session tokens and session rows.

The law: the database knows a token by its SHA-256 alone, and a session counts only in the organization it was opened for, while
its account is active, until the first of its three ends: idle, absolute, or what the sign-in allowed.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from bridge.accounts.records import Account, OpenedSession, Outcome, SignedIn
from bridge.accounts.rows import to_account
from bridge.accounts.tables import accounts, sessions

TOKEN_BYTES = 32
MAX_TOKEN_CHARS = 128
TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """How this cell makes sessions: the prefix that the router reads, how long they live, where their randomness comes from."""

    prefix: str
    idle: timedelta
    absolute: timedelta
    random_bytes: Callable[[int], bytes]

    def new_token(self) -> str:
        """Return `<prefix>-<256 random bits>`, URL-safe."""
        return f"{self.prefix}-{base64.urlsafe_b64encode(self.random_bytes(TOKEN_BYTES)).rstrip(b'=').decode('ascii')}"

    def alive(self, now: datetime) -> ColumnElement[bool]:
        """The condition of a session's row that lives at *now*."""
        return and_(sessions.c.expires_at > now, sessions.c.last_seen_at > now - self.idle)

    def digest(self, raw_token: str | None) -> str | None:
        """Return the SHA-256 of *raw_token*, 64 hex digits, or None where it cannot be one of ours.

        The digest is looked up through an index: how long that takes says nothing of use about a 256-bit token.
        """
        if not raw_token or len(raw_token) > MAX_TOKEN_CHARS or not raw_token.isascii():
            return None
        if not raw_token.startswith(f"{self.prefix}-"):
            return None
        return hashlib.sha256(raw_token.encode("ascii")).hexdigest()


def open_session(
    connection: Connection,
    account: Account,
    *,
    rules: SessionRules,
    provider: str,
    outcome: Outcome,
    ends: datetime | None,
    now: datetime,
    previous_token: str | None,
) -> OpenedSession:
    """End the session that this browser had in the organization, and open a new one under a new token (no fixation).

    It ends at *ends* at the latest (SAML core 2.7.2, SessionNotOnOrAfter).
    """
    end_session(connection, previous_token, rules=rules, org_id=account.org_id)
    token = rules.new_token()
    expires_at = now + rules.absolute if ends is None else min(now + rules.absolute, ends)
    connection.execute(
        insert(sessions).values(
            org_id=account.org_id,
            account_id=account.id,
            token_sha256=rules.digest(token),
            provider=provider,
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at,
        )
    )
    return OpenedSession(token=token, account=account, outcome=outcome, expires_at=expires_at)


def find_session(
    connection: Connection, raw_token: str, *, rules: SessionRules, org_id: int, now: datetime
) -> tuple[SignedIn, int | None] | None:
    """Return the living session of *raw_token* in the organization, and its row's id if it is to be touched; else None."""
    digest = rules.digest(raw_token)
    if digest is None:
        return None
    row = connection.execute(
        select(
            accounts,
            sessions.c.id.label("session_id"),
            sessions.c.provider,
            sessions.c.created_at.label("signed_in_at"),
            sessions.c.last_seen_at,
            sessions.c.expires_at,
        )
        .join(sessions, sessions.c.account_id == accounts.c.id)
        .where(
            sessions.c.token_sha256 == digest,
            sessions.c.org_id == org_id,
            rules.alive(now),
            accounts.c.state == "active",
        )
    ).one_or_none()
    if row is None:
        return None
    signed_in = SignedIn(
        account=to_account(row), provider=row.provider, signed_in_at=row.signed_in_at, expires_at=row.expires_at
    )
    return signed_in, row.session_id if now - row.last_seen_at >= TOUCH_EVERY else None


def touch_session(connection: Connection, session_id: int, *, now: datetime) -> None:
    """Write that the session was used at *now*."""
    connection.execute(update(sessions).where(sessions.c.id == session_id).values(last_seen_at=now))


def end_session(connection: Connection, raw_token: str | None, *, rules: SessionRules, org_id: int) -> int | None:
    """Remove the organization's session of *raw_token*; return its account's id, or None where there was none."""
    digest = rules.digest(raw_token)
    if digest is None:
        return None
    return connection.scalar(
        delete(sessions).where(sessions.c.token_sha256 == digest, sessions.c.org_id == org_id).returning(sessions.c.account_id)
    )


def end_all_sessions(connection: Connection, account_id: int) -> None:
    """Remove every session of the account."""
    connection.execute(delete(sessions).where(sessions.c.account_id == account_id))
