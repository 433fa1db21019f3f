"""Every provider in every situation, through the router and both cells, over plain HTTP: status, code and rows, exactly."""

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.accounts.opening import open_accounts
from bridge.harness.browser import Browser, Page
from bridge.harness.pair import Pair
from bridge.harness.personas import PROVIDERS
from bridge.harness.processes import wait_until
from bridge.harness.standin.remote import Remote
from bridge.harness.tables import ALL_TABLES, DATABASES, Database
from bridge.harness.walk import Walk
from bridge.identity import Email
from tests.e2e.matrix import EXPECTED, PAGE, USUAL, between_marks, table

pytestmark = pytest.mark.e2e

# How each provider words a wrong code, as our log has it: read from its own format, and nothing of it repeated but the error.
TOKEN_ERRORS = {
    **dict.fromkeys(PROVIDERS, "token reply: answered 400 invalid_grant"),
    "github": "token reply: error bad_verification_code",
    "slack": "token reply: error invalid_code",
    "dingtalk": "token reply: answered 400",
    "atlassian_oauth2": "token reply: answered 403 invalid_grant",
}


@pytest.fixture
def remote(pair: Pair) -> Iterator[Remote]:
    """The stand-ins' control."""
    remote = Remote(pair.at.provider_url)
    yield remote
    remote.clear_faults()
    remote.close()


def _person(situation: str, pair: Pair, remote: Remote) -> str:
    """Return who signs in: a persona, or somebody whom no cell has seen, with an account at Acme or without."""
    known = {"unverified email": "uma", "no email": "mia", "consent denied": "dee"}
    if situation not in ("stranger", "verified email of a known user"):
        return known.get(situation, "dana")
    key = f"of_matrix_{secrets.token_hex(5)}"
    remote.put_persona(key, email=f"{key}@acme.example", email_verified=True)
    if situation != "stranger":
        open_accounts(pair.config(2)).add_account(
            org_id=42,
            email=Email(f"{key}@acme.example"),
            email_confirmed=True,
            username=key,
            name=key,
            actor="harness",
            now=datetime.now(UTC),
        )
    return key


@contextmanager
def _told(database: Database) -> Iterator[Callable[[], tuple[tuple[str, int], ...]]]:
    """Give a function that tells how many rows each table of all cells has won."""

    def sizes() -> Counter[str]:
        found: Counter[str] = Counter()
        for name, rows in database.contents(ALL_TABLES).items():
            found[name.rpartition(".")[2]] += len(rows)
        return found

    before = sizes()
    yield lambda: tuple(sorted((sizes() - before).items()))


def _log_sizes(pair: Pair) -> dict[Path, int]:
    return {log: log.stat().st_size for log in (pair.processes[service].log for service in DATABASES)}


def _refusal(since: dict[Path, int], page: Page) -> dict[str, Any]:
    """Return the refusal that some cell logs under the page's reference, as soon as it is there; older lines are not read."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        lines = [
            line for log, size in since.items() for line in log.read_bytes()[size:].splitlines() if b"request.refused" in line
        ]
        found[:] = [event for event in map(json.loads, lines) if event["reference"] == page.reference]
        return bool(found)

    wait_until(look, seconds=5, what=f"a refusal under {page.reference} in a log")
    return found[0]


@pytest.mark.parametrize("situation", USUAL)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_outcome(pair: Pair, database: Database, remote: Remote, provider: str, situation: str) -> None:
    """What the person sees, what is logged and what is written are those of the table, and no row more."""
    expected = EXPECTED[provider, situation]
    person = _person(situation, pair, remote)
    if situation.endswith(" error"):
        remote.set_fault(provider, situation.removesuffix(" error"), "refused")
    since = _log_sizes(pair)
    with _told(database) as rows:
        page = Walk(pair.public_url, Browser()).sign_in(provider, person, "/o/acme/projects/7")
    assert page.status == expected.status, page.sentence()
    assert rows() == tuple(sorted(expected.rows))
    if expected.code is None:
        assert page.url == f"{pair.public_url}/o/acme/projects/7"
        assert "You are signed in to Acme" in page.sentence()
        return
    event = _refusal(since, page)
    assert event["code"] == expected.code
    if situation == "token error":
        assert event["evidence"] == {"provider": provider, "reason": TOKEN_ERRORS[provider]}


def test_the_page_shows_the_matrix() -> None:
    """docs/providers.md holds this very table: `python -m tests.e2e.matrix` writes it."""
    assert between_marks(PAGE.read_text("utf-8"))[1] == table()
