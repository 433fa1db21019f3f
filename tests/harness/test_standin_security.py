"""The stand-in is a strict provider: what a careless client gets away with elsewhere fails here."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import requests
from lxml import html
from werkzeug.serving import WSGIRequestHandler, make_server

from bridge.harness.personas import PERSONAS
from bridge.harness.standin.app import create_app
from bridge.harness.standin.ledger import CODE_SECONDS, Client
from bridge.harness.standin.remote import Remote, StandInRefused
from bridge.harness.standin.wires import WIRES

if TYPE_CHECKING:
    from tests.harness.conftest import Attempt, Party

SignIn = Callable[[str, str], tuple["Attempt", dict[str, Any]]]
REFUSED = {
    **dict.fromkeys(WIRES, "invalid_grant"),
    "github": "bad_verification_code",
    "slack": "invalid_code",
    "dingtalk": "invalidParameter.authCode.notFound",
}


@pytest.mark.parametrize("provider", WIRES)
class TestCode:
    """A code is bound to everything it was made for, and good once."""

    def test_a_code_is_good_once_and_its_second_use_revokes_the_token(
        self, party: "Party", remote: Remote, provider: str
    ) -> None:
        """RFC 6749 4.1.2: a replayed code is refused and takes the first token with it."""
        attempt = party.start(provider)
        code = remote.code(attempt.authorization_url(), "dana")
        token = party.access_token(party.redeem(attempt, code)) or ""
        assert party.opens(provider, token)
        assert party.error(party.redeem(attempt, code)) == REFUSED[provider]
        assert not party.opens(provider, token)

    def test_of_many_exchanges_at_once_one_succeeds(self, party: "Party", remote: Remote, provider: str) -> None:
        """Two replicas that exchange the same code do not both get a token."""
        attempt = party.start(provider)
        code = remote.code(attempt.authorization_url(), "dana")
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: party.access_token(party.redeem(attempt, code)), range(10)))
        assert len([answer for answer in answers if answer]) == 1

    def test_pkce_is_required_of_the_authorization_request(self, party: "Party", provider: str) -> None:
        """Without a challenge, or with the method `plain`, the client gets `invalid_request` back (RFC 7636 4.4.1)."""
        attempt = party.start(provider)
        for changes in ({"code_challenge": None}, {"code_challenge_method": None}, {"code_challenge_method": "plain"}):
            answer = requests.get(attempt.authorization_url(**changes), timeout=30, allow_redirects=False)
            if not WIRES[provider].knows_pkce:
                assert answer.status_code == 200
                continue
            assert answer.status_code == 302, changes
            assert "error=invalid_request" in answer.headers["Location"]
            assert f"state={attempt.state}" in answer.headers["Location"]

    def test_the_verifier_is_checked(self, party: "Party", remote: Remote, provider: str) -> None:
        """No verifier, or another attempt's, gets no token (RFC 7636 4.6), except where nobody knows PKCE."""
        for verifier in (None, party.start(provider).verifier):
            attempt = party.start(provider)
            code = remote.code(attempt.authorization_url(), "dana")
            answer = party.redeem(attempt, code, code_verifier=verifier)
            assert (party.access_token(answer) is None) is WIRES[provider].knows_pkce

    def test_a_redirect_uri_that_is_not_registered_gets_no_redirect(self, party: "Party", provider: str) -> None:
        """An open redirector would hand the code to anybody: the person sees a page instead (RFC 9700 4.11)."""
        attempt = party.start(provider)
        for uri in (f"{attempt.redirect_uri}/", f"{attempt.redirect_uri}?a=b", "http://localhost:8081/x", "", None):
            answer = requests.get(attempt.authorization_url(redirect_uri=uri), timeout=30, allow_redirects=False)
            assert (answer.status_code, "Location" in answer.headers) == (400, False), uri
            assert "invalid_request" in answer.text

    def test_the_exchange_repeats_the_redirect_uri(self, party: "Party", remote: Remote, provider: str) -> None:
        """Another or no redirect URI at the token endpoint is refused (RFC 6749 4.1.3); DingTalk's has none."""
        own = {"google_oauth2": "redirect_uri_mismatch", "github": "redirect_uri_mismatch", "slack": "bad_redirect_uri"}
        expected = {**own, "salesforce": "redirect_uri_mismatch", "dingtalk": None}.get(provider, "invalid_grant")
        for uri in ("http://localhost:8080/elsewhere", None):
            attempt = party.start(provider)
            code = remote.code(attempt.authorization_url(), "dana")
            assert party.error(party.redeem(attempt, code, redirect_uri=uri)) == expected

    def test_a_code_belongs_to_one_client(self, party: "Party", remote: Remote, provider: str) -> None:
        """A code stolen by another client of the same provider is worth nothing to it, and stays good for its owner."""
        attempt = party.start(provider)
        remote.add_client(provider, "another", party.client_secrets[provider], [attempt.redirect_uri])
        code = remote.code(attempt.authorization_url(), "dana")
        assert party.error(party.redeem(attempt, code, client="another")) == REFUSED[provider]
        assert party.access_token(party.redeem(attempt, code))

    def test_an_unknown_client_gets_a_page(self, party: "Party", provider: str) -> None:
        """No redirect for a client that nobody registered."""
        answer = requests.get(party.start(provider).authorization_url(client_id="nobody"), timeout=30, allow_redirects=False)
        assert answer.status_code == 400
        assert "invalid_client" in answer.text


def test_a_code_of_one_provider_is_nothing_at_another(party: "Party", remote: Remote) -> None:
    """Mix-up: the code of GitLab does not open anything at GitHub."""
    code = remote.code(party.start("gitlab").authorization_url(), "dana")
    assert party.redeem(party.start("github"), code).json()["error"] == "bad_verification_code"


def test_codes_and_tokens_expire(party: "Party") -> None:
    """A code is good for ten minutes, a token for as long as its answer says."""
    now = [datetime(2026, 1, 2, tzinfo=UTC)]
    start = party.start("gitlab")
    app = create_app(
        public_url="http://127.0.0.1",
        clients=[Client("gitlab", "cellbridge", party.client_secrets["gitlab"], frozenset({start.redirect_uri}))],
        clock=lambda: now[0],
    )
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        here = type(party)(f"http://127.0.0.1:{server.server_port}", party.client_secrets)
        remote = Remote(here.url)
        late, early = here.start("gitlab"), here.start("gitlab")
        codes = [remote.code(attempt.authorization_url(), "dana") for attempt in (late, early)]
        remote.close()
        now[0] += timedelta(seconds=CODE_SECONDS - 1)
        token = here.redeem(early, codes[1]).json()
        now[0] += timedelta(seconds=1)
        assert here.redeem(late, codes[0]).json()["error"] == "invalid_grant"
        assert here.user("gitlab", token["access_token"]).status_code == 200
        now[0] += timedelta(seconds=token["expires_in"])
        expired = here.user("gitlab", token["access_token"])
        assert (expired.status_code, expired.json()["error"]) == (401, "invalid_token")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    """Werkzeug's log of every request prints query strings."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


class TestPage:
    """The authorization page: honest, without scripts, for a keyboard and a screen reader too."""

    @pytest.mark.parametrize("provider", WIRES)
    def test_everybody_has_a_button_and_there_is_a_way_out(self, party: "Party", provider: str) -> None:
        """One form that posts to its own address, a button for each persona, each described, and Cancel."""
        page = requests.get(party.start(provider).authorization_url(), timeout=30)
        tree = html.document_fromstring(page.text)
        (form,) = tree.xpath("//form")
        assert (form.method, form.action) == ("POST", None)
        offered = form.xpath(".//button[@name='persona']")
        assert {persona.key for persona in PERSONAS} <= {button.get("value") for button in offered}
        for button in offered:
            assert tree.get_element_by_id(button.get("aria-describedby")).text_content().strip()
        assert [button.text for button in form.xpath(".//button[@name='cancel']")] == ["Cancel"]
        assert tree.get("lang") == "en"
        assert "not " in tree.xpath("string(//main/p)")

    def test_the_policy_allows_no_script_and_no_other_target(self, party: "Party") -> None:
        """Nothing runs on the page, and its form reaches the stand-in and the one registered client only."""
        page = requests.get(party.start("github").authorization_url(), timeout=30)
        policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["form-action"] == "'self' http://localhost:8080"
        assert "script-src" not in policy
        assert "<script" not in page.text
        assert " style=" not in page.text
        assert page.headers["Cache-Control"] == "no-store"
        sheet = requests.get(f"{party.url}/-/static/standin.css", timeout=30)
        assert sheet.headers["Content-Type"].startswith("text/css")

    def test_a_hint_puts_the_focus_on_one_person(self, party: "Party") -> None:
        """`login_hint` (OIDC Core 3.1.2.1) suggests; it never signs in by itself."""
        url = party.start("google_oauth2").authorization_url(login_hint="LENA@acme.example")
        tree = html.document_fromstring(requests.get(url, timeout=30).text)
        (hinted,) = tree.xpath("//button[@autofocus]")
        assert hinted.get("value") == "lena"

    def test_a_persona_that_is_not_there(self, party: "Party", remote: Remote) -> None:
        """A wrong or a missing field decides nothing."""
        url = party.start("github").authorization_url()
        with pytest.raises(StandInRefused, match="unknown_persona"):
            remote.choose(url, "nobody")
        answer = requests.post(url, data={}, timeout=30, allow_redirects=False)
        assert answer.status_code == 400
