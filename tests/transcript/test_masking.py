"""Masks: what a transcript shows in the place of values."""

import re
import secrets

import pytest
from lxml import etree

from bridge.transcript.masking import Mask
from tests.vectors.world import World


@pytest.fixture
def mask() -> Mask:
    """The masks of one transcript."""
    return Mask(secrets.token_bytes)


def test_one_value_has_one_mask_in_one_transcript_and_another_in_the_next(mask: Mask) -> None:
    """What was equal stays equal, and nobody can try a guess: the key is gone."""
    assert mask.value("dana@acme.example") == mask.value("dana@acme.example") != mask.value("dina@acme.example")
    assert mask.value("dana@acme.example") != Mask(secrets.token_bytes).value("dana@acme.example")


@pytest.mark.parametrize("value", ["Dana.Field+x@Acme-7.example", " padded ", "", "a\tb", "0aZ" * 700])
def test_a_mask_has_the_length_and_the_kinds_of_characters(mask: Mask, value: str) -> None:
    """What is wrong with the form of a value is wrong with its mask."""
    shapes = [re.sub("[a-z]", "a", re.sub("[A-Z]", "A", re.sub("[0-9]", "0", text))) for text in (value, mask.value(value))]
    assert shapes[0] == shapes[1]


def test_letters_of_all_scripts_are_masked(mask: Mask) -> None:
    """A name in Chinese is a name."""
    assert mask.value("\u4e2d\u6587 \u0414\u0430\u043d\u0430") == "\u00e4\u00e4 \u00e4\u00e4\u00e4\u00e4"


def test_a_digest_stays_hexadecimal_and_an_id_keeps_what_refers_to_it(mask: Mask) -> None:
    """The form of a binding is judged, and a Reference must name the element that it named."""
    assert re.fullmatch(r"[0-9a-f]{64}", mask.value("0" * 31 + "f" * 33))
    assert mask.xml_id("#_0123456789abcdef0") == "#" + mask.xml_id("_0123456789abcdef0")


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://c.example/o/acme/auth/saml/callback", "https://c.example/o/acme/auth/saml/callback"),
        ("https://c.example/users/sign_in", "https://c.example/users/sign_in"),
        ("https://p.example/auth?response_type=code&scope=openid", "https://p.example/auth?response_type=code&scope=openid"),
        ("https://c.example/o/acme/salaries?of=dana", r"https://c.example/o/acme/[a-z]{8}\?of=[a-z]{4}"),
        ("https://c.example/cb?code=/4x0", r"https://c.example/cb\?code=%2F\d[a-z]\d"),
        ("https://c.example/in?return_to=%2Fo%2Facme%2Fq", r"https://c.example/in\?return_to=%2Fo%2Facme%2F[a-z]"),
    ],
)
def test_a_url_keeps_where_it_leads_and_not_what_it_carries(mask: Mask, url: str, plain: str) -> None:
    """Origins, the product's own paths and names of fields are the structure; codes, states and people's paths are values."""
    assert re.fullmatch(plain if "[" in plain or "\\" in plain else re.escape(plain), mask.url(url))


def test_a_document_keeps_its_structure_and_no_value_of_a_person(mask: Mask) -> None:
    """Every element and attribute stands where it stood; addresses of machines and times are plain."""
    world = World("masked", "both")
    raw, person = world.signed(), world.handoff.identity
    masked = mask.document(etree.fromstring(raw))
    before, after = (list(etree.fromstring(xml).iter()) for xml in (raw, masked))
    assert [(one.tag, list(one.attrib)) for one in before] == [(one.tag, list(one.attrib)) for one in after]
    assert [len(one.text or "") for one in before] == [len(one.text or "") for one in after]
    assert person.email is not None
    for value in (person.email.address, person.key.uid, person.name or "", before[0].get("ID") or ""):
        assert value.encode() in raw
        assert value.encode() not in masked
    assert after[0].get("Destination") == before[0].get("Destination")
