"""An HTTP adapter for requests that holds every answer to a deadline.

The law: however slowly a server drips, in its headers or its body, its answer is here within `total_seconds` of the request
having been sent, or reading fails. The read timeout of requests starts anew with every byte, so that alone it bounds nothing.
"""

import functools
import http.client
import io
import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.poolmanager import pool_classes_by_scheme


class _DeadlineStream(io.RawIOBase):
    """The bytes of one answer; each read waits for the read timeout, or for what is left, whichever is shorter."""

    def __init__(self, sock: socket.socket, total_seconds: float) -> None:
        self._sock = sock
        self._bytes = sock.makefile("rb", buffering=0)
        self._read_seconds = sock.gettimeout() or total_seconds
        self._deadline = time.monotonic() + total_seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(min(left, self._read_seconds))
        return self._bytes.readinto(buffer)

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, total_seconds: float, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_DeadlineStream(sock, total_seconds))


def _with_deadline(pool: type[HTTPConnectionPool], total_seconds: float) -> type[HTTPConnectionPool]:
    response = staticmethod(functools.partial(_DeadlineResponse, total_seconds=total_seconds))
    connection = type("DeadlineConnection", (pool.ConnectionCls,), {"response_class": response})
    return type("DeadlinePool", (pool,), {"ConnectionCls": connection})


class DeadlineAdapter(HTTPAdapter):
    """A pool of kept-alive connections, thread-safe, without retries, whose answers end within *total_seconds*."""

    def __init__(self, *, total_seconds: float, pool_size: int) -> None:
        super().__init__(pool_connections=pool_size, pool_maxsize=pool_size, max_retries=0)
        self.poolmanager.pool_classes_by_scheme = {
            scheme: _with_deadline(pool, total_seconds) for scheme, pool in pool_classes_by_scheme.items()
        }
