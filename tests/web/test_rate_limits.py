"""How often one client may try."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.errors import RateLimited
from bridge.web.rate import Limit, RateLimiter, network_of

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Return the time it stands at."""
        return self.now


def spend(limiter: RateLimiter, times: int, action: str = "start", address: str = "203.0.113.9") -> int:
    """Try *times* times; return how many tries passed."""
    passed = 0
    for _ in range(times):
        try:
            limiter.spend(action, address)
            passed += 1
        except RateLimited:
            continue
    return passed


def test_a_burst_passes_and_then_tries_come_back_evenly() -> None:
    """Five in ten seconds: five at once, then one every two seconds; refused tries cost nothing."""
    clock = Clock()
    limiter = RateLimiter({"start": Limit(5, 10)}, clock=clock)
    assert spend(limiter, 9) == 5
    clock.now += timedelta(seconds=1.9)
    assert spend(limiter, 9) == 0
    clock.now += timedelta(seconds=0.1)
    assert spend(limiter, 9) == 1
    clock.now += timedelta(seconds=60)
    assert spend(limiter, 9) == 5


def test_clients_and_actions_are_apart() -> None:
    """One client's tries, or one action's, do not count for another; an action without a limit is a mistake of ours."""
    limiter = RateLimiter({"start": Limit(2, 60), "email": Limit(1, 60)}, clock=Clock())
    assert spend(limiter, 3) == 2
    assert spend(limiter, 3, action="email") == 1
    assert spend(limiter, 3, address="203.0.113.10") == 2
    with pytest.raises(KeyError):
        limiter.spend("unheard of", "203.0.113.9")


def test_memory_is_bounded() -> None:
    """However many addresses come, no more than the cap are remembered: the longest unseen is forgotten first."""
    clock = Clock()
    limiter = RateLimiter({"start": Limit(1, 60)}, clock=clock, max_clients=100)
    for number in range(1000):
        limiter.spend("start", f"10.0.{number // 250}.{number % 250}")
    assert len(limiter) == 100
    assert spend(limiter, 1, address="10.0.3.249") == 0
    assert spend(limiter, 1, address="10.0.0.0") == 1


def test_a_clock_set_back_locks_nobody_out() -> None:
    """After the clock jumped back a year, a client waits one window at most."""
    clock = Clock()
    limiter = RateLimiter({"start": Limit(2, 60)}, clock=clock)
    assert spend(limiter, 3) == 2
    clock.now -= timedelta(days=365)
    assert spend(limiter, 1) == 0
    clock.now += timedelta(seconds=60)
    assert spend(limiter, 1) == 1


def test_one_subscriber_is_one_client() -> None:
    """An IPv6 subscriber owns a /64 and cannot try from each of its addresses; what is no address shares one limit."""
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of("::ffff:203.0.113.9") == network_of("203.0.113.9") == "203.0.113.9"
    assert network_of("") == network_of("nonsense") == "unknown"
