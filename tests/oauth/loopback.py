"""A provider on a loopback port: real HTTP, with the answers and the faults that a test sets."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    """One request as it came over the wire; header names are lower-case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]
    body: str
    connection: tuple[str, int]


@dataclass(frozen=True)
class Answer:
    """What to answer."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


def json_answer(value: object, status: int = 200, **headers: str) -> Answer:
    """Return *value* as a JSON answer, with extra headers (`Cache_Control="..."`)."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(json.dumps(value).encode(), status, {"Content-Type": "application/json; charset=utf-8", **named})


Fault = Callable[[BaseHTTPRequestHandler], None]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a kept-alive answer waits 40 ms for the client's delayed acknowledgement
    owner: ClassVar["LoopbackProvider"]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test output clean."""

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        received = Received(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            form=dict(parse_qsl(body)),
            body=body,
            connection=self.client_address,
        )
        self.owner.received.append(received)
        route = self.owner.routes.get((received.method, received.path), json_answer({"error": "not_found"}, 404))
        if isinstance(route, _FaultRoute):
            route.fault(self)
            self.close_connection = True
            return
        answer = route if isinstance(route, Answer) else route(received)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = _handle  # noqa: N815


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep the test output clean: a client that hangs up on a fault is what the tests are about."""


@dataclass(frozen=True)
class _FaultRoute:
    fault: Fault


class LoopbackProvider:
    """A threaded HTTP/1.1 server. `stopped` is set when the test ends, so that a fault that waits can stop waiting."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], Answer | Callable[[Received], Answer] | _FaultRoute] = {}
        self.received: list[Received] = []
        self.stopped = threading.Event()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def on(self, method: str, path: str, answer: Answer | Callable[[Received], Answer]) -> None:
        """Answer *method* *path* so from now on."""
        self.routes[method, path] = answer

    def fail(self, method: str, path: str, fault: Fault) -> None:
        """Let *fault* do with the connection of *method* *path* as it likes; the connection ends with it."""
        self.routes[method, path] = _FaultRoute(fault)

    def hang(self, method: str, path: str) -> None:
        """Take *method* *path* and never answer."""

        def wait(_: BaseHTTPRequestHandler) -> None:
            self.stopped.wait(30)

        self.fail(method, path, wait)

    def asked(self, method: str, path: str) -> list[Received]:
        """Return the requests for *method* *path* so far."""
        return [one for one in self.received if (one.method, one.path) == (method, path)]

    def stop(self) -> None:
        """Stop listening, and let waiting faults go."""
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
