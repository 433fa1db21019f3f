"""`python -m tests.fuzz --seconds N [--seed S]`: fuzz the document layer; exits 1 on a finding, which it writes down."""

import argparse
import sys
import time

from tests.fuzz.campaign import MAX_GROWTH_MB, Figures, run
from tests.fuzz.regression import write
from tests.fuzz.sources import Case, Judges


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _report(figures: Figures) -> None:
    rate = figures.mutations / max(figures.seconds, 0.001)
    _say(
        f"{figures.mutations} mutations in {figures.seconds:.0f} s, {rate:.0f} a second; "
        f"{len(figures.findings)} findings; slowest {figures.slowest_ms:.1f} ms of CPU; "
        f"memory {figures.growth_mb:+.1f} MB since the warm-up",
    )


def _found(case: Case, finding: str) -> None:
    _say(f"FINDING {finding[:300]}\n  from {case.name}, written to {write(case, finding)}")


def main() -> int:
    """Fuzz, print the figures, write each finding into the regressions; returns 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long, wall time (60)")
    parser.add_argument("--seed", type=int, default=None, help="the seed of all mutations (the time)")
    parser.add_argument("--mutations", type=float, default=float("inf"), help="at most so many (no limit)")
    given = parser.parse_args()
    seed = int(time.time()) if given.seed is None else given.seed
    _say(f"seed {seed}")
    figures = run(Judges(), seed=seed, seconds=given.seconds, most=given.mutations, report=_report, found=_found)
    _report(figures)
    _say("  ".join(f"{code} {count}" for code, count in figures.codes.most_common()))
    if figures.grew:
        _say(f"FINDING memory grew by more than {MAX_GROWTH_MB} MB")
    return int(bool(figures.findings) or figures.grew)


sys.exit(main())
