"""What the router itself says when no cell answers: to a person, to a program, and in its log under the same reference."""

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from lxml import html
from playwright.sync_api import Browser, sync_playwright

from bridge.errors import BridgeError, CellUnavailable, NotFound, RequestMalformed, RequestTooLarge
from bridge.harness.processes import wait_until
from bridge.web.headers import STYLE, inline_block
from bridge.web.language import LANGUAGES, Language
from bridge.web.messages import gettext
from tests.topology.running_router import Answer, Router, needs_caddy
from tests.web.spoken import not_in_the_catalogue

pytestmark = [pytest.mark.e2e, needs_caddy]
TOO_LARGE = b"x" * 1_100_000
CASES: list[tuple[str, bytes | None, type[BridgeError]]] = [
    ("/o/initech/?code=SECRETVALUE", None, CellUnavailable),
    ("/-/healthz?code=SECRETVALUE", None, NotFound),
    ("/o/acme/", TOO_LARGE, RequestTooLarge),
    (f"/o/acme/?{'x' * 17_000}", None, RequestMalformed),
]
each_case = pytest.mark.parametrize(("path", "body", "refusal"), CASES, ids=[case[2].code for case in CASES])


def ask(router: Router, path: str, body: bytes | None, accept: str, languages: str = "en") -> Answer:
    """Ask the router for *path*, by POST where there is a body."""
    headers = {"Accept": accept, "Accept-Language": languages}
    return router.ask(path, method="POST" if body else "GET", body=body, headers=headers)


def logged(router: Router, reference: str) -> None:
    """Return once the router's log has exactly one line of *reference*, without a query."""

    def lines() -> list[str]:
        return [line for line in router.caddy.log.read_text("utf-8").splitlines() if f'"err_id":"{reference}"' in line]

    wait_until(lambda: len(lines()) == 1, seconds=5, what=f"{reference} in the router's log")
    assert "SECRETVALUE" not in lines()[0]


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda one: one.code)
@each_case
def test_a_person_reads_what_happened_with_a_code_and_a_reference(
    router: Router, path: str, body: bytes | None, refusal: type[BridgeError], language: Language
) -> None:
    """The sentences are those of the cells, nothing of the request is repeated, and the reference leads into the log."""
    answer = ask(router, path, body, "text/html,application/xhtml+xml,*/*;q=0.8", language.code)
    page = html.document_fromstring(answer.body)
    assert page.get("lang") == answer.headers["content-language"] == language.tag
    assert not_in_the_catalogue(answer.body.decode(), set()) == []
    assert answer.status == refusal.status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert [page.findtext(".//h1"), page.findtext(".//p"), page.findtext(".//title")] == [
        gettext(refusal.sentence, language),
        gettext(refusal.next_step, language),
        gettext(refusal.sentence, language),
    ]
    code, reference = [str(found.text) for found in page.iter("code")]
    assert code == refusal.public_code
    assert b"SECRETVALUE" not in answer.body
    logged(router, reference)


@pytest.mark.parametrize(
    ("languages", "cookie", "tag"),
    [
        (None, "", "en"),
        ("fr, de-AT;q=0.8, en;q=0.5", "", "de"),
        ("zh-CN,zh;q=0.9", "", "zh-Hans"),
        ("en-GB, de", "", "en"),
        ("den, dev", "", "en"),
        ("x" * 9000, "", "en"),
        ("zh", "cb-language=de", "de"),
        ("de", "cb-language=en", "en"),
        ("de", "cb-language=fr", "de"),
        ("en", "cb-language={env.HOME}", "en"),
    ],
)
def test_the_page_speaks_as_those_of_the_cells_do(router: Router, languages: str | None, cookie: str, tag: str) -> None:
    """The switch's cookie, then the first of the browser's languages that is here, then English."""
    headers = {"Accept-Language": languages, "Cookie": cookie}
    answer = router.ask("/-/healthz", headers={name: value for name, value in headers.items() if value})
    assert html.document_fromstring(answer.body).get("lang") == tag


@each_case
def test_a_program_reads_json(router: Router, path: str, body: bytes | None, refusal: type[BridgeError]) -> None:
    """Whoever asks for JSON gets the object that the cells give."""
    answer = ask(router, path, body, "application/json", "de")
    assert (answer.status, answer.headers["content-type"]) == (refusal.status, "application/json")
    assert answer.headers["vary"] == "Accept, Accept-Language, Cookie"
    assert answer.headers.get("retry-after") == (str(refusal.retry_after_seconds) if refusal.retry_after_seconds else None)
    found = json.loads(answer.body)["error"]
    assert found | {"reference": ""} == {
        "code": refusal.public_code,
        "message": f"{refusal.sentence} {refusal.next_step}",
        "reference": "",
    }
    logged(router, found["reference"])


def test_the_policy_allows_exactly_the_pages_style(router: Router) -> None:
    """The style runs by its hash, and its colours are those of every other page."""
    answer = router.ask("/o/initech/")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.body.decode(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
    colours = set(re.findall(r"#[0-9a-f]{6}", style))
    assert len(colours) >= 10
    assert colours <= set(re.findall(r"#[0-9a-f]{6}", inline_block(STYLE)))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-quic"])
        yield browser
        browser.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/o/initech/", "/-/healthz"])
def test_the_page_is_accessible_and_follows_the_scheme(
    router: Router, chromium: Browser, path: str, scheme: str, tmp_path: Path
) -> None:
    """No axe violation, nothing that its own policy stops, no sideways scroll on 320 px, and dark where dark is wanted."""
    page = chromium.new_page(viewport={"width": 320, "height": 640}, color_scheme=scheme)  # type: ignore[arg-type]
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"http://localhost:{router.port}{path}")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.screenshot(path=tmp_path / "page.png")
    found = Axe().run(page)
    page.close()
    assert found.violations_count == 0, found.generate_report()
    assert [text for text in said if "Failed to load resource" not in text] == []
    assert wide <= 320
    assert (sum(int(part) for part in ground[4:-1].split(",")) > 384) == (scheme == "light"), ground
