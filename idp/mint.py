"""Mint one signed response for tests and support, with the very steps of a sign-in.

The law: it finds the organization in the topology and signs with the active key; only the identity, the time and the browser's
secret are the caller's.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.clock import utc_now
from bridge.config import IdpConfig
from bridge.errors import RequestMalformed
from bridge.handoff import Handoff, binding_of, new_reference
from bridge.identity import Email, EmailEvidence, ExternalIdentity, IdentityKey, MalformedValue
from bridge.keys import KeyRing
from bridge.saml.sign import SignedResponse
from bridge.topology.client import open_topology
from idp.responses import Responses

EVIDENCE_RULE = "mint.operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to mint: for whom, in which organization, as of when (aware, UTC), for which browser (None: for nobody's)."""

    org_path: str
    email: str
    provider: str
    uid: str
    at: datetime
    binding_secret: str | None


def mint(config: IdpConfig, wanted: Wanted) -> SignedResponse:
    """Return the signed response; the email counts as verified, by the operator's own word.

    Raises `OrgUnknown`, `TopologyUnavailable`, `KeyRingError`, and `RequestMalformed` for a value that is not of its form.
    """
    topology = open_topology(
        config.topology, public_url=config.service.public_url, acs_path=config.saml.acs_path, clock=utc_now
    )
    try:
        handoff = Handoff.issue(
            issuer=config.saml.entity_id,
            identity=ExternalIdentity(
                key=IdentityKey(wanted.provider, wanted.uid),
                email=Email(wanted.email),
                evidence=EmailEvidence(verified=True, rule=EVIDENCE_RULE),
            ),
            route=topology.locate_path(wanted.org_path),
            return_to=None,
            binding=binding_of(wanted.binding_secret or secrets.token_urlsafe(32)),
            reference=new_reference(secrets.token_bytes),
            lifetime=timedelta(seconds=config.saml.lifetime_seconds),
            now=wanted.at,
            random_bytes=secrets.token_bytes,
        )
    except MalformedValue as error:
        raise RequestMalformed(reason=str(error)) from error
    key = KeyRing.configured(config.saml).active
    return Responses.configured(config).write(handoff, key, random_bytes=secrets.token_bytes)
