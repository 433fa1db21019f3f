"""What the log says, and above all what it does not."""

import json
import logging
import os
from typing import Any

import pytest
import structlog
from flask import Flask, abort

from bridge.errors import ConfigInvalid, HandoffDisagreement, HandoffSignature, ProviderDenied
from bridge.web.logs import CUT, LibraryHandler, configure, drop_secrets, trace_of
from bridge.web.reference import bind_reference

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMDAifQ.c2lnbmF0dXJl"
SESSION = "cell-2-" + "a1B2c3D4" * 5 + "xyz"


def only(log: list[dict[str, Any]], event: str) -> dict[str, Any]:
    """Return the one line of *event*."""
    found = [line for line in log if line["event"] == event]
    assert len(found) == 1, log
    return found[0]


def test_one_line_for_each_request(app: Flask, read_log: Any) -> None:
    """`request.done` has method, route template, status, duration and reference; never the path or the query."""
    app.add_url_rule("/o/<org>/x", "x", lambda org: org)
    app.test_client().get("/o/PATHVALUE/x?code=QUERYVALUE")
    line = only(read_log(), "request.done")
    assert {"method", "route", "status", "duration_ms", "reference", "timestamp", "level", "service"} <= set(line)
    assert (line["method"], line["route"], line["status"]) == ("GET", "/o/<org>/x", 200)
    assert line["timestamp"].endswith("Z")
    assert "PATHVALUE" not in str(line)
    assert "QUERYVALUE" not in str(line)
    assert "code" not in line


@pytest.mark.parametrize(("cell_id", "told"), [(2, {"cell_id": 2}), (None, {})])
def test_every_line_says_which_process_of_which_cell(
    capsys: pytest.CaptureFixture[str], read_log: Any, cell_id: int | None, told: dict[str, int]
) -> None:
    """Cells and their workers may write into one log; what an event says of itself cannot hide who speaks."""
    configure("info", service="sp", cell_id=cell_id)
    structlog.get_logger().info("something.done", pid=0, service="idp")
    logging.getLogger("urllib3").warning("something else")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert {name: line[name] for name in ("service", "pid", "cell_id") if name in line} == {
            "service": "sp",
            "pid": os.getpid(),
            **told,
        }


def test_unmatched_addresses_and_strange_methods_are_not_repeated(app: Flask, read_log: Any) -> None:
    """What matched no route is `unmatched`, and a method that nobody knows is `OTHER`."""
    app.test_client().open("/SECRETPATH?x=1", method="SECRETMETHOD")
    line = only(read_log(), "request.done")
    assert (line["route"], line["method"], line["code"]) == ("unmatched", "OTHER", "request.not_found")
    assert "SECRET" not in str(read_log())


def test_a_refusal_logs_code_and_evidence(app: Flask, read_log: Any) -> None:
    """The log joins the inner code, the evidence and the reference that the person was shown."""

    def refused() -> str:
        raise HandoffSignature(expected="a pinned key", received="another", line=3)

    app.add_url_rule("/refused", "refused", refused)
    page = app.test_client().get("/refused").text
    refusal, done = only(read_log(), "request.refused"), only(read_log(), "request.done")
    assert refusal["code"] == done["code"] == "handoff.signature"
    assert refusal["evidence"] == {"expected": "a pinned key", "received": "another", "line": 3}
    assert refusal["reference"] == done["reference"]
    assert refusal["reference"] in page
    assert refusal["level"] == "info"


def test_a_bound_reference_joins_all_later_lines(app: Flask, read_log: Any) -> None:
    """A sign-in that brings its reference is logged and shown under it, and the next request has its own again."""

    def view() -> str:
        bind_reference("7KQ2M-4XD9R")
        raise ProviderDenied(provider="github")

    app.add_url_rule("/view", "view", view)
    client = app.test_client()
    assert "7KQ2M-4XD9R" in client.get("/view").text
    client.get("/other")
    references = [line["reference"] for line in read_log() if line["event"] == "request.done"]
    assert references[0] == "7KQ2M-4XD9R"
    assert references[1] != "7KQ2M-4XD9R"
    with pytest.raises(ValueError, match="reference"):
        bind_reference("x\ny")


def test_a_disagreement_is_loud(app: Flask, read_log: Any) -> None:
    """Two implementations that disagree about a document are an alarm, not a refused person."""

    def refused() -> str:
        raise HandoffDisagreement(expected="accepted", received="invalid")

    app.add_url_rule("/refused", "refused", refused)
    app.test_client().get("/refused")
    assert only(read_log(), "request.refused")["level"] == "error"


def test_an_unforeseen_exception_logs_where_but_not_what(app: Flask, read_log: Any) -> None:
    """The stack of the whole chain is logged by module, function and line; the texts of exceptions are not."""

    def inner() -> None:
        raise KeyError("SECRETVALUE")

    def broken() -> str:
        try:
            inner()
        except KeyError as error:
            raise ValueError("token=SECRETVALUE") from error
        return ""

    app.add_url_rule("/broken", "broken", broken)
    assert app.test_client().get("/broken").status_code == 500
    line = only(read_log(), "request.refused")
    assert (line["code"], line["level"], line["evidence"]) == ("internal", "error", {"kind": "ValueError"})
    assert line["trace"][0] == "builtins.ValueError"
    assert "caused by builtins.KeyError" in line["trace"]
    assert any(".inner line " in entry for entry in line["trace"])
    assert "SECRETVALUE" not in str(read_log())


def test_flasks_own_texts_are_not_logged(app: Flask, read_log: Any) -> None:
    """What Flask refuses is logged by its class: its descriptions may repeat what was sent."""
    app.add_url_rule("/refused", "refused", lambda: abort(400, "SECRETVALUE"))
    app.test_client().get("/refused")
    assert only(read_log(), "request.refused")["evidence"] == {"reason": "BadRequest"}
    assert "SECRETVALUE" not in str(read_log())


def test_a_trace_ends_and_keeps_the_operators_sentences() -> None:
    """A circle of causes ends, and what was written for the operator is kept."""
    first, second = ValueError("x"), KeyError("y")
    first.__cause__, second.__cause__ = second, first
    assert trace_of(first) == ["builtins.ValueError", "caused by builtins.KeyError"]
    invalid = ConfigInvalid(source="idp.toml", problems=("cell.id: is missing",))
    assert "cell.id: is missing" in trace_of(invalid)[0]


@pytest.mark.parametrize(
    "key",
    [
        *(
            "token",
            "access_token",
            "id_token",
            "code_value",
            "code_verifier",
            "cookie",
            "Set-Cookie",
            "secret",
            "client_secret",
        ),
        *("assertion", "authorization", "SAMLResponse", "RelayState", "state", "nonce", "csrf_token", "password", "url"),
    ],
)
def test_values_under_secret_names_are_cut(key: str) -> None:
    """Whatever stands under such a name is cut, at any depth."""
    event = drop_secrets(None, "info", {"event": "x", key: "SECRETVALUE", "deep": [{key: {"more": "SECRETVALUE"}}]})
    assert "SECRETVALUE" not in str(event)
    assert event[key] == CUT


def test_values_that_look_like_secrets_are_cut() -> None:
    """Tokens, 256 random bits and bytes are cut under any name; the error's code, digests, ids and references stay."""
    event = drop_secrets(
        None,
        "info",
        {"a": f"got {JWT}", "b": SESSION, "c": b"raw", "d": ("ok", f"x {'Q' * 600}"), "e": {SESSION: 1} and {"n": {SESSION}}},
    )
    for secret in (JWT, SESSION, "raw", "Q" * 50):
        assert secret not in str(event)
    kept = {
        "code": "handoff.expired",
        "digest": "0f" * 32,
        "handoff_id": "_" + "ab" * 16,
        "reference": "7KQ2M-4XD9R",
        "issuer": "https://cells.example/saml/metadata",
        "route": "/users/auth/<provider>/callback",
        "count": 3,
        "none": None,
    }
    assert drop_secrets(None, "info", dict(kept)) == kept


@pytest.mark.parametrize(
    ("name", "message", "args"),
    [
        ("gunicorn.error", "Error handling request %s", ("/users/auth/github/callback?code=SECRETVALUE&state=SECRETVALUE",)),
        ("gunicorn.error", "Invalid request from ip=127.0.0.1: Invalid Request Line 'GET /?code=\"SECRETVALUE HTTP/1.1'", ()),
        ("gunicorn.error", "Invalid Header: 'Cookie cb-42=SECRETVALUE'", ()),
        ("urllib3.connectionpool", "Retrying after connection broken: %s", ("https://idp.example/token/SECRETVALUE",)),
        ("werkzeug", "GET /users/auth/github/callback?code=SECRETVALUE", ()),
    ],
)
def test_libraries_say_nothing_that_was_sent(read_log: Any, name: str, message: str, args: tuple[str, ...]) -> None:
    """Quoted text, queries and URLs are cut out of what libraries log."""
    logging.getLogger(name).warning(message, *args)
    line = only(read_log(), "library")
    assert line["logger"] == name
    assert line["level"] == "warning"
    assert "SECRETVALUE" not in str(line)


def test_a_librarys_broken_message_is_no_crash(read_log: Any) -> None:
    """Arguments that do not fit the message leave the message, cut like any other."""
    LibraryHandler().emit(
        logging.makeLogRecord({"name": "x", "msg": "%s and %s 'SECRETVALUE'", "args": ("one",), "levelno": 30})
    )
    assert only(read_log(), "library")["message"] == f"%s and %s {CUT}"


def test_libraries_speak_from_warning_up(read_log: Any) -> None:
    """At our debug level, too: urllib3 logs whole URLs at debug, SQLAlchemy the parameters at info."""
    for name in ("urllib3.connectionpool", "sqlalchemy.engine", "werkzeug", "gunicorn.error", "authlib"):
        logging.getLogger(name).info("SECRETVALUE")
        logging.getLogger(name).debug("SECRETVALUE")
    assert read_log() == []


def test_a_librarys_exception_is_a_trace_without_text(read_log: Any) -> None:
    """`logging.exception` gives the stack, not the text."""
    try:
        raise ValueError("SECRETVALUE")
    except ValueError:
        logging.getLogger("gunicorn.error").exception("Exception in worker process")
    line = only(read_log(), "library")
    assert line["trace"][0] == "builtins.ValueError"
    assert "SECRETVALUE" not in str(line)


def test_every_line_is_one_json_object(read_log: Any) -> None:
    """Line ends inside values cannot forge a line, and objects show their class at most."""
    structlog.get_logger().info("x", text="a\nb\u2028c", thing=object(), exc_info=False)
    line = only(read_log(), "x")
    assert line["text"] == "a\nb\u2028c"
    assert line["thing"] == "object"
