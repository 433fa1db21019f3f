"""One handoff, one session; one person, one account: under replay, races and killed workers."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridge.harness.browser import Browser
from bridge.harness.mint import Mint
from bridge.harness.pair import Pair
from bridge.harness.tables import Database
from bridge.harness.walk import Walk

pytestmark = pytest.mark.e2e
Refused = Callable[..., None]
SECRET = secrets.token_urlsafe(32)


def test_replayed_response_opens_nothing(walk: Walk, database: Database, assert_refused: Refused) -> None:
    """The back button posts the same response again: it was used, and nothing more is written."""
    form = walk.response_form("github", "dana")
    assert walk.post(form).status == 303
    before = database.contents()
    assert_refused(walk.post(form), "handoff.replayed", status=403, public_code="handoff.stale")
    assert database.contents() == before


def test_replay_by_twenty_at_once_opens_one_session(pair: Pair, mint: Mint, database: Database) -> None:
    """Twenty posts of one response against two worker processes: exactly one session, nineteen refusals, no 500."""
    for _ in range(10):  # which worker takes a post is the kernel's choice: until both took part in one race
        reference = _race_of_twenty(mint, database)
        if len(_workers_that_judged(pair, reference)) > 1:
            return
    pytest.fail("one worker took every post of ten races")


def _workers_that_judged(pair: Pair, reference: str) -> set[object]:
    """Return the process ids that logged the end of a post with *reference*."""
    return {
        event["pid"]
        for event in pair.events("sp-2")
        if event.get("event") == "request.done" and event.get("reference") == reference
    }


def _race_of_twenty(mint: Mint, database: Database) -> str:
    """Post one response twenty times at once and check what came of it; returns its reference."""
    handoff = mint.handoff(binding_secret=SECRET)
    response = mint.sign(handoff)
    with ThreadPoolExecutor(20) as pool:
        pages = list(pool.map(lambda _: mint.post(response, binding_secret=SECRET), range(20)))
    statuses = sorted(page.status for page in pages)
    assert statuses == [303] + [403] * 19
    assert all("handoff.stale" in page.text for page in pages if page.status == 403)
    assert handoff.identity.email is not None
    account = database.rows("sp-2", "SELECT id FROM accounts WHERE email = ?", handoff.identity.email.address)
    assert len(account) == 1
    assert database.rows("sp-2", "SELECT count(*) FROM sessions WHERE account_id = ?", account[0][0]) == [(1,)]
    assert database.rows("sp-2", "SELECT count(*) FROM spent_handoffs WHERE handoff_id = ?", handoff.id) == [(1,)]
    return handoff.reference


def test_replay_survives_a_restart(pair: Pair, mint: Mint, assert_refused: Refused) -> None:
    """The memory of spent handoffs is the database's, not a process's."""
    response = mint.sign(mint.handoff(binding_secret=SECRET))
    assert mint.post(response, binding_secret=SECRET).status == 303
    pair.restart("sp-2")
    assert_refused(mint.post(response, binding_secret=SECRET), "handoff.replayed", status=403, public_code="handoff.stale")


@pytest.mark.parametrize("times", [2, 12])
def test_first_sign_ins_at_once_make_one_account(
    pair: Pair, database: Database, new_person: Callable[[], str], times: int
) -> None:
    """A new person signs in in several browsers at the same moment: one account, one identity, every sign-in succeeds."""
    key = new_person()
    walks = [Walk(pair.public_url, Browser()) for _ in range(times)]
    forms = [walk.response_form("gitlab", key) for walk in walks]
    with ThreadPoolExecutor(times) as pool:
        pages = list(pool.map(lambda pair_: pair_[0].post(pair_[1]), zip(walks, forms, strict=True)))
    assert [page.status for page in pages] == [303] * times
    account = database.rows("sp-2", "SELECT id FROM accounts WHERE email = ?", f"{key}@acme.example")
    assert len(account) == 1
    assert database.rows("sp-2", "SELECT count(*) FROM identities WHERE account_id = ?", account[0][0]) == [(1,)]
    assert all(walk.browser.get(f"{pair.public_url}/o/acme/-/session").status == 200 for walk in walks)
