"""Whatever a provider does on the wire is bounded in time, in size and in place, and a refusal repeats nothing of it."""

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bridge.errors import ProviderBadReply, ProviderUnavailable
from bridge.oauth.client import MAX_BODY_BYTES, ProviderHttp
from bridge.oauth.grant import CodeGrant
from tests.oauth.asking import CALLBACK, MARK, ask, refusal
from tests.oauth.loopback import Answer, LoopbackProvider, json_answer
from tests.oauth.samples import NOW, Clock, begin, config

GZIP = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


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
        grant = CodeGrant(config("github"), http, scopes=(), clock=Clock())
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
