"""What the topology has yet to be told: nothing is lost, nothing is told twice at once, the newest wish counts."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from bridge.accounts import outbox
from bridge.accounts.database import reading
from bridge.accounts.outbox import LONGEST_PAUSE, ON_ITS_WAY, PAUSE_OF_CONFLICT, ClaimWish
from bridge.accounts.transaction import transact
from bridge.identity import IdentityKey

KEY = IdentityKey("alicloud", "a:1")
SECOND = timedelta(seconds=1)


def wish(engine: Engine, now: datetime, *, held: bool = True, key: IdentityKey = KEY) -> None:
    """Wish in a transaction of its own."""
    transact(engine, lambda connection: outbox.wish(connection, key, org_id=42, held=held, now=now))


def take(engine: Engine, now: datetime) -> ClaimWish | None:
    """Take what is due."""
    return transact(engine, lambda connection: outbox.take_due(connection, now=now))


def waiting(engine: Engine) -> list[tuple[IdentityKey, bool, int, bool]]:
    """Return what waits."""
    with reading(engine) as connection:
        return [(one.key, one.held, one.tries, one.conflict) for one in outbox.wishes_of(connection, 42)]


def test_a_wish_on_its_way_is_nobody_elses(engine: Engine, now: datetime) -> None:
    """Of two workers one tells the topology; if it dies, the wish is due again when its call must have ended."""
    wish(engine, now)
    taken = take(engine, now)
    assert taken is not None
    assert (taken.key, taken.held, taken.org_id) == (KEY, True, 42)
    assert take(engine, now + ON_ITS_WAY - SECOND) is None
    assert take(engine, now + ON_ITS_WAY) is not None


def test_what_was_told_is_forgotten(engine: Engine, now: datetime) -> None:
    """A fulfilled wish leaves no row."""
    wish(engine, now)
    taken = take(engine, now)
    assert taken is not None
    transact(engine, lambda connection: outbox.fulfilled(connection, taken))
    assert waiting(engine) == []


def test_the_newest_wish_counts_and_waits_for_the_one_on_its_way(engine: Engine, now: datetime) -> None:
    """Linked and unlinked at once: the answer to the old claim removes no newer wish, and never comes after its release."""
    wish(engine, now)
    first = take(engine, now)
    assert first is not None
    wish(engine, now + SECOND, held=False)
    assert take(engine, now + 2 * SECOND) is None
    transact(engine, lambda connection: outbox.fulfilled(connection, first))
    assert waiting(engine) == [(KEY, False, 0, False)]
    last = take(engine, now + ON_ITS_WAY)
    assert last is not None
    assert last.held is False


@pytest.mark.parametrize(("tries", "pause"), [(0, SECOND), (3, 8 * SECOND), (40, LONGEST_PAUSE)])
def test_failures_are_tried_again_ever_more_slowly(engine: Engine, now: datetime, tries: int, pause: timedelta) -> None:
    """A topology that is down is asked soon, and later at most every five minutes."""
    wish(engine, now)
    for _ in range(tries):
        transact(engine, lambda connection: _put_off_first(connection, now=now - timedelta(days=1)))
    failed = take(engine, now)
    assert failed is not None
    transact(engine, lambda connection: outbox.put_off(connection, failed, conflict=False, now=now))
    assert waiting(engine) == [(KEY, True, tries + 1, False)]
    assert take(engine, now + pause - SECOND / 10) is None
    assert take(engine, now + pause) is not None


def _put_off_first(connection: Connection, *, now: datetime) -> None:
    (first,) = outbox.wishes_of(connection, 42)
    outbox.put_off(connection, first, conflict=False, now=now)


def test_a_conflict_is_kept_and_asked_about_each_hour(engine: Engine, now: datetime) -> None:
    """What another organization holds stays visible until somebody solves it."""
    wish(engine, now)
    taken = take(engine, now)
    assert taken is not None
    transact(engine, lambda connection: outbox.put_off(connection, taken, conflict=True, now=now))
    assert waiting(engine) == [(KEY, True, 1, True)]
    with reading(engine) as connection:
        assert outbox.standing(connection, KEY, org_id=42) == "held elsewhere"
        assert outbox.standing(connection, KEY, org_id=43) == "settled"
    assert take(engine, now + PAUSE_OF_CONFLICT - SECOND) is None
    assert take(engine, now + PAUSE_OF_CONFLICT) is not None


def test_the_one_that_waits_longest_is_first(engine: Engine, now: datetime) -> None:
    """Nobody's claim starves behind others."""
    keys = [IdentityKey("alicloud", f"a:{number}") for number in range(3)]
    for number, key in enumerate(keys):
        wish(engine, now + number * SECOND, key=key)
    assert [taken.key for _ in keys if (taken := take(engine, now + 9 * SECOND))] == keys
