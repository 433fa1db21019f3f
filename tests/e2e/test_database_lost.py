"""PostgreSQL dies by SIGKILL while people sign in: a clear page, nothing half-made, and all is well when it is back."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from bridge.accounts.database import open_engine, reading
from bridge.accounts.tables import accounts, sessions
from bridge.harness.browser import Page
from bridge.harness.invariants import broken
from bridge.harness.mint import Mint
from bridge.harness.pair import Options, Pair
from bridge.harness.postgres import Postgres
from bridge.harness.processes import wait_until

PEOPLE_AT_ONCE = 6
RECOVERS_WITHIN_SECONDS = 5
SECRET = secrets.token_urlsafe(32)


@dataclass
class Crowd:
    """People who sign in one after the other, each a new one, until told to stop; `seen` is what each saw, in order."""

    mint: Mint
    seen: list[tuple[float, str, Page]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def walk(self) -> None:
        """Sign in until told to stop."""
        key = self.mint.key()
        while not self.stopped.is_set():
            person = self.mint.person()
            response = self.mint.sign(self.mint.handoff(identity=person, binding_secret=SECRET), key)
            page = self.mint.post(response, binding_secret=SECRET)
            assert person.email is not None
            self.seen.append((time.monotonic(), person.email.address, page))

    def count(self, status: int, *, after: float = 0.0) -> int:
        """Return how many saw *status* after that moment of the monotonic clock."""
        return sum(page.status == status for at, _, page in list(self.seen) if at > after)


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A PostgreSQL that writes through to the disk, as in production."""
    with Postgres() as running:
        yield running


@pytest.mark.e2e
def test_sign_ins_survive_the_death_of_the_database(
    server: Postgres, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """While the server is away every sign-in gets the page of `database.unavailable`, in time, and the cell is not ready.

    Five seconds after its return, at most, people sign in again, with no process started anew. Who saw a session has it; of
    the others everything is there or nothing, and the tables are whole.
    """
    options = Options(workers=2, log_level="info", databases=(("sp-2", server.create("cell")),), services=("sp-2",))
    with Pair(tmp_path / "pair", options) as pair, ThreadPoolExecutor(PEOPLE_AT_ONCE) as pool:
        origin = f"http://{pair.at.owning[2]}"
        crowd = Crowd(Mint(pair, origin))
        walkers = [pool.submit(crowd.walk) for _ in range(PEOPLE_AT_ONCE)]
        try:
            wait_until(lambda: crowd.count(303) > 40, seconds=30, what="people to sign in")
            server.kill()
            killed = time.monotonic()
            wait_until(lambda: crowd.count(503, after=killed) > 40, seconds=30, what="people to be refused")
            assert crowd.count(303, after=killed + 1) == 0
            ready = requests.get(f"{origin}/-/readyz", timeout=10)
            assert (ready.status_code, "database" in ready.text) == (503, True)
            assert requests.get(f"{origin}/-/healthz", timeout=10).status_code == 200

            server.start_again()
            back = time.monotonic()
            wait_until(lambda: crowd.count(303, after=back) > 40, seconds=30, what="people to sign in again")
        finally:
            crowd.stopped.set()
        for walker in walkers:
            walker.result()

        recovered = min(at for at, _, page in crowd.seen if page.status == 303 and at > back) - back
        assert recovered < RECOVERS_WITHIN_SECONDS
        assert crowd.count(503, after=back + RECOVERS_WITHIN_SECONDS) == 0
        assert {page.status for _, _, page in crowd.seen} == {303, 503}
        for _, _, page in crowd.seen:
            if page.status == 503:
                assert "database.unavailable" in page.text
                assert "We cannot reach our records right now." in page.sentence()
                assert page.headers["Retry-After"] == "10"
                assert page.reference
                assert "Set-Cookie" not in page.headers or "=cell-2-" not in page.headers["Set-Cookie"]

        engine = open_engine(server.url("cell"))
        assert broken(engine, handoffs_only=True) == []
        with reading(engine) as connection:
            opened = set(connection.scalars(select(accounts.c.email).join(sessions, sessions.c.account_id == accounts.c.id)))
            assert opened >= {email for _, email, page in crowd.seen if page.status == 303}
            assert set(connection.scalars(select(accounts.c.email).where(accounts.c.email.like("minted-%")))) <= opened
        engine.dispose()
        assert len({event["pid"] for event in pair.events("sp-2") if event.get("event") == "request.done"}) == 2
        assert all(event.get("code") != "internal" for event in pair.events("sp-2"))
        assert server.url("cell") not in pair.logs()
    record_property("recovered_seconds", round(recovered, 3))
    record_property("refused", crowd.count(503))
