"""The inspector as a page on loopback: paste or drop a document, and read what the checks say.

The law: a document lives as long as the request that brought it. Nothing is written, not even an upload that is large; nothing
is logged; the page loads nothing; and only a browser that asks for this very machine by a loopback name is answered.
"""

import io
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Any

from flask import Flask, Request, Response, make_response, render_template, request
from jinja2 import FileSystemLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server

from bridge.errors import BridgeError
from bridge.inspect.explained import EXPLAINED
from bridge.inspect.inspection import inspect
from bridge.inspect.report import Report
from bridge.inspect.source import MAX_SOURCE_BYTES, Unreadable, read_sources
from bridge.inspect.text import where
from bridge.inspect.times import text_of_time
from bridge.saml.checks import CHECKS
from bridge.saml.verify import Question
from bridge.web import headers
from bridge.web.csrf import require_same_origin

HOST = "127.0.0.1"
BY_ITSELF = ""  # the name of nobody's endpoint
TEMPLATES = Path(__file__).parent / "templates"
Ask = Callable[[datetime, str | None], Question]


@dataclass(frozen=True)
class _Asked:
    """What somebody filled in besides the document."""

    endpoint: str
    at: str = ""
    mask: bool = False


class _InMemory(Request):
    """A request whose uploads stay in memory: by default a large one would be written to a file."""

    def _get_file_stream(self, *_sizes: Any, **_names: Any) -> IO[bytes]:
        return io.BytesIO()


@cache
def _block(name: str) -> str:
    return (TEMPLATES / name).read_text("utf-8")


def _policy() -> str:
    styles = (headers.inline_block(headers.STYLE), _block("inspector.css"))
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {' '.join(map(headers.block_hash, styles))}",
            f"script-src {headers.block_hash(_block('drop.js'))}",
            "img-src data:",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def create_app(endpoints: Mapping[str, Ask], *, clock: Callable[[], datetime]) -> Flask:
    """Return the inspector; *endpoints* are whom it can judge as, by the name that people choose, the first one at first.

    Each makes the question for a time (aware, UTC) and a binding secret.
    """
    app = Flask("inspector", static_folder=None, template_folder=None)
    app.request_class = _InMemory
    app.config.update(
        TRUSTED_HOSTS=[HOST, "localhost"],  # a name of somebody else's that leads here is not answered (DNS rebinding)
        MAX_CONTENT_LENGTH=MAX_SOURCE_BYTES + 1_000_000,
        MAX_FORM_MEMORY_SIZE=MAX_SOURCE_BYTES + 1_000_000,
        MAX_FORM_PARTS=10,
    )
    app.jinja_loader = FileSystemLoader(TEMPLATES)
    environment = app.jinja_env
    environment.autoescape = True
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.globals |= {
        "drop_script": Markup(_block("drop.js")),  # noqa: S704 - our own file
        "own_style": Markup(_block("inspector.css")),  # noqa: S704 - our own file
        "page_style": Markup(headers.inline_block(headers.STYLE)),  # noqa: S704 - our own file
        "text_of_time": text_of_time,
        "where": where,
    }
    headers.install(app, secure=False)
    first = next(iter(endpoints))

    @app.get("/")
    def _empty() -> Response:
        return _page("inspector.html", endpoints=list(endpoints), asked=_Asked(first), reports=[], problem="")

    @app.get("/checks")
    def _checks() -> Response:
        return _page("checks.html", checks=CHECKS, explained=EXPLAINED)

    @app.post("/")
    def _inspect() -> Response:
        require_same_origin(request, f"http://{HOST}")
        asked = _Asked(request.form.get("endpoint", first), request.form.get("at", "").strip(), "mask" in request.form)
        reports: list[Report] = []
        problem = ""
        try:
            now = _moment(asked.at) if asked.at else clock()
            question = endpoints.get(asked.endpoint, endpoints[first])(now, request.form.get("binding") or None)
            reports = _reports(question, mask=asked.mask)
        except Unreadable as error:
            problem = f"Unreadable: it {error}."
        except ValueError:
            problem = "Unreadable: the time is no time such as 2026-11-23T08:15:00Z."
        return _page("inspector.html", endpoints=list(endpoints), asked=asked, reports=reports, problem=problem)

    @app.errorhandler(HTTPException)
    def _no(error: HTTPException) -> Response:
        return _said(error.code or 500, error.name)

    @app.errorhandler(BridgeError)
    def _refused(error: BridgeError) -> Response:
        return _said(getattr(error, "status", 500), error.code)

    return app


def _reports(question: Question, *, mask: bool) -> list[Report]:
    uploaded = request.files.get("file")
    raw = uploaded.read() if uploaded is not None else b""
    name = uploaded.filename or "dropped" if uploaded is not None and raw else "pasted"
    sources = read_sources(name, raw or request.form.get("text", "").encode("utf-8", "replace"))
    ask_binding = question.binding_secret is not None
    return [
        Report(each.name, inspect(each, question, ask_binding=ask_binding), came_as=each.came_as, mask=mask) for each in sources
    ]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _page(template: str, **values: object) -> Response:
    response = make_response(render_template(template, **values))
    response.headers["Content-Security-Policy"] = _policy()
    return response


def _said(status: int, words: str) -> Response:
    response = make_response(f"{words}\n", status)
    response.mimetype = "text/plain"
    return response


class _Silent(WSGIRequestHandler):
    """A handler that writes no line for any request."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


class Server:
    """The inspector on a port of loopback, from its making on; 0 takes any free one. Raises `OSError` if the port is taken."""

    def __init__(self, app: Flask, port: int) -> None:
        with socket.create_server((HOST, port)) as listening:  # the library would print and exit where the port is taken
            port = listening.getsockname()[1]
            self._server = make_server(HOST, port, app, threaded=True, request_handler=_Silent, fd=listening.fileno())
        self.url = f"http://{HOST}:{port}/"

    def serve(self) -> None:
        """Answer until `stop` is called in another thread or Ctrl-C is pressed."""
        self._server.serve_forever()

    def stop(self) -> None:
        """End `serve` and free the port."""
        self._server.shutdown()
        self._server.server_close()


def asking(question: Question) -> Ask:
    """Return what makes *question* for another time and another browser."""
    return lambda now, secret: replace(question, now=now, binding_secret=secret)
