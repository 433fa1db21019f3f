"""What the recipes of foreign issuers share: a handoff in which a partner or a directory states attributes of its own."""

from collections.abc import Mapping
from typing import Any

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Edit, Element, all_of, one
from tests.saml.variety import SAML
from tests.vectors.recipes.case import Build, Case
from tests.vectors.world import World, key, member_of

ATTRIBUTE, STATEMENT = "handoff.attribute", "Response/Assertion/AttributeStatement"
MAIL = "urn:oid:0.9.2342.19200300.100.1.3"
PAT: Mapping[str, tuple[str, ...]] = {
    "employee": ("e-17",),
    "mail": ("pat@partner.example",),
    "displayName": ("Pat Lee",),
    "login": ("pat",),
}
SAM: Mapping[str, tuple[str, ...]] = {MAIL: ("sam@directory.example",)}
_KEYS: Mapping[str, Mapping[str, Any]] = {
    "partner": {"key": "partner"},
    "directory": {"key": "ec-p256", "method": names.ECDSA_SHA256},
    "limited": {"key": "other-issuer"},
}


def states(values: Mapping[str, tuple[str, ...]], subject: str = "pat-1") -> Edit:
    """Return the edit that lets the issuer state *values* about *subject*, and nothing of our contract."""

    def edit(root: Element) -> None:
        statement = one(root, "//a:AttributeStatement")
        statement[:] = []
        for name, texts in values.items():
            attribute = etree.SubElement(statement, f"{SAML}Attribute", Name=name)
            for text in texts:
                etree.SubElement(attribute, f"{SAML}AttributeValue").text = text
        one(root, "//a:NameID").text = subject
        etree.indent(root)

    return edit


def by(issuer: str, *edits: Edit, org: str = "hooli", **recipe: Any) -> Build:
    """Return the build of a handoff by *issuer* for *org*, changed by *edits*, signed with the issuer's key."""

    def build(world: World) -> bytes:
        own = {**_KEYS[issuer], **recipe}
        root = world.tree(**member_of(org))
        all_of(*edits)(root)
        return etree.tostring(world.sign(root, **{**own, "key": key(own["key"])}))

    return build


def partner(values: Mapping[str, tuple[str, ...]], *edits: Edit, **how: Any) -> Build:
    """Return the build of what the partner states about Pat, changed by *edits*."""
    return by("partner", states(values), *edits, **how)


def directory(values: Mapping[str, tuple[str, ...]], *edits: Edit, **how: Any) -> Build:
    """Return the build of what the directory states about Sam, changed by *edits*."""
    return by("directory", states(values, "sam-1"), *edits, **how)


def of_the_partner(name: str, because: str, build: Build, **more: Any) -> Case:
    """Return the case of a document of the partner, which signs assertions."""
    return Case(**{"name": name, "because": because, "build": build, "org": "hooli", "signed": "assertion", "issuer": "partner",
                   "binding": None, **more})  # fmt: skip


def of_the_directory(name: str, because: str, build: Build, **more: Any) -> Case:
    """Return the case of a document of the directory, which signs responses."""
    return of_the_partner(name, because, build, **{"signed": "response", "issuer": "directory", **more})
