"""One running pair for the end-to-end tests, and what they look at it with."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import sync_playwright

from bridge.accounts.opening import open_accounts
from bridge.harness.browser import Browser, Page
from bridge.harness.mint import Mint
from bridge.harness.pair import Options, Pair
from bridge.harness.processes import wait_until
from bridge.harness.tables import ALL_TABLES, DATABASES, Database
from bridge.harness.walk import Walk
from bridge.harness.world import ORGS, Addresses
from bridge.identity import Email

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One pair over plain http on loopback, for all tests that leave it running."""

    def keep_rows(folder: Path, _at: Addresses) -> None:
        """Whoever compares the tables before and after wants no row to leave meanwhile."""
        for service in DATABASES:
            path = folder / f"{service}.toml"
            path.write_text(path.read_text("utf-8") + "\n[sessions]\npurge_seconds = 86400\n", "utf-8")

    with Pair(tmp_path_factory.mktemp("pair"), Options(edit=keep_rows)) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """The system's Chromium, headless."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def walk(pair: Pair) -> Walk:
    """A fresh browser at the global page."""
    return Walk(pair.public_url, Browser())


@pytest.fixture
def database(pair: Pair) -> Database:
    """The tables of the running pair."""
    return Database(pair.directory)


@pytest.fixture
def nothing_written(database: Database) -> Iterator[None]:
    """Whatever the test does, not one row of accounts, identities, sessions, spent handoffs or audit appears or changes."""
    before = database.contents(ALL_TABLES)
    yield
    assert database.contents(ALL_TABLES) == before


@pytest.fixture
def only_audit_written(database: Database) -> Iterator[None]:
    """The test may leave audit rows of its refusals, and nothing else."""
    before = database.contents()
    yield
    assert database.contents() == before


@pytest.fixture
def assert_refused(pair: Pair) -> Callable[..., None]:
    """Check a refusal: its status and public code on the page, its inner code in a cell's log under the page's reference."""

    def check(page: Page, code: str, *, status: int, public_code: str | None = None) -> None:
        assert page.status == status, page.sentence()
        shown = page.tree.xpath("//code[not(@class)]/text()")
        assert shown == [public_code or code], page.sentence()
        assert "Set-Cookie" not in page.headers or not any(
            f"cb-{org.id}=cell-" in page.headers["Set-Cookie"] for org in ORGS
        ), "a refusal opened a session"
        reference = page.reference

        def logged() -> bool:
            return any(
                event.get("event") == "request.refused" and event.get("reference") == reference and event.get("code") == code
                for service in DATABASES
                for event in pair.events(service)
            )

        wait_until(logged, seconds=5, what=f"{code} under {reference} in a log")

    return check


@pytest.fixture
def mint(pair: Pair) -> Mint:
    """The legacy cell's pen in the test's hand."""
    return Mint(pair)


@pytest.fixture
def new_person(pair: Pair) -> Callable[..., str]:
    """Add a persona that no cell has seen: a stranger of *domain*; returns the persona's key."""

    def add(domain: str = "acme.example") -> str:
        key = f"new{secrets.token_hex(5)}"
        body = {"key": key, "name": f"New {key}", "email": f"{key}@{domain}", "email_verified": True, "consents": True}
        requests.post(f"{pair.at.provider_url}/-/personas", json=body, timeout=10).raise_for_status()
        return key

    return add


@pytest.fixture
def known_by_email(pair: Pair, new_person: Callable[[], str]) -> Callable[[], str]:
    """Add a persona whose account at Acme exists, with nothing linked to it; returns the persona's key."""

    def add() -> str:
        key = new_person()
        open_accounts(pair.config(2)).add_account(
            org_id=42,
            email=Email(f"{key}@acme.example"),
            email_confirmed=True,
            username=key,
            name=f"Known {key}",
            actor="harness",
            now=datetime.now(UTC),
        )
        return key

    return add


@pytest.fixture
def fault(pair: Pair) -> Iterator[Callable[[str, str, str], None]]:
    """Switch on a fault of a stand-in provider: `(provider, endpoint, fault)`; all are cleared afterwards."""
    url = f"{pair.at.provider_url}/-/faults"

    def put(provider: str, endpoint: str, name: str) -> None:
        body = {"provider": provider, "endpoint": endpoint, "fault": name}
        requests.post(url, json=body, timeout=10).raise_for_status()

    yield put
    requests.delete(url, timeout=10).raise_for_status()
