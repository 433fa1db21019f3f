"""Check 14 where the issuer does not speak cellbridge/1: its own attributes, read as the trust's map says.

The law: a foreign issuer says who somebody is, and nothing else. Its provider name, whose addresses it vouches for and the
organization are ours to say; it binds no browser, sends nobody anywhere, and what the map does not name is not read.
"""

import hashlib
from collections.abc import Mapping, Sequence

from lxml import etree

from bridge.contract import Claims, one
from bridge.errors import HandoffAttribute
from bridge.handoff import new_reference, org_home
from bridge.identity import NO_EVIDENCE, Email, EmailEvidence, ExternalIdentity, IdentityKey
from bridge.saml import names
from bridge.saml.signature import SignedHandoff
from bridge.saml.trust import AttributeMap, Endpoint
from bridge.saml.xml import path_of

NAME_ID = "NameID"


def sources(
    values: Mapping[str, list[etree._Element]], *, attribute_map: AttributeMap, name_id: etree._Element
) -> dict[str, list[etree._Element]]:
    """Return `claim -> the elements that hold its values`; *values* are the assertion's, by exact Name."""
    stated = {**values, NAME_ID: [name_id]}
    return {claim: stated[source] for claim, source in attribute_map.sources if source in stated}


def claims_of(
    texts: Mapping[str, Sequence[str]], *, attribute_map: AttributeMap, signed: SignedHandoff, endpoint: Endpoint
) -> Claims:
    """Return the claims in *texts* (claim -> values): `extern_uid` is required, whatever else the map names may be missing.

    The organization is the endpoint's, which check 10 found in the audience. Raises `MalformedValue` with the claim as `field`.
    """
    found = {claim: one(texts, claim) if claim in texts else None for claim in ("email", "name", "username")}
    email = None if found["email"] is None else Email(found["email"])
    vouched = email is not None and email.domain in attribute_map.verified_domains
    return Claims(
        identity=ExternalIdentity(
            key=IdentityKey(provider=attribute_map.provider, uid=one(texts, "extern_uid")),
            email=email,
            evidence=EmailEvidence(verified=True, rule=f"trust.{attribute_map.provider}") if vouched else NO_EVIDENCE,
            name=found["name"],
            username=found["username"],
        ),
        org_id=endpoint.org_id,
        org_path=endpoint.org_path,
        return_to=org_home(endpoint.org_path),
        binding=None,
        reference=_reference_of(signed),
    )


def _reference_of(signed: SignedHandoff) -> str:
    """Return a reference of our own; made from issuer and ID, so that one document has one in every log."""
    named = f"{signed.signer.entity_id}\n{signed.assertion.get('ID')}".encode()
    return new_reference(lambda count: hashlib.sha256(named).digest()[:count])


def check_name_id(name_id: etree._Element, *, attribute_map: AttributeMap, issuer: str) -> None:
    """Refuse a NameID that names nobody for good, where the map reads it (core 8.3.7, 8.3.8). Raises `HandoffAttribute`."""
    if NAME_ID not in (source for _claim, source in attribute_map.sources):
        return
    # A transient one is new each time: nobody would ever be found again, and two people may be given the same one in turn.
    if (form := name_id.get("Format")) == names.TRANSIENT:
        raise HandoffAttribute(expected="a NameID that lasts", received=form, node=path_of(name_id))
    # A value from somebody else's name space would be another person's here.
    if (qualifier := name_id.get("NameQualifier", issuer)) != issuer:
        raise HandoffAttribute(expected=f"NameQualifier {issuer}", received=qualifier, node=path_of(name_id))
