"""A decoded document to be shown: its pieces under their positions, and which of them a check points at. Pure.

The law: what is marked is where the refusal points, and one piece carries one mark, that of the first check.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from bridge.inspect.mask import masked, masked_row
from bridge.inspect.outcome import Outcome
from bridge.inspect.places import Places, Row, paths_of

_IN_THE_ASSERTION = "Response/"
_FIRST_LINES = 200
_LINES_AROUND = 20


@dataclass(frozen=True, slots=True)
class Listing:
    """Pieces of one text with what points at each; `parsed` is False where a piece is only a line."""

    title: str
    pieces: tuple[tuple[Row, Outcome | None], ...]
    parsed: bool


def parsed_listing(places: Places, root: etree._Element, outcomes: Iterable[Outcome], *, mask: bool) -> Listing:
    """Return the listing of a document that could be parsed."""
    marks: dict[tuple[int, int], Outcome] = {}
    for outcome in outcomes:
        if outcome.line is not None and outcome.column is not None:
            marks.setdefault((outcome.line, outcome.column), outcome)
    pieces = ((row, marks.get((row.line, row.column))) for row in _rows(places, root, mask=mask))
    return Listing("document", tuple(pieces), parsed=True)


def unparsed_listing(places: Places, outcomes: Iterable[Outcome], *, mask: bool) -> Listing:
    """Return the listing of what is no document, line by line."""
    marks: dict[int, Outcome] = {}
    for outcome in outcomes:
        if outcome.line is not None:
            marks.setdefault(outcome.line, outcome)
    pieces = tuple(
        (Row(number, 1, 0, None, "", masked(line) if mask else line), marks.get(number))
        for number, line in enumerate(places.lines, start=1)
        if number <= _FIRST_LINES or any(abs(number - marked) <= _LINES_AROUND for marked in marks)
    )
    return Listing("document", pieces, parsed=False)


def opened_listing(assertion: etree._Element, outcomes: Iterable[Outcome], *, mask: bool) -> Listing:
    """Return the listing of an *assertion* that was decrypted: no part of the document, so it has positions of its own."""
    marks: dict[int, Outcome] = {}
    paths = [f"{_IN_THE_ASSERTION}{path}" for path, _element in paths_of(assertion)]
    for outcome in outcomes:
        if outcome.line is None and outcome.node in paths:
            marks.setdefault(paths.index(outcome.node), outcome)
    places = Places.of(etree.tostring(assertion, encoding="utf-8"))
    pieces = ((row, None if row.element is None else marks.get(row.element)) for row in _rows(places, assertion, mask=mask))
    return Listing("decrypted assertion", tuple(pieces), parsed=True)


def _rows(places: Places, root: etree._Element, *, mask: bool) -> Iterator[Row]:
    if not mask:
        yield from places.rows()
        return
    elements = list(root.iter())
    for row in places.rows():
        yield masked_row(row, None if row.element is None else elements[row.element])
