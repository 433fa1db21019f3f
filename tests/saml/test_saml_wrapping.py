"""Signature wrapping: the eight classic forms (Somorovsky et al., USENIX Security 2012) and what came after.

In each a good signature is kept somewhere, and a forged assertion stands where a careless reader looks.
"""

import copy
from collections.abc import Callable

import pytest
from lxml import etree

from bridge import errors
from bridge.saml import names
from bridge.saml.trust import Signed
from tests.saml.forge import Element, Forge, attribute, one

SAMLP = f"{{{names.SAMLP}}}"
DS = f"{{{names.DS}}}"
EVIL = "evil@acme.example"
Wrap = Callable[[Element], Element]


def forged(root: Element, *, new_id: str | None = "_evil") -> Element:
    """Return a copy of the whole *root* or assertion with the attacker's email and another ID, without signatures."""
    copied = copy.deepcopy(root)
    copied.tail = None
    for signature in list(copied.iter(names.SIGNATURE)):
        parent = signature.getparent()
        assert parent is not None
        parent.remove(signature)
    attribute(copied, "email").text = EVIL
    if new_id:
        copied.set("ID", new_id)
    return copied


def assertion_of(root: Element) -> Element:
    """Return the assertion in *root*."""
    return one(root, "/p:Response/a:Assertion")


def bare(element: Element) -> Element:
    """Return a copy of *element* without its own signature."""
    copied = copy.deepcopy(element)
    copied.tail = None
    copied.remove(one(copied, "d:Signature"))
    return copied


def xsw1(root: Element) -> Element:
    """The forged Response holds the signature, which holds a copy of the original Response."""
    evil = forged(root)
    signature = copy.deepcopy(one(root, "d:Signature"))
    signature.append(bare(root))
    evil.insert(1, signature)
    return evil


def xsw2(root: Element) -> Element:
    """As the first, with the signature detached: the original stands beside it."""
    evil = forged(root)
    evil.insert(1, copy.deepcopy(one(root, "d:Signature")))
    evil.insert(2, bare(root))
    return evil


def xsw3(root: Element) -> Element:
    """A forged assertion stands before the signed one."""
    root.insert(list(root).index(assertion_of(root)), forged(assertion_of(root)))
    return root


def xsw4(root: Element) -> Element:
    """The signed assertion is a child of the forged one."""
    original = assertion_of(root)
    evil = forged(original)
    root.replace(original, evil)
    evil.append(original)
    return root


def xsw5(root: Element) -> Element:
    """The forged assertion carries the signature; the original, bare, comes last."""
    original = assertion_of(root)
    evil = forged(original)
    evil.insert(1, copy.deepcopy(one(original, "d:Signature")))
    root.replace(original, evil)
    root.append(bare(original))
    return root


def xsw6(root: Element) -> Element:
    """The forged assertion carries the signature, which holds the bare original."""
    original = assertion_of(root)
    evil = forged(original)
    signature = copy.deepcopy(one(original, "d:Signature"))
    signature.append(bare(original))
    evil.insert(1, signature)
    root.replace(original, evil)
    return root


def xsw7(root: Element) -> Element:
    """A forged assertion hides in Extensions, which the schema lets hold anything."""
    extensions = etree.Element(f"{SAMLP}Extensions")
    extensions.append(forged(assertion_of(root)))
    root.insert(1, extensions)
    return root


def xsw8(root: Element) -> Element:
    """The bare original hides in an Object of the signature that the forged assertion carries."""
    original = assertion_of(root)
    evil = forged(original)
    signature = copy.deepcopy(one(original, "d:Signature"))
    etree.SubElement(signature, f"{DS}Object").append(bare(original))
    evil.insert(1, signature)
    root.replace(original, evil)
    return root


def same_id(root: Element) -> Element:
    """A forged assertion with the very ID of the signed one."""
    root.append(forged(assertion_of(root), new_id=None))
    return root


def hidden_in(path: str) -> Wrap:
    """Return the wrap that puts a forged assertion into the element at *path*."""

    def wrap(root: Element) -> Element:
        one(root, path).append(forged(assertion_of(root)))
        return root

    return wrap


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
