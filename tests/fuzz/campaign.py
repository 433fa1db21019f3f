"""A run of the fuzzer: mutations by number from one seed, until a time or a count is reached.

The law: mutation *n* of a seed is the same in every run, whatever came before it.
"""

import gc
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from tests.fuzz.mutator import mutate
from tests.fuzz.oracle import judged
from tests.fuzz.sources import Case, Judges

MAX_GROWTH_MB = 32.0
_LOOK_EVERY = 1000
_MEBIBYTE = 2**20


@dataclass
class Figures:
    """What a run came to. `findings` holds the first case of each kind at each place; `growth_mb` is RSS since the warm-up."""

    mutations: int = 0
    seconds: float = 0.0
    slowest_ms: float = 0.0
    growth_mb: float = 0.0
    codes: Counter[str] = field(default_factory=Counter)
    findings: dict[str, tuple[Case, str]] = field(default_factory=dict)

    @property
    def grew(self) -> bool:
        """Whether memory grew by more than it may."""
        return self.growth_mb > MAX_GROWTH_MB


def mutation(sources: tuple[Case, ...], seed: int, number: int) -> Case:
    """Return mutation *number* of *seed*. Every other one begins with an honest source."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311 - to be made again, not to be secret
    honest = [case for case in sources if not case.is_attack]
    case = rng.choice(honest) if rng.random() < 0.5 else rng.choice(sources)
    return mutate(rng, case, rng.choice(sources))


def run(
    judges: Judges,
    *,
    seed: int,
    seconds: float = float("inf"),
    most: float = float("inf"),
    warm_up: int = 10_000,
    report: Callable[[Figures], None] = lambda _figures: None,
    found: Callable[[Case, str], None] = lambda _case, _finding: None,
) -> Figures:
    """Judge mutations of *seed* for so many *seconds* of wall time, at *most* so many; memory counts from *warm_up* on.

    *report* is called once a minute, *found* at the first finding of each kind.
    """
    sources, figures, process = judges.sources(), Figures(), psutil.Process()
    started, resident, looked = time.monotonic(), None, 0.0
    while figures.mutations < most and figures.seconds < seconds:
        case = mutation(sources, seed, figures.mutations)
        outcome = judged(judges, case)
        figures.mutations += 1
        figures.seconds = time.monotonic() - started
        figures.codes[outcome.code] += 1
        figures.slowest_ms = max(figures.slowest_ms, outcome.seconds * 1000)
        if outcome.finding:
            kind = outcome.finding[:60]
            if kind not in figures.findings:
                figures.findings[kind] = (case, outcome.finding)
                found(case, outcome.finding)
        if figures.mutations == warm_up:
            resident = _resident_mb(process)
        elif resident is not None and figures.mutations % _LOOK_EVERY == 0:
            figures.growth_mb = _resident_mb(process) - resident
        if figures.seconds - looked > 60:
            looked = figures.seconds
            report(figures)
    if resident is not None:
        figures.growth_mb = _resident_mb(process) - resident
    return figures


def _resident_mb(process: psutil.Process) -> float:
    gc.collect()
    return float(process.memory_info().rss) / _MEBIBYTE
