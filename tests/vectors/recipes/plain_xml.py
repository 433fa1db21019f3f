"""What the recipes of markup share: a handoff that is no plain XML any more."""

from collections.abc import Callable
from typing import Any

from tests.vectors.recipes.case import Case
from tests.vectors.world import World

MALFORMED, SCHEMA, ATTRIBUTE = "handoff.malformed", "handoff.schema", "handoff.attribute"
EMAIL = ">dana@acme.example<"
ROOT = "<samlp:Response"


def malformed(name: str, because: str, threat: int, build: Callable[[World], bytes], *, mark: bytes = b"", **more: Any) -> Case:
    """Return the case of a document that check 2 refuses."""
    return Case(name=name, because=because, build=build, threat=threat, expect=MALFORMED, mark=mark, **more)


def respelled(name: str, because: str, threat: int, *changes: tuple[str, str], mark: bytes = b"", **more: Any) -> Case:
    """Return the case of a signed handoff with pieces of its text replaced."""
    return malformed(name, because, threat, lambda world: world.respelled(*changes), mark=mark, **more)
