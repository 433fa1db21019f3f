"""Nothing secret in any log, at debug level, of a whole run."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from bridge.harness.browser import Browser, Page
from bridge.harness.pair import Options, Pair
from bridge.harness.personas import FIRST_PROVIDERS, PERSONAS, PROVIDERS
from bridge.harness.processes import wait_until
from bridge.harness.tables import DATABASES
from bridge.harness.walk import Walk

pytestmark = pytest.mark.e2e


class RecordingBrowser(Browser):
    """Keeps every cookie value and every response document that crossed it."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies: set[str] = set()
        self.responses: set[str] = set()

    def _record(self, page: Page) -> Page:
        self.cookies |= {str(cookie.value) for cookie in self.session.cookies}
        if "SAMLResponse" in page.text:
            self.responses.add(page.form(field="SAMLResponse").field("SAMLResponse"))
        return page

    def get(self, *arguments: object, **named: object) -> Page:
        """Open a page, and record."""
        return self._record(super().get(*arguments, **named))  # type: ignore[arg-type]

    def submit(self, *arguments: object, **named: object) -> Page:
        """Submit a form, and record."""
        return self._record(super().submit(*arguments, **named))  # type: ignore[arg-type]


def _parts_of(response: str) -> set[str]:
    """Return the spellings of a response that a log could hold: the form value, the XML, its signature, its binding."""
    xml = base64.b64decode(response)
    root = etree.fromstring(xml)
    found = {str(text) for text in root.xpath("//*[local-name()='SignatureValue' or local-name()='DigestValue']/text()")}
    found |= {str(text) for text in root.xpath("//*[@Name='binding']/*/text()")}
    return found | {response[:200], response[-200:], xml.decode("utf-8")[:200], "<saml", "urn:oasis:names:tc:SAML"}


def test_logs_hold_no_secret(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Every token, code, state, nonce, verifier, cookie, key, secret and assertion of a run is searched in all logs."""
    with Pair(tmp_path, Options(log_level="debug", workers=1)) as pair:
        browsers = []
        for persona in PERSONAS:
            for provider in PROVIDERS if persona is PERSONAS[0] else FIRST_PROVIDERS:
                browser = RecordingBrowser()
                browsers.append(browser)
                Walk(pair.public_url, browser).sign_in(provider, persona.key, "/o/acme/private-path?key=private-query")
        browsers[0].get(f"{pair.public_url}/users/auth/github/callback?code=spoofed-code-value&state=spoofed-state-value")
        issued = pair.issued_secrets()
        wait_until(
            lambda: "login.state_mismatch" in pair.processes["idp"].log.read_text("utf-8"),
            seconds=10,
            what="the last refusal in the log",
        )
        secrets = {value for values in issued.values() for value in values}
        assert len(secrets) > 100, "the stand-in recorded too little for this test to mean something"
        for browser in browsers:
            secrets |= browser.cookies
            for response in browser.responses:
                secrets |= _parts_of(response)
        secrets |= set(pair.client_secrets.values()) | {pair.topology_token, "spoofed-code-value", "spoofed-state-value"}
        secrets |= {(tmp_path / "seal.key").read_text("utf-8").strip(), "PRIVATE KEY", "private-query", "private-path"}
        logs = pair.logs()
        spoke = {(name, line.get("cell_id"), "pid" in line) for name in DATABASES for line in pair.events(name)}

    assert spoke == {("idp", 1, True), ("sp-2", 2, True), ("sp-3", 3, True)}, "a line does not say which cell wrote it"
    assert "handoff.verified" in logs
    assert "session.opened" in logs
    leaked = sorted(secret[:12] for secret in secrets if len(secret) >= 4 and secret in logs)
    assert not leaked, f"{len(leaked)} secrets stand in the logs, beginning with {leaked[:5]}"
    record_property("secrets_searched", len(secrets))


def test_files_that_hold_a_secret_are_their_owners_alone(pair: Pair) -> None:
    """A demonstration on a shared machine gives its secrets to nobody either."""
    secrets = {*pair.client_secrets.values(), pair.topology_token, (pair.directory / "seal.key").read_text("utf-8").strip()}
    told = {secret.encode() for secret in secrets} | {b"PRIVATE KEY"}
    holders = [path for path in pair.directory.rglob("*") if path.is_file() and any(one in path.read_bytes() for one in told)]
    assert {path.name for path in holders} >= {"seal.key", "topology.token", "github.secret", "standin.json"}
    assert [path.name for path in holders if path.stat().st_mode & 0o077] == []
