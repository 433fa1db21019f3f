"""A published document of a provider, kept in memory for all threads of a process.

The law: it is fetched by one thread at a time, and who has an older copy does not wait for that; a failure counts for everybody
for a few seconds, so that a provider that hangs is asked by one thread and not by all in turn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from bridge.errors import ProviderError, ProviderUnavailable
from bridge.oauth.fields import Fields
from bridge.oauth.reply import Reply
from bridge.oauth.turns import Turns

MIN_KEPT = timedelta(minutes=1)
KEPT = timedelta(hours=1)
MAX_KEPT = timedelta(hours=24)
STALE = timedelta(hours=1)
"""How much longer a copy serves while no newer one can be had: a withdrawn key must not live as long as its issuer is down."""
REFETCH_PAUSE = timedelta(seconds=10)
FAILURE_PAUSE = timedelta(seconds=5)

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Copy(Generic[Value]):
    value: Value
    fresh_until: datetime


class Kept(Generic[Value]):
    """What *read* makes of the document that *fetch* gets; *provider* and *document* name it in refusals."""

    def __init__(
        self,
        fetch: Callable[[], Reply],
        read: Callable[[Fields], Value],
        *,
        provider: str,
        document: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._fetch, self._read, self._clock = fetch, read, clock
        self._provider, self._document = provider, document
        self._turn = Turns(1)
        self._copy: _Copy[Value] | None = None
        self._failure: ProviderError | None = None
        self._try_from = self._look_again_from = clock()

    def get(self) -> Value:
        """Return the value, fetched anew if it is stale.

        Raises `ProviderUnavailable`, and what *read* raises, where there is no copy that still serves.
        """
        now, copy = self._clock(), self._copy
        if copy is None or now >= copy.fresh_until + STALE:
            with self._turn.taken(self._busy()):
                return self._renewed_by_now()
        if now >= copy.fresh_until:
            with self._turn.taken_now() as mine:
                if mine:
                    return self._renewed_or(copy)
        return copy.value

    def get_anew(self) -> Value:
        """Return the value, fetched anew unless that was done, by any thread, a moment ago."""
        with self._turn.taken(self._busy()):
            now, copy = self._clock(), self._copy
            if copy is not None and now < self._look_again_from:
                return copy.value
            self._look_again_from = now + REFETCH_PAUSE
            return self._renew(now)

    def _renewed_by_now(self) -> Value:
        """Return what another thread fetched while we waited for our turn, or fetch it, unless that failed a moment ago."""
        now, copy = self._clock(), self._copy
        if copy is not None and now < copy.fresh_until:
            return copy.value
        if self._failure is not None and now < self._try_from:
            raise type(self._failure)(provider=self._provider, reason=f"{self._failure.reason}, a moment ago")
        return self._renew(now)

    def _renewed_or(self, copy: _Copy[Value]) -> Value:
        try:
            return self._renewed_by_now()
        except ProviderError:
            return copy.value

    def _renew(self, now: datetime) -> Value:
        try:
            reply = self._fetch()
            value = self._read(reply.object())
        except ProviderError as error:
            self._failure, self._try_from = error, self._clock() + FAILURE_PAUSE
            raise
        kept = KEPT if reply.fresh_seconds is None else timedelta(seconds=reply.fresh_seconds)
        self._copy, self._failure = _Copy(value, now + min(max(kept, MIN_KEPT), MAX_KEPT)), None
        return value

    def _busy(self) -> ProviderUnavailable:
        return ProviderUnavailable(provider=self._provider, reason=f"{self._document}: is being fetched, and does not come")
