"""Check 1: from the fields of the posted form to the bytes of one XML document.

The law: one message has one spelling; what a lenient decoder would skip is refused, and nothing is ever inflated.
"""

import binascii
from collections.abc import Iterable

from bridge.errors import HandoffMalformed

MAX_FIELD_CHARS = 200_000


def read_response(form: Iterable[tuple[str, str]]) -> bytes:
    """Check 1: return the bytes in the one field `SAMLResponse` of *form* (the fields as they came, in order).

    The field is base64 (RFC 4648 4), with MIME line breaks allowed (bindings 3.5.4). Raises `HandoffMalformed`.
    """
    fields = list(form)
    responses = [value for name, value in fields if name == "SAMLResponse"]
    if len(responses) != 1:
        raise HandoffMalformed(expected="exactly one field SAMLResponse", received=str(len(responses)))
    if (relay_states := sum(name == "RelayState" for name, _value in fields)) > 1:
        raise HandoffMalformed(expected="at most one field RelayState", received=str(relay_states))
    if len(responses[0]) > MAX_FIELD_CHARS:
        raise HandoffMalformed(expected=f"at most {MAX_FIELD_CHARS} characters", received=str(len(responses[0])))
    return decode(responses[0])


def decode(text: str) -> bytes:
    """Return what *text* encodes in strict base64, line breaks allowed; raises `HandoffMalformed`."""
    if "\r" in text or "\n" in text:
        text = text.replace("\r", "").replace("\n", "")
    try:
        encoded = text.encode("ascii")
        raw = binascii.a2b_base64(encoded, strict_mode=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise HandoffMalformed(expected="strict base64", received="other characters or padding") from error
    # Even strict, the decoder skips the bits that padding leaves over (RFC 4648 3.5), so the last group must encode back.
    last_group = raw[(len(raw) - 1) // 3 * 3 :]
    if not raw or binascii.b2a_base64(last_group, newline=False) != encoded[-4:]:
        raise HandoffMalformed(expected="strict base64", received="nothing" if not raw else "another spelling")
    return raw
