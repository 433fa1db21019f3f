"""What differs between two documents, for "it worked yesterday". Pure.

The law: what differs in any two sign-ins (IDs, times, who signs in at which browser) is only counted; a lifetime is compared as
a length of time. What is left is what somebody changed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bridge.inspect.fields import Field
from bridge.inspect.report import Report
from bridge.inspect.text import Line, shown

_ALWAYS_ATTRIBUTES = frozenset(
    {"ID", "IssueInstant", "NotBefore", "NotOnOrAfter", "AuthnInstant", "SessionNotOnOrAfter", "SessionIndex", "validUntil"}
)
_ALWAYS_CLAIMS = frozenset({"binding", "reference", "return_to"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same; an empty text is what the other document does not have."""

    what: str
    before: str
    after: str


def differences(before: Report, after: Report) -> list[Difference]:
    """Return what differs between two readable documents: checks first, then what they are, then their values."""
    return [
        *_compared("what it is", before.kind, after.kind),
        *_compared("came as", before.came_as, after.came_as),
        *_checks(before, after),
        *_compared("lifetime", _lifetime(before), _lifetime(after)),
        *_compared("certificates in the document", _certificates(before), _certificates(after)),
        *_values(before, after),
    ]


def _compared(what: str, before: str, after: str) -> Iterator[Difference]:
    if before != after:
        yield Difference(what, before, after)


def _checks(before: Report, after: Report) -> Iterator[Difference]:
    for one, other in zip(before.outcomes, after.outcomes, strict=True):
        if "fail" in (one.outcome, other.outcome):
            what = f"check {one.check.number}, {one.check.title}"
            yield from _compared(what, one.code or one.outcome, other.code or other.outcome)


def _lifetime(report: Report) -> str:
    times = report.times
    lasts = times.ends - times.issued if times else None
    return "" if lasts is None else f"{int(lasts / timedelta(seconds=1))} seconds"


def _certificates(report: Report) -> str:
    return ", ".join(one.fingerprint for one in report.certificates if one.in_document)


def _values(before: Report, after: Report) -> Iterator[Difference]:
    one, other = _by_name(before.fields), _by_name(after.fields)
    for name in dict.fromkeys((*one, *other)):
        if name.rpartition("@")[2] not in _ALWAYS_ATTRIBUTES and name not in _ALWAYS_CLAIMS:
            yield from _compared(name, one.get(name, ""), other.get(name, ""))


def _by_name(fields: tuple[Field, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in fields:
        told = f"{field.value} ({field.vouched})"
        found[field.name] = f"{found[field.name]} | {told}" if field.name in found else told
    return found


def difference_lines(before: Report, after: Report, found: list[Difference]) -> Iterator[Line]:
    """Yield *found* as lines for a person."""
    names = f"{shown(before.name)} and {shown(after.name)}"
    if not found:
        yield Line(f"{names} differ only in what differs from one sign-in to the next.", "good")
    else:
        yield Line(f"{names} differ in {len(found)} {'thing' if len(found) == 1 else 'things'}.", "bad")
    for each in found:
        yield Line(f"  {shown(each.what)}", "head")
        yield Line(f"    - {shown(each.before)}", "note")
        yield Line(f"    + {shown(each.after)}", "note")


def difference_json(before: Report, after: Report, found: list[Difference]) -> str:
    """Return *found* as one line of JSON."""
    return json.dumps(
        {
            "before": before.name,
            "after": after.name,
            "same": not found,
            "differences": [{"what": each.what, "before": each.before, "after": each.after} for each in found],
        },
        ensure_ascii=True,
    )
