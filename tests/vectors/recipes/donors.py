"""Doubled and moved: several assertions, and signatures or their parts from elsewhere."""

import copy

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Edit, Element, Recipe, attribute, cut, one, put, sign_element
from tests.saml.wraps import (
    EVIL,
    assertion_of,
    forged,
    same_id,
)
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.wrapping import COUNT, DS, SAML, SAMLP, SIGNATURE
from tests.vectors.world import World, key

ENCRYPTED = (
    f'<a:EncryptedAssertion xmlns:a="{names.SAML}"><x:EncryptedData xmlns:x="http://www.w3.org/2001/04/xmlenc#">'
    "<x:CipherData><x:CipherValue>AA==</x:CipherValue></x:CipherData></x:EncryptedData></a:EncryptedAssertion>"
)


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
        name="several-encrypted-alone",
        because="The one assertion is encrypted, and does not even say that it is an element.",
        build=lambda world: world.signed(_encrypted(None, alone=True)),
        threat=2,
        expect="handoff.malformed",
        check=7,
        node="Response/EncryptedAssertion/EncryptedData",
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

CASES = [*_SEVERAL, *_DONORS, *_ANYWHERE]
