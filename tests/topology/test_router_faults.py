"""The deployed router when something behind it does not answer, and on https."""

import json
import socket
import threading
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from bridge.errors import BridgeError, CellUnavailable, TopologyUnavailable
from bridge.harness.processes import free_port, wait_until
from tests.topology.running_router import Answer, Cell, Router, caddy_process, cell_of, needs_caddy

pytestmark = [pytest.mark.e2e, needs_caddy]


def says(answer: Answer, refusal: type[BridgeError]) -> bool:
    """Whether *answer* is the router's own page of *refusal*: its status, its sentences, its code, and when to come back."""
    page = answer.body.decode()
    assert answer.status == refusal.status, page
    assert answer.headers["retry-after"] == str(refusal.retry_after_seconds)
    return (
        f"<h1>{refusal.sentence}</h1>" in page
        and f"<p>{refusal.next_step}</p>" in page
        and f"<code>{refusal.public_code}</code>" in page
    )


class TestDown:
    """A page for the person when something behind the router does not answer."""

    def test_a_cell_that_is_down_has_a_page(self, router: Router) -> None:
        """503 with Retry-After, a sentence, and headers as on every page of ours; other cells are not touched."""
        answer = router.ask("/o/initech/")
        assert says(answer, CellUnavailable)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert b'<html lang="en">' in answer.body
        assert cell_of(router.ask("/o/acme/")) == "second"

    def test_without_its_topology_nothing_is_sent_anywhere(self, tmp_path: Path) -> None:
        """No guess at a cell: the page, and service again within seconds of the topology."""
        router = Router(tmp_path)
        try:
            router.topology.stop()
            for path in ("/", "/o/acme/", "/users/sign_in"):
                assert says(router.ask(path, headers={"X-Cell-Address": router.legacy.address}), TopologyUnavailable)
            router.start_topology()
            wait_until(lambda: router.ask("/o/acme/").status == 200, seconds=10, what="the router to ask again")
            assert cell_of(router.ask("/o/acme/")) == "second"
        finally:
            router.stop()

    def test_the_next_replica_answers_for_one_that_is_down(self, tmp_path: Path) -> None:
        """Not one request is lost, and with all of them down the page is the one of the topology."""
        router = Router(tmp_path)
        replica = Cell("replica", {"X-Cell-Address": router.second.address})
        try:
            router.also_ask(replica.address)
            assert cell_of(router.ask("/o/acme/")) == "second"
            assert replica.begun == []
            router.topology.stop()
            assert [cell_of(router.ask("/o/acme/")) for _ in range(3)] == ["second"] * 3
            assert replica.begun == ["GET /route HTTP/1.1"] * 3
            replica.stop()
            assert says(router.ask("/o/acme/"), TopologyUnavailable)
        finally:
            replica.stop()
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
        """Its status, its redirect and its words stay behind the router; no address of a client's takes their place.

        The question's own line holds no query, since such lines end up in logs.
        """
        listener = socket.create_server(("127.0.0.1", 0))
        questions: list[bytes] = []

        def misbehave() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    if question := connection.recv(65536):
                        questions.append(question)
                        connection.sendall(raw)

        thread = threading.Thread(target=misbehave)
        thread.start()
        port = free_port()
        caddy = caddy_process(tmp_path, f"http://localhost:{port}", f"127.0.0.1:{listener.getsockname()[1]}")
        caddy.start()
        try:
            wait_until(lambda: _accepts(port), seconds=30, what="the router to listen")
            connection = HTTPConnection("localhost", port, timeout=15)
            connection.request("GET", "/o/acme/?code=secret", headers={"X-Cell-Address": "127.0.0.1:1"})
            response = connection.getresponse()
            body = response.read()
            connection.close()
            assert response.status == 503
            assert b"<code>topology.unavailable</code>" in body
            assert response.getheader("Location") is None
            assert b"secret" not in body
            assert questions[0].startswith(b"GET /route HTTP/1.1\r\n")
        finally:
            caddy.stop()
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class TestSlow:
    """A cell has few threads; whoever sends slowly may hold the router, which has plenty, and no cell."""

    def test_a_body_that_drips_in_reaches_no_cell_before_it_is_whole(self, tmp_path: Path) -> None:
        """While many posts are half sent, their cell has seen none of them and answers everybody else; later each arrives."""
        router = Router(tmp_path)
        posts = [socket.create_connection(("localhost", router.port), timeout=15) for _ in range(24)]
        try:
            for post in posts:
                # "100 Continue" is said by whoever starts to read the body: from then on the router holds the first half.
                post.sendall(
                    f"POST /o/acme/ HTTP/1.1\r\nHost: localhost:{router.port}\r\nContent-Length: 10\r\n"
                    "Expect: 100-continue\r\nConnection: close\r\n\r\n".encode()
                )
                assert post.recv(1024).startswith(b"HTTP/1.1 100 ")
                post.sendall(b"first")
            assert cell_of(router.ask("/o/acme/")) == "second"
            assert router.second.begun == ["GET /o/acme/ HTTP/1.1"]
            for post in posts:
                post.sendall(b" half")
                answer = HTTPResponse(post)
                answer.begin()
                assert bytes.fromhex(json.loads(answer.read())["body"]) == b"first half"
        finally:
            for post in posts:
                post.close()
            router.stop()


class TestHttps:
    """The same file with a certificate of its own authority."""

    def test_https_on_localhost_needs_no_network_and_no_installed_authority(self, tmp_path: Path) -> None:
        """Cells learn the scheme; the certificate stands up to a check against the router's own authority."""
        router = Router(tmp_path, scheme="https")
        try:
            answer = router.ask("/o/acme/")
            assert cell_of(answer) == "second"
            assert answer.header("x-forwarded-proto") == ["https"]
            assert router.ask("/o/acme/", headers={"Host": "evil.example"}).status == 421
            log = router.caddy.log.read_text("utf-8")
            assert "acme-v02" not in log
            assert '"level":"error"' not in log
        finally:
            router.stop()
