"""The pages in a real Chromium: accessible, inside their own policy, on a phone, in the dark, with and without JavaScript."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, redirect
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from tests.web.every_page import BUTTONS, STANDING, cell

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve *app* on a free port of this machine; give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    if CHROMIUM is None:
        pytest.skip("CHROMIUM IS MISSING: install it (apt-get install chromium), nothing about pages is tested without it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of the application with every page."""
    with serving(cell()) as served:
        yield served


@pytest.mark.parametrize(("locale", "scheme"), [("en-US", "light"), ("de-DE", "dark"), ("zh-CN", "light")])
@pytest.mark.parametrize("name", STANDING)
def test_axe_finds_nothing_and_nothing_is_blocked(browser: Browser, address: str, name: str, locale: str, scheme: Any) -> None:
    """Every page passes axe, breaks no rule of its own policy, and fits 320 pixels: in each language, light and dark.

    What can be unfolded is unfolded.
    """
    page = browser.new_page(locale=locale, color_scheme=scheme, viewport={"width": 320, "height": 640})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{address}/{name}")
    for summary in page.locator("summary").all():
        summary.click()
    assert str(page.locator("html").get_attribute("lang")).partition("-")[0] == locale.partition("-")[0]
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert [text for text in said if "Failed to load resource" not in text] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in ground[4:-1].split(",")) > 384) == (scheme == "light"), ground
    page.close()


def test_the_language_is_switched_by_keyboard_and_stays(browser: Browser, address: str) -> None:
    """Behind the last button Tab reaches the languages; Enter shows the same page in one, and so do the pages that follow."""
    context = browser.new_context(locale="en-US", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/sign_in?return_to=%2Fo%2Facme%2F")
    for _ in range(len(BUTTONS) + 2):
        page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Deutsch"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Anmelden").wait_for()
    assert page.url == f"{address}/sign_in?return_to=%2Fo%2Facme%2F"
    assert page.locator("[aria-current]").inner_text() == "Deutsch"
    page.goto(f"{address}/landing")
    assert page.locator("html").get_attribute("lang") == "de"
    context.close()


def test_a_refusal_is_read_in_another_language_by_keyboard(browser: Browser, address: str) -> None:
    """Without a new request, which could not bring the refusal back; the way on leads there in that language."""
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(f"{address}/conflict")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Von vorn beginnen"
    reference = page.locator(".reference").inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "简体中文"
    page.keyboard.press("Enter")
    page.get_by_text("这里关联的是GitHub的另一个账号。").wait_for()
    assert page.locator(".reference").inner_text() == reference
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "重新开始"
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/users/sign_in")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    context.close()


def test_what_was_typed_comes_along_when_the_language_is_switched(browser: Browser, address: str) -> None:
    """The switch beside a form is a button of that form, even while its field is not valid; Enter stays the form's own."""
    page = browser.new_page(locale="de-DE")
    page.goto(f"{address}/org_sign_in")
    page.get_by_label("E-Mail").fill("dana")
    with page.expect_request("**/org_sign_in*") as switching:
        page.get_by_role("button", name="简体中文").click()
    assert switching.value.url.endswith("/org_sign_in?language=zh")
    assert "email=dana" in str(switching.value.post_data)
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.get_by_label("工作邮箱").fill("dana@acme.example")
    with page.expect_request("**/org_sign_in*") as entering:
        page.keyboard.press("Enter")
    assert entering.value.url.endswith("/org_sign_in")
    page.close()


def test_the_question_can_be_asked_in_another_language(browser: Browser, address: str) -> None:
    """The switch sends the whole question again, marked as a switch, and not its answer."""
    page = browser.new_page(locale="de-DE")
    page.goto(f"{address}/confirm")
    with page.expect_request("**/acs*") as switching:
        page.get_by_role("button", name="English").click()
    assert switching.value.url.endswith("/acs?language=en")
    assert "SAMLResponse=PHhtbC8%2B" in str(switching.value.post_data)
    page.close()


def test_every_way_in_is_reached_by_keyboard_and_seen(browser: Browser, address: str) -> None:
    """Tab reaches every button, and the focus is visible on it."""
    page = browser.new_page()
    page.goto(f"{address}/sign_in")
    for button in BUTTONS:
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.inner_text() == f"Continue with {button.label}"
        assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.close()


def test_the_posting_page_posts_itself(browser: Browser, address: str) -> None:
    """With JavaScript the handoff is posted without a click, fields unchanged, and its script is the one of the policy."""
    page = browser.new_page()
    page.goto(f"{address}/post")
    page.wait_for_url("**/acs")
    assert '"SAMLResponse":"PHhtbC8+"' in page.content()
    assert '"RelayState":"/o/acme/"' in page.content()
    page.close()


def test_the_posting_page_has_a_button_without_javascript(browser: Browser, address: str) -> None:
    """Without JavaScript the page stands, passes axe's eye by its markup, and its one button posts."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/post")
    assert page.url.endswith("/post")
    assert page.locator("h1").inner_text() == "Taking you to Acme"
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/acs")
    assert '"SAMLResponse":"PHhtbC8+"' in page.content()
    context.close()


def test_the_question_waits_for_a_press_that_was_meant_for_it(browser: Browser, address: str) -> None:
    """Nothing is posted by itself; the button takes no pointer at first, then a press posts the fields unchanged."""
    page = browser.new_page()
    page.goto(f"{address}/confirm")
    assert page.locator("script").count() == 0
    button = page.get_by_role("button", name="Continue")
    frames = "element => element.getAnimations().flatMap(one => one.effect.getKeyframes().map(frame => frame.pointerEvents))"
    assert "none" in button.evaluate(frames)
    assert page.url.endswith("/confirm")
    button.click()
    page.wait_for_url("**/acs")
    assert '"SAMLResponse":"PHhtbC8+"' in page.content()
    page.close()


def test_the_question_can_be_left_by_keyboard(browser: Browser, address: str) -> None:
    """Nothing is focused beforehand, so that no Enter meant for another page says yes; Tab goes to yes, then to no."""
    page = browser.new_page()
    page.goto(f"{address}/confirm_leaving")
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Continue"
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Cancel"
    page.keyboard.press("Enter")
    page.wait_for_url("**/arrived")
    page.close()


def test_a_sign_in_may_lead_over_several_hosts(browser: Browser) -> None:
    """A provider that passes the browser on to a host that only it knows is not stopped by the policy of our page."""
    app, provider, inner = cell(), Flask("provider"), Flask("inner")
    with serving(app) as ours, serving(provider) as theirs, serving(inner) as hidden:
        app.add_url_rule("/users/auth/github", "start", lambda: redirect(f"{theirs}/authorize", 303), methods=["POST"])
        provider.add_url_rule("/authorize", "authorize", lambda: redirect(f"{hidden}/login", 302))
        inner.add_url_rule("/login", "login", lambda: redirect(f"{ours}/arrived", 302))
        page = browser.new_page()
        page.goto(f"{ours}/sign_in")
        page.get_by_role("button", name="GitHub").click()
        page.wait_for_url(f"{ours}/arrived")
        page.close()
