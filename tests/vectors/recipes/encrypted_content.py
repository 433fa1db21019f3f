"""Assertions that open, and are not what may be inside: anything but one plain Assertion, or one that a later check refuses."""

import re
from typing import Any

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Edit, all_of, exclusive, one, put, write
from tests.saml.wraps import EVIL
from tests.vectors.recipes.attributes import path_to, place_of
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.sealed import ENCRYPTED, SIGNATURE, Inside, refused, sealing
from tests.vectors.sealing import Sealing, sealed
from tests.vectors.world import World, key

_ASSERTION = "Response/Assertion"


def _replaced(old: str, new: str) -> Inside:
    def change(assertion: bytes) -> bytes:
        assert old.encode() in assertion, old
        return assertion.replace(old.encode(), new.encode(), 1)

    return change


def _before(text: bytes) -> Inside:
    return lambda assertion: text + assertion


def _inside(name: str, because: str, inside: Inside, node: str = ENCRYPTED, **more: Any) -> Case:
    return refused(f"encrypted-{name}", because, sealing(inside=inside), threat=47, node=node, **more)


_NO_XML = [
    _inside("emptiness", "Nothing at all is inside.", lambda _assertion: b""),
    _inside("no-xml", "What is inside is no XML.", lambda _assertion: b"assertion"),
    _inside("half-an-assertion", "What is inside ends too early.", lambda assertion: assertion[:-10]),
    _inside("two-assertions", "Two assertions are inside.", lambda assertion: assertion * 2),
    _inside("assertion-and-text", "Text follows the assertion.", lambda assertion: assertion + b"x"),
    _inside("comment", "A comment stands before the assertion.", _before(b"<!-- -->")),
    _inside(
        "comment-in-a-value",
        "A comment cuts the address in two.",
        _replaced("dana@initech.example", "dana@initech.example<!---->.evil.example"),
    ),
    _inside("instruction", "A processing instruction in a value.", _replaced("dana@initech", "dana<?x y?>@initech")),
    _inside("doctype", "A DOCTYPE stands before the assertion.", _before(b"<!DOCTYPE a>")),
    _inside(
        "entity",
        "An entity that reads a file.",
        _before(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    ),
    _inside("declaration", "A declaration of XML: inside is an element, and no document.", _before(b'<?xml version="1.0"?>')),
    _inside("utf-16", "What is inside is in another encoding.", lambda assertion: assertion.decode().encode("utf-16")),
    _inside("utf-16-declared", "What is inside says another encoding.", _before(b'<?xml version="1.0" encoding="UTF-16"?>')),
    _inside("byte-order-mark", "A byte order mark stands before the assertion.", _before(b"\xef\xbb\xbf")),
    _inside("prefix-from-outside", "A prefix that only the Response declares.", _replaced(f' xmlns:saml="{names.SAML}"', "")),
    _inside(
        "relative-namespace", "A namespace that is no absolute URI.", _replaced("<saml:Subject>", '<saml:Subject xmlns:x="x">')
    ),
    _inside("too-deep", "More levels than are allowed.", lambda _assertion: b"<a>" * 30 + b"</a>" * 30),
    _inside(
        "too-many-elements",
        "More elements than are allowed.",
        _replaced("<saml:OneTimeUse>", "<saml:OneTimeUse></saml:OneTimeUse>" * 1001 + "<saml:OneTimeUse>"),
    ),
]


def _encrypted_again(world: World) -> bytes:
    def inside(assertion: bytes) -> bytes:
        return etree.tostring(sealed(assertion, Sealing(), world.id("inner")))

    return sealing(inside=inside)(world)


_NO_ASSERTION = [
    _inside("another-element", "What is inside is no assertion.", lambda _assertion: b'<a xmlns="urn:a"></a>'),
    _inside(
        "another-namespace",
        "An Assertion of SAML 1.1.",
        lambda _assertion: b'<Assertion xmlns="urn:oasis:names:tc:SAML:1.0:assertion"></Assertion>',
    ),
    _inside(
        "a-response",
        "A whole Response is inside.",
        lambda assertion: b'<p:Response xmlns:p="%s">%s</p:Response>' % (names.SAMLP.encode(), assertion),
    ),
    refused("encrypted-encrypted", "An encrypted assertion is inside: it is opened once.", _encrypted_again, threat=47),
    _inside("version", "An assertion of another version.", _replaced('Version="2.0"', 'Version="1.1"'), node=_ASSERTION),
    _inside(
        "id-missing", "An assertion without an ID.", lambda assertion: assertion.replace(b' ID="', b' Id="', 1), node=_ASSERTION
    ),
    _inside(
        "advice",
        "Advice is inside, which the profile does not know.",
        _replaced("<saml:Conditions", "<saml:Advice></saml:Advice><saml:Conditions"),
        node=f"{_ASSERTION}/Advice",
    ),
    _inside(
        "foreign-attribute",
        "An attribute that xmlsec takes for an ID.",
        _replaced('Name="email"', 'Name="email" xmlns:x="urn:x" x:ID="_x"'),
        node=f"{_ASSERTION}/AttributeStatement/Attribute[2]",
    ),
    _inside(
        "no-authentication",
        "Nobody is said to have signed in.",
        lambda assertion: assertion[: assertion.index(b"<saml:AuthnStatement")] + b"</saml:Assertion>",
        node=_ASSERTION,
    ),
    _inside(
        "against-the-schema",
        "An assertion that does not say when it was issued.",
        lambda assertion: re.sub(rb' IssueInstant="[^"]*"', b"", assertion),
    ),
    _inside(
        "assertion-in-a-value",
        "Another assertion hides in a value.",
        lambda assertion: assertion.replace(
            b"</saml:AttributeValue>", assertion.replace(b' ID="', b' ID="_evil') + b"</saml:AttributeValue>", 1
        ),
        node=f"{_ASSERTION}/AttributeStatement/Attribute[1]/AttributeValue/Assertion",
    ),
    _inside(
        "key-in-a-value",
        "An EncryptedAssertion hides in a value.",
        lambda assertion: assertion.replace(
            b"</saml:AttributeValue>", etree.tostring(sealed(b"<a/>", Sealing(), "hidden")) + b"</saml:AttributeValue>", 1
        ),
        node=f"{_ASSERTION}/AttributeStatement/Attribute[1]/AttributeValue/EncryptedAssertion",
    ),
]


def _same_id(world: World) -> bytes:
    return sealing(inside=_replaced(world.id("assertion"), world.id("response")))(world)


def _signature_moved(assertion: bytes) -> bytes:
    root = etree.fromstring(assertion)
    root.append(one(root, "d:Signature"))
    return exclusive(root)


_SIGNED = [
    refused(
        "encrypted-id-of-the-response",
        "The assertion has the ID of the Response around it.",
        _same_id,
        SIGNATURE,
        threat=9,
        node="Response",
    ),
    refused(
        "encrypted-without-inner-signature",
        "The trust wants both signed, and inside is no signature.",
        sealing(parts="response"),
        SIGNATURE,
        threat=10,
        node="Response",
        signed="both",
    ),
    refused(
        "encrypted-wants-the-inner-signature",
        "The trust wants the assertion signed, and only the Response is.",
        sealing(parts="response"),
        SIGNATURE,
        threat=10,
        node="Response",
        signed="assertion",
    ),
    refused(
        "encrypted-inner-signature-broken",
        "What the inner signature covers was changed, though the Response vouches for it.",
        sealing(inside=_replaced("dana@initech.example", EVIL), parts="both"),
        SIGNATURE,
        threat=10,
        node=f"{_ASSERTION}/Signature",
        signed="both",
    ),
    refused(
        "encrypted-inner-signature-by-a-stranger",
        "Inside, a stranger has signed.",
        sealing(inner={"key": key("stranger")}),
        SIGNATURE,
        threat=17,
        node=f"{_ASSERTION}/Signature",
        signed="both",
    ),
    refused(
        "encrypted-inner-signature-moved",
        "Inside, the signature stands at the end.",
        sealing(inside=_signature_moved, parts="both"),
        SIGNATURE,
        threat=11,
        node="Response",
        signed="both",
    ),
]


def _later(name: str, because: str, threat: int, edit: Edit, expect: str, check: int, node: str) -> Case:
    return refused(f"encrypted-{name}", because, sealing(edit=edit), expect, threat=threat, check=check, node=node)


_LATER = [
    _later(
        "audience",
        "Encrypted to us, and meant for another.",
        27,
        write("//a:Audience", "https://cells.example/o/acme/auth/saml/metadata"),
        "handoff.audience",
        10,
        f"{_ASSERTION}/Conditions/AudienceRestriction/Audience",
    ),
    _later(
        "recipient",
        "Encrypted to us, and to be delivered elsewhere.",
        28,
        put("//a:SubjectConfirmationData", "Recipient", "https://evil.example"),
        "handoff.recipient",
        11,
        f"{_ASSERTION}/Subject/SubjectConfirmation/SubjectConfirmationData",
    ),
    _later(
        "solicited",
        "Encrypted, and the answer to somebody's request.",
        33,
        put("//a:SubjectConfirmationData", "InResponseTo", "_x"),
        "handoff.solicited",
        11,
        f"{_ASSERTION}/Subject/SubjectConfirmation/SubjectConfirmationData",
    ),
    _later(
        "issuer",
        "Inside, another issuer speaks.",
        30,
        write("/p:Response/a:Assertion/a:Issuer", "https://evil.example"),
        "handoff.issuer",
        8,
        f"{_ASSERTION}/Issuer",
    ),
    _later(
        "contract",
        "Inside is a version that nobody speaks.",
        35,
        write(f"{path_to('contract')}/a:AttributeValue", "cellbridge/2"),
        "handoff.contract",
        13,
        place_of("contract"),
    ),
    _later(
        "email-twice",
        "Inside are two addresses.",
        37,
        lambda root: one(root, path_to("email")).append(
            etree.fromstring(f'<saml:AttributeValue xmlns:saml="{names.SAML}">{EVIL}</saml:AttributeValue>')
        ),
        "handoff.attribute",
        14,
        f"{_ASSERTION}/AttributeStatement/Attribute[2]/AttributeValue[2]",
    ),
    _later(
        "organization",
        "Encrypted to us, about another organization.",
        45,
        all_of(
            write(f"{path_to('organization_id')}/a:AttributeValue", "43"),
            write(f"{path_to('organization_path')}/a:AttributeValue", "globex"),
            write(f"{path_to('return_to')}/a:AttributeValue", "/o/globex/"),
        ),
        "handoff.org",
        15,
        f"{_ASSERTION}/AttributeStatement",
    ),
    _later(
        "binding",
        "Encrypted, and bound to another browser.",
        44,
        write(f"{path_to('binding')}/a:AttributeValue", "0" * 64),
        "handoff.unbound",
        16,
        f"{_ASSERTION}/AttributeStatement",
    ),
]

CASES = [*_NO_XML, *_NO_ASSERTION, *_SIGNED, *_LATER]
