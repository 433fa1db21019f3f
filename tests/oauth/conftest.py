"""A provider on a loopback port: real HTTP, with the answers and the faults that a test sets."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from bridge.handoff import ReturnPath
from bridge.oauth import attempt as login_attempt
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.client import ProviderHttp
from bridge.oauth.id_token import ALGORITHMS
from bridge.seal import Seal
from bridge.sections import ProviderConfig

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CLIENT_ID = "client-1"
CLIENT_SECRET = "a secret: with+signs&"
REDIRECT_URI = "https://cells.example/users/auth/it/callback"
REFERENCE = "7KQ2M-4XD9R"


@dataclass(frozen=True)
class Received:
    """One request as it came over the wire; header names are lower-case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]
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
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        received = Received(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            form=dict(parse_qsl(form)),
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


@pytest.fixture
def provider() -> Iterator[LoopbackProvider]:
    """A provider on a loopback port."""
    server = LoopbackProvider()
    yield server
    server.stop()


@pytest.fixture
def http() -> Iterator[ProviderHttp]:
    """The client with its limits in time shortened."""
    client = ProviderHttp(connect_seconds=2, read_seconds=2, total_seconds=4)
    yield client
    client.close()


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def move(self, **by: float) -> None:
        """Move the clock, as `timedelta(**by)`."""
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at a Sunday noon of 2026."""
    return Clock()


@pytest.fixture(scope="session")
def seal() -> Seal:
    """The seal of this deployment."""
    return Seal(["0123456789abcdef0123456789abcdef"])


def counting_bytes() -> Callable[[int], bytes]:
    """Return a source of bytes that never gives the same twice."""
    count = 0

    def give(size: int) -> bytes:
        nonlocal count
        count += 1
        return count.to_bytes(size, "big")

    return give


def begin(provider: str = "it", **options: Any) -> LoginAttempt:
    """Return an attempt that began at `NOW`."""
    values: dict[str, Any] = {
        "return_to": ReturnPath("/o/acme/projects/7?tab=2"),
        "reference": REFERENCE,
        "now": NOW,
        "random_bytes": counting_bytes(),
    }
    return login_attempt.start(provider=provider, **(values | options))


def config(kind: str, *, name: str = "it", **settings: Any) -> ProviderConfig:
    """Return the configuration of a provider of *kind*."""
    values = {"name": name, "kind": kind, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return ProviderConfig.model_validate(values | settings)


class SigningIssuer:
    """An OpenID issuer at *url*: its keys, its documents and the tokens that it signs."""

    def __init__(self, server: LoopbackProvider, path: str = "/op") -> None:
        self.server, self.path, self.url = server, path, server.url + path
        self.key: RSAKey | ECKey = RSA_KEYS[0]
        self.kid = "k1"
        self.metadata: dict[str, Any] = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
        }
        server.on("GET", f"{path}/.well-known/openid-configuration", lambda _: json_answer(self.metadata))
        server.on("GET", f"{path}/jwks", lambda _: json_answer({"keys": self.jwks}))

    @property
    def jwks(self) -> list[dict[str, Any]]:
        """The published keys."""
        return [{**self.key.as_dict(private=False), "kid": self.kid, "use": "sig"}]

    def claims(self, attempt: LoginAttempt, **changed: Any) -> dict[str, Any]:
        """Return the claims of a good ID token for *attempt*, changed; a claim set to `...` is left out."""
        now = int(NOW.timestamp())
        good: dict[str, Any] = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "person-1",
            "nonce": attempt.nonce,
            "iat": now,
            "exp": now + 300,
        }
        return {name: value for name, value in (good | changed).items() if value is not ...}

    def sign(self, claims: dict[str, Any], *, key: RSAKey | ECKey | None = None, alg: str = "RS256", **header: Any) -> str:
        """Return *claims* as a token signed by *key*, ours unless given."""
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        protected = {"alg": alg, "kid": self.kid, **header}
        return jws.serialize_compact(protected, json.dumps(claims), key or self.key, registry=registry)

    def gives(self, raw_id_token: str | None, **more: Any) -> None:
        """Answer the next code with this token."""
        tokens = {"access_token": "at-1", "token_type": "Bearer", "expires_in": 3600, "id_token": raw_id_token, **more}
        self.server.on("POST", f"{self.path}/token", json_answer(tokens, Cache_Control="no-store"))


RSA_KEYS = [RSAKey.generate_key(2048) for _ in range(2)]


@pytest.fixture
def issuer(provider: LoopbackProvider) -> SigningIssuer:
    """An OpenID issuer on the loopback provider."""
    return SigningIssuer(provider)
