"""What the recipes of signatures share: one handoff, signed by any recipe, changed before or after."""

from typing import Any

from lxml import etree

from bridge.saml import names
from bridge.saml.trust import Signed
from tests.saml.forge import Edit, one, write
from tests.saml.wraps import EVIL
from tests.vectors.recipes.case import Case
from tests.vectors.world import World

SIGNATURE, ALGORITHM, SCHEMA = "handoff.signature", "handoff.algorithm", "handoff.schema"
DS, SAMLP = f"{{{names.DS}}}", f"{{{names.SAMLP}}}"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
TO_EVIL = write("//a:Attribute[@Name='email']/a:AttributeValue", EVIL)
HERE = "Response/Signature"


def signed_by(
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


def within(path: str, edit: Edit) -> Edit:
    """Return the edit of the one element at *path* below SignedInfo."""
    return lambda info: edit(one(info, path))
