"""The watchers' addresses: is the process alive, can it do its work, what has it counted.

The law: they are for the inside. A request that came through a proxy is told that nothing lives here, because every proxy adds
a header of this list, and a client cannot take it away again.
"""

from collections.abc import Callable, Mapping

import structlog
from flask import Blueprint, Flask, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from bridge.errors import BridgeError, NotFound
from bridge.web.logs import trace_of
from bridge.web.metrics import Metrics

PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")

log = structlog.get_logger()


def install(
    app: Flask,
    *,
    service: str,
    ready: Mapping[str, Callable[[], None]],
    metrics: Metrics,
    details: Mapping[str, Callable[[], object]] | None = None,
) -> None:
    """Serve `/-/healthz`, `/-/readyz` and `/-/metrics`. Each check of *ready* returns, or raises why it is not ready.

    *details* are further members of the readiness, by name; each returns what can be written as JSON.
    """
    watch = Blueprint("watch", __name__, url_prefix="/-")

    @watch.before_request
    def _only_from_inside() -> None:
        if any(name in request.headers for name in PROXY_HEADERS):
            raise NotFound(reason="came through a proxy")

    @watch.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok", service=service)

    @watch.get("/readyz")
    def readyz() -> tuple[Response, int]:
        checks = {name: _outcome(name, check) for name, check in ready.items()}
        is_ready = all(outcome == "ok" for outcome in checks.values())
        told = {name: tell() for name, tell in (details or {}).items()}
        answer = jsonify(status="ready" if is_ready else "not ready", service=service, checks=checks, **told)
        return answer, 200 if is_ready else 503

    @watch.get("/metrics")
    def show_metrics() -> Response:
        return Response(metrics.render(), content_type=CONTENT_TYPE_LATEST)

    app.register_blueprint(watch)


def _outcome(name: str, check: Callable[[], None]) -> str:
    """Return `ok`, the code of the refusal, or the class of the exception: never its text, which may hold a password."""
    try:
        check()
    except BridgeError as error:
        log.warning("ready.failed", check=name, code=error.code, evidence=error.evidence())
        return error.code
    except Exception as error:  # noqa: BLE001 - a check may fail in any way, and the others still have to be asked
        log.warning("ready.failed", check=name, trace=trace_of(error))
        return type(error).__name__
    return "ok"
