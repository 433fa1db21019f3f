"""The legacy cell's SAML metadata: who it is, and the certificates that its signatures may carry.

The law: what is published is what the key ring holds: active first, then next, then what is retired and may be on its way.
"""

import hashlib

from flask import Blueprint, Response, request

from bridge.config import IdpConfig
from bridge.keys import KeyRing
from bridge.saml.metadata import idp_metadata
from idp.cell import LegacyCell

CONTENT_TYPE = "application/samlmetadata+xml"


def metadata_document(config: IdpConfig, keys: KeyRing | None = None) -> bytes:
    """Return the metadata document (SAML metadata 2.4.3); *keys* are loaded as configured unless given."""
    return idp_metadata(
        entity_id=config.saml.entity_id,
        sso_url=f"{config.service.public_url}/users/sign_in",
        certificates=(keys or KeyRing.configured(config.saml)).published,
    )


def blueprint(cell: LegacyCell) -> Blueprint:
    """Return the route of the metadata; its ETag is the document's own hash, so that all workers agree on it."""
    routes = Blueprint("metadata", __name__)

    @routes.get("/saml/metadata")
    def metadata() -> Response:
        document = metadata_document(cell.config, cell.keys.current())
        response = Response(document, content_type=CONTENT_TYPE)
        response.set_etag(hashlib.sha256(document).hexdigest())
        response.make_conditional(request)
        return response

    return routes
