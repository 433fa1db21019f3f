"""What a worker does beside its requests: one daemon thread for each chore, now and then.

The law: never on a request's path, and never the end of the worker: what fails is logged, and tried again at the next turn.
"""

import atexit
import threading
from collections.abc import Callable
from typing import Self

import structlog

from bridge.errors import BridgeError

_FULL = 0xFFFF

log = structlog.get_logger()


class Background:
    """Does *chore* about every *seconds* in a thread of its own, until it is stopped; its lines in the log begin with *name*.

    Each pause is random, from half to one and a half times *seconds*, the first one too: workers that start together do not
    turn together. Whoever sets *woken* ends the pause. Start it in each process, after the fork.
    """

    def __init__(
        self,
        name: str,
        chore: Callable[[], None],
        *,
        seconds: float,
        random_bytes: Callable[[int], bytes],
        woken: threading.Event | None = None,
    ) -> None:
        self._failed = f"{name}.failed"
        self._chore = chore
        self._seconds = seconds
        self._random_bytes = random_bytes
        self._stopped = False
        self._woken = woken or threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> Self:
        """Begin; the end of the process stops it, between two steps of the chore rather than within one."""
        self._thread.start()
        atexit.register(self.stop)
        return self

    def stop(self, *, wait_seconds: float = 5) -> None:
        """End the thread, and wait until it has ended."""
        self._stopped = True
        self._woken.set()
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
        """Do the chore once; whatever goes wrong is logged."""
        try:
            self._chore()
        except Exception as error:  # noqa: BLE001 - a thread that ends would never turn again
            evidence = {"evidence": error.evidence()} if isinstance(error, BridgeError) else {}
            log.warning(self._failed, kind=type(error).__name__, **evidence)

    def _run(self) -> None:
        while True:
            self._woken.wait(self.pause())
            self._woken.clear()
            if self._stopped:
                return
            self.turn()
