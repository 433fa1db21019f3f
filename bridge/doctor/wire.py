"""How the doctor asks: one request on one fresh connection, and an answer within a time and a size, or none.

The law: no redirect is followed, no proxy, cookie or password of the environment is used, and an answer is never an exception:
that nobody answered is what the checks are about.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import requests
from urllib3.exceptions import HTTPError

from bridge.fetch import CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS
from bridge.oauth.deadline import DeadlineAdapter

MAX_ANSWER_BYTES = 1024 * 1024
FORM_TYPE = "application/x-www-form-urlencoded"
_PIECE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: status, headers by lower-case name, Set-Cookie lines, body. Status 0 and a *problem* where nobody answered.

    `offset` is how far the answering clock is ahead of ours, in seconds, to about one second; None without a Date.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    set_cookies: tuple[str, ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    offset: float | None = None
    problem: str = ""

    @property
    def said(self) -> str:
        """The status, or why there is none."""
        return str(self.status) if self.status else f"no answer ({self.problem})"

    def header(self, name: str) -> str:
        """Return the header *name*, or the empty string."""
        return self.headers.get(name.lower(), "")

    def table(self) -> dict[str, Any]:
        """Return the JSON object of the body, empty where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Wire:
    """Asks. *authority* is a file that https is checked by, None for the system's certificates; *wait* takes seconds."""

    clock: Callable[[], datetime]
    authority: Path | None = None
    total_seconds: float = TOTAL_SECONDS
    wait: Callable[[float], None] = time.sleep

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET of *url*."""
        return self._ask("GET", url, headers or {}, None)

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to *form*, posted as a browser posts it."""
        return self._ask("POST", url, {"Content-Type": FORM_TYPE, **(headers or {})}, urlencode(form))

    def post_json(self, url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to *body*."""
        return self._ask("POST", url, {"Content-Type": "application/json", **(headers or {})}, json.dumps(body))

    def _ask(self, method: str, url: str, headers: Mapping[str, str], data: str | None) -> Answer:
        adapter = DeadlineAdapter(total_seconds=self.total_seconds, pool_size=1)
        asked = {"User-Agent": "cellbridge-doctor", "Accept-Encoding": "identity", "Connection": "close", **headers}
        verify = True if self.authority is None else str(self.authority)
        before = self.clock()
        try:
            request = requests.Request(method, url, headers=asked, data=data).prepare()
            timeout = (CONNECT_SECONDS, min(READ_SECONDS, self.total_seconds))
            with adapter.send(request, stream=True, timeout=timeout, verify=verify) as response:
                after = self.clock()
                body = bytearray()
                while piece := response.raw.read(_PIECE_BYTES, decode_content=False):
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        return Answer(0, problem=f"more than {MAX_ANSWER_BYTES} bytes")
                return Answer(
                    response.status_code,
                    {name.lower(): value for name, value in response.headers.items()},
                    tuple(response.raw.headers.getlist("Set-Cookie")),
                    bytes(body),
                    offset_of(response.headers.get("Date", ""), before + (after - before) / 2),
                )
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            return Answer(0, problem=type(error).__name__)
        finally:
            adapter.close()


def offset_of(date: str, now: datetime) -> float | None:
    """Return the seconds that a Date (RFC 9110 6.6.1: whole seconds, cut off) is ahead of *now* (aware), None for no Date."""
    try:
        said = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (said.replace(tzinfo=UTC) - now).total_seconds() + 0.5
