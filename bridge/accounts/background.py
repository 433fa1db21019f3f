"""The purge in the background.

The law: it tells what it removed, and says nothing where there was nothing to remove.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

import structlog

from bridge.accounts.purge import Purged
from bridge.background import Background

log = structlog.get_logger()


def background_purge(
    purge: Callable[[datetime], Purged],
    *,
    seconds: float,
    clock: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
) -> Background:
    """Return the chore that calls *purge* with the time of *clock* about every *seconds*; not started yet."""

    def chore() -> None:
        purged = purge(clock())
        if purged:
            log.info("purge.done", **asdict(purged))

    return Background("purge", chore, seconds=seconds, random_bytes=random_bytes)
