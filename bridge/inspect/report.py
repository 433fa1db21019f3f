"""An inspection as text for people and as one JSON object for programs. Pure.

The law: both say the same; values of a document are shown with control characters escaped, since a document may be hostile.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from bridge.inspect.inspection import Inspection, Outcome

_MARKS = {"pass": "ok  ", "fail": "FAIL", "not_run": "-   "}


@dataclass(frozen=True, slots=True)
class Report:
    """What is said about one input; `inspection` is None where it was unreadable for the `reason`."""

    name: str
    inspection: Inspection | None
    reason: str = ""

    @property
    def verdict(self) -> str:
        """`accepted`, `refused` or `unreadable`."""
        if self.inspection is None:
            return "unreadable"
        return "accepted" if self.inspection.accepted else "refused"

    @property
    def code(self) -> str:
        """The code at which the endpoint would have stopped, or the empty string."""
        failed = self.inspection.first_failure if self.inspection else None
        return failed.code if failed else ""


def as_json(report: Report) -> str:
    """Return one line of JSON: `{"file", "verdict", "code", "checks": [...], "handoff": {...} | null}`."""
    inspection = report.inspection
    body: dict[str, object] = {
        "file": report.name,
        "verdict": report.verdict,
        "code": report.code,
        "checks": [_check(outcome) for outcome in inspection.outcomes] if inspection else [],
        "handoff": inspection.handoff if inspection else None,
    }
    if report.reason:
        body["reason"] = report.reason
    return json.dumps(body, ensure_ascii=True)


def _check(outcome: Outcome) -> dict[str, object]:
    return {
        "number": outcome.check.number,
        "code": outcome.code or outcome.check.code,
        "title": outcome.check.title,
        "outcome": outcome.outcome,
        "expected": outcome.expected,
        "received": outcome.received,
        "line": outcome.line,
        "hint": outcome.check.hint if outcome.outcome == "fail" else outcome.reason,
    }


def as_text(report: Report) -> Iterator[str]:
    """Yield the lines for a person: the verdict, each check, and what the signed document says."""
    inspection = report.inspection
    if inspection is None:
        yield f"{report.name}: unreadable: it {report.reason}"
        return
    failed = inspection.first_failure
    because = f": {failed.check.title} ({failed.code})" if failed else ""
    yield f"{report.name}: {report.verdict}{because}"
    for outcome in inspection.outcomes:
        note = f"  ({outcome.reason})" if outcome.reason else ""
        yield f"  {_MARKS[outcome.outcome]} {outcome.check.number:2} {outcome.check.title}{note}"
        if outcome.outcome == "fail":
            where = f", line {outcome.line}" if outcome.line else ""
            yield f"          expected {_shown(outcome.expected)}, received {_shown(outcome.received)}{where}"
            yield f"          {outcome.check.hint}"
    for name, value in (inspection.handoff or {}).items():
        yield f"  {name} = {_shown(value)}"


def _shown(value: str) -> str:
    """Escape what could move the cursor or change the meaning of a terminal's line."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in value) or "nothing"
