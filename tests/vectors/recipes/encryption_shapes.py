"""Encrypted assertions of another shape, beside another one, or that nobody vouches for."""

import copy

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Edit, Element, exclusive, one
from tests.saml.sealer import DATA, KEY, at
from tests.saml.wraps import assertion_of, forged
from tests.vectors.recipes.sealed import ENCRYPTED, SCHEMA, SIGNATURE, refused, sealing
from tests.vectors.sealing import Sealing, sealed
from tests.vectors.world import World, key, member_of

_DATA = f"{ENCRYPTED}/EncryptedData"
_XENC = f"{{{names.XENC}}}"


def _twice(path: str) -> Edit:
    def edit(root: Element) -> None:
        element = at(root, path)
        element.addnext(copy.deepcopy(element))

    return edit


def _second_key(root: Element) -> None:
    """Put a key for a stranger, with another content, before the organization's."""
    stranger = sealed(b"<a/>", Sealing(to="stranger"), "another")
    at(root, KEY).addprevious(one(stranger, ".//*[local-name()='EncryptedKey']"))


def _key_beside(root: Element) -> None:
    at(root, DATA).addnext(at(root, KEY))


def _put(path: str, tag: str, *, first: bool = True, **attributes: str) -> Edit:
    def edit(root: Element) -> None:
        parent = at(root, path)
        parent.insert(0 if first else len(parent), etree.Element(tag, attributes))

    return edit


def _cipher_reference(root: Element) -> None:
    data = at(root, f"{DATA}/e:CipherData")
    data[:] = [etree.Element(f"{_XENC}CipherReference", URI="file:///dev/zero")]


_SHAPES = [
    refused(
        "encrypted-key-twice",
        "Two keys could open two contents for two readers.",
        sealing(around=_twice(KEY)),
        node=f"{_DATA}/KeyInfo",
    ),
    refused(
        "encrypted-second-key", "A key for somebody else stands first.", sealing(around=_second_key), node=f"{_DATA}/KeyInfo"
    ),
    refused(
        "encrypted-data-twice",
        "Two texts under one key.",
        sealing(around=_twice(DATA)),
        SCHEMA,
        check=4,
        node="",
        mark=b"<xenc:EncryptedData",
    ),
    refused(
        "encrypted-key-beside",
        "The key stands beside the data, as SAML allows and the profile does not.",
        sealing(around=_key_beside),
        SCHEMA,
        check=4,
        node=f"{ENCRYPTED}/EncryptedKey",
    ),
    refused(
        "encrypted-key-missing",
        "There is no key.",
        sealing(around=lambda root: at(root, f"{DATA}/d:KeyInfo").remove(at(root, KEY))),
        SCHEMA,
        check=4,
        node="",
        mark=b"<ds:KeyInfo",
    ),
    refused(
        "encrypted-key-agreed",
        "A key that is agreed on, and not in the message.",
        sealing(around=_put(f"{DATA}/d:KeyInfo", f"{_XENC}AgreementMethod", Algorithm="urn:x")),
        SCHEMA,
        check=4,
        node=f"{_DATA}/KeyInfo/AgreementMethod",
    ),
    refused(
        "encrypted-key-elsewhere",
        "A key that is to be fetched from a file.",
        sealing(around=_put(f"{DATA}/d:KeyInfo", f"{{{names.DS}}}RetrievalMethod", URI="file:///dev/zero")),
        SCHEMA,
        check=4,
        node=f"{_DATA}/KeyInfo/RetrievalMethod",
    ),
    refused(
        "encrypted-text-elsewhere",
        "A text that is to be fetched from a file.",
        sealing(around=_cipher_reference),
        SCHEMA,
        check=4,
        node=f"{_DATA}/CipherData/CipherReference",
    ),
    refused(
        "encrypted-content",
        "What is inside is said to be content, and no element.",
        sealing(around=lambda root: at(root, DATA).set("Type", f"{names.XENC}Content")),
        node=_DATA,
    ),
    refused(
        "encrypted-without-type",
        "What is inside is not said.",
        sealing(around=lambda root: at(root, DATA).attrib.pop("Type")),
        node=_DATA,
    ),
    refused(
        "encrypted-twice-encoded",
        "What is inside is said to be encoded once more.",
        sealing(around=lambda root: at(root, DATA).set("Encoding", f"{names.DS}base64")),
        node=_DATA,
    ),
    refused(
        "encrypted-mime-type",
        "What is inside is said to be something else.",
        sealing(around=lambda root: at(root, DATA).set("MimeType", "text/html")),
        node=_DATA,
    ),
    refused(
        "encrypted-no-base64",
        "What is to be decrypted is no base64.",
        sealing(around=lambda root: setattr(at(root, f"{DATA}/e:CipherData/e:CipherValue"), "text", "!!!!")),
        node=f"{_DATA}/CipherData/CipherValue",
    ),
    refused(
        "encrypted-not-even-ascii",
        "What is to be decrypted is in letters that base64 does not know.",
        sealing(around=lambda root: setattr(at(root, f"{DATA}/e:CipherData/e:CipherValue"), "text", "\u00e9" * 4)),
        node=f"{_DATA}/CipherData/CipherValue",
    ),
    refused(
        "encrypted-property",
        "An encryption may have properties, and the profile knows none.",
        sealing(around=_put(DATA, f"{_XENC}EncryptionProperties", first=False)),
        SCHEMA,
        check=4,
        node=f"{_DATA}/EncryptionProperties",
    ),
]


def _evil(world: World) -> Element:
    """Return an assertion of the attacker's, sealed as anybody can who has read the metadata."""
    return sealed(exclusive(forged(assertion_of(world.tree(**member_of("initech"))))), Sealing(), "evil")


def _in_its_place(world: World) -> bytes:
    root = etree.fromstring(sealing()(world))
    root.replace(at(root, "/p:Response/a:EncryptedAssertion"), _evil(world))
    return etree.tostring(root)


def _beside(world: World) -> bytes:
    root = etree.fromstring(sealing()(world))
    root.append(_evil(world))
    return etree.tostring(root)


def _beside_a_plain_one(world: World) -> bytes:
    root = world.sign(world.tree(**member_of("initech")))
    root.append(_evil(world))
    return etree.tostring(root)


_WRAPPED = [
    refused(
        "encrypted-unsigned",
        "Anybody can encrypt: without a signature around it, it is not even opened.",
        sealing(then=lambda root: root.remove(one(root, "d:Signature"))),
        SIGNATURE,
        threat=10,
        node="Response",
    ),
    refused(
        "encrypted-signed-inside-only",
        "A signature inside does not make us decrypt what nobody vouches for.",
        sealing(),
        SIGNATURE,
        threat=10,
        node="Response",
        signed="assertion",
    ),
    refused(
        "encrypted-by-a-stranger",
        "Signed by a stranger, it is not opened.",
        sealing(key=key("stranger")),
        SIGNATURE,
        threat=17,
        node="Response/Signature",
    ),
    refused(
        "encrypted-in-its-place",
        "Another text in the place of the one that was signed.",
        _in_its_place,
        SIGNATURE,
        threat=1,
        node="Response/Signature",
    ),
    refused(
        "encrypted-beside",
        "A second encrypted assertion, added after signing.",
        _beside,
        "handoff.assertion_count",
        threat=2,
        check=6,
        node=f"{ENCRYPTED}[2]",
    ),
    refused(
        "encrypted-beside-a-plain-one",
        "An encrypted assertion beside the one that was signed in clear.",
        _beside_a_plain_one,
        "handoff.assertion_count",
        threat=1,
        check=6,
        node=ENCRYPTED,
    ),
    refused(
        "minted-where-encryption-is-required",
        "Our own legacy cell's, in clear, where the organization takes nothing in clear.",
        lambda world: world.minted(**member_of("umbrella")),
        node="Response/Assertion",
        org="umbrella",
    ),
    refused(
        "plain-where-encryption-is-required",
        "The organization takes no assertion in clear.",
        lambda world: etree.tostring(world.sign(world.tree(**member_of("umbrella")))),
        node="Response/Assertion",
        org="umbrella",
    ),
]

CASES = [*_SHAPES, *_WRAPPED]
