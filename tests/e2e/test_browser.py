"""A real Chromium signs in through the router: with and without JavaScript, on http and https, on a desk and on a phone."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from bridge.harness.browser import Browser as HttpBrowser
from bridge.harness.pair import Options, Pair
from bridge.harness.personas import FIRST_PROVIDERS
from bridge.harness.tables import Database
from bridge.harness.walk import Walk

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

WANTED = "/o/acme/projects/7?tab=2"
DESK: ViewportSize = {"width": 1100, "height": 760}
PHONE: ViewportSize = {"width": 390, "height": 760}
SMALLEST: ViewportSize = {"width": 320, "height": 640}
IMAGES = Path(__file__).parents[2] / "docs" / "images"


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def context(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh profile, once with JavaScript and once without."""
    made = chromium.new_context(java_script_enabled=request.param, viewport=DESK)
    yield made
    made.close()


def _choose(page: Page, pair: Pair, provider: str, persona: str, path: str = WANTED) -> None:
    """Come for *path*, press the provider's button, and be *persona* there."""
    page.goto(pair.public_url + path)
    page.locator(f"form[action='/users/auth/{provider}'] button").click()
    page.locator(f"button[value='{persona}']").click()


def _arrive(page: Page, scripted: bool) -> None:
    """Cross the bridge: by itself, or by the button where scripts are off."""
    if not scripted:
        page.get_by_role("button", name="Continue").click()
    page.wait_for_selector("form[action$='/users/sign_out']")


def _scripted(context: BrowserContext, request: pytest.FixtureRequest) -> bool:
    return bool(request.node.callspec.params["context"])


@pytest.mark.parametrize("provider", FIRST_PROVIDERS)
@pytest.mark.parametrize("who", ["known", "linked", "new"])
def test_sign_in_lands_where_the_person_wanted(
    pair: Pair,
    database: Database,
    context: BrowserContext,
    request: pytest.FixtureRequest,
    new_person: Callable[[], str],
    known_by_email: Callable[[], str],
    provider: str,
    who: str,
) -> None:
    """A known, a linked and a new person come to the page that they asked for, and exactly what is theirs is written."""
    persona = {"known": lambda: "dana", "linked": known_by_email, "new": new_person}[who]()
    before = _sizes(database)
    page = context.new_page()

    _choose(page, pair, provider, persona)
    _arrive(page, _scripted(context, request))

    assert page.url == pair.public_url + WANTED
    assert "You are signed in to Acme" in page.inner_text("h1")
    added = tuple(after - early for after, early in zip(_sizes(database), before, strict=True))
    assert added == {"known": (0, 0), "linked": (0, 1), "new": (1, 1)}[who]


def _sizes(database: Database) -> tuple[int, int]:
    """Return how many accounts and identities cell 2 has."""
    rows = database.contents(("accounts", "identities"))
    return len(rows["sp-2.accounts"]), len(rows["sp-2.identities"])


def test_session_cookie_and_sign_out(pair: Pair, context: BrowserContext, request: pytest.FixtureRequest) -> None:
    """The cookie is HttpOnly and Lax, without prefix on loopback http; signing out ends the session on the server."""
    page = context.new_page()
    _choose(page, pair, "github", "dana")
    _arrive(page, _scripted(context, request))
    (cookie,) = [cookie for cookie in context.cookies(pair.public_url) if cookie.get("name") == "cb-42"]
    assert (cookie.get("httpOnly"), cookie.get("sameSite"), cookie.get("secure")) == (True, "Lax", False)
    assert (cookie.get("path"), cookie.get("domain")) == ("/", "localhost")
    assert str(cookie.get("value")).startswith("cell-2-")

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_selector("h1:has-text('signed out')")

    assert "cb-42" not in {cookie.get("name") for cookie in context.cookies(pair.public_url)}
    context.add_cookies([cookie])  # type: ignore[list-item]  # what came out goes back in
    assert context.request.get(f"{pair.public_url}/o/acme/-/session").status == 401


def test_https_cookies_are_host_bound(chromium: Browser, tmp_path: Path) -> None:
    """On https every cookie is `__Host-`, Secure, HttpOnly, Lax and host-only, all the way from the button to the session."""
    with Pair(tmp_path, Options(https=True, workers=1)) as pair:
        context = chromium.new_context(ignore_https_errors=True)
        page = context.new_page()
        _choose(page, pair, "google_oauth2", "dana")
        _arrive(page, scripted=True)
        assert page.url == pair.public_url + WANTED
        ours = [cookie for cookie in context.cookies(pair.public_url) if "cb-" in str(cookie.get("name"))]
        assert {cookie.get("name") for cookie in ours} == {"__Host-cb-binding", "__Host-cb-42"}
        for cookie in ours:
            assert (cookie.get("secure"), cookie.get("httpOnly"), cookie.get("sameSite")) == (True, True, "Lax")
            assert (cookie.get("path"), cookie.get("domain")) == ("/", "localhost")
        answer = context.request.get(f"{pair.public_url}/users/sign_in")
        assert "max-age=" in answer.headers["strict-transport-security"]
        context.close()


def test_attackers_page_cannot_post_its_own_response(pair: Pair, chromium: Browser, mint_page: Callable[[], str]) -> None:
    """A real browser that is lured into posting the attacker's fresh response from another site opens no session."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{pair.public_url}/users/sign_in")
    page.goto("about:blank")
    page.set_content(mint_page())
    page.locator("button").click()
    page.wait_for_url(f"{pair.public_url}/**")
    assert "This sign-in was started in another browser." in page.inner_text("h1")
    assert "cb-42" not in {cookie.get("name") for cookie in context.cookies(pair.public_url)}
    context.close()


@pytest.fixture
def mint_page(pair: Pair) -> Callable[[], str]:
    """A page of another site that posts the attacker's own unused response."""

    def page() -> str:
        form = Walk(pair.public_url, HttpBrowser()).response_form("github", "dana")
        value = form.field("SAMLResponse")
        return f"<form method=post action='{form.action}'><input name=SAMLResponse value='{value}'><button>win</button></form>"

    return page


def _sign_in_page(page: Page, pair: Pair) -> None:
    page.goto(f"{pair.public_url}/users/sign_in")


def _landing(page: Page, pair: Pair) -> None:
    _choose(page, pair, "google_oauth2", "dana")
    _arrive(page, scripted=True)


def _unknown_org(page: Page, pair: Pair) -> None:
    _choose(page, pair, "github", "nora")
    page.wait_for_selector("code.reference")


def _email_unverified(page: Page, pair: Pair) -> None:
    _choose(page, pair, "gitlab", "uma")
    page.wait_for_selector("code.reference")


SHOWN = {
    "sign-in": _sign_in_page,
    "landing": _landing,
    "error-unknown-org": _unknown_org,
    "error-email-unverified": _email_unverified,
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["desk", "phone", "smallest"])
@pytest.mark.parametrize("name", SHOWN)
def test_pages_are_accessible_and_fit(
    pair: Pair, chromium: Browser, tmp_path: Path, name: str, width: str, scheme: str
) -> None:
    """No axe violation, `lang` is said, and nothing needs a sideways scroll, on a desk, a phone and 320 px, light and dark.

    With CELLBRIDGE_SCREENSHOTS=1 the light pictures go to docs/images.
    """
    viewport = {"desk": DESK, "phone": PHONE, "smallest": SMALLEST}[width]
    context = chromium.new_context(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()

    SHOWN[name](page, pair)

    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.get_attribute("html", "lang") == "en"
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    to_docs = bool(os.environ.get("CELLBRIDGE_SCREENSHOTS")) and scheme == "light" and width != "smallest"
    target = (IMAGES if to_docs else tmp_path) / f"{name}{'-phone' if width == 'phone' else ''}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    assert target.stat().st_size > 5000
    context.close()


def test_keyboard_alone_signs_in(pair: Pair, chromium: Browser) -> None:
    """Tab and Enter are enough to come from the sign-in page to the landing page."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{pair.public_url}/users/sign_in")

    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        pytest.fail(f"{selector} cannot be reached with the Tab key")

    tab_to("form[action='/users/auth/github'] button")
    page.keyboard.press("Enter")
    page.wait_for_selector("button[value='dana']")
    tab_to("button[value='dana']")
    page.keyboard.press("Enter")
    page.wait_for_selector("form[action$='/users/sign_out']")
    context.close()


def test_database_is_untouched_by_looking(pair: Pair, database: Database, chromium: Browser) -> None:
    """Opening the sign-in page and an error page writes no row anywhere."""
    before = database.contents()
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{pair.public_url}/users/sign_in")
    page.goto(f"{pair.public_url}/users/auth/github/callback?error=access_denied")
    page.wait_for_selector("code.reference")
    context.close()
    assert database.contents() == before
