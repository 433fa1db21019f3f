"""The pages in a real Chromium: accessible, inside their own policy, on a phone, in the dark, with and without JavaScript."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, redirect, request
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from bridge.errors import AccountIdentityConflict, HandoffSignature, ProviderEmailMissing
from bridge.handoff import ReturnPath
from bridge.sections import Service
from bridge.web import headers, pages
from bridge.web.app import create_app
from bridge.web.messages import Labels

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LONG = "A Company With a Remarkably Long Name GmbH & Co. Kommanditgesellschaft auf Aktien"
BUTTONS = [
    pages.ProviderButton(label=label, kind=kind, start_path=f"/users/auth/{kind}")
    for label, kind in (("Google", "google_oauth2"), ("GitHub", "github"), (LONG, "openid_connect"), ("Other", "unknown"))
]


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


def refused(error: Exception) -> Any:
    """Return a view that refuses with *error*."""

    def view() -> str:
        raise error

    return view


def confirm(*, who: str, signed_in_as: str | None) -> Any:
    """Return the question about *who*, over the session of *signed_in_as*."""
    return pages.confirm(
        question=pages.Question(who=who, org_name=LONG, provider_label="Google", signed_in_as=signed_in_as, seconds=85),
        answer_path="/acs",
        cancel_path="/arrived",
        saml_response="PHhtbC8+",
        leaving="",
        csrf_token="t",
    )


def cell() -> Flask:
    """Build an application that shows every page, each at its name."""
    service = Service.model_validate(
        {"public_url": "http://127.0.0.1:8080", "database_url": "sqlite:////nowhere/x.db", "secret_files": ("x",)}
    )
    labels = Labels(providers={"github": "GitHub"}, orgs={"acme": LONG})
    app = create_app("idp", service=service, ready={}, labels=labels, random_bytes=os.urandom)
    targets = headers.provider_targets(service)
    email = pages.EmailForm(action="/users/sign_in", csrf_token="t", value="dana@", problem="This is not an email address.")
    person = pages.Person(
        name="Dana Whitfield",
        email="dana.whitfield.with.a.long.address@department.acme.example",
        org_name=LONG,
        provider_label="Google",
        session_ends=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )
    views: dict[str, Any] = {
        "sign_in": lambda: pages.sign_in(
            buttons=BUTTONS, csrf_token="t", return_to=ReturnPath("/o/acme/projects/7?tab=2"), form_targets=targets
        ),
        "org_sign_in": lambda: pages.sign_in(
            buttons=BUTTONS, csrf_token="t", return_to=None, form_targets=targets, org_name=LONG, email_form=email
        ),
        "landing": lambda: pages.landing(person=person, sign_out_path="/out", csrf_token="t", asked_for="/o/acme/" + "x" * 200),
        "confirm": lambda: confirm(who=person.email, signed_in_as=None),
        "confirm_leaving": lambda: confirm(who="100200300400500600", signed_in_as=person.email),
        "signed_out": lambda: pages.signed_out(org_name=LONG, sign_in_path="/users/sign_in"),
        "rejected": refused(HandoffSignature()),
        "conflict": refused(AccountIdentityConflict(org="acme", provider="github", rule=4)),
        "no_email": refused(ProviderEmailMissing(provider="github")),
        "internal": refused(ValueError("x")),
        "post": lambda: pages.handoff(
            acs_url=f"{request.host_url}acs", saml_response="PHhtbC8+", relay_state="/o/acme/", org_name="Acme"
        ),
    }
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view)
    app.add_url_rule("/acs", "acs", lambda: dict(request.form), methods=["POST"])
    app.add_url_rule("/arrived", "arrived", lambda: "arrived")
    return app


STANDING = [
    "sign_in",
    "org_sign_in",
    "landing",
    "confirm",
    "confirm_leaving",
    "signed_out",
    "rejected",
    "conflict",
    "no_email",
    "internal",
]


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", STANDING)
def test_axe_finds_nothing_and_nothing_is_blocked(browser: Browser, address: str, name: str, scheme: Any) -> None:
    """Every page, light and dark, passes axe, breaks no rule of its own policy, and fits a width of 320 pixels."""
    page = browser.new_page(color_scheme=scheme, viewport={"width": 320, "height": 640})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{address}/{name}")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert [text for text in said if "Failed to load resource" not in text] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in ground[4:-1].split(",")) > 384) == (scheme == "light"), ground
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
