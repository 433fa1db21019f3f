"""The inspector as a page, in a real Chromium and over the wire: paste, drop, keyboard, no script, nothing kept."""

import base64
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from bridge.inspect.untrusted import nobodys_question
from bridge.inspect.web import BY_ITSELF, Server, asking, create_app
from tests.inspect.judged import vector
from tests.vectors.judges import Bench
from tests.vectors.world import AT, SECRET

pytestmark = pytest.mark.browser
DESK: ViewportSize = {"width": 1200, "height": 1100}
PHONE: ViewportSize = {"width": 390, "height": 900}
SMALLEST: ViewportSize = {"width": 320, "height": 640}
IMAGES = Path(__file__).parents[2] / "docs" / "images"
ARGUMENTS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The inspector on a free port of loopback, as Acme's endpoint of the corpus, at the corpus's time."""
    question = Bench().question(vector("as-minted"))
    app = create_app({"acme": asking(question), BY_ITSELF: asking(nobodys_question(AT))}, clock=lambda: AT)
    server = Server(app, 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server.url
    server.stop()
    thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, url: str) -> Iterator[Page]:
    """The page in a fresh profile, which fails the test if it asks anything but the inspector."""
    context = chromium.new_context(viewport=DESK)
    opened = context.new_page()
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(url)
    yield opened
    context.close()
    assert [address for address in asked if not address.startswith((url, "data:"))] == []


def har(size: int) -> bytes:
    """Return a HAR file of about *size* bytes with one posted response between other requests."""
    body = urlencode({"SAMLResponse": base64.b64encode(vector("audience-other").raw).decode(), "RelayState": "/o/acme/"})
    filling = {"request": {"url": "https://a.example/"}, "response": {"content": {"text": "x" * 100_000}}}
    entries = [filling] * (size // 100_000)
    entries.insert(len(entries) // 2, {"request": {"postData": {"text": body}}})
    return json.dumps({"log": {"entries": entries}}).encode()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_pasting_a_document_shows_the_verdict_and_marks_the_node(chromium: Browser, url: str, *, script: bool) -> None:
    """Paste, press the button: the check that failed, and the very element under its line and column; also without scripts."""
    context = chromium.new_context(java_script_enabled=script)
    page = context.new_page()
    page.goto(url)
    page.get_by_label("Paste a SAML response").fill(vector("audience-other").raw.decode())
    page.get_by_role("button", name="Inspect").click()
    assert page.inner_text(".verdict h2") == "Refused: Audience is this organization"
    marked = page.locator(".xml .marked")
    assert marked.count() == 1
    assert marked.locator(".at").inner_text() == "35:9"
    assert "https://evil.example/saml/metadata" in marked.inner_text()
    assert page.inner_text("h1")
    context.close()


def test_a_check_links_to_what_the_docs_say_of_it(page: Page) -> None:
    """From the row of a check to its section, with its codes, its rule and what to do."""
    page.get_by_label("Paste a SAML response").fill(base64.b64encode(vector("time-expired").raw).decode())
    page.get_by_role("button", name="Inspect").click()
    page.get_by_role("link", name="12 Valid now, and not for long").click()
    assert page.url.endswith("/checks#check-12")
    assert "handoff.not_yet_valid" in page.inner_text("#check-12")
    assert "Compare the clocks" in page.inner_text("#check-12")


def test_dropping_a_har_of_five_megabytes_answers_within_two_seconds(page: Page) -> None:
    """A file is dropped anywhere on the page and inspected by itself, from the drop to the verdict in two seconds."""
    content = har(5_000_000)
    assert len(content) > 5_000_000
    drop = """() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([window.content], "sign-in.har"));
        document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
    }"""
    page.evaluate("content => { window.content = content }", content.decode())  # as if it were on the desk
    began = time.monotonic()
    page.evaluate(drop)
    page.wait_for_selector(".verdict.refused")
    assert time.monotonic() - began < 2
    assert "from a HAR file" in page.inner_text("main")
    assert page.inner_text(".verdict h2") == "Refused: Audience is this organization"


def test_dropped_text_is_inspected_as_well(page: Page) -> None:
    """What is dragged out of another window is a document, too."""
    page.evaluate(
        """text => {
        const transfer = new DataTransfer();
        transfer.setData("text", text);
        document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
    }""",
        base64.b64encode(vector("as-minted").raw).decode(),
    )
    page.wait_for_selector(".verdict.accepted")


def test_the_keyboard_is_enough(page: Page) -> None:
    """Tab to the field, type, tab to the button, Enter; then every table and listing can be reached and scrolled."""

    def tab_to(selector: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        pytest.fail(f"{selector} cannot be reached with the Tab key")

    tab_to("#text")
    page.keyboard.insert_text(base64.b64encode(vector("audience-other").raw).decode())
    tab_to("form button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".verdict.refused")
    tab_to("td a")
    tab_to(".xml")
    tab_to("summary")


def test_a_choice_of_endpoint_time_and_cookie_counts(page: Page) -> None:
    """Judged by nobody it is not verified, later it is expired, and with the browser's cookie check 16 is passed."""
    text = base64.b64encode(vector("as-minted").raw).decode()

    def inspected(**fields: str) -> str:
        page.fill("#text", text)
        page.select_option("#endpoint", fields.get("endpoint", "acme"))
        page.fill("#at", fields.get("at", ""))
        page.fill("#binding", fields.get("binding", ""))
        page.get_by_role("button", name="Inspect").click()
        page.wait_for_selector(".verdict")
        return page.inner_text("main")

    assert "Not verified against a trusted key" in inspected(endpoint="")
    assert "handoff.expired" in inspected(at="2026-07-01T12:10:00Z")
    assert "no binding secret was given" in inspected()
    assert "no binding secret was given" not in inspected(binding=SECRET)
    assert "is no time such as" in inspected(at="tomorrow")


HOSTILE = "<script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">"


@pytest.mark.parametrize("where", ["attribute value", "name of an attribute", "no XML at all", "name of a file"])
def test_script_in_a_document_is_text(page: Page, where: str) -> None:
    """Whatever a document holds is shown and never run."""
    escaped = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    raw = vector("as-minted").raw.decode()
    texts = {
        "attribute value": raw.replace("Dana Hill", escaped),
        "name of an attribute": raw.replace('Name="name"', f'Name="{escaped}"'),
        "no XML at all": f"<a>{HOSTILE}",
        "name of a file": raw,
    }
    if where == "name of a file":
        page.set_input_files("#file", {"name": HOSTILE, "mimeType": "text/plain", "buffer": raw.encode()})
    else:
        page.fill("#text", texts[where])
    page.get_by_role("button", name="Inspect").click()
    page.wait_for_selector(".verdict")
    assert "inspector" in page.title()
    assert page.locator("main img, main script").count() == 0
    if where != "name of a file":
        assert "document.title = 'run'" in page.inner_text("main")


def test_an_upload_is_written_nowhere_and_nothing_is_kept(url: str) -> None:
    """A large upload opens no file; the next visitor sees an empty page; nothing may be kept by a cache."""
    opened: list[str] = []
    watching = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            opened.append(str(arguments[0]))

    sys.addaudithook(hook)
    answer = requests.post(url, files={"file": ("a.har", har(3_000_000))}, data={"text": ""}, timeout=30)
    watching = False
    assert "Refused: Audience" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert opened == []
    assert "evil.example" not in requests.get(url, timeout=30).text


def test_only_this_machine_is_answered_and_only_its_own_page(url: str) -> None:
    """A foreign name that leads here, and a form of another site, are refused; the page may load and send nothing."""
    assert url.startswith("http://127.0.0.1:")
    assert requests.get(url, headers={"Host": "inspector.evil.example"}, timeout=30).status_code == 400
    assert requests.post(url, headers={"Sec-Fetch-Site": "cross-site"}, data={"text": "<a/>"}, timeout=30).status_code == 403
    assert requests.post(url, headers={"Origin": "https://evil.example"}, data={"text": "<a/>"}, timeout=30).status_code == 403
    assert requests.get(f"{url}etc/passwd", timeout=30).status_code == 404
    answer = requests.get(url, timeout=30)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "form-action 'self'; frame-ancestors 'none'; base-uri 'none'" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


def test_a_body_beyond_the_cap_is_refused(url: str) -> None:
    """Fifty megabytes are read, and what is larger is refused before it is."""
    answer = requests.post(
        url, headers={"Content-Length": "60000000", "Content-Type": "multipart/form-data; boundary=x"}, timeout=30
    )
    assert answer.status_code == 413


def _empty(page: Page) -> None:
    page.wait_for_selector("#text")


def _refused(page: Page) -> None:
    page.fill("#text", vector("audience-other").raw.decode())
    page.get_by_role("button", name="Inspect").click()
    page.wait_for_selector(".verdict.refused")


def _accepted(page: Page) -> None:
    page.fill("#text", vector("as-minted").raw.decode())
    page.fill("#binding", SECRET)
    page.get_by_role("button", name="Inspect").click()
    page.wait_for_selector(".verdict.accepted")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")


def _checks(page: Page) -> None:
    page.goto(f"{page.url}checks")


SHOWN = {"inspector": _empty, "inspector-refused": _refused, "inspector-accepted": _accepted, "inspector-checks": _checks}


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("inspector", "desk", "light"),
        ("inspector", "smallest", "dark"),
        ("inspector-refused", "desk", "light"),
        ("inspector-refused", "phone", "dark"),
        ("inspector-accepted", "smallest", "light"),
        ("inspector-checks", "phone", "dark"),
    ],
)
def test_the_page_is_accessible_and_fits(
    chromium: Browser, url: str, tmp_path: Path, name: str, width: str, scheme: str
) -> None:
    """No axe violation, and nothing but a table or a listing needs a sideways scroll.

    With CELLBRIDGE_SCREENSHOTS=1 the pictures of a desk go to docs/images.
    """
    viewport = {"desk": DESK, "phone": PHONE, "smallest": SMALLEST}[width]
    context = chromium.new_context(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    SHOWN[name](page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    to_docs = bool(os.environ.get("CELLBRIDGE_SCREENSHOTS")) and (width, scheme) == ("desk", "light")
    target = (IMAGES if to_docs else tmp_path) / f"{name}.png"
    page.evaluate("document.querySelector('.marked')?.scrollIntoView({block: 'center'})")
    page.screenshot(path=target)
    assert target.stat().st_size > 5000
    context.close()
