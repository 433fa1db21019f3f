"""IDs and names that look like others."""

from collections.abc import Callable

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Element, one, put
from tests.saml.wraps import assertion_of, forged
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.signing import SAMLP, SCHEMA, SIGNATURE, signed_by
from tests.vectors.world import World


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
    signed_by(
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
    signed_by(
        "id-prefixed",
        "samlp:ID stands beside ID (Fragile Lock).",
        8,
        SCHEMA,
        before=put("/p:Response", f"{SAMLP}ID", "_x"),
        node="Response",
    ),
    signed_by(
        "id-xml-id",
        "xml:id makes an ID of its own on an attribute.",
        8,
        SCHEMA,
        node="Response/Assertion/AttributeStatement/Attribute[3]",
        before=put("//a:Attribute[@Name='name']", "{http://www.w3.org/XML/1998/namespace}id", "_x"),
    ),
    signed_by(
        "id-foreign-on-attribute",
        "The schema lets an Attribute have a foreign ID.",
        8,
        SCHEMA,
        node="Response/Assertion/AttributeStatement/Attribute[3]",
        before=put("//a:Attribute[@Name='name']", "{urn:x}ID", "_x"),
    ),
    signed_by(
        "id-foreign-on-confirmation",
        "The schema lets SubjectConfirmationData have a foreign ID.",
        8,
        SCHEMA,
        node="Response/Assertion/Subject/SubjectConfirmation/SubjectConfirmationData",
        before=put("//a:SubjectConfirmationData", "{urn:x}ID", "_x"),
    ),
    signed_by(
        "id-in-small-letters",
        "An id in small letters is no ID.",
        8,
        SCHEMA,
        node="",
        mark=b"<samlp:Response",
        before=put("/p:Response", "id", "_x"),
    ),
    signed_by(
        "id-begins-with-a-digit",
        "An ID is an NCName.",
        8,
        SCHEMA,
        node="Response",
        check=3,
        before=put("/p:Response", "ID", "1x"),
    ),
    signed_by(
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

CASES = [*_IDS, *_NAMES]
