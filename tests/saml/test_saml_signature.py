"""Check 7: which algorithms, which Reference, and where a signature stands."""

import base64
import copy
from typing import Any

import pytest
from lxml import etree

from bridge import errors
from bridge.saml import names
from tests.saml.forge import (
    HANDOFF,
    Edit,
    Element,
    Forge,
    attribute,
    one,
)

DS = f"{{{names.DS}}}"
SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
MD5 = "http://www.w3.org/2001/04/xmldsig-more#md5"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
WITH_COMMENTS = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"


def in_info(path: str, edit: Edit) -> Edit:
    """Return the edit of the one element at *path* below SignedInfo."""
    return lambda info: edit(one(info, path))


ALGORITHMS: dict[str, dict[str, Any]] = {
    "RSA-SHA1": {"method": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"},
    "RSA-MD5": {"method": "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"},
    "HMAC": {"method": "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"},
    "no such method": {"method": "urn:none"},
    "empty method": {"method": ""},
    "SHA-1 digest": {"digest": SHA1},
    "MD5 digest": {"digest": MD5},
    "inclusive c14n of SignedInfo": {"canonicalization": INCLUSIVE},
    "c14n of SignedInfo with comments": {"canonicalization": WITH_COMMENTS},
    "XPath": {"transforms": (names.ENVELOPED, XPATH, names.EXCLUSIVE_C14N)},
    "XSLT": {"transforms": (names.ENVELOPED, XSLT)},
    "base64": {"transforms": (names.ENVELOPED, "http://www.w3.org/2000/09/xmldsig#base64")},
    "inclusive c14n": {"transforms": (names.ENVELOPED, INCLUSIVE)},
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_only_listed_algorithms_exist(forge: Forge, name: str) -> None:
    """An allow-list: SHA-1, MD5, HMAC, XPath and XSLT are refused before anything of theirs runs."""
    with pytest.raises(errors.HandoffAlgorithm):
        forge.judge(forge.signed(forge.tree(), **ALGORITHMS[name]))


def second_reference(uri: str) -> Edit:
    """Return the edit that adds a Reference to *uri*."""

    def edit(info: Element) -> None:
        extra = copy.deepcopy(one(info, "d:Reference"))
        extra.set("URI", uri)
        info.append(extra)

    return edit


REFERENCES: dict[str, dict[str, Any]] = {
    "empty URI": {"uri": ""},
    "no URI": {"edit": in_info("d:Reference", lambda reference: reference.attrib.pop("URI"))},
    "another ID": {"uri": "#_" + "c" * 32},
    "the assertion's ID": {"uri": "#" + HANDOFF.id},
    "xpointer": {"uri": "#xpointer(/)"},
    "xpointer to the ID": {"uri": f"#xpointer(id('{HANDOFF.response_id}'))"},
    "a file": {"uri": "file:///dev/zero"},
    "a URL": {"uri": "http://127.0.0.1/x#" + HANDOFF.response_id},
    "no hash sign": {"uri": HANDOFF.response_id},
    "another first sign": {"uri": "?" + HANDOFF.response_id},
    "a second Reference to a file": {"edit": second_reference("file:///dev/zero")},
    "a second Reference to the same": {"edit": second_reference("#" + HANDOFF.response_id)},
    "no transforms": {"edit": lambda info: one(info, "d:Reference").remove(one(info, "d:Reference/d:Transforms"))},
    "enveloped only": {"transforms": (names.ENVELOPED,)},
    "c14n only": {"transforms": (names.EXCLUSIVE_C14N,)},
    "the wrong order": {"transforms": (names.EXCLUSIVE_C14N, names.ENVELOPED)},
    "twice": {"transforms": (names.ENVELOPED, names.ENVELOPED, names.EXCLUSIVE_C14N)},
    "a parameter of enveloped": {
        "edit": in_info("d:Reference/d:Transforms/d:Transform[1]", lambda one_: etree.SubElement(one_, f"{DS}XPath"))
    },
    "a parameter of c14n": {
        "edit": in_info("d:Reference/d:Transforms/d:Transform[2]", lambda one_: etree.SubElement(one_, f"{DS}XPath"))
    },
    "an ID in the prefix list": {
        "prefixes": ("xs",),
        "edit": in_info(".//*[local-name()='InclusiveNamespaces']", lambda one_: one_.set("ID", "_x")),
    },
    "an XPath in the prefix list": {"prefixes": ("a'b",)},
    "too many prefixes": {"prefixes": tuple(f"p{number}" for number in range(17))},
    "a parameter of DigestMethod": {
        "edit": in_info("d:Reference/d:DigestMethod", lambda one_: etree.SubElement(one_, "{urn:x}y"))
    },
    "HMACOutputLength": {
        "edit": in_info(
            "d:SignatureMethod", lambda method: setattr(etree.SubElement(method, f"{DS}HMACOutputLength"), "text", "0")
        )
    },
}


@pytest.mark.parametrize("name", REFERENCES)
def test_one_reference_to_the_parent(forge: Forge, name: str) -> None:
    """Exactly one Reference, literally to the ID of the signature's parent, through exactly two transforms."""
    with pytest.raises(errors.HandoffSignature):
        forge.judge(forge.signed(forge.tree(), **REFERENCES[name]))


def spoil_text(path: str, text: str) -> Edit:
    """Return the edit that sets the text at *path* below Signature after signing."""
    return lambda made: setattr(one(made, path), "text", text)


def grow(path: str, tag: str) -> Edit:
    """Return the edit that adds an element below Signature after signing."""
    return lambda made: etree.SubElement(one(made, path) if path else made, tag)


SPOILED = {
    "another value": spoil_text("d:SignatureValue", base64.b64encode(b"x" * 256).decode()),
    "a short value": spoil_text("d:SignatureValue", base64.b64encode(b"x").decode()),
    "an empty value": spoil_text("d:SignatureValue", ""),
    "an Object": grow("", f"{DS}Object"),
    "another digest": spoil_text("d:SignedInfo/d:Reference/d:DigestValue", base64.b64encode(b"x" * 32).decode()),
    "a short digest": spoil_text("d:SignedInfo/d:Reference/d:DigestValue", base64.b64encode(b"x").decode()),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_signature_is_refused(forge: Forge, name: str) -> None:
    """Whatever is changed in a Signature after signing, it no longer verifies."""
    with pytest.raises(errors.HandoffSignature):
        forge.judge(forge.signed(forge.tree(), spoil=SPOILED[name]))


def test_an_ecdsa_signature_has_one_width(forge: Forge) -> None:
    """r and s are as wide as the curve's order: DER, padding and truncation are other signatures."""
    trusted = forge.trusted(certificates=(forge.p256.certificate,))
    raw = forge.minted(key=forge.p256)
    root = etree.fromstring(raw)
    value = one(root, "//d:SignatureValue")
    honest = base64.b64decode(value.text or "")
    for bad in (honest[:32] + b"\x00" + honest[32:], b"\x00" + honest, honest[:-1], b"", bytes(64)):
        value.text = base64.b64encode(bad).decode()
        with pytest.raises(errors.HandoffSignature):
            forge.judge(etree.tostring(root), trusted=trusted)


def test_a_method_of_another_key_type_is_refused(forge: Forge) -> None:
    """An RSA method says nothing under an ECDSA key, and the reverse."""
    for key, method in ((forge.key, names.ECDSA_SHA256), (forge.p256, names.RSA_SHA256)):
        trusted = forge.trusted(certificates=(key.certificate,))
        with pytest.raises(errors.HandoffSignature):
            forge.judge(forge.signed(forge.tree(), key=key, method=method), trusted=trusted)


@pytest.mark.parametrize("at", [2, 3])
def test_a_signature_stands_after_the_issuer(forge: Forge, at: int) -> None:
    """A signature anywhere else in its parent is not looked at, so it is refused (core 5.4.1)."""
    with pytest.raises(errors.HandoffSignature):
        forge.judge(forge.signed(forge.tree(), at=at))


@pytest.mark.parametrize(
    "place", ["//a:Subject", "//a:Conditions", "//p:Status", "//a:AttributeStatement", "//a:SubjectConfirmation"]
)
def test_a_signature_elsewhere_is_refused(forge: Forge, place: str) -> None:
    """A second copy of a good signature, somewhere below, is refused as such."""

    def edit(root: Element) -> None:
        signature = one(root, "/p:Response/d:Signature")
        one(root, place).append(copy.deepcopy(signature))

    root = etree.fromstring(forge.minted())
    edit(root)
    with pytest.raises(errors.HandoffSignature):
        forge.judge(etree.tostring(root))


def test_two_signatures_of_one_element_are_refused(forge: Forge) -> None:
    """Exactly one signature an element: with two, two verifiers could look at two."""
    root = etree.fromstring(forge.minted())
    root.insert(1, copy.deepcopy(one(root, "/p:Response/d:Signature")))
    with pytest.raises(errors.HandoffSignature):
        forge.judge(etree.tostring(root))


@pytest.mark.parametrize("path", ["/p:Response/a:Assertion", "/p:Response/d:Signature"])
def test_an_id_stands_once(forge: Forge, path: str) -> None:
    """Two elements with the Response's ID make the Reference ambiguous, whichever way the attribute is spelled."""
    root = forge.tree()
    if path.endswith("Assertion"):
        one(root, path).set("ID", HANDOFF.response_id)
        raw = forge.signed(root)
    else:
        raw = forge.signed(root, spoil=lambda made: made.set("Id", HANDOFF.response_id))
    with pytest.raises(errors.HandoffSignature) as caught:
        forge.judge(raw)
    assert caught.value.expected == "every ID once"


def test_a_signature_moved_from_an_error_response_is_refused(forge: Forge) -> None:
    """A signature that the issuer made for something else covers that something (the class of CVE-2024-45409)."""
    donor = forge.tree()
    donor.remove(one(donor, "/p:Response/a:Assertion"))
    signature = one(etree.fromstring(forge.signed(donor)), "/p:Response/d:Signature")
    for response_id in (HANDOFF.response_id, "_" + "d" * 32):
        victim = forge.tree(response_id=response_id)
        attribute(victim, "email").text = "evil@acme.example"
        victim.insert(1, copy.deepcopy(signature))
        with pytest.raises(errors.HandoffSignature):
            forge.judge(etree.tostring(victim))
