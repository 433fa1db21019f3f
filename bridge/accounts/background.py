"""The purge in the background: one daemon thread in each worker removes what is over, now and then.

The law: never on a request's path, and never the end of the worker: what fails is logged, and tried again at the next turn.
"""

import atexit
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Self

import structlog

from bridge.accounts.records import Purged
from bridge.errors import BridgeError

_FULL = 0xFFFF

log = structlog.get_logger()


class BackgroundPurge:
    """Calls *purge* with the time of *clock* about every *seconds* in a thread of its own, until it is stopped.

    Each pause is random, from half to one and a half times *seconds*, the first one too: workers that start together do not
    purge together. Start it in each process, after the fork.
    """

    def __init__(
        self,
        purge: Callable[[datetime], Purged],
        *,
        seconds: float,
        clock: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._purge = purge
        self._seconds = seconds
        self._clock = clock
        self._random_bytes = random_bytes
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="purge", daemon=True)

    def start(self) -> Self:
        """Begin; the end of the process stops it, between two batches rather than within one."""
        self._thread.start()
        atexit.register(self.stop)
        return self

    def stop(self, *, wait_seconds: float = 5) -> None:
        """End the thread, and wait until it has ended."""
        self._stopped.set()
        self._thread.join(wait_seconds)
        atexit.unregister(self.stop)

    @property
    def running(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    def pause(self) -> float:
        """Return how many seconds to wait before the next turn."""
        return self._seconds * (0.5 + int.from_bytes(self._random_bytes(2), "big") / _FULL)

    def turn(self) -> None:
        """Purge once; whatever goes wrong is logged."""
        try:
            purged = self._purge(self._clock())
        except Exception as error:  # noqa: BLE001 - a thread that ends would never purge again
            evidence = {"evidence": error.evidence()} if isinstance(error, BridgeError) else {}
            log.warning("purge.failed", kind=type(error).__name__, **evidence)
            return
        if purged.spent_handoffs or purged.sessions:
            log.info("purge.done", spent_handoffs=purged.spent_handoffs, sessions=purged.sessions)

    def _run(self) -> None:
        while not self._stopped.wait(self.pause()):
            self.turn()
