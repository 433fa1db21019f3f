"""One line of log and one observation for each request.

The law: a request is named by the template of its route, never by its path or query: they hold codes, states and names.
"""

import time
from collections.abc import Callable

import structlog
from flask import Flask, Response, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from bridge.web.metrics import Metrics
from bridge.web.reference import current_reference

UNMATCHED = "unmatched"
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

log = structlog.get_logger()


def install(
    app: Flask,
    *,
    metrics: Metrics,
    random_bytes: Callable[[int], bytes],
    timer: Callable[[], float] = time.perf_counter,
) -> None:
    """Log `request.done` for every request of *app*; *timer* counts seconds. Watchers' requests are logged at debug."""

    @app.before_request
    def _begin() -> None:
        current_reference(random_bytes)
        request.environ["cellbridge.began"] = timer()

    @app.after_request
    def _done(response: Response) -> Response:
        seconds = timer() - request.environ.get("cellbridge.began", timer())
        route = request.url_rule.rule if request.url_rule is not None else UNMATCHED
        metrics.request(route=route, status=response.status_code, seconds=seconds)
        write = log.debug if route.startswith("/-/") else log.info
        write(
            "request.done",
            method=request.method if request.method in _METHODS else "OTHER",
            route=route,
            status=response.status_code,
            duration_ms=round(seconds * 1000, 2),
        )
        return response

    @app.teardown_request
    def _end(_error: BaseException | None) -> None:
        clear_contextvars()  # a thread serves many requests


def bind_code(code: str) -> None:
    """Let `request.done` carry the code of the refusal that this request ended with."""
    bind_contextvars(code=code)
