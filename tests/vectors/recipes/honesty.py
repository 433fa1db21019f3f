"""What the recipes of honest documents share."""

from collections.abc import Callable
from typing import Any

from bridge.saml import names
from tests.saml.forge import Edit
from tests.vectors.recipes.case import Case
from tests.vectors.world import World

NAME = "//a:Attribute[@Name='name']/a:AttributeValue"
SAMLP = f"{{{names.SAMLP}}}"


def built(name: str, because: str, build: Callable[[World], bytes], **more: Any) -> Case:
    """Return the case of a document that must be accepted."""
    return Case(name=name, because=because, build=build, **more)


def edited(name: str, because: str, edit: Edit, **more: Any) -> Case:
    """Return the case of a handoff that was edited before it was signed."""
    return built(name, because, lambda world: world.signed(edit), **more)


def signed_by(name: str, because: str, *, edit: Edit = lambda _root: None, wanted: str = "response", **recipe: Any) -> Case:
    """Return the case of a handoff that was signed by another recipe."""
    return built(name, because, lambda world: world.signed(edit, **recipe), signed=wanted)
