"""One new person, two hundred sign-ins at the same moment, four processes: one account, and never an error nobody foresaw."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bridge.accounts.database import open_engine, reading
from bridge.accounts.tables import accounts, identities, sessions
from bridge.harness.invariants import broken
from bridge.harness.mint import Mint
from bridge.harness.pair import Options, Pair
from bridge.harness.postgres import Postgres

SIGN_INS = 200
WORKERS = 4
SECRET = secrets.token_urlsafe(32)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the owning cell keeps its rows."""
    if request.param == "sqlite":
        yield "sqlite:///sp-2.db"
        return
    with Postgres() as server:
        yield server.create("cell")


@pytest.mark.e2e
def test_two_hundred_first_sign_ins_at_once_make_one_account(
    database_url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Each of them gets a session or a clear refusal; there is one account with one identity, and the tables are whole."""
    options = Options(workers=WORKERS, log_level="info", databases=(("sp-2", database_url),), services=("sp-2",))
    with Pair(tmp_path / "pair", options) as pair:
        mint = Mint(pair, f"http://{pair.at.owning[2]}")
        person, key = mint.person(), mint.key()
        assert person.email is not None
        responses = [mint.sign(mint.handoff(identity=person, binding_secret=SECRET), key) for _ in range(SIGN_INS)]

        with ThreadPoolExecutor(SIGN_INS) as pool:
            pages = list(pool.map(lambda response: mint.post(response, binding_secret=SECRET), responses))

        statuses = Counter(page.status for page in pages)
        assert set(statuses) <= {303, 503}, statuses
        assert all("database.unavailable" in page.text and page.reference for page in pages if page.status == 503)
        engine = open_engine(pair.config(2).service.database_url.get_secret_value())
        with reading(engine) as connection:
            owner = connection.execute(select(accounts.c.id).where(accounts.c.email == person.email.address)).scalar_one()
            mine = [
                connection.scalar(select(func.count()).where(table.c.account_id == owner)) for table in (identities, sessions)
            ]
        assert mine == [1, statuses[303]]
        assert broken(engine, handoffs_only=True) == []
        engine.dispose()
        workers = {event["pid"] for event in pair.events("sp-2") if event.get("event") == "request.done"}
        assert len(workers) == WORKERS, "not every process took part"
        assert "Traceback" not in pair.logs()
    record_property("sessions", statuses[303])
