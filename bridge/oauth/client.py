"""The one HTTP client that talks to providers.

The law: every call is bounded (connect, each read, the whole answer, its size after decompression), verified by TLS, never
redirected and never remembered: no cookie, proxy or password of the environment gets in. One provider never holds all threads.
What comes back is JSON of the expected shape, or a refusal whose reason repeats nothing of it.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from http.cookiejar import DefaultCookiePolicy
from typing import Literal

import requests
from requests.auth import AuthBase
from urllib3.exceptions import DecodeError, HTTPError, ProtocolError

from bridge.errors import ProviderBadReply, ProviderUnavailable
from bridge.oauth.deadline import DeadlineAdapter
from bridge.oauth.reply import Reply, fresh_seconds
from bridge.oauth.turns import Turns

CONNECT_SECONDS = 3.05
READ_SECONDS = 5.0
TOTAL_SECONDS = 10.0
MAX_BODY_BYTES = 1024 * 1024
POOL_SIZE = 16

_PIECE_BYTES = 16 * 1024


class _Session(requests.Session):
    """A session that remembers nothing and goes nowhere else."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # a .netrc entry would replace our Authorization header
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        """Return None: even with `allow_redirects=False` requests would read a redirect's whole body, of any size."""
        return None


class ProviderHttp:
    """One pooled client for a process; its methods may be called from many threads. Times in seconds.

    Of one provider, *calls_at_once* are open at most; a call beyond them is `ProviderUnavailable`, see `Turns`.
    """

    def __init__(
        self,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        max_body_bytes: int = MAX_BODY_BYTES,
        calls_at_once: int = POOL_SIZE,
    ) -> None:
        self._calls_at_once = calls_at_once
        self._turns: dict[str, Turns] = {}
        self._timeout = (connect_seconds, read_seconds)
        self._max_body_bytes = max_body_bytes
        self._session = _Session()
        self._session.headers.update({"User-Agent": "cellbridge", "Accept": "application/json", "Accept-Encoding": "gzip"})
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, DeadlineAdapter(total_seconds=total_seconds, pool_size=POOL_SIZE))

    def get(
        self, url: str, *, provider: str, document: str, bearer: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Return the answer to a GET of *url*, asked with the access token *bearer* (RFC 6750 2.1).

        *document* names the answer in reasons. Asked once more where the connection was reset before any answer. Raises
        `ProviderUnavailable` (not reached, too slow, 5xx, 429) and `ProviderBadReply` (redirect, too large, broken coding).
        """
        asked = dict(headers or {})
        if bearer is not None:
            asked["Authorization"] = f"Bearer {bearer}"
        with self._turn(provider, document):
            return self._ask("GET", url, provider=provider, document=document, headers=asked)

    def post_form(self, url: str, *, provider: str, document: str, form: str, auth: AuthBase) -> Reply:
        """Return the answer to a POST of the encoded *form* with the client's authentication, never twice; raises as `get`."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        with self._turn(provider, document):
            return self._ask("POST", url, provider=provider, document=document, headers=headers, body=form, auth=auth)

    def post_json(self, url: str, *, provider: str, document: str, value: Mapping[str, str]) -> Reply:
        """Return the answer to a POST of *value* as JSON, never twice; raises as `get`."""
        headers = {"Content-Type": "application/json"}
        with self._turn(provider, document):
            return self._ask("POST", url, provider=provider, document=document, headers=headers, body=json.dumps(value))

    def close(self) -> None:
        """Close the pool."""
        self._session.close()

    def _turn(self, provider: str, document: str) -> AbstractContextManager[None]:
        turns = self._turns.setdefault(provider, Turns(self._calls_at_once))
        return turns.taken(ProviderUnavailable(provider=provider, reason=f"{document}: too many calls are open"))

    def _ask(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        provider: str,
        document: str,
        headers: Mapping[str, str],
        body: str | None = None,
        auth: AuthBase | None = None,
    ) -> Reply:
        def unavailable(what: str, kind: type[ProviderUnavailable] = ProviderUnavailable) -> ProviderUnavailable:
            return kind(provider=provider, reason=f"{document}: {what}")

        try:
            response = self._send(method, url, headers=headers, body=body, auth=auth)
        except requests.Timeout as error:
            raise unavailable("timed out") from error
        except requests.ConnectionError as error:
            raise unavailable(f"no connection ({type(error).__name__})") from error
        except (requests.RequestException, HTTPError) as error:
            raise unavailable(f"cannot be asked ({type(error).__name__})", ProviderBadReply) from error
        with response:
            status = response.status_code
            if status >= 500 or status == requests.codes.too_many_requests:
                raise unavailable(f"answered {status}")
            if not (200 <= status < 300 or status >= 400):
                raise unavailable(f"answered {status}, and redirects are not followed", ProviderBadReply)
            try:
                received = self._read(response)
            except DecodeError as error:
                raise unavailable("is not compressed as it says", ProviderBadReply) from error
            except HTTPError as error:
                raise unavailable(f"broke off ({type(error).__name__})") from error
            if received is None:
                raise unavailable(f"is larger than {self._max_body_bytes} bytes", ProviderBadReply)
            return Reply(
                provider=provider,
                document=document,
                status=status,
                content_type=response.headers.get("Content-Type", "").partition(";")[0].strip(),
                fresh_seconds=fresh_seconds(response.headers),
                body=received,
            )

    def _send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: str | None, auth: AuthBase | None
    ) -> requests.Response:
        def send() -> requests.Response:
            return self._session.request(
                method, url, headers=headers, data=body, auth=auth, timeout=self._timeout, allow_redirects=False, stream=True
            )

        try:
            return send()
        except requests.ConnectionError as error:
            # A kept-alive connection may be closed by the server the moment we use it. A code is redeemed once: no second POST.
            if method != "GET" or not _is_reset(error):
                raise
        return send()

    def _read(self, response: requests.Response) -> bytes | None:
        """Return the decoded body, or None as soon as it is over the cap; a bomb is never unpacked further than that."""
        body = bytearray()
        while piece := response.raw.read(_PIECE_BYTES, decode_content=True):
            body += piece
            if len(body) > self._max_body_bytes:
                response.raw.close()
                return None
        return bytes(body)


def _is_reset(error: requests.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(cause, ProtocolError) and any(isinstance(part, ConnectionError) for part in cause.args)
