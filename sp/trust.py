"""Whose handoffs count: the configured legacy cells and their pinned certificates.

The law: trust comes from files that an administrator placed, never from the message.
"""

from datetime import timedelta

from bridge.config import SpConfig
from bridge.keys import load_certificates
from bridge.saml.trust import TrustedIssuer


def trusted_issuers(config: SpConfig) -> dict[str, TrustedIssuer]:
    """Return the trusted issuers by entity ID; raises `KeyRingError` for a certificate that cannot be read."""
    return {
        trust.entity_id: TrustedIssuer(
            entity_id=trust.entity_id,
            certificates=load_certificates(trust.certificates),
            skew=timedelta(seconds=trust.skew_seconds),
            max_lifetime=timedelta(seconds=trust.max_lifetime_seconds),
            signed=trust.signed,
        )
        for trust in config.trust
    }
