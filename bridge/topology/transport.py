"""HTTP to the Topology Service: one pooled client for each process.

The law: no redirect is followed, no environment variable adds a proxy or credentials, nothing is read past its cap or its time,
and only the service's own JSON counts as an answer. All failures are `TopologyUnavailable`; its reason names no person.
"""

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from bridge.errors import TopologyUnavailable
from bridge.topology import wire
from bridge.topology.directory import ClaimHeld, Question, Subject

POOLED_CONNECTIONS = 16
MAX_ANSWER_BYTES = 64 * 1024
_CHUNK_BYTES = 8 * 1024


class _NoRedirects(requests.Session):
    """Sees no redirect at all: even unfollowed, requests reads the whole body of one, past every cap."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        return None


class TopologyHttp:
    """Speaks to the service at *url*. *timeout_seconds* bounds connecting, each wait for bytes, and the whole of the body."""

    def __init__(self, url: str, *, token: str | None, timeout_seconds: float) -> None:
        self._url = url
        self._timeout = timeout_seconds
        self._session = _NoRedirects()
        # Otherwise .netrc would replace the bearer token, and HTTP_PROXY would see it.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=POOLED_CONNECTIONS, max_retries=0))

    def look_up(self, question: Question) -> wire.Place | None:
        """Return where the organization that *question* asks for is, or None if the service knows none."""
        status, body = self._ask("POST", "/v1/organizations/lookup", wire.question_body(question))
        # A 404 without the service's own code is somebody else's: a proxy, another program on the port.
        if status == 404 and body.get("code") == wire.NOT_FOUND[0]:
            return None
        if status != 200:
            raise TopologyUnavailable(reason=f"HTTP {status}")
        try:
            return wire.read_answer(body)
        except ValueError as error:
            raise TopologyUnavailable(reason=f"answer: {error}") from error

    def claim(self, subject: Subject, org_id: int) -> None:
        """Claim *subject* for the organization; again is the same as once. Raises `ClaimHeld`."""
        self._change("POST", subject, org_id)

    def release(self, subject: Subject, org_id: int) -> None:
        """Take the claim back; one that nobody holds is no error. Raises `ClaimHeld`."""
        self._change("DELETE", subject, org_id)

    def _change(self, method: str, subject: Subject, org_id: int) -> None:
        status, _ = self._ask(method, "/v1/claims", {"organization_id": org_id, **wire.subject_body(subject)})
        if status == 409:
            raise ClaimHeld
        if status != 200:
            raise TopologyUnavailable(reason=f"HTTP {status}")

    def ping(self) -> None:
        """Ask for the cells, which also tells whether the token is accepted."""
        status, _ = self._ask("GET", "/v1/cells", None)
        if status != 200:
            raise TopologyUnavailable(reason=f"HTTP {status}")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
        try:
            try:
                return self._ask_once(method, path, body)
            except requests.Timeout:
                raise
            except (requests.ConnectionError, urllib3.exceptions.ProtocolError):
                # A pooled connection that the service has closed. Every call means the same twice as once.
                return self._ask_once(method, path, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise TopologyUnavailable(reason=type(error).__name__) from error

    def _ask_once(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
        deadline = monotonic() + self._timeout
        with self._session.request(
            method, self._url + path, json=body, timeout=self._timeout, allow_redirects=False, stream=True
        ) as response:
            raw = b""
            # Bytes that drip in, each within the timeout, would otherwise hold the thread for as long as they like.
            while chunk := response.raw.read1(_CHUNK_BYTES):
                raw += chunk
                if len(raw) > MAX_ANSWER_BYTES:
                    raise TopologyUnavailable(reason=f"answer: more than {MAX_ANSWER_BYTES} bytes")
                if monotonic() > deadline:
                    raise TopologyUnavailable(reason="answer: too slow")
            try:
                return response.status_code, wire.read_object(raw)
            except wire.MalformedMessage as error:
                raise TopologyUnavailable(reason=f"HTTP {response.status_code}, {error}") from error
