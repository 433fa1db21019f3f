"""The last step of the legacy cell: find the organization, issue the handoff, sign it, and let the browser carry it over.

The law: where it goes and for whom it is valid is the topology's answer for this identity, never a request's parameter.
"""

from datetime import timedelta

import structlog
from flask import Response

from bridge.handoff import Handoff, binding_of
from bridge.identity import ExternalIdentity
from bridge.oauth.attempt import LoginAttempt
from bridge.web import pages
from idp.cell import LegacyCell

log = structlog.get_logger()


def hand_over(cell: LegacyCell, identity: ExternalIdentity, attempt: LoginAttempt, browser_secret: str) -> Response:
    """Return the page that posts a fresh handoff for *identity* to its organization's endpoint.

    Raises `OrgUnknown`, `ProviderEmailMissing` and `TopologyUnavailable`.
    """
    route = cell.topology.locate(identity)
    handoff = Handoff.issue(
        issuer=cell.config.saml.entity_id,
        identity=identity,
        route=route,
        return_to=attempt.return_to,
        binding=binding_of(browser_secret),
        reference=attempt.reference,
        lifetime=timedelta(seconds=cell.config.saml.lifetime_seconds),
        now=cell.clock(),
        random_bytes=cell.random_bytes,
    )
    response = cell.responses.write(handoff, cell.keys.current().active, random_bytes=cell.random_bytes)
    log.info(
        "handoff.issued",
        handoff_id=handoff.id,
        org_id=route.org_id,
        owning_cell_id=route.cell_id,
        provider=identity.key.provider,
    )
    return pages.handoff(
        acs_url=route.acs_url,
        saml_response=response.base64,
        relay_state=handoff.relay_state,
        org_name=route.org_name or route.org_path,
    )
