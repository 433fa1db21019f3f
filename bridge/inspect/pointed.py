"""In which column a refusal points. Pure.

The law: the line is the refusal's own. A column is added only where one element or one character on that line is meant.
"""

import re

from lxml import etree

from bridge.errors import HandoffError
from bridge.inspect.places import Places, element_at
from bridge.saml.schema import protocol_schema
from bridge.saml.xml import Document, local_name

_MARKUP = re.compile(r"<!\[CDATA\[.*?\]\]>|(<[!?])", re.DOTALL)
_STEP = re.compile(r"(?:[\w.-]+:)?([\w.*-]+)(?:\[(\d+)\])?")


def column_of(refusal: HandoffError, read: Document | bytes) -> int | None:
    """Return the column (from 1) at which *refusal* points in what was *read*, None if it points at no single place."""
    if refusal.line is None:
        return None
    if isinstance(read, bytes):
        return _column_in_text(refusal, read)
    number = element_at(read, refusal.node) if refusal.node else _number_in_the_schemas_words(read)
    if number is None:
        return None
    line, column = Places.of(read.raw).element(number)
    return column if line == refusal.line else None


def _column_in_text(refusal: HandoffError, raw_xml: bytes) -> int | None:
    """Return where the parser stopped, or where the markup begins that was refused before anything was parsed."""
    if isinstance(refusal.__cause__, etree.XMLSyntaxError):
        return refusal.__cause__.position[1] or None
    begin = 2 if raw_xml.startswith(b"<?") else 0
    for markup in _MARKUP.finditer(raw_xml.decode("utf-8", "replace"), begin):
        if markup[1]:
            line, column = Places.of(raw_xml).at(markup.start())
            return column if line == refusal.line else 1
    return 1


def _number_in_the_schemas_words(document: Document) -> int | None:
    """Return which element the schema's validator means, by asking it again: its refusal names only a line."""
    schema = protocol_schema()
    if schema.validate(document.root) or not (path := schema.error_log[0].path):
        return None
    element = document.root
    for step in path.split("/")[2:]:
        match = _STEP.fullmatch(step)
        if match is None:
            return None
        alike = [child for child in element if match[1] in ("*", local_name(child))]
        if not 0 < int(match[2] or 1) <= len(alike):
            return None
        element = alike[int(match[2] or 1) - 1]
    return next(number for number, each in enumerate(document.root.iter()) if each is element)
