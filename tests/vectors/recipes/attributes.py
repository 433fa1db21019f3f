"""What the recipes of values share: one handoff with another attribute, and where the attributes stand."""

from typing import Any

from tests.saml.forge import Edit, write
from tests.vectors.recipes.case import Case

ATTRIBUTE = "handoff.attribute"
STATEMENT = "Response/Assertion/AttributeStatement"


# The place of each attribute, as the legacy cell writes them.
_ORDER = ["contract", "email", "name", "username", "email_verified", "email_evidence", "provider", "extern_uid",
          "organization_id", "organization_path", "return_to", "binding", "reference"]  # fmt: skip


def place_of(name: str) -> str:
    """Return where the value of the attribute stands, as a refusal tells it."""
    return f"{STATEMENT}/Attribute[{_ORDER.index(name) + 1}]/AttributeValue"


def path_to(name: str) -> str:
    """Return the XPath of the attribute."""
    return f"//a:Attribute[@Name='{name}']"


def with_value(name: str, because: str, threat: int, attribute_name: str, text: str, **more: Any) -> Case:
    """Return the case of an attribute with another value."""
    return Case(
        name=name,
        because=because,
        build=lambda world: world.signed(write(f"{path_to(attribute_name)}/a:AttributeValue", text)),
        threat=threat,
        **{"expect": ATTRIBUTE, "node": place_of(attribute_name), **more},
    )


def with_edit(name: str, because: str, threat: int, edit: Edit, node: str, expect: str = ATTRIBUTE, **more: Any) -> Case:
    """Return the case of a handoff that was edited before it was signed."""
    return Case(
        name=name, because=because, build=lambda world: world.signed(edit), threat=threat, expect=expect, node=node, **more
    )
