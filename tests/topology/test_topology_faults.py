"""The HTTP client against a service that misbehaves on the wire: every fault is `topology.unavailable`, within its time."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic

import pytest

from bridge.errors import TopologyUnavailable
from bridge.identity import Email, IdentityKey
from bridge.topology.directory import ClaimHeld
from bridge.topology.transport import MAX_ANSWER_BYTES, TopologyHttp
from bridge.topology.wire import Place

SUBJECT = Email("dana@mail.example")
KEY = IdentityKey("github", "1001")
ANSWER = {"organization": {"id": 42, "path": "acme"}, "cell": {"id": 2, "address": "a:1", "session_prefix": "c"}}
TIMEOUT_SECONDS = 0.3

Script = Callable[[socket.socket, bytes], None]


def http(body: bytes, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """Return one HTTP answer."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


class Wire:
    """A listening socket whose n-th connection is handled by the n-th script; counts what came."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._connection: socket.socket | None = None
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "Wire":
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every script, the open connection and the thread."""
        self.done.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        for script in self._scripts:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connection = connection
            with connection:
                connection.settimeout(5)
                while request := self._read(connection):
                    self.requests.append(request)
                    try:
                        script(connection, request)
                    except OSError:
                        break
                    if script.__name__ != "answering":
                        break

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        raw = b""
        try:
            while b"\r\n\r\n" not in raw:
                if not (more := connection.recv(65536)):
                    return b""
                raw += more
            head, _, body = raw.partition(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            while len(body) < length:
                body += connection.recv(65536)
        except OSError:
            return b""
        return head + b"\r\n\r\n" + body


def sends(*parts: bytes) -> Script:
    """Return a script that sends *parts* and closes."""

    def sending(connection: socket.socket, _: bytes) -> None:
        for part in parts:
            connection.sendall(part)

    return sending


def answers(body: object) -> Script:
    """Return a script that answers every request of its connection."""

    def answering(connection: socket.socket, _: bytes) -> None:
        connection.sendall(http(json.dumps(body).encode()))

    return answering


def resets(connection: socket.socket, _: bytes) -> None:
    """Reset the connection instead of answering."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@contextmanager
def client(*scripts: Script) -> Iterator[tuple[TopologyHttp, Wire]]:
    """Yield a client of a wire with *scripts*."""
    with Wire(*scripts) as wire:
        yield TopologyHttp(wire.url, token="secret-token", timeout_seconds=TIMEOUT_SECONDS), wire


BAD_ANSWERS = {
    "HTML": http(b"<html>Bad gateway</html>"),
    "HTML 404 of some proxy": http(b"<html>Not Found</html>", status="404 Not Found"),
    "JSON 404 of another program": http(b'{"error": "not found"}', status="404 Not Found"),
    "404 with a text for its code": http(b'{"code": "5"}', status="404 Not Found"),
    "500": http(b'{"code": 13, "message": "internal", "details": []}', status="500 Internal Server Error"),
    "401": http(b'{"code": 16}', status="401 Unauthorized"),
    "201": http(json.dumps(ANSWER).encode(), status="201 Created"),
    "a redirect": http(b"{}", status="302 Found", headers="Location: http://127.0.0.1:1/\r\n"),
    "a list": http(b"[]"),
    "a cut body": http(b'{"organization"', length=1000),
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "an organization without an id": http(json.dumps({**ANSWER, "organization": {"path": "acme"}}).encode()),
    "an id of another type": http(json.dumps({**ANSWER, "organization": {"id": "42", "path": "acme"}}).encode()),
    "a boolean id": http(json.dumps({**ANSWER, "organization": {"id": True, "path": "acme"}}).encode()),
    "a path that climbs": http(json.dumps({**ANSWER, "organization": {"id": 42, "path": "../acme"}}).encode()),
    "a name that cannot be shown": http(
        json.dumps({**ANSWER, "organization": {"id": 42, "path": "acme", "name": "Acme\u202e"}}).encode()
    ),
    "no cell": http(json.dumps({"organization": ANSWER["organization"]}).encode()),
    "half a foreign end": http(
        json.dumps({**ANSWER, "organization": {"id": 42, "path": "acme", "acs_url": "https://a.example/"}}).encode()
    ),
    "a plain foreign end": http(
        json.dumps(
            {**ANSWER, "organization": {"id": 42, "path": "acme", "acs_url": "http://a.example/", "sp_entity_id": "x"}}
        ).encode()
    ),
    "two organizations": http(b'{"organization": {"id": 42, "path": "acme"}, ' + json.dumps(ANSWER).encode()[1:]),
    "a compressed answer": http(b"\x1f\x8b\x08\0\0\0\0\0", headers="Content-Encoding: gzip\r\n"),
}


class TestBadAnswers:
    """Whatever is not the service's own answer is a failure, and never "unknown"."""

    @pytest.mark.parametrize("raw", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
    def test_it_is_unavailable(self, raw: bytes) -> None:
        """The person is told that nothing is wrong with the account; the reason names nobody."""
        with client(sends(raw), sends(raw)) as (topology, _), pytest.raises(TopologyUnavailable) as refusal:
            topology.look_up(SUBJECT)
        assert "dana" not in str(refusal.value)
        assert "secret" not in str(refusal.value)

    def test_a_good_answer_is_read_and_newer_fields_are_ignored(self) -> None:
        """A service may learn to say more."""
        with client(answers({**ANSWER, "region": "eu"})) as (topology, _):
            assert topology.look_up(SUBJECT) == Place(42, "acme", 2)

    def test_only_the_services_own_404_means_unknown(self) -> None:
        """Status and code together."""
        with client(sends(http(b'{"code": 5, "message": "x", "details": []}', status="404 Not Found"))) as (topology, _):
            assert topology.look_up(SUBJECT) is None

    @pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "302 Found", "204 No Content"])
    def test_a_claim_that_was_not_answered_with_200_is_not_made(self, status: str) -> None:
        """Only 409 is a conflict; everything else may be tried again."""
        with client(sends(http(b"{}", status=status))) as (topology, _), pytest.raises(TopologyUnavailable):
            topology.claim(KEY, 42)
        with client(sends(http(b"{}", status="409 Conflict"))) as (topology, _), pytest.raises(ClaimHeld):
            topology.claim(KEY, 42)


class TestSizeAndTime:
    """A service gone mad takes neither the memory nor the threads of a cell."""

    @pytest.mark.parametrize("status", ["200 OK", "302 Found"])
    def test_an_answer_over_the_cap_is_left(self, status: str) -> None:
        """Ten megabytes are announced; reading ends at the cap, also below a redirect, which requests would read to its end."""
        body = json.dumps(ANSWER).encode().ljust(MAX_ANSWER_BYTES + 1)
        script = sends(http(body, status=status, headers="Location: http://127.0.0.1:1/\r\n", length=10_000_000))
        with client(script) as (topology, _), pytest.raises(TopologyUnavailable) as refusal:
            topology.look_up(SUBJECT)
        assert refusal.value.reason == "answer: more than 65536 bytes"

    def test_a_service_that_hangs_is_left_after_the_timeout(self) -> None:
        """And is not asked a second time: the person has waited enough."""

        def hang(_: socket.socket, __: bytes) -> None:
            wire.done.wait(5)

        with client(hang, hang) as (topology, wire):
            began = monotonic()
            with pytest.raises(TopologyUnavailable) as refusal:
                topology.look_up(SUBJECT)
            assert monotonic() - began < 5 * TIMEOUT_SECONDS
            assert refusal.value.reason == "ReadTimeout"
            assert len(wire.requests) == 1

    def test_a_body_that_drips_is_left_after_the_timeout(self) -> None:
        """Each byte comes in time, the whole does not."""

        def drip(connection: socket.socket, _: bytes) -> None:
            connection.sendall(http(b"", length=10_000))
            while not wire.done.wait(TIMEOUT_SECONDS / 10):
                connection.sendall(b" ")

        with client(drip) as (topology, wire):
            began = monotonic()
            with pytest.raises(TopologyUnavailable) as refusal:
                topology.look_up(SUBJECT)
            assert monotonic() - began < 5 * TIMEOUT_SECONDS
            assert refusal.value.reason == "answer: too slow"


class TestConnection:
    """Refused, reset, reused."""

    def test_nobody_listening_is_unavailable(self) -> None:
        """The reason is the failure's kind."""
        with Wire() as wire:
            url = wire.url
        with pytest.raises(TopologyUnavailable) as refusal:
            TopologyHttp(url, token=None, timeout_seconds=TIMEOUT_SECONDS).look_up(SUBJECT)
        assert refusal.value.reason == "ConnectionError"

    def test_a_service_that_takes_no_connection_is_left_after_the_timeout(self) -> None:
        """A machine that swallows packets is not tried twice, although requests calls this a connection error as well."""
        seconds = 1.0
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            for _ in range(4):  # the queue is full: Linux drops what comes after
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            topology = TopologyHttp(f"http://127.0.0.1:{listener.getsockname()[1]}", token=None, timeout_seconds=seconds)
            began = monotonic()
            with pytest.raises(TopologyUnavailable) as refusal:
                topology.look_up(SUBJECT)
            assert refusal.value.reason == "ConnectTimeout"
            assert monotonic() - began < 1.9 * seconds

    @pytest.mark.parametrize("fault", [resets, sends()], ids=["reset", "closed"])
    def test_a_lost_connection_is_tried_once_more(self, fault: Script) -> None:
        """A kept connection that the service had closed costs nobody a sign-in."""
        with client(fault, answers(ANSWER)) as (topology, wire):
            assert topology.look_up(SUBJECT) == Place(42, "acme", 2)
            assert len(wire.requests) == 2

    def test_a_connection_lost_twice_is_unavailable(self) -> None:
        """One retry, not a storm of them on a service that is starting."""
        with client(resets, resets, answers(ANSWER)) as (topology, wire):
            with pytest.raises(TopologyUnavailable):
                topology.look_up(SUBJECT)
            assert len(wire.requests) == 2

    def test_one_connection_serves_many_questions(self) -> None:
        """The client keeps it open, and keeps no cookie."""
        with client(answers(ANSWER)) as (topology, wire):
            assert [topology.look_up(SUBJECT) for _ in range(3)] == [Place(42, "acme", 2)] * 3
            assert len(wire.requests) == 3

    def test_the_question_is_what_the_service_reads(self) -> None:
        """The token in its header, the subject in the body, and nothing in the address."""
        with client(answers(ANSWER)) as (topology, wire):
            topology.look_up(KEY)
        head, _, body = wire.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/organizations/lookup HTTP/1.1\r\n")
        assert b"\r\nAuthorization: Bearer secret-token\r\n" in head + b"\r\n"
        assert json.loads(body) == {"identity": {"provider": "github", "uid": "1001"}}

    def test_the_environment_changes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A proxy of the environment would see the token; .netrc would replace it."""
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        with client(answers(ANSWER)) as (topology, _):
            assert topology.look_up(SUBJECT) == Place(42, "acme", 2)

    def test_a_redirect_is_not_followed(self) -> None:
        """The token goes nowhere else."""
        with client(answers(ANSWER)) as (_, elsewhere):
            moved = http(
                b"{}", status="307 Temporary Redirect", headers=f"Location: {elsewhere.url}/v1/organizations/lookup\r\n"
            )
            with client(sends(moved)) as (topology, _), pytest.raises(TopologyUnavailable) as refusal:
                topology.look_up(SUBJECT)
            assert refusal.value.reason == "HTTP 307"
            assert elsewhere.requests == []
