"""Time several things side by side: interleaved rounds, medians, ratios.

The law: absolute times drift on a shared machine, so what is compared takes turns within one run, and only ratios are promised.
"""

import gc
import statistics
import time
from collections.abc import Callable, Mapping


def medians(work: Mapping[str, Callable[[], object]], *, rounds: int = 25, seconds_a_turn: float = 0.04) -> dict[str, float]:
    """Return the median seconds of one call of each piece of *work*, all of them taking turns in every round.

    A turn repeats the call for about *seconds_a_turn*, so that the clock's own cost disappears.
    """
    repeats = {name: _repeats(call, seconds_a_turn) for name, call in work.items()}
    turns: dict[str, list[float]] = {name: [] for name in work}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in work.items():
                turns[name].append(_turn(call, repeats[name]) / repeats[name])
    finally:
        gc.enable()
    return {name: statistics.median(times) for name, times in turns.items()}


def _repeats(call: Callable[[], object], seconds: float) -> int:
    _turn(call, 3)
    return max(1, int(seconds * 5 / max(_turn(call, 5), 1e-9)))


def _turn(call: Callable[[], object], repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        call()
    return time.process_time() - start
