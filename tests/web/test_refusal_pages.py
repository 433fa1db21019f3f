"""What a refusal looks like to a person and to a program."""

import html
import re
from typing import Any

import pytest
from flask import Flask, abort, request
from flask.testing import FlaskClient

import bridge.errors
from bridge.errors import (
    AccountPending,
    BridgeError,
    HandoffExpired,
    HandoffSignature,
    Internal,
    ProviderDenied,
    ProviderDisabled,
    ProviderUnavailable,
    SessionMissing,
    TopologyUnavailable,
)
from bridge.handoff import is_reference
from bridge.web.errors_page import answers_json, refusal_of
from bridge.web.metrics import Metrics
from tests.web.refusals import KINDS, MARKER, NUMBER, marked


def raising(app: Flask, error: Exception) -> FlaskClient:
    """Return a client of *app*, whose `/refused` raises *error*."""

    def refused() -> str:
        raise error

    app.add_url_rule("/refused", "refused", refused, methods=["GET", "POST"])
    return app.test_client()


def test_every_class_of_the_tree_is_covered() -> None:
    """The list of refusals tested here is the tree itself."""
    named = [value for value in vars(bridge.errors).values() if isinstance(value, type) and issubclass(value, BridgeError)]
    assert {kind for kind in named if "code" in vars(kind)} == set(KINDS)
    assert len(KINDS) > 40


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_person_reads_sentences_code_and_reference_but_no_evidence(app: Flask, kind: type[BridgeError]) -> None:
    """A page has status, sentence, next step, start-again link, public code and reference, and nothing of the evidence."""
    answer = raising(app, marked(kind)).get("/refused", headers={"Accept": "text/html"})
    assert answer.status_code == kind.status
    assert answer.mimetype == "text/html"
    page = answer.text
    assert f"<code>{kind.public_code}</code>" in page
    reference = re.search(r'class="reference">([^<]+)<', page)
    assert reference is not None
    assert is_reference(reference[1])
    assert MARKER not in page
    assert str(NUMBER) not in page
    assert 'href="/users/sign_in"' in page
    text = html.unescape(page)
    sentence, next_step = (
        sentence.replace("{provider}", "this provider").replace("{org}", "your organization")
        for sentence in (kind.sentence, kind.next_step)
    )
    assert sentence[:1].upper() + sentence[1:] in text
    assert next_step in text
    assert "{" not in page.split("<main>")[1].split("</main>")[0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_program_reads_one_json_object_without_evidence(app: Flask, kind: type[BridgeError]) -> None:
    """JSON has exactly code, message and reference."""
    answer = raising(app, marked(kind)).get("/refused", headers={"Accept": "application/json"})
    assert answer.status_code == kind.status
    assert answer.json is not None
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "message", "reference"}
    assert answer.json["error"]["code"] == kind.public_code
    assert is_reference(answer.json["error"]["reference"])
    assert MARKER not in answer.text
    assert str(NUMBER) not in answer.text


def test_labels_are_filled_in_and_escaped(app: Flask) -> None:
    """`{provider}` and `{org}` become the configured labels, escaped on the page and plain in JSON."""
    client = raising(app, AccountPending(org="acme", provider="github", rule=1))
    assert "Your account in Acme &lt;Ltd&gt; is waiting" in client.get("/refused").text
    answer = client.get("/refused", headers={"Accept": "application/json"}).json
    assert answer is not None
    assert answer["error"]["message"].startswith("Your account in Acme <Ltd> is waiting for approval.")


def test_name_of_an_organization_counts_as_its_label(app: Flask) -> None:
    """Evidence may carry the organization's name in the place of its path."""
    client = raising(app, AccountPending(org="Acme <Ltd>", provider="github", rule=1))
    assert "Your account in Acme &lt;Ltd&gt;" in client.get("/refused").text


def test_a_name_from_the_address_is_never_repeated(app: Flask) -> None:
    """A provider that is not configured has no label: nobody writes sentences onto our page through a path."""
    text = raising(app, ProviderDisabled(provider="Call 555-0100")).get("/refused").text
    assert "555" not in text
    assert "Signing in with this provider is switched off here." in text


def test_sentence_that_begins_with_a_missing_label_begins_in_upper_case(app: Flask) -> None:
    """The stand-in for an unknown provider reads well at the start of a sentence."""
    assert (
        "<h1>This provider did not answer properly.</h1>"
        in raising(app, ProviderUnavailable(provider="x")).get("/refused").text
    )


def test_accept_decides_between_page_and_json(app: Flask) -> None:
    """A browser, and whoever does not care, gets a page; JSON is for those who prefer it."""
    client = raising(app, ProviderDenied(provider="github"))
    kinds = {
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "text/html",
        "*/*": "text/html",
        "application/json": "application/json",
        "application/json, text/html;q=0.5": "application/json",
        "text/html, application/json": "text/html",
    }
    for accept, kind in kinds.items():
        assert client.get("/refused", headers={"Accept": accept}).mimetype == kind, accept
    assert client.get("/refused").mimetype == "text/html"


def test_a_view_for_programs_refuses_in_json(app: Flask) -> None:
    """`answers_json` marks what programs call with any Accept."""

    @answers_json
    def session() -> str:
        raise SessionMissing

    app.add_url_rule("/session", "session", session)
    answer = app.test_client().get("/session", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (401, "application/json")


def test_retry_after_and_no_store(app: Flask) -> None:
    """A refusal is never cached, and one that passes by itself says when to come back."""
    answer = raising(app, TopologyUnavailable(reason="down")).get("/refused")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_refusal_takes_no_cookie_away(app: Flask) -> None:
    """Being refused ends neither a session nor another attempt."""
    assert "Set-Cookie" not in raising(app, HandoffExpired()).get("/refused", headers={"Cookie": "__Host-cb-42=x"}).headers


def test_the_other_cells_reference_is_used_when_well_formed(app: Flask) -> None:
    """A refused handoff is shown under the reference that it brought, if that has the form of one."""
    brought = HandoffSignature(unverified_reference="7KQ2M-4XD9R")
    assert '"reference">7KQ2M-4XD9R<' in raising(app, brought).get("/refused").text


def test_an_unforeseen_exception_shows_nothing(app: Flask) -> None:
    """What nobody foresaw is `internal`, 500, and its text stays away from the person."""
    answer = raising(app, ValueError(MARKER)).get("/refused")
    assert answer.status_code == 500
    assert "<code>internal</code>" in answer.text
    assert MARKER not in answer.text
    assert "ValueError" not in answer.text


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/nothing/here", "GET", 404, "request.not_found"),
        ("/refused", "DELETE", 405, "request.method"),
        ("/aborts/413", "GET", 413, "request.too_large"),
        ("/aborts/400", "GET", 400, "request.malformed"),
        ("/aborts/415", "GET", 400, "request.malformed"),
        ("/aborts/503", "GET", 500, "internal"),
    ],
)
def test_flask_refusals_become_ours(app: Flask, path: str, method: str, status: int, code: str) -> None:
    """What Flask refuses by itself looks like every other refusal."""
    app.add_url_rule("/aborts/<int:code>", "aborts", abort)
    answer = raising(app, SessionMissing()).open(path, method=method, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["error"]["code"] == code
    assert (method != "DELETE") or answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_over_the_cap_is_refused(app: Flask, content_type: str) -> None:
    """No form of more than one MiB is read, whatever its encoding."""
    app.add_url_rule("/form", "form", lambda: str(len(request.form)), methods=["POST"])
    answer = app.test_client().post("/form", data=b"a=" + b"x" * (1024 * 1024), content_type=content_type)
    assert answer.status_code == 413
    assert "request.too_large" in answer.text


def test_refusals_are_counted_under_their_inner_code(make_app: Any) -> None:
    """The metrics know which check refused; the person does not."""
    metrics = Metrics("idp")
    raising(make_app(metrics=metrics), HandoffSignature()).get("/refused")
    assert b'cellbridge_refusals_total{code="handoff.signature",service="idp"} 1.0' in metrics.render()


def test_only_the_class_of_an_unforeseen_exception_is_kept() -> None:
    """`Internal` carries the class name and nothing else."""
    assert refusal_of(KeyError(MARKER)).evidence() == {"kind": "KeyError"}
    assert isinstance(refusal_of(KeyError(MARKER)), Internal)
