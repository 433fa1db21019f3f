"""Signatures that cover something else: by their Reference, or by more than one."""

import copy
from collections.abc import Callable

from lxml import etree

from tests.saml.forge import Edit, Element, one
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.signing import DS, HERE, SCHEMA, SIGNATURE, signed_by, within
from tests.vectors.world import World


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
    signed_by(
        "uri-missing",
        "A Reference without a URI covers what the application thinks.",
        12,
        edit=within("d:Reference", lambda reference: reference.attrib.pop("URI")),
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
    signed_by(
        "second-reference-same",
        "Exactly one Reference: the second could be the one that is read.",
        13,
        edit=_second_reference(None),
    ),
    signed_by(
        "second-reference-file",
        "xmlsec opens the file before it checks any key, and never ends.",
        13,
        edit=_second_reference("file:///dev/zero"),
    ),
    signed_by(
        "second-reference-fifo",
        "A second Reference to a special file of the machine.",
        13,
        edit=_second_reference("file:///dev/stdin"),
    ),
    signed_by(
        "second-reference-url",
        "A second Reference to a server that the attacker likes to see called.",
        13,
        edit=_second_reference("http://127.0.0.1:9/"),
    ),
    signed_by(
        "first-reference-decoy",
        "The first Reference is a decoy, the second is right.",
        13,
        edit=_second_reference("#_nowhere", 2),
    ),
    signed_by("manifest", "A Manifest holds References that nobody has to check.", 13, spoil=_manifest),
    signed_by(
        "reference-without-transforms",
        "Without transforms the signature would have to sign itself.",
        14,
        edit=lambda info: one(info, "d:Reference").remove(one(info, "d:Reference/d:Transforms")),
    ),
    signed_by(
        "two-digests",
        "Two digests in one Reference.",
        5,
        SCHEMA,
        node="",
        mark=b"<ds:DigestValue>",
        edit=lambda info: one(info, "d:Reference").append(copy.deepcopy(one(info, "d:Reference/d:DigestValue"))),
    ),
]

CASES = [*_REFERENCES]
