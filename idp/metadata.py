"""The legacy cell's SAML metadata: who it is, and the certificates that its signatures may carry.

The law: what is published is what the key ring holds, active first, then next.
"""

from flask import Blueprint, Response

from bridge.config import IdpConfig
from bridge.keys import KeyRing
from bridge.saml.metadata import idp_metadata
from idp.cell import LegacyCell

CONTENT_TYPE = "application/samlmetadata+xml"


def metadata_document(config: IdpConfig, keys: KeyRing | None = None) -> bytes:
    """Return the metadata document (SAML metadata 2.4.3); *keys* are loaded from the configured directory unless given."""
    return idp_metadata(
        entity_id=config.saml.entity_id,
        sso_url=f"{config.service.public_url}/users/sign_in",
        certificates=(keys or KeyRing.load(config.saml.keys)).published,
    )


def blueprint(cell: LegacyCell) -> Blueprint:
    """Return the route of the metadata."""
    routes = Blueprint("metadata", __name__)

    @routes.get("/saml/metadata")
    def metadata() -> Response:
        return Response(metadata_document(cell.config, cell.keys), content_type=CONTENT_TYPE)

    return routes
