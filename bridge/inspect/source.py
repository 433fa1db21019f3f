"""From what somebody has in hand to the documents in it: XML, base64, a form, a URL, a command, a log line, a HAR file.

The law: what was posted reaches the checks unrepaired, so that the endpoint's refusal is found again. What only the copying did
(line breaks, white space around it, the quoting of a shell) is undone and told. What holds no document at all is unreadable.
"""

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from bridge.inspect.pasted import FIELDS, MAX_FORM_CHARS, Form, Unreadable, chunks_in, form_of, form_of_command, joined

FIELD = "SAMLResponse"
MAX_SOURCE_BYTES = 50_000_000
MAX_DOCUMENTS = 100
_XML_STARTS = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe", b"\xfe\xff")
_DEEPEST = 40

__all__ = ["FIELD", "MAX_SOURCE_BYTES", "Source", "Unreadable", "read_sources"]


@dataclass(frozen=True, slots=True)
class Source:
    """One document to inspect: the fields of a posted form, or the XML itself.

    `name` says where it came from, `came_as` in what shape.
    """

    name: str
    form: Form | None
    raw_xml: bytes | None
    came_as: str = ""


def read_sources(name: str, raw: bytes) -> list[Source]:
    """Return the documents in *raw*, which came from *name*; several for a HAR file or a log. Raises `Unreadable`."""
    if len(raw) > MAX_SOURCE_BYTES:
        raise Unreadable(f"is larger than {MAX_SOURCE_BYTES} bytes")
    stripped = raw.strip(b" \t\r\n")
    if not stripped:
        raise Unreadable("is empty")
    if stripped.startswith(_XML_STARTS):
        return [Source(name, None, stripped if stripped.startswith(b"<?xml") else raw, "XML")]
    try:
        text = raw.decode("utf-8").strip().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Unreadable("is neither XML nor text") from error
    if text.startswith("&lt;"):
        return [Source(name, None, html.unescape(text).encode("utf-8", "replace"), "XML, escaped for HTML")]
    if text.startswith("{"):
        forms = list(_forms_of_json(text))
    elif text.startswith(("curl ", "$ curl ", "curl.exe ")) and len(text) <= MAX_FORM_CHARS:
        forms = [(form, "a curl command") for form in form_of_command(text)]
    elif any(f"{field}=" in text for field in FIELDS):
        forms = list(_forms_in_text(text))
    else:
        return [Source(name, ((FIELD, joined(text)),), None, "base64" + _apart(text))]
    if not forms:
        raise Unreadable("holds no SAMLResponse and no SAMLRequest")
    named = [name] if len(forms) == 1 else [f"{name}#{number}" for number in range(1, len(forms) + 1)]
    return [Source(each, form, None, came_as) for each, (form, came_as) in zip(named, forms[:MAX_DOCUMENTS], strict=False)]


def _apart(text: str) -> str:
    return ", white space removed" if len(text.split(maxsplit=1)) > 1 else ""


def _forms_in_text(text: str) -> Iterator[tuple[Form, str]]:
    # White space is no part of a form's body, so a body that was broken into lines is one body; a log has other words around.
    if text.startswith(tuple(f"{field}=" for field in ("RelayState", *FIELDS))):
        yield form_of(joined(text)), "the body of a form" + _apart(text)
        return
    for chunk in chunks_in(text, MAX_DOCUMENTS):
        before, mark, query = chunk.rpartition("?")
        whole = query if mark else chunk
        yield form_of(whole), "the query of a URL" if before or mark else "the body of a form in other text"


def _forms_of_json(text: str) -> Iterator[tuple[Form, str]]:
    try:
        body = json.loads(text)
        entries = body["log"]["entries"]
    except (KeyError, TypeError):
        for value in _texts_of(body, _DEEPEST):
            yield from _forms_in_text(value.strip())
        return
    except (ValueError, RecursionError) as error:
        raise Unreadable("is JSON, but no HAR file") from error
    for entry in entries if isinstance(entries, list) else ():
        form = _form_of_entry(entry)
        if form is not None and any(field in FIELDS for field, _value in form):
            yield form, "a HAR file"


def _texts_of(value: object, depth: int) -> Iterator[str]:
    """Yield the texts in a JSON value that hold a field, and `field=value` for one that is a key."""
    if isinstance(value, str) and any(f"{field}=" in value for field in FIELDS):
        yield value
    elif isinstance(value, dict | list) and depth:
        for key, inside in value.items() if isinstance(value, dict) else enumerate(value):
            if key in FIELDS and isinstance(inside, str):
                yield f"{key}={inside}".replace("+", "%2B")
            else:
                yield from _texts_of(inside, depth - 1)


def _form_of_entry(entry: Any) -> Form | None:
    """Return the form that one request of a HAR file sent, as its body has it, or as the browser's list of its fields."""
    match entry:
        case {"request": {"postData": {"text": str(body)}}} if any(f"{field}=" in body for field in FIELDS):
            return form_of(body)
        case {"request": {"postData": {"params": [*params]}}} if params:
            # Some browsers write the values of this list as they are in the body; base64 knows no per cent sign.
            return tuple(
                (str(param["name"]), unquote(str(param["value"])) if param["name"] in FIELDS else str(param["value"]))
                for param in params
                if isinstance(param, dict) and {"name", "value"} <= set(param)
            )
        case {"request": {"url": str(url)}} if any(f"{field}=" in url for field in FIELDS):
            return form_of(url.partition("?")[2].partition("#")[0])
    return None
