"""How often one client may try: a limiter in the memory of one process.

The law: bounded memory, an injected clock, and a refused try costs nothing. With several workers the limit holds for each of
them; it is there to slow a script down, not to count exactly.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from flask import Request

from bridge.errors import RateLimited


@dataclass(frozen=True)
class Limit:
    """`tries` at once, refilled evenly within `seconds`."""

    tries: int
    seconds: int


class RateLimiter:
    """Refuses the try that comes too early (generic cell rate algorithm: one moment kept for each client and action)."""

    def __init__(self, limits: Mapping[str, Limit], *, clock: Callable[[], datetime], max_clients: int = 20_000) -> None:
        self._limits = dict(limits)
        self._clock = clock
        self._max_clients = max_clients
        self._full_again: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._lock = Lock()

    def spend(self, action: str, address: str) -> None:
        """Count one try of *action* from *address*; raises `RateLimited`, and `KeyError` for an action without a limit."""
        limit = self._limits[action]
        window = timedelta(seconds=limit.seconds)
        key = (action, network_of(address))
        with self._lock:
            now = self._clock()
            # The upper bound, kept also when refused, lets nobody wait for a clock that was set back.
            full_again = min(max(self._full_again.get(key, now), now), now + window)
            refused = full_again + window / limit.tries - now > window
            self._full_again[key] = full_again if refused else full_again + window / limit.tries
            self._full_again.move_to_end(key)
            while len(self._full_again) > self._max_clients:
                self._full_again.popitem(last=False)
        if refused:
            raise RateLimited

    def __len__(self) -> int:
        return len(self._full_again)


def network_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 of an IPv6 address, which one subscriber owns whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))


def client_address(request: Request) -> str:
    """Return the address that the client came from, behind as many proxies as the configuration trusts."""
    return request.remote_addr or ""
