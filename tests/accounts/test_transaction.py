"""One unit of work, whole or not at all, tried again only when somebody was in the way."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert
from sqlalchemy.exc import IntegrityError, ProgrammingError

from bridge.accounts.tables import audit_events, spent_handoffs
from bridge.accounts.transaction import ATTEMPTS, transact
from bridge.errors import DatabaseUnavailable


def test_lost_race_is_tried_again_a_bounded_number_of_times(engine: Engine, now: datetime) -> None:
    """A violated constraint starts the work again from the beginning; when it never ends, the error comes out."""
    tries = 0

    def spend_twice(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        for _ in range(2):
            connection.execute(insert(spent_handoffs).values(issuer="i", handoff_id="h", org_id=42, spent_until=now))

    with pytest.raises(IntegrityError):
        transact(engine, spend_twice)
    assert tries == ATTEMPTS


def test_work_that_was_in_the_way_of_somebody_succeeds_later(engine: Engine, now: datetime, counts: Callable[..., Any]) -> None:
    """What a failed attempt wrote is rolled back; the attempt that goes through is the only one that stays."""
    tries = 0

    def work(connection: Connection) -> str:
        nonlocal tries
        tries += 1
        connection.execute(insert(audit_events).values(at=now, org_id=42, actor="person", event="sign_in"))
        if tries < ATTEMPTS:
            raise IntegrityError("INSERT", {}, Exception("somebody was faster"))
        return "done"

    assert transact(engine, work) == "done"
    assert counts() == {"audit_events": 1}


@pytest.mark.parametrize("error", [ValueError("no"), ProgrammingError("SELECT", {}, Exception("no"))])
def test_other_errors_are_not_tried_again(error: Exception, engine: Engine, now: datetime, counts: Callable[..., Any]) -> None:
    """A refusal or a mistake rolls everything back at once and comes out as it is."""
    tries = 0

    def work(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        connection.execute(insert(audit_events).values(at=now, org_id=42, actor="person", event="sign_in"))
        raise error

    with pytest.raises(type(error)) as caught:
        transact(engine, work)
    assert caught.value is error
    assert tries == 1
    assert counts() == {}


def test_held_lock_is_waited_for_a_bounded_time(engine: Engine, impatient_engine: Engine, now: datetime) -> None:
    """Somebody who holds a lock and hangs makes others fail in the end instead of waiting for ever."""
    attempts: list[object] = []
    event.listen(impatient_engine, "checkout", lambda *connection: attempts.append(connection))

    def spend(connection: Connection) -> None:
        connection.execute(insert(spent_handoffs).values(issuer="i", handoff_id="h", org_id=42, spent_until=now))

    with engine.begin() as holder:
        spend(holder)
        with pytest.raises(DatabaseUnavailable):
            transact(impatient_engine, spend)
    assert len(attempts) == ATTEMPTS
