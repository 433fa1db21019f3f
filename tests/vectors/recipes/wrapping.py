"""Wrapped, doubled and moved: a good signature stays somewhere, and something else stands where a careless reader looks."""

import copy

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Edit, Element, Recipe, add, attribute, cut, one, put, sign_element, write
from tests.saml.wraps import (
    EVIL,
    Wrap,
    assertion_of,
    bare,
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
from tests.vectors.recipes.case import Case
from tests.vectors.world import World, key

COUNT = "handoff.assertion_count"
SIGNATURE = "handoff.signature"
SAML, SAMLP, DS = f"{{{names.SAML}}}", f"{{{names.SAMLP}}}", f"{{{names.DS}}}"
ENCRYPTED = (
    f'<a:EncryptedAssertion xmlns:a="{names.SAML}"><x:EncryptedData xmlns:x="http://www.w3.org/2001/04/xmlenc#">'
    "<x:CipherData><x:CipherValue>AA==</x:CipherValue></x:CipherData></x:EncryptedData></a:EncryptedAssertion>"
)


def _wrap(name: str, wrap: Wrap, because: str, node: str, *, signed: str = "assertion", parts: str = "") -> Case:
    def build(world: World) -> bytes:
        raw = etree.tostring(wrap(world.signed_tree(parts=parts or None)))  # type: ignore[arg-type]
        assert EVIL.encode() in raw
        return raw

    return Case(
        name=f"wrapping-{name}",
        because=because,
        build=build,
        threat=1,
        expect=COUNT,
        node=node,
        signed=signed,  # type: ignore[arg-type]
    )


def in_status_detail(root: Element) -> Element:
    """The forged assertion hides in StatusDetail, which the schema lets hold anything."""
    detail = etree.SubElement(one(root, "//p:Status"), f"{SAMLP}StatusDetail")
    detail.append(forged(assertion_of(root)))
    return root


def in_advice(root: Element) -> Element:
    """The signed assertion hides in the Advice of the forged one."""
    original = assertion_of(root)
    evil = forged(original)
    root.replace(original, evil)
    advice = etree.Element(f"{SAML}Advice")
    advice.append(original)
    one(evil, "a:Conditions").addnext(advice)
    return root


def in_an_object(root: Element) -> Element:
    """The forged assertion hides in an Object of the signature, where the original stays in its place."""
    etree.SubElement(one(root, "//d:Signature"), f"{DS}Object").append(forged(assertion_of(root)))
    return root


def response_in_extensions(root: Element) -> Element:
    """The whole signed Response hides in the Extensions of a forged one."""
    evil = forged(root)
    extensions = etree.Element(f"{SAMLP}Extensions")
    extensions.append(copy.deepcopy(root))
    evil.insert(1, extensions)
    return evil


def forged_outside_original_inside_value(root: Element) -> Element:
    """The signed assertion hides in a value of the forged one."""
    original = assertion_of(root)
    evil = forged(original)
    root.replace(original, evil)
    attribute(evil, "name").append(original)
    return root


_WRAPS = [
    _wrap(
        "xsw1",
        xsw1,
        "The forged Response carries the signature, which holds the original Response.",
        "Response/Assertion",
        signed="response",
    ),
    _wrap(
        "xsw2",
        xsw2,
        "The signature is detached: the original Response stands beside it in a forged one.",
        "Response/Assertion",
        signed="response",
    ),
    _wrap("xsw3", xsw3, "A forged assertion stands before the signed one.", "Response/Assertion[2]"),
    _wrap("xsw4", xsw4, "The signed assertion is a child of the forged one.", "Response/Assertion/Assertion"),
    _wrap(
        "xsw5", xsw5, "The forged assertion carries the signature of the original, which comes last.", "Response/Assertion[2]"
    ),
    _wrap(
        "xsw6",
        xsw6,
        "The forged assertion carries the signature, which holds the original.",
        "Response/Assertion/Signature/Assertion",
    ),
    _wrap("xsw7", xsw7, "A forged assertion hides in Extensions, which the schema lets hold anything.", "Response/Assertion"),
    _wrap(
        "xsw8",
        xsw8,
        "The original hides in an Object of the signature that the forged assertion carries.",
        "Response/Assertion/Signature/Object/Assertion",
    ),
    _wrap(
        "xsw3-of-a-signed-response",
        xsw3,
        "A forged assertion is put into a signed Response, before its own.",
        "Response/Assertion[2]",
        signed="response",
    ),
    _wrap(
        "xsw4-of-a-signed-response",
        xsw4,
        "In a signed Response a forged assertion swallows the original.",
        "Response/Assertion/Assertion",
        signed="response",
    ),
    _wrap(
        "xsw7-of-a-signed-response",
        xsw7,
        "A forged assertion hides in the Extensions of a signed Response.",
        "Response/Assertion",
        signed="response",
    ),
    _wrap(
        "xsw3-of-both",
        xsw3,
        "Both are signed, and a forged assertion stands before the signed one.",
        "Response/Assertion[2]",
        signed="both",
    ),
    _wrap(
        "xsw8-of-both",
        xsw8,
        "Both are signed, and the original hides in an Object of the forged assertion's signature.",
        "Response/Assertion/Signature/Object/Assertion",
        signed="both",
    ),
    _wrap(
        "in-a-value",
        hidden_in("//a:Attribute[@Name='name']/a:AttributeValue"),
        "A forged assertion hides in the value of an attribute.",
        "Response/Assertion/AttributeStatement/Attribute[3]/AttributeValue/Assertion",
    ),
    _wrap(
        "original-in-a-value",
        forged_outside_original_inside_value,
        "The original hides in a value of the forged assertion, where its own reference still finds it.",
        "Response/Assertion/AttributeStatement/Attribute[3]/AttributeValue/Assertion",
    ),
    _wrap(
        "in-the-confirmation-data",
        hidden_in("//a:SubjectConfirmationData"),
        "A forged assertion hides in SubjectConfirmationData, which the schema lets hold anything.",
        "Response/Assertion/Subject/SubjectConfirmation/SubjectConfirmationData/Assertion",
    ),
    _wrap("in-the-status", hidden_in("//p:Status"), "A forged assertion hides in the Status.", "Response/Assertion"),
    _wrap("in-the-status-detail", in_status_detail, "A forged assertion hides in StatusDetail.", "Response/Assertion"),
    _wrap(
        "in-key-info",
        hidden_in("//d:KeyInfo"),
        "A forged assertion hides in KeyInfo, which no signature covers.",
        "Response/Assertion/Signature/KeyInfo/Assertion",
    ),
    _wrap(
        "in-an-object",
        in_an_object,
        "A forged assertion hides in an Object of the signature.",
        "Response/Assertion/Signature/Object/Assertion",
    ),
    _wrap(
        "in-advice",
        in_advice,
        "The original hides in the Advice of the forged assertion.",
        "Response/Assertion/Advice/Assertion",
    ),
    _wrap(
        "response-in-extensions",
        response_in_extensions,
        "The signed Response hides in the Extensions of a forged one.",
        "Response/Assertion",
        signed="response",
    ),
]


def _two_signed(world: World) -> bytes:
    root = world.tree()
    root.append(forged(assertion_of(root)))
    return etree.tostring(world.sign(root))


def _two_by_two_signatures(world: World) -> bytes:
    root = world.tree()
    root.append(forged(assertion_of(root)))
    for assertion in list(root.iterchildren(names.ASSERTION)):
        sign_element(assertion, Recipe(key=key("rsa-2048")))
    return etree.tostring(root)


def _encrypted(at: int | None, *, alone: bool = False) -> Edit:
    def edit(root: Element) -> None:
        if alone:
            root.remove(assertion_of(root))
        root.insert(len(root) if at is None else at, etree.fromstring(ENCRYPTED))

    return edit


_SEVERAL = [
    Case(
        name="several-signed-together",
        because="The issuer itself signs a Response with two assertions (CVE-2025-47949).",
        build=_two_signed,
        threat=2,
        expect=COUNT,
        node="Response/Assertion[2]",
    ),
    Case(
        name="several-signed-apart",
        because="The issuer itself signs each of two assertions.",
        build=_two_by_two_signatures,
        threat=2,
        expect=COUNT,
        node="Response/Assertion[2]",
        signed="assertion",
    ),
    Case(
        name="several-with-one-id",
        because="A forged assertion has the very ID of the signed one.",
        build=lambda world: etree.tostring(same_id(world.signed_tree())),
        threat=2,
        expect=COUNT,
        node="Response/Assertion[2]",
        signed="assertion",
    ),
    Case(
        name="several-encrypted-first",
        because="An encrypted assertion before the one in clear makes two.",
        build=lambda world: world.signed(_encrypted(2)),
        threat=2,
        expect=COUNT,
        node="Response/Assertion",
    ),
    Case(
        name="several-encrypted-last",
        because="An encrypted assertion after the one in clear makes two.",
        build=lambda world: world.signed(_encrypted(None)),
        threat=2,
        expect=COUNT,
        node="Response/EncryptedAssertion",
    ),
    Case(
        name="several-unsigned-beside-signed-response",
        because="An unsigned assertion is put behind the signature of both.",
        build=lambda world: world.spoiled(lambda root: root.append(forged(assertion_of(root)))),
        threat=2,
        expect=COUNT,
        node="Response/Assertion[2]",
        signed="both",
    ),
    Case(
        name="several-none",
        because="A signed Response without an assertion says nothing about anybody.",
        build=lambda world: world.signed(cut("/p:Response/a:Assertion")),
        threat=2,
        expect=COUNT,
        node="Response",
    ),
]


def _donated(world: World, donor: Element, *, victim_id: str | None = None, place: str = "/p:Response") -> bytes:
    """Return a forged Response that carries the signature that the issuer made for *donor*."""
    sign_element(donor, Recipe(key=key("rsa-2048")))
    victim = world.tree()
    attribute(victim, "email").text = EVIL
    target = one(victim, place)
    if victim_id is not None:
        target.set("ID", victim_id)
    target.insert(1, copy.deepcopy(next(donor.iterchildren(names.SIGNATURE))))
    return etree.tostring(victim)


def _error_response(world: World) -> Element:
    donor = world.tree()
    donor.remove(assertion_of(donor))
    put("//p:StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")(donor)
    return donor


def _logout_request(world: World) -> Element:
    donor = etree.Element(f"{SAMLP}LogoutRequest", {"ID": world.id("logout"), "Version": "2.0", "IssueInstant": world.time(0)})
    etree.SubElement(donor, f"{SAML}Issuer").text = world.handoff.issuer
    etree.SubElement(donor, f"{SAML}NameID").text = "x"
    return donor


def _metadata(world: World) -> Element:
    donor = etree.Element(f"{{{names.MD}}}EntityDescriptor", {"ID": world.id("metadata"), "entityID": world.handoff.issuer})
    etree.SubElement(donor, f"{{{names.MD}}}IDPSSODescriptor")
    return donor


def _assertion_for_response(world: World) -> bytes:
    root = world.signed_tree(parts="assertion")
    signature = copy.deepcopy(one(root, "/p:Response/a:Assertion/d:Signature"))
    assertion_of(root).remove(one(root, "/p:Response/a:Assertion/d:Signature"))
    root.insert(1, signature)
    return etree.tostring(root)


_DONORS = [
    Case(
        name="donor-error-response",
        because="The signature of an error Response is moved to a forged one with its ID.",
        build=lambda world: _donated(world, _error_response(world)),
        threat=3,
        expect=SIGNATURE,
        node="Response/Signature",
    ),
    Case(
        name="donor-error-response-other-id",
        because="The signature of an error Response names another ID than its parent.",
        build=lambda world: _donated(world, _error_response(world), victim_id="_forged"),
        threat=3,
        expect=SIGNATURE,
        node="Response/Signature",
    ),
    Case(
        name="donor-logout-request",
        because="The signature of a LogoutRequest is moved to a forged Response (CVE-2024-45409).",
        build=lambda world: _donated(world, _logout_request(world), victim_id=world.id("logout")),
        threat=3,
        expect=SIGNATURE,
        node="Response/Signature",
    ),
    Case(
        name="donor-metadata",
        because="The signature of the issuer's metadata is moved to a forged assertion.",
        build=lambda world: _donated(world, _metadata(world), victim_id=world.id("metadata"), place="/p:Response/a:Assertion"),
        threat=3,
        expect=SIGNATURE,
        node="Response/Assertion/Signature",
        signed="assertion",
    ),
    Case(
        name="donor-assertion-for-response",
        because="The signature of the assertion is moved up to the Response.",
        build=_assertion_for_response,
        threat=3,
        expect=SIGNATURE,
        node="Response/Signature",
    ),
]


def _smuggled_digest(place: Edit) -> Edit:
    """Return the edit that forges the email and puts the right digest of the forged assertion somewhere in the document."""

    def edit(root: Element) -> None:
        assertion = assertion_of(root)
        attribute(assertion, "email").text = EVIL
        place(root)

    return edit


def _digest_in_detail(root: Element) -> None:
    detail = etree.Element(f"{SAMLP}StatusDetail")
    etree.SubElement(detail, f"{DS}DigestValue").text = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    one(root, "//p:Status").append(detail)


def _info_in_object(root: Element) -> None:
    holder = etree.SubElement(one(root, "//d:Signature"), f"{DS}Object")
    holder.append(copy.deepcopy(one(root, "//d:Signature/d:SignedInfo")))


def _signature_in_key_info(root: Element) -> None:
    one(root, "//d:Signature/d:KeyInfo").append(copy.deepcopy(one(root, "/p:Response/a:Assertion/d:Signature")))


_ANYWHERE = [
    Case(
        name="digest-in-status-detail",
        because="A second DigestValue stands where a search through the document finds it first.",
        build=lambda world: world.spoiled(_smuggled_digest(_digest_in_detail)),
        threat=4,
        expect="handoff.schema",
        node="Response/Status/StatusDetail",
        signed="assertion",
    ),
    Case(
        name="signed-info-in-object",
        because="A second SignedInfo in an Object is picked up by a search (CVE-2024-45409).",
        build=lambda world: world.spoiled(_smuggled_digest(_info_in_object)),
        threat=4,
        expect=SIGNATURE,
        node="Response/Assertion/Signature",
        signed="assertion",
    ),
    Case(
        name="signature-in-key-info",
        because="A second Signature in KeyInfo is picked up by a search.",
        build=lambda world: world.spoiled(_signature_in_key_info),
        threat=4,
        expect="handoff.schema",
        mark=b"<ds:Signature>",
        signed="assertion",
    ),
]


def _bare_response_inside(world: World) -> bytes:
    root = world.signed_tree()
    root.append(bare(root))
    return etree.tostring(root)


_NESTED = [
    Case(
        name="wrapping-response-in-response",
        because="A Response stands in a Response, with an assertion of its own.",
        build=_bare_response_inside,
        threat=1,
        expect=COUNT,
        node="Response/Response/Assertion",
    ),
    Case(
        name="extensions-empty",
        because="Extensions hold anything, so the closed profile has none, signed or not.",
        build=lambda world: world.signed(add("/p:Response", f"{SAMLP}Extensions", at=1)),
        threat=35,
        expect="handoff.schema",
        node="Response/Extensions",
    ),
    Case(
        name="digest-changed-value",
        because="A value was changed after signing, so the digest no longer fits.",
        build=lambda world: world.spoiled(write("//a:Attribute[@Name='email']/a:AttributeValue", EVIL)),
        threat=10,
        expect=SIGNATURE,
        node="Response/Signature",
    ),
]

CASES = [*_WRAPS, *_SEVERAL, *_DONORS, *_ANYWHERE, *_NESTED]
