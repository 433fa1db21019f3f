"""What the tests sign in with: an attempt, a configured client, a clock that stands."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.handoff import ReturnPath
from bridge.oauth import attempt as login_attempt
from bridge.oauth.attempt import LoginAttempt
from bridge.sections import ProviderConfig

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CLIENT_ID = "client-1"
CLIENT_SECRET = "a secret: with+signs&"
REDIRECT_URI = "https://cells.example/users/auth/it/callback"
REFERENCE = "7KQ2M-4XD9R"


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
