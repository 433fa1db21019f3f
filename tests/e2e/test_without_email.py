"""AliCloud and DingTalk vouch for no address: in by the organization's own page or by linking, from then on everywhere."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from bridge.harness.browser import Browser as HttpBrowser
from bridge.harness.pair import Pair
from bridge.harness.processes import wait_until
from bridge.harness.tables import Database
from bridge.harness.walk import Walk

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


@pytest.fixture
def open_page(chromium: Browser) -> Callable[[], Page]:
    """Opens a page in a fresh profile."""
    return lambda: chromium.new_context().new_page()


@pytest.mark.parametrize("provider", ["alicloud", "dingtalk"])
def test_first_sign_in_at_the_organization_second_at_the_global_page(
    pair: Pair, database: Database, open_page: Callable[[], Page], new_person: Callable[[], str], provider: str
) -> None:
    """The first sign-in makes an account without an address; once the topology knows, the global page finds the same one."""
    person = new_person()
    page = open_page()
    page.goto(f"{pair.public_url}/users/sign_in")
    page.get_by_label("email").fill(f"{person}@acme.example")
    page.get_by_role("button", name="Continue with email").click()
    page.wait_for_url("**/o/acme/users/sign_in?**")
    page.locator(f"form[action$='/users/auth/{provider}'] button").click()
    page.locator(f"button[value='{person}']").click()
    page.wait_for_selector("form[action$='/users/sign_out']")
    assert "You are signed in to Acme" in page.inner_text("h1")
    assert page.get_by_text("@", exact=False).count() == 0  # nobody vouched for the address, so nobody has it
    (row,) = database.rows("sp-2", "SELECT id, email, email_confirmed, state FROM accounts ORDER BY id DESC LIMIT 1")
    assert row[1:] == ("", 0, "active")
    (uid,) = database.rows("sp-2", "SELECT extern_uid FROM identities WHERE account_id = ?", row[0])[0]
    wait_until(
        lambda: bool(database.rows("topology", "SELECT 1 FROM claims WHERE value = ?", f"{provider}:{uid}")),
        seconds=30,
        what="the claim",
    )

    again = open_page()
    again.goto(f"{pair.public_url}/users/sign_in")
    again.locator(f"form[action='/users/auth/{provider}'] button").click()
    again.locator(f"button[value='{person}']").click()
    again.wait_for_selector("form[action$='/users/sign_out']")

    assert database.rows("sp-2", "SELECT id, email, email_confirmed, state FROM accounts ORDER BY id DESC LIMIT 1") == [row]


@pytest.mark.parametrize("provider", ["alicloud", "dingtalk"])
def test_who_has_an_account_links_and_comes_by_the_global_page(
    pair: Pair, new_person: Callable[[], str], provider: str
) -> None:
    """From the global page nobody gets a second account; linked on the identities page, the provider opens the first one."""
    person = new_person()
    walk = Walk(pair.public_url, HttpBrowser())
    assert walk.sign_in("google_oauth2", person).status == 200
    stranger = Walk(pair.public_url, HttpBrowser())
    assert stranger.sign_in(provider, person).status == 403
    page = walk.browser.get(f"{pair.public_url}/o/acme/-/identities")
    asked = walk.browser.follow(walk.choose(walk.browser.submit(page.form(action_ends=f"/link/{provider}")), person))
    assert walk.browser.submit(asked.form(action_ends="/confirm")).status == 303

    def arrives() -> bool:
        return "Sign out" in Walk(pair.public_url, HttpBrowser()).sign_in(provider, person).sentence()

    wait_until(arrives, seconds=30, what="the global page's knowledge")


def test_two_organizations_side_by_side(pair: Pair, open_page: Callable[[], Page]) -> None:
    """Sessions at two organizations on two cells live in one browser at once, each under its own path."""
    page = open_page()
    for org, person in (("acme", "dana"), ("initech", "ingrid")):
        page.goto(f"{pair.public_url}/o/{org}/")
        page.locator("form[action='/users/auth/github'] button").click()
        page.locator(f"button[value='{person}']").click()
        page.wait_for_selector("form[action$='/users/sign_out']")
    names = {cookie.get("name") for cookie in page.context.cookies(pair.public_url)}
    assert {"cb-42", "cb-77"} <= names
    for org, name in (("acme", "Acme"), ("initech", "Initech"), ("acme", "Acme")):
        page.goto(f"{pair.public_url}/o/{org}/")
        assert f"You are signed in to {name}" in page.inner_text("h1")


def test_a_response_asks_before_it_replaces_somebody(
    pair: Pair, database: Database, open_page: Callable[[], Page], new_person: Callable[[], str]
) -> None:
    """An open session is not taken away, and nothing is linked into it: the page names both, and only a yes changes hands."""
    first, second = new_person(), new_person()
    page = open_page()

    def sign_in_at_global_page(person: str) -> None:
        page.goto(f"{pair.public_url}/users/sign_in")
        page.locator("form[action='/users/auth/github'] button").click()
        page.locator(f"button[value='{person}']").click()

    sign_in_at_global_page(first)
    page.wait_for_selector("form[action$='/users/sign_out']")
    before = database.contents()
    sign_in_at_global_page(second)
    page.wait_for_selector("form[action$='/confirm']")
    assert f"{first}@acme.example" in page.inner_text("main")
    assert f"{second}@acme.example" in page.inner_text("h1").replace("\n", "")
    assert database.contents() == before
    page.goto(f"{pair.public_url}/o/acme/")
    assert f"{first}@" in page.inner_text("main").replace("\n", "")
    sign_in_at_global_page(second)
    page.wait_for_selector("form[action$='/confirm']")
    page.get_by_role("button", name="Continue", exact=True).click()
    page.wait_for_selector("form[action$='/users/sign_out']")
    assert f"{second}@" in page.inner_text("main").replace("\n", "")
