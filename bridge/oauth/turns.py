"""How many threads may wait for one provider at once.

The law: a provider that hangs takes as many threads as it has turns, and no more. Everybody else is refused at once, so that
the other providers, and all other pages, go on.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 2.0
"""Far above what an honest answer takes: a burst of people at a healthy provider queues for a moment and is served."""


class Turns:
    """*count* turns for all threads of a process. Once somebody has waited in vain, nobody waits until a turn ends well."""

    def __init__(self, count: int, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._patience_seconds = patience_seconds
        self._worth_waiting = True

    @contextmanager
    def taken(self, refusal: Exception) -> Iterator[None]:
        """Hold a turn for the block; raises *refusal* where none comes free."""
        if not self._free.acquire(timeout=self._patience_seconds if self._worth_waiting else 0):
            self._worth_waiting = False
            raise refusal
        try:
            yield
            self._worth_waiting = True
        finally:
            self._free.release()

    @contextmanager
    def taken_now(self) -> Iterator[bool]:
        """Hold a turn for the block where one is free; gives whether it was."""
        free = self._free.acquire(blocking=False)
        try:
            yield free
        finally:
            if free:
                self._free.release()
