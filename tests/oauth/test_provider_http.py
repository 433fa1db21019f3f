"""The one HTTP client: whatever a provider does on the wire is bounded, and a refusal repeats nothing of it."""

import gzip
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bridge.errors import ProviderBadReply, ProviderError, ProviderUnavailable
from bridge.oauth.callback import Callback
from bridge.oauth.client import MAX_BODY_BYTES, ProviderHttp, Reply
from bridge.oauth.grant import CodeGrant
from tests.oauth.conftest import NOW, Answer, LoopbackProvider, begin, config, json_answer

CALLBACK = Callback(code="code-secret-1")
BEARER = "at-secret-1"
MARK = "body-mark-7"
GZIP = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


def ask(http: ProviderHttp, url: str) -> Reply:
    """Ask for a document with an access token."""
    return http.get(url, provider="it", document="user", bearer=BEARER)


def refusal(http: ProviderHttp, url: str, kind: type[ProviderError]) -> ProviderError:
    """Return the refusal that asking *url* for an object ends in; its class is exactly *kind*."""
    with pytest.raises(ProviderUnavailable) as refused:
        ask(http, url).object()
    assert type(refused.value) is kind
    assert refused.value.reason.startswith("user: ")
    assert BEARER not in str(refused.value)
    assert MARK not in str(refused.value)
    return refused.value


@pytest.fixture
def hasty() -> Iterator[ProviderHttp]:
    """The client with limits in time that a test can wait for."""
    client = ProviderHttp(connect_seconds=0.5, read_seconds=0.2, total_seconds=0.5)
    yield client
    client.close()


class TestAsking:
    """What goes out."""

    def test_an_object_is_read_with_the_access_token(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """The token goes in the header (RFC 6750 2.1), never in the URL, and JSON is asked for."""
        provider.on("GET", "/user", json_answer({"id": 7}))
        assert ask(http, f"{provider.url}/user").object().number("id") == 7
        [received] = provider.received
        assert received.headers["authorization"] == f"Bearer {BEARER}"
        assert received.headers["accept"] == "application/json"
        assert received.headers["user-agent"] == "cellbridge"
        assert received.query == {}

    def test_connections_are_kept(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """One connection serves many calls, token calls and refused answers included."""
        provider.on("GET", "/user", json_answer({"id": 7}))
        provider.on("GET", "/odd", json_answer([MARK]))
        provider.on("POST", "/token", json_answer({"error": "invalid_grant"}, 400))
        grant = CodeGrant(config("github"), http, scopes=())
        for _ in range(3):
            ask(http, f"{provider.url}/user").object()
            refusal(http, f"{provider.url}/odd", ProviderBadReply)
            with pytest.raises(ProviderBadReply):
                grant.redeem(
                    f"{provider.url}/token", CALLBACK, begin(), "https://cells.example/cb", auth_method="client_secret_post"
                )
        assert len(provider.received) == 9
        assert len({received.connection for received in provider.received}) == 1

    def test_many_threads_share_one_client(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Each gets its own answer."""
        provider.on("GET", "/user", lambda received: json_answer({"id": int(received.headers["authorization"][7:])}))

        def one(number: int) -> int:
            url = f"{provider.url}/user"
            return http.get(url, provider="it", document="user", bearer=str(number)).object().number("id")

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(one, range(1, 101))) == list(range(1, 101))

    def test_a_providers_cookie_is_not_kept(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """The client serves everybody: what one person's answer sets must not travel with the next person's call."""
        provider.on("GET", "/user", json_answer({"id": 7}, Set_Cookie="who=dana; Path=/"))
        for _ in range(2):
            ask(http, f"{provider.url}/user")
        assert all("cookie" not in received.headers for received in provider.received)

    def test_the_environment_has_no_say(
        self, provider: LoopbackProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A .netrc entry would replace our Authorization header, a proxy variable would see every token."""
        netrc = tmp_path / "netrc"
        netrc.write_text("default login dana password hunter2\n", "utf-8")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "")
        provider.on("GET", "/user", json_answer({"id": 7}))
        client = ProviderHttp()
        ask(client, f"{provider.url}/user").object()
        client.close()
        assert provider.received[0].headers["authorization"] == f"Bearer {BEARER}"


class TestUnreachable:
    """The provider cannot be reached, hangs, or says that it is broken: `provider.unavailable`."""

    def test_refused(self, hasty: ProviderHttp) -> None:
        """Nobody listens."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        assert "no connection" in refusal(hasty, f"http://127.0.0.1:{port}/user", ProviderUnavailable).reason

    def test_hangs_before_the_answer(self, provider: LoopbackProvider, hasty: ProviderHttp) -> None:
        """The read timeout ends it."""
        provider.hang("GET", "/user")
        assert "timed out" in refusal(hasty, f"{provider.url}/user", ProviderUnavailable).reason

    @pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
    def test_drips(self, provider: LoopbackProvider, hasty: ProviderHttp, start: bytes) -> None:
        """A byte now and then satisfies every read timeout; the deadline ends it, in the headers as in the body."""

        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(start)
            while not provider.stopped.wait(0.02):
                handler.wfile.write(b"x")

        provider.fail("GET", "/user", drip)
        began = time.monotonic()
        refusal(hasty, f"{provider.url}/user", ProviderUnavailable)
        assert 0.4 < time.monotonic() - began < 3

    def test_falls_silent(self, provider: LoopbackProvider) -> None:
        """The deadline holds also where the read timeout would be more patient."""

        def stop_speaking(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            provider.stopped.wait(30)

        provider.fail("GET", "/user", stop_speaking)
        client = ProviderHttp(read_seconds=20, total_seconds=0.3)
        began = time.monotonic()
        refusal(client, f"{provider.url}/user", ProviderUnavailable)
        client.close()
        assert time.monotonic() - began < 10

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
    def test_says_so(self, provider: LoopbackProvider, http: ProviderHttp, status: int) -> None:
        """Also with a JSON body."""
        provider.on("GET", "/user", json_answer({"id": 7, "error": MARK}, status))
        assert str(status) in refusal(http, f"{provider.url}/user", ProviderUnavailable).reason

    def test_breaks_off(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Half a document is none, even if it parses."""

        def half(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"id":7}')

        provider.fail("GET", "/user", half)
        refusal(http, f"{provider.url}/user", ProviderUnavailable)

    def test_is_not_who_it_says(self, tls_without_trust: tuple[str, list[object]], hasty: ProviderHttp) -> None:
        """A certificate that no known authority signed ends the call before anything is sent, and is not tried again."""
        url, connections = tls_without_trust
        assert "SSLError" in refusal(hasty, f"{url}/user", ProviderUnavailable).reason
        assert len(connections) == 1


class TestReset:
    """A kept-alive connection may die the moment it is used."""

    @staticmethod
    def reset(handler: BaseHTTPRequestHandler) -> None:
        """Send RST instead of an answer."""
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    def test_a_get_is_asked_once_more(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Asking twice changes nothing at the provider."""

        def reset_once(handler: BaseHTTPRequestHandler) -> None:
            provider.on("GET", "/user", json_answer({"id": 7}))
            self.reset(handler)

        provider.fail("GET", "/user", reset_once)
        assert ask(http, f"{provider.url}/user").object().number("id") == 7
        assert len(provider.received) == 2

    def test_a_get_is_not_asked_a_third_time(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """One retry, no storm."""
        provider.fail("GET", "/user", self.reset)
        refusal(http, f"{provider.url}/user", ProviderUnavailable)
        assert len(provider.received) == 2

    def test_a_code_is_redeemed_once(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """A second POST of a code makes careful providers revoke what the first one gave (RFC 6749 4.1.2)."""
        provider.fail("POST", "/token", self.reset)
        grant = CodeGrant(config("github"), http, scopes=())
        with pytest.raises(ProviderUnavailable) as refused:
            grant.redeem(f"{provider.url}/token", CALLBACK, begin(), "https://x.example", auth_method="client_secret_post")
        assert type(refused.value) is ProviderUnavailable
        assert CALLBACK.code not in str(refused.value)
        assert len(provider.received) == 1

    def test_a_timeout_is_not_retried(self, provider: LoopbackProvider, hasty: ProviderHttp) -> None:
        """A provider that is slow is not helped by asking again, and the person waits."""
        provider.hang("GET", "/user")
        refusal(hasty, f"{provider.url}/user", ProviderUnavailable)
        assert len(provider.received) == 1


class TestBadReply:
    """The provider answers something else than its documents say: `provider.bad_reply`."""

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(f"<html>{MARK}</html>".encode(), headers={"Content-Type": "text/html"}),
            Answer(b'{"id": 7}', headers={"Content-Type": "text/html"}),
            Answer(b'{"id": 7}', headers={}),
            Answer(b"access_token=x&token_type=bearer", headers={"Content-Type": "application/x-www-form-urlencoded"}),
            Answer(f"<html>{MARK}</html>".encode()),
            Answer(b'{"id": 7'),
            Answer(b'{"id": "\xff"}'),
            Answer('{"id": 7}'.encode("utf-16")),
            Answer(b"[" * 100_000),
            Answer(b'{"id":' + b"9" * 5000 + b"}"),
            Answer(b""),
            Answer(b"", status=204),
            json_answer([MARK]),
            json_answer(MARK),
            json_answer(None),
            json_answer({"id": 7}, 201),
            json_answer({"message": MARK}, 404),
            Answer(f"<html>{MARK}</html>".encode(), status=400, headers={"Content-Type": "text/html"}),
            json_answer({"error": f"{MARK} and more"}),
            json_answer({"error": {"message": MARK}}, 400),
        ],
        ids=str,
    )
    def test_is_no_answer_in_json(self, provider: LoopbackProvider, http: ProviderHttp, answer: Answer) -> None:
        """HTML, a wrong type, broken or hostile JSON, another status."""
        provider.on("GET", "/user", answer)
        refusal(http, f"{provider.url}/user", ProviderBadReply)

    @pytest.mark.parametrize("status", [200, 400, 401])
    def test_an_oauth_error_is_named(self, provider: LoopbackProvider, http: ProviderHttp, status: int) -> None:
        """RFC 6749 5.2, and GitHub's way of sending the same with HTTP 200; the description stays out."""
        provider.on("GET", "/user", json_answer({"error": "invalid_grant", "error_description": MARK}, status))
        assert "invalid_grant" in refusal(http, f"{provider.url}/user", ProviderBadReply).reason

    def test_other_json_types_are_json(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """`application/jwk-set+json` and a charset parameter are fine."""
        for content_type in ("application/jwk-set+json", "Application/JSON ; charset=utf-8", "application/vnd.github.v3+json"):
            provider.on("GET", "/user", Answer(b'{"id": 7}', headers={"Content-Type": content_type}))
            assert ask(http, f"{provider.url}/user").object().number("id") == 7

    def test_an_array_is_one_of_objects(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Where an array is expected, an object is refused, and an array of something else too."""
        provider.on("GET", "/user", json_answer([{"id": 7}]))
        assert [entry.number("id") for entry in ask(http, f"{provider.url}/user").objects()] == [7]
        wrong: list[Any] = [{"id": 7}, [MARK], [[]], MARK]
        for value in wrong:
            provider.on("GET", "/user", json_answer(value))
            with pytest.raises(ProviderBadReply) as refused:
                ask(http, f"{provider.url}/user").objects()
            assert MARK not in str(refused.value)


class TestSize:
    """No answer grows past the cap, in bytes as they come or as they unpack."""

    def test_ten_megabytes_are_cut(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Reading stops at the cap."""
        provider.on("GET", "/user", Answer(b'{"id": "' + b"x" * 10_000_000 + b'"}'))
        assert "larger" in refusal(http, f"{provider.url}/user", ProviderBadReply).reason

    def test_an_endless_body_is_cut(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Without a length too: the provider notices that we hung up."""
        hung_up = threading.Event()

        def pour(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            try:
                while not provider.stopped.is_set():
                    handler.wfile.write(b"x" * 65536)
            except OSError:
                hung_up.set()

        provider.fail("GET", "/user", pour)
        assert "larger" in refusal(http, f"{provider.url}/user", ProviderBadReply).reason
        assert hung_up.wait(5)

    def test_the_cap_is_inclusive(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """One mebibyte is read, one byte more is not."""
        body = b'{"id":7}'
        provider.on("GET", "/user", Answer(body + b" " * (MAX_BODY_BYTES - len(body))))
        assert ask(http, f"{provider.url}/user").object().number("id") == 7
        provider.on("GET", "/user", Answer(body + b" " * (MAX_BODY_BYTES - len(body) + 1)))
        refusal(http, f"{provider.url}/user", ProviderBadReply)

    def test_gzip_is_read(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Compression is asked for and understood."""
        provider.on("GET", "/user", Answer(gzip.compress(b'{"id": 7}'), headers=GZIP))
        assert ask(http, f"{provider.url}/user").object().number("id") == 7
        assert provider.received[0].headers["accept-encoding"] == "gzip"

    @pytest.mark.parametrize("layers", [1, 2])
    def test_a_gzip_bomb_is_not_unpacked(self, provider: LoopbackProvider, http: ProviderHttp, layers: int) -> None:
        """A hundred megabytes in a hundred kilobytes cost us less than ten, also if packed twice."""
        bomb = b"\0" * 100_000_000
        for _ in range(layers):
            bomb = gzip.compress(bomb, 1)
        provider.on("GET", "/user", Answer(bomb, headers=GZIP | {"Content-Encoding": ", ".join(["gzip"] * layers)}))
        tracemalloc.start()
        refusal(http, f"{provider.url}/user", ProviderBadReply)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10_000_000

    def test_broken_gzip_is_refused(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """It says gzip and is not."""
        provider.on("GET", "/user", Answer(b'{"id": 7}', headers=GZIP))
        assert "compressed" in refusal(http, f"{provider.url}/user", ProviderBadReply).reason


class TestRedirects:
    """A redirect is never followed: it could carry a token elsewhere, or us into our own network."""

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_get_is_not_followed(self, provider: LoopbackProvider, http: ProviderHttp, status: int) -> None:
        """Not even to the same host."""
        provider.on("GET", "/user", Answer(b"", status, {"Location": f"{provider.url}/other"}))
        provider.on("GET", "/other", json_answer({"id": 7}))
        assert str(status) in refusal(http, f"{provider.url}/user", ProviderBadReply).reason
        assert [received.path for received in provider.received] == ["/user"]

    def test_the_token_call_is_not_followed(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """A 307 would repeat the code and the client's secret at another address."""
        provider.on("POST", "/token", Answer(b"", 307, {"Location": f"{provider.url}/other"}))
        grant = CodeGrant(config("github"), http, scopes=())
        with pytest.raises(ProviderBadReply):
            grant.redeem(f"{provider.url}/token", CALLBACK, begin(), "https://x.example", auth_method="client_secret_post")
        assert [received.path for received in provider.received] == ["/token"]

    def test_a_redirects_body_is_not_read(self, provider: LoopbackProvider) -> None:
        """requests reads it whole, without any cap, unless it is stopped from looking at redirects at all."""

        def huge(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 1000000000\r\n\r\n")
            provider.stopped.wait(30)

        provider.fail("GET", "/user", huge)
        client = ProviderHttp(read_seconds=20, total_seconds=20)
        began = time.monotonic()
        refusal(client, f"{provider.url}/user", ProviderBadReply)
        client.close()
        assert time.monotonic() - began < 10


class TestFreshness:
    """How long a document may be kept, by its headers (RFC 9111 4.2)."""

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"Cache-Control": "public"}, None),
            ({"Cache-Control": "public, max-age=600"}, 600),
            ({"Cache-Control": 'MAX-AGE="600"', "Age": "100"}, 500),
            ({"Cache-Control": "max-age=60", "Age": "100"}, 0),
            ({"Cache-Control": "max-age=60", "Age": "soon"}, 60),
            ({"Cache-Control": "no-store, max-age=600"}, 0),
            ({"Cache-Control": "s-max-age=600"}, None),
            ({"Cache-Control": "max-age=soon"}, None),
        ],
    )
    def test_headers(
        self, provider: LoopbackProvider, http: ProviderHttp, headers: dict[str, str], seconds: int | None
    ) -> None:
        """Seconds, or None where nothing is said."""
        provider.on("GET", "/user", Answer(b"{}", headers=headers))
        assert ask(http, f"{provider.url}/user").fresh_seconds == seconds


@pytest.fixture
def tls_without_trust(tmp_path: Path) -> Iterator[tuple[str, list[object]]]:
    """An https server on loopback whose certificate nobody but itself signed: its URL, and who connected."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=3650))
        .not_valid_after(NOW + timedelta(days=3650))
        .sign(key, SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    connections: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve_tls, args=(listener, context, connections))
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", connections
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve_tls(listener: socket.socket, context: ssl.SSLContext, connections: list[object]) -> None:
    while True:
        try:
            connection, peer = listener.accept()
        except OSError:
            return
        connections.append(peer)
        with connection:
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                continue
