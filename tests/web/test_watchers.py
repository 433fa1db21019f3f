"""Liveness, readiness and metrics, for the inside alone."""

import os
from typing import Any

import pytest
from flask import Flask

from bridge.errors import TopologyUnavailable
from bridge.web.metrics import Metrics


def fails_plainly() -> None:
    """Fail as a database driver does, with a password in the text."""
    raise RuntimeError("postgresql://user:SECRETVALUE@host")


def fails_ours() -> None:
    """Fail as a client of ours does."""
    raise TopologyUnavailable(reason="SECRETVALUE")


def test_alive(app: Flask) -> None:
    """A process that answers is alive, whatever its database does."""
    answer = app.test_client().get("/-/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "service": "idp"})


def test_ready_names_every_check(make_app: Any) -> None:
    """All checks are asked, each with its own reason; one failing is 503. No text of an exception is repeated."""
    client = make_app(ready={"database": lambda: None, "topology": lambda: None}).test_client()
    assert client.get("/-/readyz").json["checks"] == {"database": "ok", "topology": "ok"}
    answer = make_app(ready={"a": fails_plainly, "b": fails_ours, "c": lambda: None}).test_client().get("/-/readyz")
    assert answer.status_code == 503
    assert answer.json["status"] == "not ready"
    assert answer.json["checks"] == {"a": "RuntimeError", "b": "topology.unavailable", "c": "ok"}
    assert "SECRETVALUE" not in answer.text


@pytest.mark.parametrize("path", ["/-/healthz", "/-/readyz", "/-/metrics", "/-/other"])
@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via", "Forwarded"])
def test_nothing_is_there_for_who_comes_through_a_proxy(app: Flask, path: str, header: str) -> None:
    """The router adds such a header to every request, and an empty one counts too."""
    for value in ("203.0.113.9", ""):
        answer = app.test_client().get(path, headers={header: value})
        assert answer.status_code == 404
        assert answer.json is not None
        assert answer.json["error"]["code"] == "request.not_found"


def test_requests_sign_ins_and_refusals_are_counted(make_app: Any) -> None:
    """Series are named by route template, provider and code; a path never becomes a series."""
    metrics = Metrics("idp")
    app = make_app(metrics=metrics)
    app.add_url_rule("/o/<org>/", "org", lambda org: org)
    client = app.test_client()
    for org in ("one", "two"):
        client.get(f"/o/{org}/")
    client.get("/PATHVALUE")
    metrics.sign_in(provider="github", outcome="linked")
    text = client.get("/-/metrics").text
    assert 'cellbridge_request_seconds_count{route="/o/<org>/",service="idp",status="200"} 2.0' in text
    assert 'cellbridge_request_seconds_count{route="unmatched",service="idp",status="404"} 1.0' in text
    assert 'cellbridge_sign_ins_total{outcome="linked",provider="github",service="idp"} 1.0' in text
    assert 'cellbridge_refusals_total{code="request.not_found",service="idp"} 1.0' in text
    assert "PATHVALUE" not in text


def test_two_applications_count_apart() -> None:
    """Metrics are a value, not a global: two services in one process do not mix."""
    one, two = Metrics("idp"), Metrics("sp")
    one.refusal("org.unknown")
    assert b"org.unknown" in one.render()
    assert b"org.unknown" not in two.render()
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
