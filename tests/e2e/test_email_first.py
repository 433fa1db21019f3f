"""Email first: the address finds the organization, and the owning cell runs the OAuth flow itself."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.handoff import org_home
from bridge.harness.browser import Browser, Page
from bridge.harness.pair import Pair
from bridge.harness.tables import ALL_TABLES, Database
from bridge.harness.walk import Walk

pytestmark = pytest.mark.e2e


def send(walk: Walk, email: str, return_to: str = "") -> Page:
    """Type *email* into the global page."""
    return walk.browser.submit(walk.sign_in_page(return_to).form(action_ends="/users/sign_in"), {"email": email})


def query_of(url: str) -> dict[str, list[str]]:
    """Return the fields of a URL's query."""
    return parse_qs(urlsplit(url).query)


def test_an_address_leads_to_its_organizations_own_page_and_in(pair: Pair, walk: Walk, database: Database) -> None:
    """The whole flow: the email is filled in, reaches the provider as a hint, and the owning cell opens the session itself."""
    sent = send(walk, "dana@acme.example", "/o/acme/projects/7")
    page = walk.browser.follow(sent)
    assert (sent.status, page.status, urlsplit(page.url).path) == (303, 200, "/o/acme/users/sign_in")
    assert "Sign in to Acme" in page.sentence()
    form = page.form(action_ends="/o/acme/users/auth/github")
    assert form.field("login_hint") == "dana@acme.example"
    started = walk.browser.submit(page.form(action_ends="/o/acme/users/auth/google_oauth2"))
    asked = query_of(started.location)
    assert asked["state"][0].startswith("o42.")
    assert asked["login_hint"] == ["dana@acme.example"]
    assert asked["redirect_uri"] == [f"{pair.public_url}/users/auth/google_oauth2/callback"]
    spent = len(database.rows("sp-2", "SELECT id FROM spent_handoffs"))

    landed = walk.browser.follow(walk.choose(started, "dana"))

    assert (landed.status, landed.location) == (303, f"{pair.public_url}/o/acme/projects/7")
    assert "Dana" in walk.browser.follow(landed).sentence()
    assert len(database.rows("sp-2", "SELECT id FROM spent_handoffs")) == spent + 1


def test_the_answer_depends_on_the_organization_alone(walk: Walk, database: Database) -> None:
    """An address with an account and one without, at the same domain, are answered alike, and nothing is written."""
    before = database.contents(ALL_TABLES)
    known = send(walk, "dana@acme.example")
    nobody = send(walk, "nobody-at-all@acme.example")
    assert known.status == nobody.status == 303
    assert known.location.replace("dana@", "") == nobody.location.replace("nobody-at-all@", "")
    shown = [walk.browser.follow(page).sentence() for page in (known, nobody)]
    assert shown[0].replace("dana@", "") == shown[1].replace("nobody-at-all@", "")
    assert "You entered dana@acme.example." in shown[0]
    assert database.contents(ALL_TABLES) == before


@pytest.mark.usefixtures("nothing_written")
def test_an_address_of_no_organization_is_told_so(walk: Walk, assert_refused: Callable[..., None]) -> None:
    """What no organization owns is `org.unknown`, with a way back to the page."""
    assert_refused(send(walk, "who@nowhere.example"), "org.unknown", status=404)


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(
    "typed", ["", " dana@acme.example", "dana@", "dänä@acme.example", "a" * 300 + "@acme.example", "<script>"]
)
def test_what_is_no_address_is_asked_for_again(walk: Walk, typed: str) -> None:
    """A typing error loses nothing: the same page again, with what was typed, and a sentence beside the field."""
    page = send(walk, typed, "/o/acme/projects/7")
    assert page.status == 400
    form = page.form(action_ends="/users/sign_in")
    assert (form.field("email"), form.field("return_to")) == (typed[:254], "/o/acme/projects/7")
    assert "not an email address" in page.sentence()
    assert page.tree.get_element_by_id("email").get("aria-invalid") == "true"


@pytest.mark.usefixtures("nothing_written")
def test_only_our_own_page_sends_an_address(pair: Pair, walk: Walk, assert_refused: Callable[..., None]) -> None:
    """Another site cannot send a browser into the flow: neither the email form nor the organization's start is forgeable."""
    form = walk.sign_in_page().form(action_ends="/users/sign_in")
    forged = {"email": "dana@acme.example", "csrf_token": "x"}
    assert_refused(walk.browser.submit(form, forged), "request.forged", status=403, public_code="login.restart")
    page = walk.browser.get(f"{pair.public_url}/o/acme/users/sign_in")
    start = page.form(action_ends="/users/auth/github")
    assert_refused(Browser().submit(start), "request.forged", status=403, public_code="login.restart")
    other = walk.browser.get(f"{pair.public_url}/o/globex/users/sign_in").form(action_ends="/users/auth/github")
    crossed = {"csrf_token": other.field("csrf_token")}
    assert_refused(walk.browser.submit(start, crossed), "request.forged", status=403, public_code="login.restart")


@pytest.mark.usefixtures("nothing_written")
def test_a_callback_counts_once_and_in_its_own_browser(pair: Pair, walk: Walk, assert_refused: Callable[..., None]) -> None:
    """A callback that a stranger's browser brings, and one whose state names another organization, open nothing."""
    page = walk.browser.get(f"{pair.public_url}/o/acme/users/sign_in")
    chosen = walk.choose(walk.browser.submit(page.form(action_ends="/users/auth/github")), "dana")
    assert_refused(Browser().get(chosen.location), "login.state_mismatch", status=400, public_code="login.restart")
    moved = chosen.location.replace("state=o42.", "state=o43.")
    assert moved != chosen.location
    assert_refused(walk.browser.get(moved), "login.state_mismatch", status=400, public_code="login.restart")


def test_the_same_callback_twice_opens_one_session(pair: Pair, walk: Walk, database: Database) -> None:
    """The back button after a sign-in at the organization's page opens no second session."""
    page = walk.browser.get(f"{pair.public_url}/o/acme/users/sign_in")
    chosen = walk.choose(walk.browser.submit(page.form(action_ends="/users/auth/github")), "dana")
    assert walk.browser.follow(chosen).status == 303
    before = database.contents(ALL_TABLES)
    again = walk.browser.follow(chosen)
    assert again.status == 400
    assert database.contents(ALL_TABLES) == before


@pytest.mark.usefixtures("nothing_written")
def test_a_return_path_outside_the_organization_is_dropped(pair: Pair, walk: Walk) -> None:
    """The organization's page leads to its own pages only."""
    for wanted in ("/o/globex/", "//evil.example/", "https://evil.example/"):
        page = walk.browser.get(f"{pair.public_url}/o/acme/users/sign_in?return_to={wanted}&login=<b>")
        form = page.form(action_ends="/users/auth/github")
        assert (form.field("return_to"), form.field("login_hint")) == ("", "")
    sent = walk.browser.follow(send(walk, "dana@acme.example", org_home("globex").path))
    assert sent.form(action_ends="/users/auth/github").field("return_to") == ""


@pytest.mark.usefixtures("only_audit_written")
def test_account_rules_judge_here_too(pair: Pair, walk: Walk, assert_refused: Callable[..., None]) -> None:
    """The organization's own page is no way around its rules: a blocked account stays blocked."""
    page = walk.browser.get(f"{pair.public_url}/o/acme/users/sign_in")
    chosen = walk.choose(walk.browser.submit(page.form(action_ends="/users/auth/github")), "blake")
    assert_refused(walk.browser.follow(chosen), "account.blocked", status=403)
