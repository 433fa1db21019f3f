"""From what somebody has in hand to the documents in it: XML, base64, a form body, a HAR file.

The law: bytes are taken as they are. What the endpoint would refuse as malformed reaches the checks unrepaired; only what holds
no document at all is unreadable.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

Form = tuple[tuple[str, str], ...]
FIELD = "SAMLResponse"
MAX_SOURCE_BYTES = 50_000_000
_XML_STARTS = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe", b"\xfe\xff")


class Unreadable(ValueError):
    """Raised if there is no document in a source; the text says what is there instead."""


@dataclass(frozen=True, slots=True)
class Source:
    """One document to inspect: the fields of a posted form, or the XML itself. `name` says where it came from."""

    name: str
    form: Form | None
    raw_xml: bytes | None


def read_sources(name: str, raw: bytes) -> list[Source]:
    """Return the documents in *raw*, which came from *name*; several only for a HAR file. Raises `Unreadable`."""
    if len(raw) > MAX_SOURCE_BYTES:
        raise Unreadable(f"is larger than {MAX_SOURCE_BYTES} bytes")
    if not raw.strip():
        raise Unreadable("is empty")
    if raw.lstrip(b" \t\r\n").startswith(_XML_STARTS):
        return [Source(name, None, raw)]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("is neither XML nor text") from error
    if text.lstrip().startswith("{"):
        return _from_har(name, text)
    if f"{FIELD}=" in text:
        return [Source(name, _form_of(text.strip()), None)]
    return [Source(name, ((FIELD, text.strip("\r\n")),), None)]


def _form_of(body: str) -> Form:
    return tuple(parse_qsl(body, keep_blank_values=True))


def _from_har(name: str, text: str) -> list[Source]:
    try:
        entries = json.loads(text)["log"]["entries"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable("is JSON, but no HAR file") from error
    forms = list(_forms_in(entries if isinstance(entries, list) else []))
    if not forms:
        raise Unreadable("is a HAR file without a posted SAMLResponse")
    return [Source(name if len(forms) == 1 else f"{name}#{number}", form, None) for number, form in enumerate(forms, start=1)]


def _forms_in(entries: list[Any]) -> Iterator[Form]:
    for entry in entries:
        match entry:
            case {"request": {"postData": {"params": [*params]}}} if params:
                form = tuple(
                    (str(param["name"]), str(param["value"]))
                    for param in params
                    if isinstance(param, dict) and {"name", "value"} <= set(param)
                )
            case {"request": {"postData": {"text": str(body)}}}:
                form = _form_of(body)
            case _:
                continue
        if any(field == FIELD for field, _value in form):
            yield form
