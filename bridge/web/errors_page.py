"""The one place that turns a refusal into an answer: a page for a person, JSON for a program.

The law: the person reads the public code, two sentences with labels from the configuration, and the reference. Code, evidence
and stack go to the log; an exception's text goes nowhere.
"""

from collections.abc import Callable
from typing import TypeVar

import structlog
from flask import Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as WerkzeugMethodNotAllowed

from bridge.errors import (
    BridgeError,
    HandoffDisagreement,
    Internal,
    MethodNotAllowed,
    NotFound,
    RequestError,
    RequestMalformed,
    RequestTooLarge,
)
from bridge.web import pages
from bridge.web.language import ENGLISH
from bridge.web.logs import trace_of
from bridge.web.messages import Labels, sentences
from bridge.web.metrics import Metrics
from bridge.web.reference import reference_for
from bridge.web.request_log import bind_code
from bridge.web.start import kept_return_path, sign_in_address

_BY_STATUS: dict[int, type[RequestError]] = {404: NotFound, 405: MethodNotAllowed, 413: RequestTooLarge}
_LOUD = (HandoffDisagreement,)
_JSON = "application/json"

View = TypeVar("View", bound=Callable[..., object])

log = structlog.get_logger()


def answers_json(view: View) -> View:
    """Mark a view whose refusals are JSON whatever the request accepts: programs call it."""
    view.answers_json = True  # type: ignore[attr-defined]
    return view


def install(app: Flask, *, labels: Labels, metrics: Metrics, random_bytes: Callable[[int], bytes], start_path: str) -> None:
    """Answer every exception of *app*; *start_path* is where a person starts again (`bridge.web.start`)."""

    @app.errorhandler(Exception)
    def _answer(raised: Exception) -> Response:
        error = refusal_of(raised)
        reference = reference_for(error, random_bytes)
        bind_code(error.code)
        metrics.refusal(error.code)
        write = log.error if error.status >= 500 or isinstance(error, _LOUD) else log.info
        trace = {"trace": trace_of(raised)} if isinstance(error, Internal) else {}
        write("request.refused", code=error.code, status=error.status, evidence=error.evidence(), **trace)
        response = _response(error, labels=labels, reference=reference, start_path=start_path)
        if error.retry_after_seconds is not None:
            response.headers["Retry-After"] = str(error.retry_after_seconds)
        if isinstance(raised, WerkzeugMethodNotAllowed) and raised.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(raised.valid_methods))  # RFC 9110 15.5.6
        response.vary.add("Accept")
        return response


def refusal_of(raised: Exception) -> BridgeError:
    """Return *raised* as one of ours; of anything unforeseen only the name of its class is kept."""
    if isinstance(raised, BridgeError):
        return raised
    status = raised.code if isinstance(raised, HTTPException) else None
    if status is not None and 400 <= status < 500:
        return _BY_STATUS.get(status, RequestMalformed)(reason=type(raised).__name__)
    return Internal(kind=type(raised).__name__)


def _response(error: BridgeError, *, labels: Labels, reference: str, start_path: str) -> Response:
    if _wants_json():
        happened, next_step = sentences(error, labels=labels, reference=reference, language=ENGLISH)
        response = jsonify(error={"code": error.public_code, "message": f"{happened} {next_step}", "reference": reference})
        response.status_code = error.status
        return response
    return pages.error(
        sentences=lambda language: sentences(error, labels=labels, reference=reference, language=language),
        public_code=error.public_code,
        reference=reference,
        start_path=sign_in_address(start_path, kept_return_path()),
        status=error.status,
    )


def _wants_json() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "answers_json", False) or request.path.startswith("/-/"):
        return True
    accepted = request.accept_mimetypes
    return accepted[_JSON] > accepted["text/html"]
