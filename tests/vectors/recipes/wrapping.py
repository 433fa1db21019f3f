"""Wrapped: a good signature stays somewhere, and something else stands where a careless reader looks."""

import copy

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Element, add, attribute, one, write
from tests.saml.wraps import (
    EVIL,
    Wrap,
    assertion_of,
    bare,
    forged,
    hidden_in,
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
from tests.vectors.world import World

COUNT = "handoff.assertion_count"
SIGNATURE = "handoff.signature"
SAML, SAMLP, DS = f"{{{names.SAML}}}", f"{{{names.SAMLP}}}", f"{{{names.DS}}}"


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

CASES = [*_WRAPS, *_NESTED]
