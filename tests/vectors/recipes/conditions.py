"""What the recipes of conditions share: one handoff, edited before it is signed, and where its parts stand."""

from collections.abc import Callable

from bridge.saml import names
from bridge.saml.trust import Signed
from tests.saml.forge import Edit
from tests.vectors.recipes.case import Case
from tests.vectors.world import World

SAML, SAMLP = f"{{{names.SAML}}}", f"{{{names.SAMLP}}}"
SCHEMA = "handoff.schema"
ASSERTION = "Response/Assertion"
CONDITIONS = f"{ASSERTION}/Conditions"
CONFIRMATION = f"{ASSERTION}/Subject/SubjectConfirmation"
DATA = f"{CONFIRMATION}/SubjectConfirmationData"


def edited(
    name: str,
    because: str,
    threat: int,
    expect: str,
    edit: Edit | Callable[[World], Edit],
    node: str = "",
    *,
    mark: bytes = b"",
    check: int | None = None,
    signed: Signed = "response",
) -> Case:
    """Return the case of a handoff that was edited before it was signed."""
    return Case(
        name=name,
        because=because,
        build=lambda world: world.signed(edit),  # type: ignore[arg-type]
        threat=threat,
        expect=expect,
        node=node,
        mark=mark,
        check=check,
        signed=signed,
    )
