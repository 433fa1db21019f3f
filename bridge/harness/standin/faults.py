"""Faults on demand: which exist, which are set, and how a provider's answer is spoilt on the wire.

The law: a fault is set for one endpoint of one provider and stays until it is cleared; nothing here waits for a fixed time. The
faults of the ID token itself are named here and made in `id_token.py`.
"""

import contextlib
import gzip
import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from flask import Response, request

Endpoint = Literal["token", "token_info", "userinfo", "jwks", "discovery"]
ENDPOINTS: tuple[Endpoint, ...] = get_args(Endpoint)
OIDC_ENDPOINTS = frozenset({"jwks", "discovery"})

HUGE_BYTES = 10 * 1024 * 1024
_CHUNK = b"a" * 65536
_LOOK_SECONDS = 0.05

HTTP_FAULTS = {
    "drop": "closes the connection without an answer",
    "hang": "does not answer until the fault is cleared, and then answers well; stops when the client leaves",
    "status_500": "answers 500 with a JSON error",
    "html": "answers 200 with an HTML page",
    "huge": "answers with 10 MB of JSON, chunked, without a length",
    "gzip_bomb": "answers with 10 kB that unpack to 10 MB",
    "truncated": "answers with the first half of the document, and says that this is all",
    "wrong_type": "answers well, but as text/plain",
    "redirect": "answers 307 to another address of the provider (`lured` counts who followed)",
    "refused": "answers with the provider's own error document, as for a wrong code or token",
}
ID_TOKEN_FAULTS = {
    "wrong_nonce": "the nonce of another attempt",
    "no_nonce": "no nonce",
    "wrong_audience": "made for another client",
    "wrong_azp": "for two clients, and another one is the authorized party",
    "wrong_issuer": "says another issuer",
    "wrong_signature": "signed by a key that is not published, under the key id of one that is",
    "alg_none": "not signed, `alg` is none",
    "hs256_public_key": "an HMAC, keyed with the published public key as PEM",
    "expired": "expired an hour ago",
    "clock_ahead": "issued an hour from now",
    "unknown_kid": "a key id that is not published",
    "embedded_key": "signed by a key that comes along in the header (`jwk`)",
    "key_url": "signed by a key that an address in the header serves (`jku`; `lured` counts who fetched it)",
    "rotated_keys": "no fault of the token: signed by a new key, published beside the old one. It must be accepted",
}
DOCUMENT_FAULTS: dict[tuple[Endpoint, str], dict[str, str]] = {
    ("discovery", "wrong_issuer"): {"issuer": "https://another-issuer.example"},
    ("userinfo", "other_subject"): {"sub": "somebody-else"},
}


@dataclass(eq=False)
class Fault:
    """One fault that is set; `hits` counts the requests that met it."""

    provider: str
    endpoint: Endpoint
    name: str
    hits: int = 0
    cleared: threading.Event = field(default_factory=threading.Event, repr=False)


class FaultBoard:
    """The faults that are set now, at most one for each endpoint of each provider."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[tuple[str, str], Fault] = {}
        self._lured = 0

    def put(self, provider: str, endpoint: Endpoint, name: str) -> None:
        """Set a fault in place of the one before."""
        self.clear(provider, endpoint)
        with self._lock:
            self._faults[provider, endpoint] = Fault(provider, endpoint, name)

    def clear(self, provider: str | None = None, endpoint: str | None = None) -> None:
        """Clear the faults of a provider, of an endpoint, or all; requests that hang go on."""
        with self._lock:
            for key in [key for key in self._faults if provider in (None, key[0]) and endpoint in (None, key[1])]:
                self._faults.pop(key).cleared.set()

    def strike(self, provider: str, endpoint: Endpoint) -> Fault | None:
        """Return the fault that a request meets, and count it."""
        with self._lock:
            fault = self._faults.get((provider, endpoint))
            if fault is not None:
                fault.hits += 1
            return fault

    def name_at(self, provider: str, endpoint: Endpoint) -> str | None:
        """Return the name of the fault that is set, without counting."""
        with self._lock:
            fault = self._faults.get((provider, endpoint))
            return fault.name if fault else None

    def lured(self) -> None:
        """Count a client that went where a fault pointed it: after a redirect, or for a key named in a token."""
        with self._lock:
            self._lured += 1

    def state(self) -> dict[str, object]:
        """Return the faults with their hits, for the control endpoint."""
        with self._lock:
            return {
                "faults": [
                    {"provider": fault.provider, "endpoint": fault.endpoint, "fault": fault.name, "hits": fault.hits}
                    for fault in self._faults.values()
                ],
                "lured": self._lured,
            }


def spoilt(fault: Fault | None, *, answer: Callable[[], Response], refusal: Callable[[], Response], elsewhere: str) -> Response:
    """Return the provider's *answer* as *fault* leaves it; *refusal* is its own error, *elsewhere* a redirect's target."""
    if fault is None:
        return answer()
    match fault.name:
        case "drop":
            return _dropped()
        case "hang":
            return answer() if _held(fault) else _dropped()
        case "status_500":
            return Response('{"error":"server_error"}', 500, content_type="application/json")
        case "html":
            return Response("<!doctype html><title>Down for maintenance</title>", content_type="text/html; charset=utf-8")
        case "huge":
            return Response(_huge_json(), content_type="application/json")
        case "gzip_bomb":
            packed = gzip.compress(b"".join(_huge_json()), mtime=0)
            return Response(packed, content_type="application/json", headers={"Content-Encoding": "gzip"})
        case "redirect":
            return Response(status=307, headers={"Location": elsewhere})
        case "refused":
            return refusal()
    response = answer()
    if fault.name == "truncated":
        body = response.get_data()
        response.set_data(body[: len(body) // 2])
    elif fault.name == "wrong_type":
        response.content_type = "text/plain"
    elif edits := DOCUMENT_FAULTS.get((fault.endpoint, fault.name)):
        response.set_data(json.dumps({**json.loads(response.get_data()), **edits}))
    return response


def _huge_json() -> Iterator[bytes]:
    yield b'{"padding":"'
    for _ in range(HUGE_BYTES // len(_CHUNK)):
        yield _CHUNK
    yield b'"}'


def _client_socket() -> socket.socket:
    """Return the client's connection, which gunicorn and Werkzeug both put in the environment."""
    found = request.environ.get("gunicorn.socket") or request.environ["werkzeug.socket"]
    assert isinstance(found, socket.socket)  # noqa: S101 - both servers say so
    return found


def _held(fault: Fault) -> bool:
    """Wait until the fault is cleared (true) or the client leaves (false); its body must be read before, or it looks gone."""
    request.get_data()
    poller = select.poll()
    poller.register(_client_socket(), select.POLLIN | select.POLLHUP)
    while not fault.cleared.wait(_LOOK_SECONDS):
        if poller.poll(0):
            return False
    return True


def _dropped() -> Response:
    """Close the connection under the server, which then finds nobody to answer to."""
    with contextlib.suppress(OSError):
        _client_socket().shutdown(socket.SHUT_RDWR)
    return Response(status=500)
