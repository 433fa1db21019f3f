"""A report as lines for a person, each with the role that gives it a colour. Pure.

The law: cause and cure stand in the first three lines. Values of a document are shown with control characters escaped, since a
document may be hostile to a terminal, too.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from bridge.inspect.listing import Listing
from bridge.inspect.outcome import Outcome
from bridge.inspect.places import Row
from bridge.inspect.report import Report
from bridge.inspect.times import text_of_time

Role = Literal["good", "bad", "note", "head", "plain", "quiet"]
MAX_VALUE = 240
_MARKS = {"pass": "ok  ", "fail": "FAIL", "not_run": "-   "}
_ROLES: dict[str, Role] = {"pass": "good", "fail": "bad", "not_run": "quiet"}
_VOUCHED: dict[str, Role] = {"signed": "plain", "not trusted": "note", "unsigned": "note"}
_LINE_CHARACTERS = 60


class Line(NamedTuple):
    """One line and the role of what it says."""

    text: str
    role: Role = "plain"


def lines_of(report: Report) -> Iterator[Line]:
    """Yield what a person reads: verdict, checks, times, certificates, values, and the document itself."""
    yield from _verdict(report)
    if report.inspection is None:
        return
    yield from _checks(report)
    yield from _times(report)
    yield from _certificates(report)
    if report.fields:
        yield Line("values", "head")
    for field in report.fields:
        yield Line(f"  {field.vouched:11} {shown(field.name)} = {shown(field.value)}", _VOUCHED[field.vouched])
    for listing in report.listings:
        yield from _listing(listing)


def _verdict(report: Report) -> Iterator[Line]:
    failed = report.first_failure
    if failed is None:
        yield Line(f"{shown(report.name)}: {report.verdict}", "good" if report.verdict == "accepted" else "bad")
        yield Line(f"  {shown(report.sentence)}")
    else:
        yield Line(f"{shown(report.name)}: {report.verdict}: {failed.check.title} ({failed.code})", "bad")
        yield Line(f"  {shown(report.sentence)}{where(failed)}")
        yield Line(f"  What to do: {report.what_to_do}")
    if report.inspection is not None:
        came = f", from {report.came_as}" if report.came_as else ""
        yield Line(f"  It is {shown(report.kind)}{came}.", "quiet")
    for note in report.notes:
        yield Line(f"  {shown(note)}", "note")


def where(outcome: Outcome) -> str:
    """Return where *outcome* points, to be put after a sentence."""
    node = f" ({shown(outcome.node)})" if outcome.node else ""
    if outcome.line is None:
        return node
    column = f", column {outcome.column}" if outcome.column is not None else ""
    return f" At line {outcome.line}{column}{node}."


def _checks(report: Report) -> Iterator[Line]:
    yield Line("checks", "head")
    for outcome in report.outcomes:
        reason = f"  ({outcome.reason})" if outcome.reason else ""
        yield Line(
            f"  {_MARKS[outcome.outcome]} {outcome.check.number:2} {outcome.check.title}{reason}", _ROLES[outcome.outcome]
        )
        if outcome.outcome == "fail":
            place = where(outcome)
            yield Line(
                f"          {outcome.code}: expected {shown(outcome.expected)}, received {shown(outcome.received)}.{place}"
            )
            yield Line(f"          {outcome.check.hint} ({outcome.check.source})", "quiet")


def _times(report: Report) -> Iterator[Line]:
    times = report.times
    if times is None:
        return
    yield Line("times", "head")
    moments = [
        (times.issued, "issued"),
        (times.starts, "not before"),
        (times.now, "now"),
        (times.ends, "not on or after"),
        (times.session_ends, "session ends"),
    ]
    for moment, name in sorted(moments, key=lambda pair: pair[0]):
        state = {"early": f": it begins in {times.distance}", "expired": f": it ended {times.distance} ago"}.get(
            times.state, ""
        )
        role: Role = "plain" if name != "now" else "good" if times.state == "now" else "bad"
        yield Line(f"  {text_of_time(moment)}  {name}{state if name == 'now' else ''}", role)
    yield Line(f"  The endpoint allows {int(times.skew.total_seconds())} seconds on both sides.", "quiet")


def _certificates(report: Report) -> Iterator[Line]:
    if report.certificates:
        yield Line("certificates", "head")
    now = report.inspection.question.now if report.inspection else None
    for one in report.certificates:
        place = "in the document" if one.in_document else "not in the document"
        trusted = f"trusted for {', '.join(one.issuers)}" if one.trusted else "not trusted"
        expired = "expired" if now is not None and one.ends <= now else "until"
        role: Role = "good" if one.trusted and expired == "until" else "note"
        yield Line(f"  {one.fingerprint}  {place}, {shown(trusted)}, {expired} {text_of_time(one.ends)}", role)
        yield Line(f"    {shown(one.subject)}", "quiet")


def _listing(listing: Listing) -> Iterator[Line]:
    yield Line(listing.title, "head")
    for row, mark in listing.pieces:
        position = f"{row.line}:{row.column}" if listing.parsed else f"{row.line}"
        yield Line(f"{'>>' if mark else '  '} {position:>8}  {_piece(row, mark)}", "bad" if mark else "plain")
        if mark:
            yield Line(
                f"{'':13}{'  ' * row.depth}^ check {mark.check.number}, {mark.code}: expected {shown(mark.expected)}", "bad"
            )


def _piece(row: Row, mark: Outcome | None) -> str:
    text = row.text
    if not row.tag and mark is not None and mark.column is not None and mark.column > MAX_VALUE // 2:
        text = f"... {text[mark.column - _LINE_CHARACTERS :]}"
    elif row.tag and len(text) > 2 * _LINE_CHARACTERS:
        text = f"{text[:_LINE_CHARACTERS]}... {len(text)} characters"
    return (
        f"{'  ' * row.depth}{shown(row.tag) if row.tag else ''}{shown(text) if text else ''}{shown(row.end) if row.end else ''}"
    )


def shown(value: str) -> str:
    """Escape what could move the cursor or change the meaning of a terminal's line, and cut what is too long to be read."""
    cut = value if len(value) <= MAX_VALUE else f"{value[:MAX_VALUE]}... {len(value)} characters"
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in cut) or "nothing"
