"""What the recipes of encryption share: one handoff for an organization that decrypts, sealed in any way."""

from collections.abc import Callable
from typing import Any

from lxml import etree

from bridge.saml.trust import Signed
from tests.saml.forge import Edit, exclusive, one
from tests.vectors.recipes.case import Build, Case
from tests.vectors.sealing import Sealing, sealed
from tests.vectors.world import World, member_of

Inside = Callable[[bytes], bytes]
ENCRYPTED = "Response/EncryptedAssertion"
MALFORMED, ALGORITHM, SIGNATURE, SCHEMA = "handoff.malformed", "handoff.algorithm", "handoff.signature", "handoff.schema"


def sealing(
    how: Sealing = Sealing(),  # noqa: B008 - it cannot change
    *,
    org: str = "initech",
    edit: Edit = lambda _root: None,
    inside: Inside = lambda assertion: assertion,
    around: Edit = lambda _root: None,
    then: Edit = lambda _root: None,
    parts: Signed | None = None,
    inner: dict[str, Any] | None = None,
    **recipe: Any,
) -> Build:
    """Return the build of a handoff whose assertion is sealed as *how* says, signed where its issuer's trust wants it.

    *edit* changes it before anything is signed, *inside* the text that is sealed, *around* the Response before it is signed,
    *then* all of it. *recipe* signs both, but for the changes of *inner* for the assertion.
    """

    def build(world: World) -> bytes:
        wanted = parts or world.wanted
        root = world.tree(**member_of(org))
        edit(root)
        if wanted in ("assertion", "both"):
            root = world.sign(root, parts="assertion", **recipe, **(inner or {}))
        assertion = one(root, "/p:Response/a:Assertion")
        root.replace(assertion, sealed(inside(exclusive(assertion)), how, world.id("sealed")))
        etree.indent(root)
        around(root)
        if wanted in ("response", "both"):
            root = world.sign(root, parts="response", **recipe)
        then(root)
        return etree.tostring(root)

    return build


def refused(
    name: str,
    because: str,
    build: Build,
    expect: str = MALFORMED,
    *,
    threat: int = 46,
    check: int = 7,
    node: str = ENCRYPTED,
    org: str = "initech",
    **more: Any,
) -> Case:
    """Return the case of an encrypted assertion that is refused."""
    return Case(name=name, because=because, build=build, threat=threat, expect=expect, check=check, node=node, org=org, **more)
