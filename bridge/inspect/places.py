"""Where things stand in a decoded document: the line and column of each element, and the document as rows to be shown. Pure.

The law: nothing is laid out anew. A row is a piece of the document itself under its true position, so that what is pointed at
is what was sent; a line counts as in the endpoint's refusals, where it is the one on which the start tag ends.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

from lxml import etree

from bridge.saml.xml import Document, local_name

# What passed the gate is well-formed, without comments and instructions. Possessive: the search never goes back.
_TOKEN = re.compile(r"""<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(/?)(?:[^>"']++|"[^"]*+"|'[^']*+')*+>""", re.DOTALL)
_STEP = re.compile(r"(\w[\w.-]*)(?:\[(\d+)\])?")


@dataclass(frozen=True, slots=True)
class Row:
    """A piece of the document: a start tag with its text and end tag where no other tag comes between, or an end tag alone.

    `element` counts the elements in the order of the document, from 0; it is None for an end tag alone and for loose text.
    """

    line: int
    column: int
    depth: int
    element: int | None
    tag: str
    text: str = ""
    end: str = ""


class Places:
    """The positions in one text, lines and columns from 1, columns in characters."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    @classmethod
    def of(cls, raw_xml: bytes) -> "Places":
        """Return the places of *raw_xml*, whatever it is: what is no UTF-8 is shown by replacement characters."""
        return cls(raw_xml.decode("utf-8", "replace"))

    def at(self, offset: int) -> tuple[int, int]:
        """Return the line and column of the character at *offset*."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    @property
    def lines(self) -> list[str]:
        """The text line by line."""
        return [line.removesuffix("\r") for line in self._text.split("\n")]

    def elements(self) -> Iterator[tuple[int, int]]:
        """Yield the position of each element of a well-formed document, in its order."""
        return (self._position(tag) for tag in self._start_tags())

    def element(self, number: int) -> tuple[int, int]:
        """Return the position of one element, counted from 0."""
        return self._position(next(islice(self._start_tags(), number, None)))

    def _start_tags(self) -> Iterator[re.Match[str]]:
        return (match for match in _TOKEN.finditer(self._text) if match[0][1] not in "!?" and not match[1])

    def _position(self, tag: re.Match[str]) -> tuple[int, int]:
        first, column = self.at(tag.start())
        last, _ = self.at(tag.end() - 1)
        if first == last:
            return first, column
        line = self._text[self._lines[last - 1] :]
        return last, len(line) - len(line.lstrip(" \t")) + 1

    def rows(self) -> Iterator[Row]:
        """Yield a well-formed document piece by piece; white space between tags is left out."""
        numbers = count()
        depth, after, row = 0, 0, None
        for match in _TOKEN.finditer(self._text):
            between, after = self._text[after : match.start()], match.end()
            if match[0].startswith(("<![", "<?")):
                between += match[0]
            if between.strip():
                row = self._with_text(row, between, match.start(), depth)
            if match[0].startswith(("<![", "<?")):
                continue
            if match[1]:
                depth -= 1
                if row is not None and row.element is not None and row.depth == depth:
                    yield Row(row.line, row.column, depth, row.element, row.tag, row.text, match[0])
                else:
                    yield from (row,) if row else ()
                    yield Row(*self.at(match.start()), depth, None, match[0])
                row = None
                continue
            yield from (row,) if row else ()
            row = Row(*self._position(match), depth, next(numbers), match[0])
            if match[0].endswith("/>"):
                yield row
                row = None
            else:
                depth += 1
        yield from (row,) if row else ()

    def _with_text(self, row: Row | None, text: str, offset: int, depth: int) -> Row:
        if row is not None:
            return Row(row.line, row.column, row.depth, row.element, row.tag, row.text + text)
        return Row(*self.at(offset), depth, None, "", text)


def paths_of(root: etree._Element) -> list[tuple[str, etree._Element]]:
    """Return each element below and with *root*, in the order of the document, with its path as refusals name it."""
    found: list[tuple[str, etree._Element]] = []

    def gather(element: etree._Element, path: str) -> None:
        found.append((path, element))
        named = [(local_name(child), child) for child in element]
        names = [name for name, _child in named]
        seen: dict[str, int] = {}
        for name, child in named:
            seen[name] = seen.get(name, 0) + 1
            alone = len(names) == 1 or names.count(name) == 1
            gather(child, f"{path}/{name}" if alone else f"{path}/{name}[{seen[name]}]")

    gather(root, local_name(root))
    return found


def element_at(document: Document, node: str) -> int | None:
    """Return which element of *document* has the path *node*, counted from 0; None if there is none."""
    element = document.root
    first, *steps = node.split("/")
    if first != local_name(element):
        return None
    for step in steps:
        match = _STEP.fullmatch(step)
        alike = [child for child in element if match is not None and local_name(child) == match[1]]
        number = int(match[2] or 1) if match else 0
        if not 0 < number <= len(alike):
            return None
        element = alike[number - 1]
    return next(number for number, each in enumerate(document.root.iter()) if each is element)
