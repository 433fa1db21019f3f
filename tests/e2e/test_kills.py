"""Workers die by SIGKILL at chosen steps of the endpoint, and nothing half-made is left."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from bridge.harness.browser import Browser
from bridge.harness.pair import Options, Pair
from bridge.harness.processes import wait_until
from bridge.harness.tables import Database
from bridge.harness.walk import Walk

KILLS = 60


@pytest.fixture
def killable(tmp_path: Path) -> Pair:
    """A pair whose owning cell dies where the test says."""
    pair = Pair(tmp_path / "pair", Options(workers=2, log_level="info"))
    (tmp_path / "trap").mkdir()
    return pair


def _person(pair: Pair, number: int) -> str:
    key = f"victim{number}"
    body = {"key": key, "name": f"Victim {number}", "email": f"{key}@acme.example", "email_verified": True, "consents": True}
    requests.post(f"{pair.at.provider_url}/-/personas", json=body, timeout=10).raise_for_status()
    return key


def _steps_of_a_handoff(pair: Pair, trap: Path, number: int) -> int:
    """Sign a new person in, and return how many steps the endpoint took."""
    assert Walk(pair.public_url, Browser()).sign_in("github", _person(pair, number)).status == 200
    wait_until((trap / "steps").exists, seconds=10, what="the number of steps of a handoff")
    steps = int((trap / "steps").read_text("ascii"))
    (trap / "steps").unlink()
    return steps


def _state_of(database: Database, email: str) -> tuple[int, ...]:
    """Return how many accounts, identities and sessions one person has, and how many handoffs are spent in all."""
    accounts = database.rows("sp-2", "SELECT id FROM accounts WHERE email = ?", email)
    owned = [
        int(str(database.rows("sp-2", f"SELECT count(*) FROM {table} WHERE account_id = ?", account)[0][0]))  # noqa: S608
        for (account,) in accounts
        for table in ("identities", "sessions")
    ]
    audit = database.rows("sp-2", "SELECT count(*) FROM spent_handoffs")
    return (len(accounts), *(owned or [0, 0]), int(str(audit[0][0])))


@pytest.mark.e2e
def test_killed_at_any_step_leaves_nothing_or_a_whole_account(
    killable: Pair, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Killed at sixty steps from the first to the last line: nothing or everything is there, and the person can try again."""
    trap = tmp_path / "trap"
    with killable as pair:
        database = Database(pair.directory)
        cell = pair.processes["sp-2"]
        cell.command = [sys.executable, "-m", "bridge.harness.killer", str(trap), *cell.command[1:]]
        pair.restart("sp-2")
        steps = min(_steps_of_a_handoff(pair, trap, 1000 + number) for number in range(6))  # later ones find warm caches
        assert steps > KILLS

        whole = 0
        for number in range(1, KILLS + 1):
            key = _person(pair, number)
            email = f"{key}@acme.example"
            walk = Walk(pair.public_url, Browser())
            form = walk.response_form("github", key)
            spent_before = _state_of(database, email)[3]
            (trap / "step").write_text(str(1 + (steps - 1) * (number - 1) // (KILLS - 1)), "ascii")

            page = walk.post(form)

            assert not (trap / "step").exists(), "the worker was not killed"
            assert page.status in (502, 503), page.status
            state = _state_of(database, email)
            assert state in ((0, 0, 0, spent_before), (1, 1, 1, spent_before + 1)), f"half-made after kill {number}: {state}"
            whole += state[0]

            browser = Browser()
            landed = Walk(pair.public_url, browser).sign_in("github", key)
            assert landed.status == 200, landed.sentence()
            session = json.loads(browser.get(f"{pair.public_url}/o/acme/-/session").text)
            assert session["account"]["email"] == email
            assert _state_of(database, email)[:2] == (1, 1)
    assert 0 < whole < KILLS, "the kills have to fall on both sides of the commit"
    record_property("kills", KILLS)
    record_property("steps", steps)
