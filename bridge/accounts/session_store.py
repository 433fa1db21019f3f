"""The sessions of a cell as its services see them, each call a transaction of its own.

The law: a token is looked up in the organization that asks, and nowhere else. Every method may raise `DatabaseUnavailable`.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine

from bridge.accounts import audit
from bridge.accounts.database import reading
from bridge.accounts.records import SignedIn
from bridge.accounts.session_list import MAX_ID, Ending, ListedSession, end_sessions, list_sessions
from bridge.accounts.sessions import SessionRules, end_session, find_session, touch_session
from bridge.accounts.tables import sessions
from bridge.accounts.transaction import transact
from bridge.errors import DatabaseUnavailable

Found = TypeVar("Found")


class SessionStore:
    """Finds, lists and ends the sessions of one cell; `AccountStore` opens them."""

    def __init__(self, engine: Engine, rules: SessionRules) -> None:
        self._engine = engine
        self._rules = rules

    def look(self, read: Callable[[Connection], Found]) -> Found:
        """Return what *read* (see `bridge.accounts.listing`) finds, all of it at one moment."""
        with reading(self._engine) as connection:
            return read(connection)

    def change(self, work: Callable[[Connection], Found]) -> Found:
        """Return what *work* returns, committed: one transaction, tried again as `transact` says."""
        return transact(self._engine, work)

    def digest(self, token: str) -> str:
        """Return what the database knows *token* by (see `SessionRules.digest`); empty for what is none of ours."""
        return self._rules.digest(token) or ""

    def session(self, token: str, *, org_id: int, now: datetime) -> SignedIn | None:
        """Return whose living session *token* is in the organization, or None. Its use is written once a minute at most."""
        found = self.look(lambda connection: find_session(connection, token, rules=self._rules, org_id=org_id, now=now))
        if found is None:
            return None
        signed_in, to_touch = found
        if to_touch is not None:
            with suppress(DatabaseUnavailable):  # a busy database may lose a touch: the next request brings another
                self.change(lambda connection: touch_session(connection, to_touch, now=now))
        return signed_in

    def end_session(self, token: str, *, org_id: int, now: datetime, reference: str) -> bool:
        """Sign out: end the organization's session of *token*; return whether there was one."""

        def work(connection: Connection) -> bool:
            account_id = end_session(connection, token, rules=self._rules, org_id=org_id)
            if account_id is None:
                return False
            audit.record(
                connection,
                "sign_out",
                at=now,
                org_id=org_id,
                actor=audit.PERSON,
                reference=reference,
                account_id=account_id,
            )
            return True

        return self.change(work)

    def sessions_of(self, account_id: int, *, org_id: int, now: datetime, token: str | None = None) -> Sequence[ListedSession]:
        """Return the living sessions of the account, the newest first; the one of *token* is marked as `here`."""
        return self.look(
            lambda connection: list_sessions(connection, account_id, rules=self._rules, org_id=org_id, now=now, raw_token=token)
        )

    def end_session_by_id(
        self, session_id: int, *, account_id: int, org_id: int, now: datetime, reference: str, actor: str = audit.PERSON
    ) -> bool:
        """End one of the account's own sessions by its number in the list; return whether there was one."""
        if session_id > MAX_ID:
            return False
        by = Ending(org_id=org_id, account_id=account_id, actor=actor, now=now, reference=reference)
        return self.change(lambda connection: end_sessions(connection, by, sessions.c.id == session_id)) > 0

    def end_all(
        self,
        account_id: int,
        *,
        org_id: int,
        now: datetime,
        reference: str,
        actor: str = audit.PERSON,
        except_token: str | None = None,
    ) -> int:
        """End every session of the account but that of *except_token*; return how many there were.

        A sign-in at the same moment is before it or after it: its session ends with the others, or it is a new one.
        """
        by = Ending(org_id=org_id, account_id=account_id, actor=actor, now=now, reference=reference)
        others = sessions.c.token_sha256.is_distinct_from(self._rules.digest(except_token))
        return self.change(lambda connection: end_sessions(connection, by, others))
