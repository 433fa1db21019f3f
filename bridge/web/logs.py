"""Logs: one JSON object a line on standard error, times in UTC.

The law: log codes and evidence, never what was sent. Three lines of defence: our own events name their fields; libraries speak
only from WARNING up and without quoted text or queries; and `drop_secrets` cuts what still looks like a secret.
"""

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from bridge.errors import OperatorError

CUT = "[cut]"
MAX_TRACE_LINES = 60
_SECRET_KEYS = frozenset(
    {
        "access_token", "assertion", "authorization", "body", "client_secret", "code_value", "code_verifier", "cookie",
        "cookies", "csrf_token", "form", "headers", "id_token", "nonce", "password", "private_key", "query", "query_string",
        "refresh_token", "relaystate", "saml_response", "samlresponse", "secret", "session_token", "set_cookie", "state",
        "token", "url",
    }
)  # fmt: skip
# A JSON Web Token, or a run of letters as long as 256 bits in base64 that is no hex digest.
_SECRET_VALUE = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(?![0-9a-fA-F]+(?![\w-]))[A-Za-z0-9_-]{43,}")
# gunicorn, werkzeug and urllib3 put request lines, header lines and URLs into their messages.
_QUOTED_OR_QUERY = re.compile(r"['\"].*['\"]|\?\S*|\S*://\S*", re.DOTALL)


def configure(level: str = "info", *, service: str, cell_id: int | None = None, stream: TextIO | None = None) -> None:
    """Send the log of this process to *stream* (standard error): our events from *level* up, libraries' from WARNING up.

    Every line names the *service*, the process, and the cell where it is one: many cells and replicas write into one log.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_process({"service": service} | ({} if cell_id is None else {"cell_id": cell_id})),
            trace_without_values,
            drop_secrets,
            structlog.processors.JSONRenderer(default=lambda value: type(value).__name__, ensure_ascii=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [LibraryHandler()]
    root.setLevel(logging.WARNING)
    for name in ("werkzeug", "gunicorn.error", "gunicorn.access", "urllib3"):
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True
        library.setLevel(logging.WARNING)


class LibraryHandler(logging.Handler):
    """Brings what libraries say into our log, without the values that they quote."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record* as one event `library`, named after its logger."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        log = structlog.get_logger()
        log.log(
            max(record.levelno, logging.WARNING),
            "library",
            logger=record.name,
            message=_QUOTED_OR_QUERY.sub(CUT, message)[:500],
            exc_info=record.exc_info,
        )


def trace_of(error: BaseException) -> list[str]:
    """Return where *error* and what caused it were raised: class names, modules, functions, lines; never a message.

    Messages of libraries hold what they choked on. An `OperatorError` is ours and made for this reader: its text stays.
    """
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(lines) < MAX_TRACE_LINES:
        seen.add(id(current))
        text = f": {current}" if isinstance(current, OperatorError) else ""
        lines.append(f"{'caused by ' if lines else ''}{type(current).__module__}.{type(current).__qualname__}{text}")
        frames = current.__traceback__
        while frames is not None and len(lines) < MAX_TRACE_LINES:
            code = frames.tb_frame.f_code
            lines.append(f"at {frames.tb_frame.f_globals.get('__name__', '?')}.{code.co_qualname} line {frames.tb_lineno}")
            frames = frames.tb_next
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return lines


def trace_without_values(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put `trace` in the place of `exc_info`: structlog's own formatter would print the exception's text."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else _error_of(given)
    if error is not None:
        event["trace"] = trace_of(error)
    return event


def _error_of(given: object) -> BaseException | None:
    if isinstance(given, tuple):
        raised = given[1]
        return raised if isinstance(raised, BaseException) else None
    return sys.exc_info()[1] if given else None


def drop_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut values under names that hold secrets, and texts that look like one, at any depth. `code` is the error's and stays."""
    return {name: _without_secrets(name, value) for name, value in event.items()}


def _without_secrets(name: str, value: Any) -> Any:
    if name.lower().replace("-", "_") in _SECRET_KEYS:
        return CUT
    if isinstance(value, str):
        return _SECRET_VALUE.sub(CUT, value)
    if isinstance(value, bytes | bytearray):
        return CUT
    if isinstance(value, Mapping):
        return {str(key): _without_secrets(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets("", item) for item in value]
    return value


def _name_process(names: Mapping[str, str | int]) -> structlog.typing.Processor:
    def name_process(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.update(names, pid=os.getpid())  # asked each time: workers are forked later
        return event

    return name_process
