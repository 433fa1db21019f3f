"""Check 1: the posted form."""

import base64
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import HandoffMalformed
from bridge.saml.form import MAX_FIELD_CHARS, decode, read_response

GOOD = base64.b64encode(b"<document/>").decode()


def test_the_one_field_is_decoded() -> None:
    """One SAMLResponse beside one RelayState is what a browser posts."""
    assert read_response([("SAMLResponse", GOOD), ("RelayState", "/o/acme/")]) == b"<document/>"


def test_mime_line_breaks_are_allowed() -> None:
    """Senders that wrap base64 at 76 characters are honest (bindings 3.5.4)."""
    raw = bytes(range(256)) * 3
    assert decode(base64.encodebytes(raw).decode().replace("\n", "\r\n")) == raw


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("RelayState", "/")],
        [("samlresponse", GOOD)],
        [("SAMLResponse", GOOD), ("SAMLResponse", GOOD)],
        [("SAMLResponse", GOOD), ("RelayState", "/"), ("RelayState", "/")],
    ],
    ids=["nothing", "relay state only", "another case", "two responses", "two relay states"],
)
def test_exactly_one_response_and_at_most_one_relay_state(fields: list[tuple[str, str]]) -> None:
    """Zero and two are both refusals: which of two would be read?"""
    with pytest.raises(HandoffMalformed):
        read_response(fields)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\r\n",
        GOOD + "=",
        GOOD.rstrip("="),
        GOOD[:-4] + " " + GOOD[-4:],
        "!" + GOOD,
        GOOD + "!!!!",
        GOOD + GOOD,
        "PGRvY3VtZW50L_5=",
        "PGE+é",
        "PGEvPh==",
    ],
    ids=["empty", "breaks only", "extra =", "no =", "space", "junk", "tail", "two", "url-safe", "not ASCII", "left-over bits"],
)
def test_one_message_has_one_spelling(text: str) -> None:
    """What a lenient decoder skips is refused, so that nothing can hide between two decoders."""
    with pytest.raises(HandoffMalformed):
        decode(text)


def test_a_field_over_the_cap_is_refused_before_decoding() -> None:
    """One character more than the cap is refused, whatever it holds."""
    assert len(decode("A" * MAX_FIELD_CHARS)) == MAX_FIELD_CHARS // 4 * 3
    with pytest.raises(HandoffMalformed) as caught:
        read_response([("SAMLResponse", "!" * (MAX_FIELD_CHARS + 1))])
    assert str(MAX_FIELD_CHARS) in caught.value.expected


def test_nothing_is_inflated() -> None:
    """Compressed bytes come out compressed: DEFLATE has no place in the POST binding."""
    packed = gzip.compress(b"<document/>" * 1000)
    assert decode(base64.b64encode(packed).decode()) == packed


@given(st.binary(min_size=1, max_size=300))
def test_every_strict_spelling_is_decoded(raw: bytes) -> None:
    """Strictness refuses no honest message."""
    assert decode(base64.b64encode(raw).decode()) == raw


@given(st.text(max_size=40))
def test_what_is_accepted_is_the_one_spelling(text: str) -> None:
    """Any accepted text is, line breaks aside, what an encoder writes."""
    try:
        raw = decode(text)
    except HandoffMalformed:
        return
    assert base64.b64encode(raw).decode() == text.replace("\r", "").replace("\n", "")
