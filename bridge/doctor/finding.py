"""What a check found: its outcome, what was expected, what came, and what to do. Pure.

The law: a finding holds names, numbers, codes and addresses; never a document, a key, a token or the value of a cookie.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Outcome = Literal["ok", "warn", "fail", "skipped"]


class Finding(NamedTuple):
    """The finding of one check. `found` is the reason where it was skipped; `advice` is empty where all is well."""

    outcome: Outcome
    expected: str
    found: str
    advice: str = ""


def judged(expected: str, *, fine: str, advice: str, failed: Sequence[str] = (), warned: Sequence[str] = ()) -> Finding:
    """Return what several subjects add up to: a failure if one failed, a warning if one only warns, otherwise *fine*."""
    if failed or warned:
        return Finding("fail" if failed else "warn", expected, "; ".join((*failed, *warned)), advice)
    return Finding("ok", expected, fine)


def skipped(expected: str, reason: str, advice: str = "") -> Finding:
    """Return that a check did not run, and why."""
    return Finding("skipped", expected, reason, advice)
