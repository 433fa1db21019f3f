"""Signature wrapping: the eight classic forms and what came after, refused as what they are."""

import pytest
from lxml import etree

from bridge import errors
from bridge.saml import names
from bridge.saml.trust import Signed
from tests.saml.forge import Forge
from tests.saml.wraps import (
    EVIL,
    Wrap,
    assertion_of,
    forged,
    hidden_in,
    same_id,
    xsw1,
    xsw2,
    xsw3,
    xsw4,
    xsw5,
    xsw6,
    xsw7,
    xsw8,
)

WRAPS: list[tuple[str, Signed, Wrap]] = [
    ("XSW1", "response", xsw1),
    ("XSW2", "response", xsw2),
    ("XSW3", "assertion", xsw3),
    ("XSW4", "assertion", xsw4),
    ("XSW5", "assertion", xsw5),
    ("XSW6", "assertion", xsw6),
    ("XSW7", "assertion", xsw7),
    ("XSW8", "assertion", xsw8),
    ("XSW3 of a signed Response", "response", xsw3),
    ("XSW7 of a signed Response", "response", xsw7),
    ("one ID twice", "assertion", same_id),
    ("in a value", "assertion", hidden_in("//a:Attribute[@Name='name']/a:AttributeValue")),
    ("in the confirmation data", "assertion", hidden_in("//a:SubjectConfirmationData")),
    ("in the status", "assertion", hidden_in("//p:Status")),
    ("in KeyInfo", "assertion", hidden_in("//d:KeyInfo")),
]


@pytest.mark.parametrize(("signed", "wrap"), [entry[1:] for entry in WRAPS], ids=[entry[0] for entry in WRAPS])
@pytest.mark.parametrize("wanted", ["response", "assertion", "both"])
def test_wrapping_is_refused_as_such(forge: Forge, signed: Signed, wrap: Wrap, wanted: Signed) -> None:
    """A second assertion is called by its name, wherever it hides and whatever the trust wants signed."""
    root = wrap(etree.fromstring(forge.minted(signed=signed)))
    raw = etree.tostring(root)
    assert EVIL.encode() in raw
    with pytest.raises(errors.HandoffAssertionCount):
        forge.judge(raw, trusted=forge.trusted(signed=wanted))


def test_the_issuer_signs_two_assertions(forge: Forge) -> None:
    """Two assertions are refused even if the issuer itself signed both (CVE-2025-47949)."""
    root = forge.tree()
    root.append(forged(assertion_of(root)))
    with pytest.raises(errors.HandoffAssertionCount):
        forge.judge(forge.signed(root))


@pytest.mark.parametrize("encrypted_first", [True, False])
def test_one_in_clear_and_one_encrypted(forge: Forge, *, encrypted_first: bool) -> None:
    """An encrypted assertion beside one in clear makes two."""
    root = forge.tree()
    root.insert(
        2 if encrypted_first else len(root),
        etree.fromstring(
            f'<a:EncryptedAssertion xmlns:a="{names.SAML}"><x:EncryptedData xmlns:x="http://www.w3.org/2001/04/xmlenc#">'
            "<x:CipherData><x:CipherValue>AA==</x:CipherValue></x:CipherData></x:EncryptedData></a:EncryptedAssertion>"
        ),
    )
    with pytest.raises(errors.HandoffAssertionCount):
        forge.judge(forge.signed(root))
