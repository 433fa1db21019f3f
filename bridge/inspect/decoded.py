"""A second, lenient reading of what the endpoint would not read, so that an inspector can tell what it is. Pure.

The law: nothing that comes from here changes a verdict. The check that refused has refused; this is only shown, and judged by
the checks after it as if it had come properly.
"""

import base64
import binascii
import zlib
from urllib.parse import unquote

from bridge.inspect.pasted import FIELDS, Form
from bridge.saml.form import MAX_FIELD_CHARS
from bridge.saml.xml import MAX_XML_BYTES

_URL_SAFE = str.maketrans("-_", "+/")


def decoded_field(form: Form) -> bytes | None:
    """Return what the first SAML field of *form* encodes, however carelessly, or None."""
    value = next((value for name, value in form if name in FIELDS and value), None)
    if value is None or len(value) > MAX_FIELD_CHARS:
        return None
    text = unquote(value) if "%" in value else value
    text = "".join(text.replace(" ", "+").split()).translate(_URL_SAFE).rstrip("=")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if _looks_like_xml(raw) else inflated(raw)


def inflated(raw: bytes) -> bytes | None:
    """Return the XML that *raw* holds in DEFLATE, as the redirect binding sends it (bindings 3.4.4.1), or None."""
    for window in (-zlib.MAX_WBITS, zlib.MAX_WBITS, 16 + zlib.MAX_WBITS):
        inflater = zlib.decompressobj(window)
        try:
            found = inflater.decompress(raw, MAX_XML_BYTES + 1)
        except zlib.error:
            continue
        if len(found) <= MAX_XML_BYTES and _looks_like_xml(found):
            return found
    return None


def _looks_like_xml(raw: bytes) -> bool:
    return raw.lstrip().startswith(b"<")
