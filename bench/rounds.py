"""Time several things side by side: interleaved rounds, medians, ratios.

The law: absolute times drift on a shared machine, so what is compared takes turns within one run, only CPU time counts, that of
commands that were started included, and only ratios are promised.
"""

import gc
import resource
import statistics
from collections.abc import Callable, Mapping

Turn = Callable[[int], float]


def medians(work: Mapping[str, Turn], *, rounds: int = 25, seconds_a_turn: float = 0.04) -> dict[str, float]:
    """Return the median CPU seconds of one call of each piece of *work*, all of them taking turns in every round.

    A `Turn` calls so many times, and returns the seconds of all; it is asked for about *seconds_a_turn*, so that the cost of
    the clock disappears.
    """
    repeats = {name: _repeats(turn, seconds_a_turn) for name, turn in work.items()}
    seconds: dict[str, list[float]] = {name: [] for name in work}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, turn in work.items():
                seconds[name].append(turn(repeats[name]) / repeats[name])
    finally:
        gc.enable()
    return {name: statistics.median(each) for name, each in seconds.items()}


def turns_of(call: Callable[[], object]) -> Turn:
    """Return the turn that runs *call* in this process."""

    def turn(repeats: int) -> float:
        start = _cpu_seconds()
        for _ in range(repeats):
            call()
        return _cpu_seconds() - start

    return turn


def _repeats(turn: Turn, seconds: float) -> int:
    turn(3)
    return max(1, int(seconds * 5 / max(turn(5), 1e-9)))


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
