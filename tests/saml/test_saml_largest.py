"""The hardest documents: accepted or refused in time, and one byte more is refused before anything is parsed."""

import base64
import time

import pytest

from bench.largest import largest_document
from bench.setting import Setting, judge
from bridge.errors import HandoffError, HandoffMalformed
from bridge.saml.form import MAX_FIELD_CHARS, read_response
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.xml import MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_NAMESPACES, MAX_XML_BYTES, parse, read_document
from tests.interop.setting import Issuer
from tests.saml.forge import Forge


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """What the benchmark works on."""
    return Setting(Issuer(tmp_path_factory.mktemp("issuer")))


def test_the_hardest_document_is_hard(setting: Setting) -> None:
    """What `make bench` calls the largest document is as large and as deep as may be, and at a cap on counts."""
    document = largest_document(setting)
    assert MAX_XML_BYTES - 64 <= len(document) <= MAX_XML_BYTES
    assert max(sum(1 for _ in element.iterancestors()) + 1 for element in parse(document).iter()) == MAX_DEPTH
    counts = {b"<": 2 * MAX_ELEMENTS, b"=": MAX_ATTRIBUTES, b"xmlns": MAX_NAMESPACES}
    assert any(cap * 0.98 < document.count(sign) <= cap for sign, cap in counts.items())


@pytest.mark.parametrize(("change", "code"), [((b"", b""), ""), ((b">vv", b">vw"), "handoff.signature")])
def test_the_hardest_document_does_not_hold_up_a_worker(setting: Setting, change: tuple[bytes, bytes], code: str) -> None:
    """Accepted or refused, it costs far below 100 ms of CPU on any machine (20 ms is the budget of `make bench`)."""
    form = base64.b64encode(largest_document(setting).replace(*change)).decode("ascii")
    question, received = setting.question(SecondOpinion()), ""
    start = time.process_time()
    try:
        judge(form, question)
    except HandoffError as refusal:
        received = refusal.code
    assert received == code
    assert time.process_time() - start < 0.1


def test_one_byte_more_is_refused_before_parsing(forge: Forge) -> None:
    """The cap on bytes needs no parser: it refuses what is no XML at all with the same words, whatever it holds."""
    for raw in (b"<" * (MAX_XML_BYTES + 1), b"\xff" * (MAX_XML_BYTES + 1), forge.minted().ljust(MAX_XML_BYTES + 1)):
        with pytest.raises(HandoffMalformed) as caught:
            read_document(raw)
        assert caught.value.expected == f"at most {MAX_XML_BYTES} bytes"
        assert caught.value.received == f"{MAX_XML_BYTES + 1} bytes"


def test_one_group_more_is_refused_before_decoding() -> None:
    """The cap on the field is that on the bytes, in base64: a field past it is refused whatever its characters are."""
    assert MAX_FIELD_CHARS == MAX_XML_BYTES // 3 * 4
    with pytest.raises(HandoffMalformed) as caught:
        read_response([("SAMLResponse", "no base64!" * (MAX_FIELD_CHARS // 10) + "no b")])
    assert caught.value.expected == f"at most {MAX_FIELD_CHARS} characters"


@pytest.mark.parametrize(
    ("sign", "cap", "what"),
    [("<a", 2 * MAX_ELEMENTS, "tags"), ("=", MAX_ATTRIBUTES, "attributes"), (" xmlns", MAX_NAMESPACES, "namespaces")],
)
def test_one_node_more_is_refused_before_parsing(sign: str, cap: int, what: str) -> None:
    """So are the caps on counts: what would be too much is refused although no parser could read it."""
    with pytest.raises(HandoffMalformed) as caught:
        read_document((sign * (cap + 1)).encode())
    assert caught.value.expected == f"at most {cap} {what}"
