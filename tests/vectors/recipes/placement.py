"""Signatures with spoiled parts, in the wrong place, or not there."""

import copy
import hashlib

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Edit, Element, cut, one, put, write
from tests.vectors.recipes.signing import DS, SCHEMA, TO_EVIL, signed_by
from tests.vectors.world import key


def _set(path: str, text: str) -> Edit:
    return write(path, text)


def _second_info(signature: Element) -> None:
    signature.insert(1, copy.deepcopy(one(signature, "d:SignedInfo")))


def _evil_info_first(signature: Element) -> None:
    """Put a SignedInfo with the digest of nothing before the signed one (CVE-2025-29774)."""
    evil = copy.deepcopy(one(signature, "d:SignedInfo"))
    one(evil, "d:Reference/d:DigestValue").text = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    signature.insert(0, evil)


_INFOS = [
    signed_by(
        "two-signed-info",
        "Two SignedInfo: one is verified, the other is read (CVE-2025-29774).",
        5,
        SCHEMA,
        node="",
        mark=b"<ds:SignedInfo>",
        spoil=_evil_info_first,
        then=TO_EVIL,
    ),
    signed_by(
        "two-signed-info-alike",
        "Two SignedInfo that say the same.",
        5,
        SCHEMA,
        node="",
        mark=b"<ds:SignedInfo>",
        spoil=_second_info,
    ),
    signed_by(
        "comment-in-digest-value",
        "A comment parts the DigestValue (CVE-2025-29775).",
        5,
        "handoff.malformed",
        node="",
        mark=b"<!--",
        spoil=lambda made: one(made, ".//d:DigestValue").append(etree.Comment("AAAA")),
    ),
    signed_by(
        "element-in-digest-value",
        "An element parts the DigestValue.",
        5,
        SCHEMA,
        node="",
        mark=b"<ds:DigestValue>",
        spoil=lambda made: etree.SubElement(one(made, ".//d:DigestValue"), f"{DS}DigestValue"),
    ),
    signed_by("digest-of-nothing", "The digest is that of the empty string.", 7, digested=lambda _element: b"", then=TO_EVIL),
    signed_by("digest-short", "A digest of one byte.", 5, spoil=_set(".//d:DigestValue", "AA==")),
    signed_by(
        "signature-value-other", "A signature value that nobody made.", 17, spoil=_set("d:SignatureValue", "A" * 342 + "==")
    ),
    signed_by("signature-value-empty", "An empty signature value.", 10, spoil=_set("d:SignatureValue", "")),
    signed_by(
        "signature-value-zero",
        "An ECDSA signature of zeros (CVE-2022-21449).",
        15,
        method=names.ECDSA_SHA256,
        key=key("ec-p256"),
        value=lambda _message: bytes(64),
    ),
    signed_by(
        "signature-value-der",
        "An ECDSA signature in DER is another spelling.",
        15,
        method=names.ECDSA_SHA256,
        key=key("ec-p256"),
        value=lambda message: b"\x30\x44" + hashlib.sha512(message).digest() + bytes(4),
    ),
    signed_by(
        "signature-with-object",
        "An Object in the Signature is covered by nothing.",
        4,
        spoil=lambda made: etree.SubElement(made, f"{DS}Object"),
    ),
]


def _moved(to: str, at: int | None = None) -> Edit:
    """Return the edit that moves the signature of the Response."""

    def edit(root: Element) -> None:
        signature = one(root, "/p:Response/d:Signature")
        target = one(root, to)
        target.insert(len(target) if at is None else at, signature)

    return edit


def _copied(to: str) -> Edit:
    """Return the edit that puts a copy of the Response's signature into another element."""
    return lambda root: one(root, to).append(copy.deepcopy(one(root, "/p:Response/d:Signature")))


_PLACES = [
    signed_by("place-end-of-response", "A signature at the end of the Response.", 11, node="Response", at=3),
    signed_by("place-after-the-status", "A signature after the Status.", 11, node="Response", at=2),
    signed_by(
        "place-before-the-issuer", "A signature before the Issuer.", 11, SCHEMA, node="", mark=b"<saml:Issuer xmlns", at=0
    ),
    signed_by(
        "place-in-the-subject",
        "A copy of the signature stands in the Subject.",
        11,
        node="Response",
        then=_copied("//a:Subject"),
    ),
    signed_by(
        "place-in-the-conditions", "The signature stands in the Conditions.", 11, node="Response", then=_moved("//a:Conditions")
    ),
    signed_by(
        "place-in-the-assertion",
        "The Response's signature stands in the assertion.",
        11,
        then=_moved("//a:Assertion", 1),
        node="Response/Assertion/Signature",
    ),
    signed_by(
        "place-end-of-the-assertion", "A signature at the end of the assertion.", 11, node="Response", wanted="assertion", at=4
    ),
    signed_by(
        "place-twice",
        "Two signatures of one element.",
        11,
        node="Response",
        then=lambda root: root.insert(1, copy.deepcopy(one(root, "/p:Response/d:Signature"))),
    ),
]


_UNSIGNED = [
    signed_by("unsigned", "No signature at all.", 10, node="Response", then=cut("//d:Signature")),
    signed_by(
        "unsigned-assertion-trust",
        "No signature at all, where the assertion should have one.",
        10,
        node="Response",
        wanted="assertion",
        then=cut("//d:Signature"),
    ),
    signed_by(
        "only-assertion-signed",
        "The trust wants the Response signed; only the assertion is.",
        10,
        node="Response",
        parts="assertion",
    ),
    signed_by(
        "only-response-signed",
        "The trust wants the assertion signed; only the Response is.",
        10,
        node="Response/Assertion",
        wanted="assertion",
        parts="response",
    ),
    signed_by(
        "both-wanted-response-signed",
        "The trust wants both signed; only the Response is.",
        10,
        node="Response/Assertion",
        wanted="both",
        parts="response",
    ),
    signed_by(
        "both-wanted-assertion-signed",
        "The trust wants both signed; only the assertion is.",
        10,
        node="Response",
        wanted="both",
        parts="assertion",
    ),
    signed_by(
        "second-signature-by-a-stranger",
        "One signature is good, the other a stranger's: every one has to be good.",
        10,
        wanted="assertion",
        parts="both",
        then=lambda root: root.set("Consent", "urn:x"),
    ),
    signed_by(
        "empty-signature",
        "A Signature without content is against the schema.",
        10,
        SCHEMA,
        node="",
        mark=b"<ds:Signature ",
        then=lambda root: one(root, "/p:Response/d:Signature").clear(keep_tail=True),
    ),
    signed_by(
        "envelope-changed",
        "The assertion is signed and the trust wants that, but the forged envelope leads elsewhere.",
        10,
        "handoff.destination",
        node="Response",
        wanted="assertion",
        then=put("/p:Response", "Destination", "https://evil.example/"),
    ),
]

CASES = [*_INFOS, *_PLACES, *_UNSIGNED]
