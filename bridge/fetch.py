"""One small document from one address: how a cell asks for metadata, and the operator's command for a cell's readiness.

The law: the answer is here within the time and the size, from the very address that was asked, or not at all: no redirect, no
proxy, cookie or password of the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import requests
from urllib3.exceptions import HTTPError

from bridge.oauth.deadline import DeadlineAdapter

CONNECT_SECONDS = 3.05
READ_SECONDS = 5.0
TOTAL_SECONDS = 10.0
_PIECE_BYTES = 16 * 1024


class FetchFailed(Exception):
    """Raised if there is no answer that counts; its text says why, and nothing of what came."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: its status, its ETag or the empty string, and its body, uncompressed."""

    status: int
    etag: str
    body: bytes = field(repr=False)


def fetch(
    url: str, *, max_bytes: int, headers: Mapping[str, str] | None = None, total_seconds: float = TOTAL_SECONDS
) -> Fetched:
    """Return the answer to a GET of *url*, whatever its status, with at most *max_bytes*; raises `FetchFailed`."""
    # The adapter alone: a requests.Session would add cookies, .netrc and proxies, and read redirects of any size.
    adapter = DeadlineAdapter(total_seconds=total_seconds, pool_size=1)
    asked = {"User-Agent": "cellbridge", "Accept-Encoding": "identity", "Connection": "close", **(headers or {})}
    try:
        request = requests.Request("GET", url, headers=asked).prepare()
        with adapter.send(request, stream=True, timeout=(CONNECT_SECONDS, min(READ_SECONDS, total_seconds))) as response:
            body = bytearray()
            while piece := response.raw.read(_PIECE_BYTES, decode_content=False):
                body += piece
                if len(body) > max_bytes:
                    raise FetchFailed(f"the answer is larger than {max_bytes} bytes")
            return Fetched(response.status_code, response.headers.get("ETag", ""), bytes(body))
    except (requests.RequestException, HTTPError, OSError) as error:
        raise FetchFailed(f"no answer ({type(error).__name__})") from error
    finally:
        adapter.close()
