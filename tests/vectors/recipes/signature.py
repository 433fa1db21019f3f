"""Signatures that must not count: by algorithm, key, reference, transform, place or ID."""

import copy
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from bridge.saml import names
from bridge.saml.trust import Signed
from tests.saml.forge import Edit, Element, cut, exclusive, one, put, write
from tests.saml.wraps import EVIL, assertion_of, forged
from tests.vectors.recipes.case import Case
from tests.vectors.world import World, key

SIGNATURE, ALGORITHM, SCHEMA = "handoff.signature", "handoff.algorithm", "handoff.schema"
DS, SAMLP = f"{{{names.DS}}}", f"{{{names.SAMLP}}}"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA1 = names.DS + "sha1"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XPATH_FILTER = "http://www.w3.org/2002/06/xmldsig-filter2"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
TO_EVIL = write("//a:Attribute[@Name='email']/a:AttributeValue", EVIL)
HERE = "Response/Signature"


def _signed(
    name: str,
    because: str,
    threat: int,
    expect: str = SIGNATURE,
    *,
    node: str = HERE,
    then: Edit = lambda _root: None,
    wanted: Signed = "response",
    parts: Signed | None = None,
    mark: bytes = b"",
    check: int | None = None,
    before: Edit = lambda _root: None,
    **recipe: Any,
) -> Case:
    """Return the case of a handoff, changed *before* it is signed by *recipe*, and *then* changed."""

    def build(world: World) -> bytes:
        root = world.tree()
        before(root)
        root = world.sign(root, parts=parts, **recipe)
        then(root)
        return etree.tostring(root)

    return Case(
        name=name, because=because, build=build, threat=threat, expect=expect, check=check, node=node, signed=wanted, mark=mark
    )


def _in(path: str, edit: Edit) -> Edit:
    return lambda info: edit(one(info, path))


def _set(path: str, text: str) -> Edit:
    return write(path, text)


_ALGORITHMS = [
    _signed("rsa-sha1", "SHA-1 collides; it is on no list.", 15, ALGORITHM, method=names.DS + "rsa-sha1", digest=SHA1),
    _signed(
        "rsa-sha1-over-sha256",
        "The signature is over SHA-1, though the digest is not.",
        15,
        ALGORITHM,
        method=names.DS + "rsa-sha1",
    ),
    _signed("sha1-digest", "The digest is SHA-1, though the signature is not.", 15, ALGORITHM, digest=SHA1),
    _signed("rsa-md5", "MD5 is broken; deny-lists forget it.", 15, ALGORITHM, method=MORE + "rsa-md5"),
    _signed("md5-digest", "An MD5 digest lets two documents have one signature.", 15, ALGORITHM, digest=MORE + "md5"),
    _signed("ecdsa-sha1", "ECDSA over SHA-1.", 15, ALGORITHM, key=key("ec-p256"), method=MORE + "ecdsa-sha1"),
    _signed("no-such-method", "An algorithm that nobody knows.", 15, ALGORITHM, method="urn:none"),
    _signed("empty-method", "An algorithm without a name.", 15, ALGORITHM, method=""),
    _signed("method-with-a-space", "A name that is almost an allowed one.", 15, ALGORITHM, method=names.RSA_SHA256 + " "),
    _signed(
        "rsa-method-for-ecdsa-key",
        "The method does not fit the key that signed.",
        15,
        key=key("ec-p256"),
        method=names.RSA_SHA256,
    ),
    _signed(
        "inclusive-c14n-of-signed-info",
        "Inclusive canonical form takes in namespaces from around.",
        15,
        ALGORITHM,
        canonicalization=INCLUSIVE,
    ),
    _signed(
        "c14n-of-signed-info-with-comments",
        "A canonical form that keeps comments.",
        15,
        ALGORITHM,
        canonicalization=names.EXCLUSIVE_C14N + "WithComments",
    ),
]


def _hmac(secret: bytes, hash_name: str = "sha256") -> Callable[[bytes], bytes]:
    return lambda message: hmac.digest(secret, message, hash_name)


_PEM = key("rsa-2048").certificate.public_bytes(Encoding.PEM)
_DER = key("rsa-2048").certificate.public_bytes(Encoding.DER)


def _output_length(info: Element) -> None:
    etree.SubElement(one(info, "d:SignatureMethod"), f"{DS}HMACOutputLength").text = "8"


_SYMMETRIC = [
    _signed(
        "hmac-with-the-certificate",
        "HMAC with the public certificate as its key (CVE-2009-0217's cousin).",
        16,
        ALGORITHM,
        before=TO_EVIL,
        method=MORE + "hmac-sha256",
        value=_hmac(_PEM),
    ),
    _signed(
        "hmac-with-the-certificate-in-der",
        "HMAC with the bytes of the certificate as its key.",
        16,
        ALGORITHM,
        before=TO_EVIL,
        method=MORE + "hmac-sha256",
        value=_hmac(_DER),
    ),
    _signed(
        "hmac-sha1-with-the-certificate",
        "HMAC-SHA1, which the standard makes everybody implement.",
        16,
        ALGORITHM,
        before=TO_EVIL,
        method=names.DS + "hmac-sha1",
        value=_hmac(_PEM, "sha1"),
    ),
    _signed(
        "hmac-output-length",
        "HMACOutputLength cuts the value down to what can be guessed (CVE-2009-0217).",
        16,
        ALGORITHM,
        before=TO_EVIL,
        method=MORE + "hmac-sha256",
        value=lambda message: _hmac(b"")(message)[:1],
        edit=_output_length,
    ),
    _signed("hmac-output-length-under-rsa", "A parameter of SignatureMethod that RSA does not have.", 16, edit=_output_length),
]


def _brought_key(signature: Element) -> None:
    """Put a bare key of the stranger's into KeyInfo, beside the certificate."""
    info = one(signature, "d:KeyInfo")
    value = etree.SubElement(etree.SubElement(info, f"{DS}KeyValue"), f"{DS}RSAKeyValue")
    etree.SubElement(value, f"{DS}Modulus").text = "AQAB"
    etree.SubElement(value, f"{DS}Exponent").text = "AQAB"


def _retrieval(signature: Element) -> None:
    method = etree.Element(f"{DS}RetrievalMethod", URI="file:///etc/passwd")
    transforms = etree.SubElement(method, f"{DS}Transforms")
    etree.SubElement(transforms, f"{DS}Transform", Algorithm=XSLT)
    one(signature, "d:KeyInfo").insert(0, method)


def _trusted_certificate(signature: Element) -> None:
    one(signature, ".//d:X509Certificate").text = key("rsa-2048").certificate_base64


def _both_certificates(signature: Element) -> None:
    data = one(signature, ".//d:X509Data")
    etree.SubElement(data, f"{DS}X509Certificate").text = key("rsa-2048").certificate_base64


_KEYS = [
    _signed("strangers-certificate", "Signed by a key that the message brings along itself.", 17, key=key("stranger")),
    _signed("strangers-ecdsa", "Signed by a stranger's elliptic curve.", 17, key=key("stranger-ec"), method=names.ECDSA_SHA256),
    _signed("strangers-key-value", "KeyInfo brings a bare key.", 17, key=key("stranger"), spoil=_brought_key),
    _signed(
        "strangers-key-info-left-out", "Signed by a stranger who does not say so.", 17, key=key("stranger"), key_info=False
    ),
    _signed(
        "strangers-under-our-certificate",
        "KeyInfo shows the trusted certificate, but another key signed.",
        17,
        key=key("stranger"),
        spoil=_trusted_certificate,
    ),
    _signed(
        "strangers-beside-our-certificate",
        "KeyInfo shows both certificates, and the stranger signed.",
        17,
        key=key("stranger"),
        spoil=_both_certificates,
    ),
    _signed(
        "retrieval-method",
        "KeyInfo names a file and a stylesheet to get the key with.",
        17,
        key=key("stranger"),
        spoil=_retrieval,
    ),
    _signed(
        "key-of-another-issuer",
        "The key of one trusted issuer says nothing in the name of another.",
        17,
        key=key("other-issuer"),
    ),
    _signed("expired-certificate", "The pinned certificate of this key has expired.", 17, key=key("expired")),
    _signed(
        "strangers-assertion",
        "The assertion is signed by a stranger.",
        17,
        key=key("stranger"),
        wanted="assertion",
        node="Response/Assertion/Signature",
    ),
]


def _uri(name: str, because: str, uri: str | Callable[[World], str], threat: int = 12) -> Case:
    def build(world: World) -> bytes:
        return world.signed(uri=uri if isinstance(uri, str) else uri(world))

    return Case(name=name, because=because, build=build, threat=threat, expect=SIGNATURE, node=HERE)


def _second_reference(uri: str | None, at: int | None = None) -> Edit:
    """Return the edit that adds a copy of the Reference, to *uri* or to the same."""

    def edit(info: Element) -> None:
        extra = copy.deepcopy(one(info, "d:Reference"))
        if uri is not None:
            extra.set("URI", uri)
        info.insert(len(info) if at is None else at, extra)

    return edit


def _manifest(signature: Element) -> None:
    manifest = etree.SubElement(etree.SubElement(signature, f"{DS}Object"), f"{DS}Manifest")
    manifest.append(copy.deepcopy(one(signature, "d:SignedInfo/d:Reference")))


_REFERENCES = [
    _uri("uri-empty", "An empty URI covers whatever the document is.", ""),
    _signed(
        "uri-missing",
        "A Reference without a URI covers what the application thinks.",
        12,
        edit=_in("d:Reference", lambda reference: reference.attrib.pop("URI")),
    ),
    _uri(
        "uri-of-the-assertion", "The Response's signature refers to the assertion.", lambda world: "#" + world.id("assertion")
    ),
    _uri("uri-of-nothing", "No element has the ID.", "#_nowhere"),
    _uri("uri-xpointer-root", "An XPointer to the whole document.", "#xpointer(/)"),
    _uri(
        "uri-xpointer-id",
        "An XPointer to the right ID is another spelling.",
        lambda world: f"#xpointer(id('{world.id('response')}'))",
    ),
    _uri("uri-absolute", "A URL before the right fragment.", lambda world: "http://127.0.0.1/#" + world.id("response")),
    _uri("uri-file", "A file of the machine that verifies.", "file:///etc/passwd"),
    _uri("uri-without-hash", "The ID without its # is another document.", lambda world: world.id("response")),
    _uri("uri-with-another-sign", "A careless reader skips the first character.", lambda world: "?" + world.id("response")),
    _uri("uri-percent-encoded", "The right ID, spelled with a percent sign.", lambda world: "#%5F" + world.id("response")[1:]),
    _signed(
        "second-reference-same",
        "Exactly one Reference: the second could be the one that is read.",
        13,
        edit=_second_reference(None),
    ),
    _signed(
        "second-reference-file",
        "xmlsec opens the file before it checks any key, and never ends.",
        13,
        edit=_second_reference("file:///dev/zero"),
    ),
    _signed(
        "second-reference-fifo",
        "A second Reference to a special file of the machine.",
        13,
        edit=_second_reference("file:///dev/stdin"),
    ),
    _signed(
        "second-reference-url",
        "A second Reference to a server that the attacker likes to see called.",
        13,
        edit=_second_reference("http://127.0.0.1:9/"),
    ),
    _signed(
        "first-reference-decoy",
        "The first Reference is a decoy, the second is right.",
        13,
        edit=_second_reference("#_nowhere", 2),
    ),
    _signed("manifest", "A Manifest holds References that nobody has to check.", 13, spoil=_manifest),
    _signed(
        "reference-without-transforms",
        "Without transforms the signature would have to sign itself.",
        14,
        edit=lambda info: one(info, "d:Reference").remove(one(info, "d:Reference/d:Transforms")),
    ),
    _signed(
        "two-digests",
        "Two digests in one Reference.",
        5,
        SCHEMA,
        node="",
        mark=b"<ds:DigestValue>",
        edit=lambda info: one(info, "d:Reference").append(copy.deepcopy(one(info, "d:Reference/d:DigestValue"))),
    ),
]


def _without_attributes(element: Element) -> bytes:
    """Return the canonical form of *element* without its attributes, as the filter leaves it: the text around them stays."""
    cut_down = copy.deepcopy(element)
    statement = one(cut_down, "//a:AttributeStatement")
    before = statement.getprevious()
    assert before is not None
    before.tail = (before.tail or "") + (statement.tail or "")
    assertion_of(cut_down).remove(statement)
    return exclusive(cut_down)


def _parameter(tag: str, text: str, **attributes: str) -> Edit:
    """Return the edit that gives the second Transform a parameter."""

    def edit(info: Element) -> None:
        transform = one(info, "d:Reference/d:Transforms/d:Transform[2]")
        child = etree.SubElement(transform, tag, attributes, nsmap={"saml": names.SAML})
        child.text = text

    return edit


def _stylesheet(body: str) -> Edit:
    """Return the edit that gives the second Transform a stylesheet with *body*."""

    def edit(info: Element) -> None:
        one(info, "d:Reference/d:Transforms/d:Transform[2]").append(
            etree.fromstring(
                '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:output method="text"/>'
                f'<xsl:template match="/">{body}</xsl:template></xsl:stylesheet>'
            )
        )

    return edit


_NOT_ATTRIBUTES = "not(ancestor-or-self::saml:AttributeStatement)"
_LOOP = (
    '<xsl:for-each select="//. | //@*"><xsl:for-each select="//. | //@*"><xsl:for-each select="//. | //@*">'
    '<xsl:if test="count(//. | //@*) = 0">x</xsl:if></xsl:for-each></xsl:for-each></xsl:for-each>'
)

_TRANSFORMS = [
    _signed(
        "transform-xpath",
        "An XPath transform leaves the attributes out of the digest.",
        14,
        ALGORITHM,
        then=TO_EVIL,
        transforms=(names.ENVELOPED, XPATH, names.EXCLUSIVE_C14N),
        edit=_parameter(f"{DS}XPath", _NOT_ATTRIBUTES),
        digested=_without_attributes,
    ),
    _signed(
        "transform-xpath-filter",
        "An XPath filter takes the attributes out of the digest.",
        14,
        ALGORITHM,
        then=TO_EVIL,
        transforms=(names.ENVELOPED, XPATH_FILTER, names.EXCLUSIVE_C14N),
        edit=_parameter(f"{{{XPATH_FILTER}}}XPath", "//saml:AttributeStatement", Filter="subtract"),
        digested=_without_attributes,
    ),
    _signed(
        "transform-xslt",
        "A stylesheet replaces what is digested by a constant.",
        14,
        ALGORITHM,
        then=TO_EVIL,
        transforms=(names.ENVELOPED, XSLT),
        edit=_stylesheet("x"),
        digested=lambda _element: b"x",
    ),
    _signed(
        "transform-xslt-slow",
        "A stylesheet burns time before any key is checked.",
        14,
        ALGORITHM,
        key=key("stranger"),
        transforms=(names.ENVELOPED, XSLT),
        edit=_stylesheet(_LOOP),
        digested=lambda _element: b"x",
    ),
    _signed(
        "transform-xslt-reads-a-file",
        "A stylesheet reads a file of the machine.",
        14,
        ALGORITHM,
        key=key("stranger"),
        transforms=(names.ENVELOPED, XSLT),
        edit=_stylesheet("<xsl:copy-of select=\"document('file:///etc/passwd')\"/>"),
    ),
    _signed(
        "transform-base64",
        "Base64 digests the text without the markup.",
        14,
        ALGORITHM,
        transforms=(names.ENVELOPED, names.DS + "base64"),
    ),
    _signed(
        "transform-inclusive-c14n",
        "Inclusive canonical form is not on the list.",
        14,
        ALGORITHM,
        transforms=(names.ENVELOPED, INCLUSIVE),
        digested=lambda element: etree.tostring(element, method="c14n"),
    ),
    _signed("transform-enveloped-only", "Without canonical form, any spelling is digested.", 14, transforms=(names.ENVELOPED,)),
    _signed(
        "transform-c14n-only",
        "Without the enveloped transform, the signature signs itself.",
        14,
        transforms=(names.EXCLUSIVE_C14N,),
    ),
    _signed(
        "transform-wrong-order",
        "Canonical form first leaves bytes to take a signature out of.",
        14,
        transforms=(names.EXCLUSIVE_C14N, names.ENVELOPED),
    ),
    _signed(
        "transform-twice",
        "A transform more than needed.",
        14,
        transforms=(names.ENVELOPED, names.ENVELOPED, names.EXCLUSIVE_C14N),
    ),
    _signed(
        "transform-none",
        "An empty list of transforms is against the schema.",
        14,
        SCHEMA,
        node="",
        mark=b"<ds:Transforms/>",
        transforms=(),
    ),
    _signed(
        "transform-parameter", "Exclusive c14n with a parameter that it does not have.", 14, edit=_parameter(f"{DS}XPath", "1")
    ),
    _signed(
        "transform-prefix-list-with-id",
        "InclusiveNamespaces with an ID that somebody may look up.",
        14,
        prefixes=("xs",),
        edit=_in(".//*[local-name()='InclusiveNamespaces']", lambda listed: listed.set("ID", "_x")),
    ),
    _signed(
        "transform-long-prefix-list",
        "A long list of prefixes costs time at each element.",
        25,
        prefixes=tuple(f"p{number}" for number in range(17)),
    ),
]


def _second_info(signature: Element) -> None:
    signature.insert(1, copy.deepcopy(one(signature, "d:SignedInfo")))


def _evil_info_first(signature: Element) -> None:
    """Put a SignedInfo with the digest of nothing before the signed one (CVE-2025-29774)."""
    evil = copy.deepcopy(one(signature, "d:SignedInfo"))
    one(evil, "d:Reference/d:DigestValue").text = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    signature.insert(0, evil)


_INFOS = [
    _signed(
        "two-signed-info",
        "Two SignedInfo: one is verified, the other is read (CVE-2025-29774).",
        5,
        SCHEMA,
        node="",
        mark=b"<ds:SignedInfo>",
        spoil=_evil_info_first,
        then=TO_EVIL,
    ),
    _signed(
        "two-signed-info-alike",
        "Two SignedInfo that say the same.",
        5,
        SCHEMA,
        node="",
        mark=b"<ds:SignedInfo>",
        spoil=_second_info,
    ),
    _signed(
        "comment-in-digest-value",
        "A comment parts the DigestValue (CVE-2025-29775).",
        5,
        "handoff.malformed",
        node="",
        mark=b"<!--",
        spoil=lambda made: one(made, ".//d:DigestValue").append(etree.Comment("AAAA")),
    ),
    _signed(
        "element-in-digest-value",
        "An element parts the DigestValue.",
        5,
        SCHEMA,
        node="",
        mark=b"<ds:DigestValue>",
        spoil=lambda made: etree.SubElement(one(made, ".//d:DigestValue"), f"{DS}DigestValue"),
    ),
    _signed("digest-of-nothing", "The digest is that of the empty string.", 7, digested=lambda _element: b"", then=TO_EVIL),
    _signed("digest-short", "A digest of one byte.", 5, spoil=_set(".//d:DigestValue", "AA==")),
    _signed(
        "signature-value-other", "A signature value that nobody made.", 17, spoil=_set("d:SignatureValue", "A" * 342 + "==")
    ),
    _signed("signature-value-empty", "An empty signature value.", 10, spoil=_set("d:SignatureValue", "")),
    _signed(
        "signature-value-zero",
        "An ECDSA signature of zeros (CVE-2022-21449).",
        15,
        method=names.ECDSA_SHA256,
        key=key("ec-p256"),
        value=lambda _message: bytes(64),
    ),
    _signed(
        "signature-value-der",
        "An ECDSA signature in DER is another spelling.",
        15,
        method=names.ECDSA_SHA256,
        key=key("ec-p256"),
        value=lambda message: b"\x30\x44" + hashlib.sha512(message).digest() + bytes(4),
    ),
    _signed(
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
    _signed("place-end-of-response", "A signature at the end of the Response.", 11, node="Response", at=3),
    _signed("place-after-the-status", "A signature after the Status.", 11, node="Response", at=2),
    _signed("place-before-the-issuer", "A signature before the Issuer.", 11, SCHEMA, node="", mark=b"<saml:Issuer xmlns", at=0),
    _signed(
        "place-in-the-subject",
        "A copy of the signature stands in the Subject.",
        11,
        node="Response",
        then=_copied("//a:Subject"),
    ),
    _signed(
        "place-in-the-conditions", "The signature stands in the Conditions.", 11, node="Response", then=_moved("//a:Conditions")
    ),
    _signed(
        "place-in-the-assertion",
        "The Response's signature stands in the assertion.",
        11,
        then=_moved("//a:Assertion", 1),
        node="Response/Assertion/Signature",
    ),
    _signed(
        "place-end-of-the-assertion", "A signature at the end of the assertion.", 11, node="Response", wanted="assertion", at=4
    ),
    _signed(
        "place-twice",
        "Two signatures of one element.",
        11,
        node="Response",
        then=lambda root: root.insert(1, copy.deepcopy(one(root, "/p:Response/d:Signature"))),
    ),
]

_UNSIGNED = [
    _signed("unsigned", "No signature at all.", 10, node="Response", then=cut("//d:Signature")),
    _signed(
        "unsigned-assertion-trust",
        "No signature at all, where the assertion should have one.",
        10,
        node="Response",
        wanted="assertion",
        then=cut("//d:Signature"),
    ),
    _signed(
        "only-assertion-signed",
        "The trust wants the Response signed; only the assertion is.",
        10,
        node="Response",
        parts="assertion",
    ),
    _signed(
        "only-response-signed",
        "The trust wants the assertion signed; only the Response is.",
        10,
        node="Response/Assertion",
        wanted="assertion",
        parts="response",
    ),
    _signed(
        "both-wanted-response-signed",
        "The trust wants both signed; only the Response is.",
        10,
        node="Response/Assertion",
        wanted="both",
        parts="response",
    ),
    _signed(
        "both-wanted-assertion-signed",
        "The trust wants both signed; only the assertion is.",
        10,
        node="Response",
        wanted="both",
        parts="assertion",
    ),
    _signed(
        "second-signature-by-a-stranger",
        "One signature is good, the other a stranger's: every one has to be good.",
        10,
        wanted="assertion",
        parts="both",
        then=lambda root: root.set("Consent", "urn:x"),
    ),
    _signed(
        "empty-signature",
        "A Signature without content is against the schema.",
        10,
        SCHEMA,
        node="",
        mark=b"<ds:Signature ",
        then=lambda root: one(root, "/p:Response/d:Signature").clear(keep_tail=True),
    ),
    _signed(
        "envelope-changed",
        "The assertion is signed and the trust wants that, but the forged envelope leads elsewhere.",
        10,
        "handoff.destination",
        node="Response",
        wanted="assertion",
        then=put("/p:Response", "Destination", "https://evil.example/"),
    ),
]


def _decoy(root: Element) -> None:
    """Put an element with the signed assertion's ID into Extensions, where a look-up by ID may find it first."""
    extensions = etree.Element(f"{SAMLP}Extensions")
    etree.SubElement(extensions, "{urn:x}decoy", ID=assertion_of(root).get("ID", ""))
    root.insert(1, extensions)


def _same_id_as_response(world: World) -> bytes:
    root = world.tree()
    assertion_of(root).set("ID", root.get("ID", ""))
    return etree.tostring(world.sign(root))


def _id_in_signature(world: World) -> bytes:
    return world.spoiled(lambda root: one(root, "/p:Response/d:Signature").set("Id", root.get("ID", "")))


_IDS = [
    Case(
        name="id-of-assertion-and-response",
        because="Response and assertion have one ID, so a reference to it could mean either.",
        build=_same_id_as_response,
        threat=9,
        expect=SIGNATURE,
        node="Response",
    ),
    Case(
        name="id-of-the-signature",
        because="The Signature has the ID of its parent, spelled Id.",
        build=_id_in_signature,
        threat=9,
        expect=SIGNATURE,
        node="Response",
    ),
    _signed(
        "id-of-a-decoy",
        "A decoy with the assertion's ID stands first.",
        9,
        SIGNATURE,
        node="Response",
        wanted="assertion",
        then=_decoy,
    ),
    Case(
        name="id-twice-in-one-tag",
        because="One element has two IDs, which is no XML.",
        build=lambda world: world.respelled((' ID="', ' ID="_forged" ID="')),
        threat=9,
        expect="handoff.malformed",
        mark=b'ID="_forged"',
    ),
    _signed(
        "id-prefixed",
        "samlp:ID stands beside ID (Fragile Lock).",
        8,
        SCHEMA,
        before=put("/p:Response", f"{SAMLP}ID", "_x"),
        node="Response",
    ),
    _signed(
        "id-xml-id",
        "xml:id makes an ID of its own on an attribute.",
        8,
        SCHEMA,
        node="Response/Assertion/AttributeStatement/Attribute[3]",
        before=put("//a:Attribute[@Name='name']", "{http://www.w3.org/XML/1998/namespace}id", "_x"),
    ),
    _signed(
        "id-foreign-on-attribute",
        "The schema lets an Attribute have a foreign ID.",
        8,
        SCHEMA,
        node="Response/Assertion/AttributeStatement/Attribute[3]",
        before=put("//a:Attribute[@Name='name']", "{urn:x}ID", "_x"),
    ),
    _signed(
        "id-foreign-on-confirmation",
        "The schema lets SubjectConfirmationData have a foreign ID.",
        8,
        SCHEMA,
        node="Response/Assertion/Subject/SubjectConfirmation/SubjectConfirmationData",
        before=put("//a:SubjectConfirmationData", "{urn:x}ID", "_x"),
    ),
    _signed(
        "id-in-small-letters",
        "An id in small letters is no ID.",
        8,
        SCHEMA,
        node="",
        mark=b"<samlp:Response",
        before=put("/p:Response", "id", "_x"),
    ),
    _signed(
        "id-begins-with-a-digit",
        "An ID is an NCName.",
        8,
        SCHEMA,
        node="Response",
        check=3,
        before=put("/p:Response", "ID", "1x"),
    ),
    _signed(
        "id-too-long",
        "An ID of 300 characters.",
        25,
        SCHEMA,
        node="Response",
        check=3,
        before=put("/p:Response", "ID", "_" + "x" * 299),
    ),
]


def _renamed(old: str, new: str) -> Callable[[World], bytes]:
    """Return the build that writes another namespace before it signs."""

    def build(world: World) -> bytes:
        text = etree.tostring(world.tree(), encoding="unicode")
        assert old in text
        return etree.tostring(world.sign(etree.fromstring(text.replace(old, new))))

    return build


def _foreign_signature(world: World) -> bytes:
    text = world.signed()
    return text.replace(names.DS.encode() + b'"', b'http://www.w3.org/2000/09/xmldsig"')


def _look_alike_assertion(world: World) -> bytes:
    """Return the signed Response with a forged assertion in a namespace that looks alike, before the real one."""
    root = world.signed_tree()
    evil = etree.tostring(forged(assertion_of(root))).replace(names.SAML.encode(), b"urn:oasis:names:tc:SAML:2.0:assertlon")
    root.insert(2, etree.fromstring(evil))
    return etree.tostring(root)


_NAMES = [
    Case(
        name="protocol-namespace-look-alike",
        because="The Response's namespace differs in one letter.",
        build=lambda world: world.signed().replace(names.SAMLP.encode() + b'"', b'urn:oasis:names:tc:SAML:2.0:protoco1"'),
        threat=8,
        expect=SCHEMA,
        check=3,
        node="Response",
    ),
    Case(
        name="signature-namespace-look-alike",
        because="A Signature in a namespace that looks like XML Signature's.",
        build=_foreign_signature,
        threat=8,
        expect=SCHEMA,
        node="Response/Signature",
    ),
    Case(
        name="assertion-namespace-look-alike",
        because="A forged assertion in a look-alike namespace stands before the real one.",
        build=_look_alike_assertion,
        threat=8,
        expect=SCHEMA,
        node="Response/Assertion[1]",
    ),
    Case(
        name="saml-1-namespace",
        because="The assertion is one of SAML 1.1.",
        build=_renamed(names.SAML, "urn:oasis:names:tc:SAML:1.0:assertion"),
        threat=8,
        expect=SCHEMA,
        check=4,
        node="Response/Issuer",
    ),
]

CASES = [
    *_ALGORITHMS,
    *_SYMMETRIC,
    *_KEYS,
    *_REFERENCES,
    *_TRANSFORMS,
    *_INFOS,
    *_PLACES,
    *_UNSIGNED,
    *_IDS,
    *_NAMES,
]
