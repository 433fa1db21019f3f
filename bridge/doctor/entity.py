"""Who a SAML metadata document is about, and where it says that it is reached. Pure.

The law: a document that cannot be read is about nobody; nothing in it is trusted for having been read.
"""

from dataclasses import dataclass
from typing import Literal

from bridge.errors import HandoffError
from bridge.saml import names
from bridge.saml.xml import read_document

Role = Literal["IDPSSODescriptor", "SPSSODescriptor"]
_PLACES = {"IDPSSODescriptor": "SingleSignOnService", "SPSSODescriptor": "AssertionConsumerService"}


@dataclass(frozen=True, slots=True)
class Entity:
    """The entity ID, and the addresses of the role that was asked for, in their order."""

    entity_id: str
    locations: tuple[str, ...]


def read_entity(raw: bytes, role: Role) -> Entity | None:
    """Return what *raw* says of one entity in *role*, None where it is no such metadata."""
    try:
        root = read_document(raw).root
    except (HandoffError, ValueError):
        return None
    roles = root.findall(f"{{{names.MD}}}{role}")
    if root.tag != f"{{{names.MD}}}EntityDescriptor" or len(roles) != 1:
        return None
    places = roles[0].findall(f"{{{names.MD}}}{_PLACES[role]}")
    return Entity(root.get("entityID", ""), tuple(place.get("Location", "") for place in places))
