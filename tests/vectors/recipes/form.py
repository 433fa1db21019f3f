"""Forms that are not what a browser posts for us: fields, base64, compression. Each is the body of a request."""

import base64
import zlib
from collections.abc import Callable
from urllib.parse import quote_plus, urlencode

from tests.vectors.recipes.case import Case
from tests.vectors.world import World


def _form(
    name: str, because: str, body: Callable[[str], bytes], *, threat: int = 23, check: int = 1, line: int | None = None
) -> Case:
    """Return the case of a good response in a bad form; *body* gets the response in base64."""
    return Case(
        name=name,
        because=because,
        build=lambda world: body(base64.b64encode(world.signed()).decode("ascii")),
        threat=threat,
        expect="handoff.malformed",
        check=check,
        line=line,
        body="form",
    )


def _field(value: str) -> bytes:
    return urlencode({"SAMLResponse": value}).encode("ascii")


def _packed(pack: Callable[[bytes], bytes]) -> Callable[[str], bytes]:
    return lambda response: _field(base64.b64encode(pack(base64.b64decode(response))).decode("ascii"))


def _stored(raw: bytes) -> bytes:
    """Return *raw* as one raw DEFLATE stream without compression, which every zlib writes alike."""
    blocks = [raw[start : start + 65535] for start in range(0, len(raw), 65535)]
    return b"".join(
        bytes([block is blocks[-1]]) + len(block).to_bytes(2, "little") + (65535 - len(block)).to_bytes(2, "little") + block
        for block in blocks
    )


def _gzip(raw: bytes) -> bytes:
    stored = _stored(raw)
    return (
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
        + stored
        + zlib.crc32(raw).to_bytes(4, "little")
        + len(raw).to_bytes(4, "little")
    )


def _left_over_bits(response: str) -> str:
    """Return another spelling of the same bytes: the bits that padding leaves over are not zero (RFC 4648 3.5)."""
    assert response.endswith("=")
    at = len(response.rstrip("=")) - 1
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return response[:at] + alphabet[alphabet.index(response[at]) + 1] + response[at + 1 :]


def _odd(world: World) -> bytes:
    """Return the signed document with as many bytes as make base64 need padding."""
    raw = world.signed()
    return raw + b"\n" * (1 if len(raw) % 3 == 0 else 0)


_FIELDS = [
    _form("form-empty", "A form without a field.", lambda _response: b""),
    _form("form-other-field", "A form without SAMLResponse.", lambda _response: b"RelayState=%2Fo%2Facme%2F"),
    _form(
        "form-two-responses",
        "Two SAMLResponse, and nobody can say which one would be read.",
        lambda response: _field(response) + b"&" + _field(response),
    ),
    _form("form-second-response-empty", "A second SAMLResponse, empty.", lambda response: _field(response) + b"&SAMLResponse="),
    _form("form-two-relay-states", "Two RelayState.", lambda response: _field(response) + b"&RelayState=a&RelayState=b"),
    _form(
        "form-small-letters",
        "The field's name in small letters is another name.",
        lambda response: _field(response).replace(b"SAMLResponse", b"samlresponse"),
    ),
    _form(
        "form-array",
        "A name that some frameworks read as a list.",
        lambda response: _field(response).replace(b"SAMLResponse", b"SAMLResponse[]"),
    ),
    _form("form-response-empty", "An empty SAMLResponse.", lambda _response: b"SAMLResponse="),
    _form(
        "form-request",
        "A SAMLRequest is no response.",
        lambda response: _field(response).replace(b"SAMLResponse", b"SAMLRequest"),
    ),
]

_BASE64 = [
    _form("base64-junk", "A lenient decoder skips what is no base64.", lambda response: _field("!" + response)),
    _form("base64-junk-inside", "Junk in the middle.", lambda response: _field(response[:100] + "*" + response[100:])),
    _form("base64-tail", "Data after the padding.", lambda response: _field(response.rstrip("=") + "==" + "!!!!")),
    _form("base64-twice", "Two messages in one field.", lambda response: _field(response.rstrip("=") + "==" + response)),
    _form(
        "base64-without-padding",
        "Padding is missing, or there is one character too few.",
        lambda response: _field(response.rstrip("=")[:-1]),
    ),
    _form("base64-extra-padding", "One = too many.", lambda response: _field(response + "=")),
    _form("base64-url-safe", "The other alphabet (RFC 4648 5).", lambda response: _field("_-" + response[2:])),
    _form("base64-space", "A space in base64.", lambda response: _field(response[:64] + " " + response[64:])),
    _form(
        "base64-plus-unescaped",
        "In a form an unescaped + is a space.",
        lambda response: b"SAMLResponse=++" + response[2:].encode(),
    ),
    _form("base64-percent-twice", "Percent-encoded twice.", lambda response: _field(quote_plus(quote_plus(response + "=")))),
    _form("base64-fullwidth", "Letters that normalize to base64.", lambda response: _field_utf_8("\uff30" + response[1:])),
    _form("xml-bare", "The XML itself, not in base64.", lambda response: _field_utf_8(base64.b64decode(response).decode())),
    _form(
        "base64-of-base64",
        "Base64 twice.",
        lambda response: _field(base64.b64encode(response.encode()).decode()),
        check=2,
        line=1,
    ),
    Case(
        name="base64-left-over-bits",
        because="The bits that padding leaves over are not zero: another spelling of one message.",
        build=lambda world: _field(_left_over_bits(base64.b64encode(_odd(world)).decode())),
        threat=23,
        expect="handoff.malformed",
        check=1,
        body="form",
    ),
]


def _field_utf_8(value: str) -> bytes:
    return urlencode({"SAMLResponse": value}, encoding="utf-8").encode("ascii")


_COMPRESSED = [
    _form(
        "deflated", "DEFLATE belongs to the redirect binding, and is never inflated here.", _packed(_stored), threat=24, check=2
    ),
    _form("gzipped", "Gzip is never unpacked.", _packed(_gzip), threat=24, check=2),
]

CASES = [*_FIELDS, *_BASE64, *_COMPRESSED]
