"""The identities page of a running pair: link on purpose, unlink, see and end sessions; the topology learns of it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from bridge.accounts.opening import open_accounts
from bridge.accounts.tables import sessions
from bridge.clock import utc_now
from bridge.harness.browser import Browser, Page
from bridge.harness.pair import Pair
from bridge.harness.processes import wait_until
from bridge.harness.tables import ALL_TABLES, Database
from bridge.harness.walk import Walk
from sp.identities import FRESH

pytestmark = pytest.mark.e2e

PAGE = "/o/acme/-/identities"


@pytest.fixture
def person(pair: Pair, walk: Walk, new_person: Callable[[], str]) -> str:
    """A new person, signed in to Acme with Google in the browser of *walk*."""
    key = new_person()
    assert walk.sign_in("google_oauth2", key).status == 200
    return key


def identities_page(walk: Walk) -> Page:
    """Open the page."""
    return walk.browser.get(walk.public_url + PAGE)


def asked_to_link(walk: Walk, person: str, provider: str = "github") -> Page:
    """Press the link button and come back from the provider."""
    started = walk.browser.submit(identities_page(walk).form(action_ends=f"/link/{provider}"))
    return walk.browser.follow(walk.choose(started, person))


def linked(page: Page) -> set[str]:
    """Return the providers that the page shows as linked."""
    return {str(one.text_content()) for one in page.tree.xpath("(//ul[@class='lines'])[1]//strong")}


def test_link_use_and_unlink(pair: Pair, walk: Walk, person: str, database: Database) -> None:
    """Linked after a yes, opens the account from the global page in another browser, and is gone after unlinking."""
    before = database.contents(ALL_TABLES)
    asked = asked_to_link(walk, person)
    assert "Link this GitHub account?" in asked.sentence()
    assert person in asked.sentence()
    assert database.contents(ALL_TABLES) == before  # asking writes nothing
    answered = walk.browser.submit(asked.form(action_ends="/confirm"))
    assert (answered.status, answered.location) == (303, pair.public_url + PAGE)
    page = walk.browser.follow(answered)
    assert linked(page) == {"Google", "GitHub"}

    other = Walk(pair.public_url, Browser())
    assert other.sign_in("github", person).status == 200
    assert "Sign out" in identities_page(other).sentence() or identities_page(other).status == 200
    assert identities_page(walk).sentence().count("last used") == 2

    gone = walk.browser.follow(walk.browser.submit(identities_page(walk).form(action_ends="/unlink/github")))
    assert linked(gone) == {"Google"}
    assert identities_page(other).status == 303  # the sessions that it opened are over
    assert not [form for form in gone.forms if form.action.endswith("/unlink/google_oauth2")]


def test_the_topology_learns_and_forgets(walk: Walk, person: str, database: Database) -> None:
    """What is linked is claimed for the organization, what is unlinked is released, by the cell itself, shortly after."""

    def claims() -> set[str]:
        rows = database.rows("topology", "SELECT value FROM claims WHERE org_id = 42")
        return {str(value) for (value,) in rows}

    before = claims()
    walk.browser.submit(asked_to_link(walk, person).form(action_ends="/confirm"))
    wait_until(lambda: any("github:" in one for one in claims() - before), seconds=20, what="the claim")
    (claim,) = [one for one in claims() - before if one.startswith("github:")]
    walk.browser.submit(identities_page(walk).form(action_ends="/unlink/github"))
    wait_until(lambda: claim not in claims(), seconds=120, what="the release")


def test_only_the_session_that_wanted_to_link_does(
    pair: Pair, walk: Walk, person: str, new_person: Callable[[], str], assert_refused: Callable[..., None], database: Database
) -> None:
    """An attacker's callback, or their sealed answer, in somebody else's signed-in browser links nothing."""
    attacker = Walk(pair.public_url, Browser())
    stranger = new_person()
    assert attacker.sign_in("google_oauth2", stranger).status == 200
    started = attacker.browser.submit(identities_page(attacker).form(action_ends="/link/github"))
    chosen = attacker.choose(started, stranger)
    before = database.contents(ALL_TABLES)
    assert_refused(walk.browser.get(chosen.location), "login.state_mismatch", status=400, public_code="login.restart")
    asked = attacker.browser.follow(chosen)
    stolen = asked.form(action_ends="/confirm")
    own_token = identities_page(walk).form(action_ends="/link/github").field("csrf_token")
    answer = walk.browser.submit(stolen, {"csrf_token": own_token})
    assert_refused(answer, "login.state_mismatch", status=400, public_code="login.restart")
    assert database.contents(ALL_TABLES) == before
    for path in ("/link/github", "/unlink/google_oauth2", "/sessions/end_others"):
        forged = identities_page(walk).forms[0]
        forged = type(forged)(pair.public_url + PAGE + path, "POST", (("csrf_token", "x"),))
        assert_refused(walk.browser.submit(forged), "request.forged", status=403, public_code="login.restart")
    assert database.contents(ALL_TABLES) == before


def test_who_signs_out_on_the_way_links_nothing(
    pair: Pair, walk: Walk, person: str, assert_refused: Callable[..., None], database: Database
) -> None:
    """A callback after signing out, or after signing in anew, belongs to a session that is over."""
    started = walk.browser.submit(identities_page(walk).form(action_ends="/link/github"))
    chosen = walk.choose(started, person)
    landing = walk.browser.get(f"{pair.public_url}/o/acme/")
    walk.browser.submit(landing.form(action_ends="/sign_out"))
    before = database.contents(ALL_TABLES)
    assert_refused(walk.browser.follow(chosen), "login.state_mismatch", status=400, public_code="login.restart")
    assert database.contents(ALL_TABLES) == before
    assert identities_page(walk).status == 303


def test_an_old_session_has_to_sign_in_again(
    pair: Pair, walk: Walk, person: str, assert_refused: Callable[..., None], database: Database
) -> None:
    """A browser that was left open changes no way in; the way on leads back to the page."""
    page = identities_page(walk)
    then = utc_now() - FRESH - timedelta(seconds=5)
    open_accounts(pair.config(2)).change(lambda connection: connection.execute(update(sessions).values(created_at=then)))
    before = database.contents(ALL_TABLES)
    refused = walk.browser.submit(page.form(action_ends="/link/github"))
    assert_refused(refused, "session.stale", status=403)
    assert database.contents(ALL_TABLES) == before
    (again,) = refused.tree.xpath("//a[@class='button']/@href")
    assert again.endswith("return_to=%2Fo%2Facme%2F-%2Fidentities")


def test_somebody_elses_identity_is_not_taken(
    pair: Pair, walk: Walk, person: str, new_person: Callable[[], str], assert_refused: Callable[..., None], database: Database
) -> None:
    """What opens another account stays there."""
    other = new_person()
    assert Walk(pair.public_url, Browser()).sign_in("github", other).status == 200
    asked = asked_to_link(walk, other)
    before = database.contents()
    refused = walk.browser.submit(asked.form(action_ends="/confirm"))
    assert_refused(refused, "account.identity_taken", status=409)
    assert database.contents() == before
    row = database.rows("sp-2", "SELECT event, code FROM audit_events WHERE code = 'account.identity_taken'")
    assert row == [("refused", "account.identity_taken")]


def test_a_yes_that_was_taken_back_cannot_be_said_again(pair: Pair, walk: Walk, person: str, database: Database) -> None:
    """The question's form, sent again after the unlink, links nothing: nobody went to the provider."""
    form = asked_to_link(walk, person).form(action_ends="/confirm")
    assert walk.browser.submit(form).status == 303
    walk.browser.submit(identities_page(walk).form(action_ends="/unlink/github"))
    before = database.contents(ALL_TABLES)
    assert walk.browser.submit(form).status == 400
    assert database.contents(ALL_TABLES) == before


def test_two_cells_leave_each_others_attempts_alone(pair: Pair, walk: Walk, person: str) -> None:
    """One origin, a seal for each cell: a sign-in that another cell's page began in a second tab is no surplus of ours."""
    page = walk.browser.get(f"{pair.public_url}/o/acme/users/sign_in")
    first = walk.choose(walk.browser.submit(page.form(action_ends="/users/auth/github")), person)
    assert walk.start("google_oauth2").status == 303
    assert walk.browser.follow(first).status == 303


def test_sessions_are_seen_and_ended(pair: Pair, walk: Walk, person: str) -> None:
    """Each of the account's sessions is listed and can be ended; this browser's stays."""
    others = [Walk(pair.public_url, Browser()) for _ in range(3)]
    for other in others:
        assert other.sign_in("google_oauth2", person).status == 200
    page = identities_page(walk)
    assert page.sentence().count("last used") == 4
    ends = [form for form in page.forms if form.action.endswith("/end")]
    assert len(ends) == 3
    walk.browser.submit(ends[0])
    assert sorted(identities_page(other).status for other in others) == [200, 200, 303]
    walk.browser.submit(identities_page(walk).form(action_ends="/end_others"))
    assert {identities_page(other).status for other in others} == {303}
    assert identities_page(walk).sentence().count("last used") == 1
