"""Workers die by SIGKILL at chosen steps of the endpoint, and nothing half-made is left."""

import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine, func, select

from bridge.accounts.database import open_engine, reading
from bridge.accounts.tables import accounts, identities, sessions
from bridge.harness.invariants import broken
from bridge.harness.mint import Mint
from bridge.harness.pair import Options, Pair
from bridge.harness.postgres import Postgres
from bridge.harness.processes import wait_until
from bridge.identity import ExternalIdentity

KILLS = {"sqlite": 100, "postgresql": 20}
SECRET = secrets.token_urlsafe(32)


@pytest.fixture(params=KILLS)
def backend(request: pytest.FixtureRequest) -> str:
    """On which database."""
    return str(request.param)


@pytest.fixture
def database_url(backend: str) -> Iterator[str]:
    """Where the owning cell keeps its rows."""
    if backend == "sqlite":
        yield "sqlite:///sp-2.db"
        return
    with Postgres() as server:
        yield server.create("cell")


def _steps_of_a_handoff(mint: Mint, trap: Path) -> int:
    """Sign a new person in, and return how many steps the endpoint took."""
    assert mint.post(mint.sign(mint.handoff(binding_secret=SECRET)), binding_secret=SECRET).status == 303
    wait_until((trap / "steps").exists, seconds=10, what="the number of steps of a handoff")
    steps = int((trap / "steps").read_text("ascii"))
    (trap / "steps").unlink()
    return steps


def _rows_of(engine: Engine, person: ExternalIdentity) -> tuple[int, ...]:
    """Return how many accounts, identities and sessions one person has."""
    assert person.email is not None
    mine = select(accounts.c.id).where(accounts.c.email == person.email.address)
    with reading(engine) as connection:
        found = len(connection.execute(mine).all())
        owned = [
            connection.scalar(select(func.count()).where(table.c.account_id.in_(mine))) for table in (identities, sessions)
        ]
    return (found, *(int(count or 0) for count in owned))


@pytest.mark.e2e
def test_killed_at_any_step_leaves_nothing_or_a_whole_account(
    backend: str, database_url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Killed at steps from the first line to the last: nothing or everything is there, and the tables are whole.

    Whoever posts the same response again gets in where nothing was there, and is told that it was used where everything was;
    a new sign-in of theirs succeeds in either case.
    """
    kills, trap = KILLS[backend], tmp_path / "trap"
    trap.mkdir()
    options = Options(workers=2, log_level="info", databases=(("sp-2", database_url),), services=("sp-2",))
    with Pair(tmp_path / "pair", options) as pair:
        cell = pair.processes["sp-2"]
        cell.command = [sys.executable, "-m", "bridge.harness.killer", str(trap), *cell.command[1:]]
        pair.restart("sp-2")
        mint = Mint(pair, f"http://{pair.at.owning[2]}")
        key = mint.key()
        engine = open_engine(pair.config(2).service.database_url.get_secret_value())
        steps = min(_steps_of_a_handoff(mint, trap) for _ in range(6))  # later ones find warm caches
        assert steps > kills

        whole = 0
        for number in range(kills):
            person = mint.person()
            response = mint.sign(mint.handoff(identity=person, binding_secret=SECRET), key)
            (trap / "step").write_text(str(1 + (steps - 1) * number // (kills - 1)), "ascii")

            with pytest.raises(requests.ConnectionError):
                mint.post(response, binding_secret=SECRET)

            assert not (trap / "step").exists(), "the worker was not killed"
            rows = _rows_of(engine, person)
            assert rows in ((0, 0, 0), (1, 1, 1)), f"half-made after kill {number}: {rows}"
            assert broken(engine, handoffs_only=True) == []
            whole += rows[0]

            again = mint.post(response, binding_secret=SECRET)
            assert (again.status, "handoff.stale" in again.text) == ((403, True) if rows[0] else (303, False)), again.sentence()
            fresh = mint.sign(mint.handoff(identity=person, binding_secret=SECRET), key)
            assert mint.post(fresh, binding_secret=SECRET).status == 303
            assert _rows_of(engine, person) == (1, 1, 2)
        assert broken(engine, handoffs_only=True) == []
        engine.dispose()
    assert 0 < whole < kills, "the kills have to fall on both sides of the commit"
    record_property("kills", kills)
    record_property("steps", steps)
