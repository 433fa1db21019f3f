"""Linking and unlinking in a real Chromium, with the keyboard alone, with and without JavaScript, on a desk and at 320 px."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from bridge.harness.pair import Pair
from bridge.harness.tables import ALL_TABLES, Database

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

PAGE = "/o/acme/-/identities"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
UNLINK_GITHUB = "form[action$='/unlink/github'] button"


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def context(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh profile, once with JavaScript and once without."""
    made = chromium.new_context(java_script_enabled=request.param, viewport={"width": 1100, "height": 900})
    yield made
    made.close()


def press(page: Page, selector: str) -> None:
    """Go there with the Tab key, and press Enter."""
    page.wait_for_selector(selector)
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            page.keyboard.press("Enter")
            return
    pytest.fail(f"{selector} cannot be reached with the Tab key")


def sign_in(page: Page, pair: Pair, person: str) -> None:
    """Sign in at the organization's own page with Google, and open the page of the ways in."""
    page.goto(f"{pair.public_url}/o/acme/users/sign_in")
    press(page, "form[action$='/users/auth/google_oauth2'] button")
    press(page, f"button[value='{person}']")
    page.wait_for_selector("form[action$='/users/sign_out']")
    page.goto(pair.public_url + PAGE)


def linked(page: Page) -> list[str]:
    """Return the providers that the page shows as linked."""
    return page.locator("ul.lines").first.locator("strong").all_inner_texts()


def test_link_and_unlink(pair: Pair, database: Database, context: BrowserContext, new_person: Callable[[], str]) -> None:
    """To the provider, the question, a yes, the list; and back: every step by Tab and Enter, none without a question."""
    person = new_person()
    page = context.new_page()
    sign_in(page, pair, person)
    assert linked(page) == ["Google"]
    press(page, "form[action$='/link/github'] button")
    before = database.contents(ALL_TABLES)
    press(page, f"button[value='{person}']")
    page.wait_for_selector("form[action$='/confirm']")
    assert "Link this GitHub account?" in page.inner_text("h1")
    assert database.contents(ALL_TABLES) == before
    press(page, "form[action$='/confirm'] button")
    page.wait_for_selector(UNLINK_GITHUB)
    assert linked(page) == ["GitHub", "Google"]
    press(page, UNLINK_GITHUB)
    page.wait_for_selector(UNLINK_GITHUB, state="detached")
    assert linked(page) == ["Google"]
    assert page.locator("form[action*='/unlink/']").count() == 0  # the last way in stays


def test_cancel_links_nothing(pair: Pair, database: Database, context: BrowserContext, new_person: Callable[[], str]) -> None:
    """Who says no to the question is where they were."""
    person = new_person()
    page = context.new_page()
    sign_in(page, pair, person)
    press(page, "form[action$='/link/github'] button")
    before = database.contents(ALL_TABLES)
    press(page, f"button[value='{person}']")
    press(page, f"a.button[href='{PAGE}']")
    page.wait_for_selector("form[action$='/link/github']")
    assert linked(page) == ["Google"]
    assert database.contents(ALL_TABLES) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 390, 320])
def test_the_page_is_sound(
    pair: Pair, chromium: Browser, new_person: Callable[[], str], tmp_path: Path, width: int, scheme: str
) -> None:
    """No axe violation and no sideways scroll; with CELLBRIDGE_SCREENSHOTS=1 the light pictures go to docs/images."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, pair, new_person())
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    to_docs = bool(os.environ.get("CELLBRIDGE_SCREENSHOTS")) and scheme == "light" and width != 320
    target = (IMAGES if to_docs else tmp_path) / f"identities{'-phone' if width == 390 else ''}.png"
    page.screenshot(path=target)
    assert target.stat().st_size > 5000
    context.close()
