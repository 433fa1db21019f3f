"""Whom an endpoint trusts, and what it is: trusted issuers with their pinned keys, the endpoint of one organization.

The law: keys are fixed by configuration before a document is read; what a message says about its own key is never used.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

Signed = Literal["response", "assertion", "both"]
MIN_RSA_BITS = 2048
CURVES = ("secp256r1", "secp384r1", "secp521r1")


def usable_public_key(certificate: x509.Certificate) -> RSAPublicKey | EllipticCurvePublicKey:
    """Return the public key of *certificate*: RSA of 2048 bits or more, or ECDSA on P-256, P-384 or P-521.

    Raises `ValueError`.
    """
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise ValueError(f"an RSA key of {key.key_size} bits is too short: {MIN_RSA_BITS} is the least")
        return key
    if isinstance(key, EllipticCurvePublicKey):
        if key.curve.name not in CURVES:
            raise ValueError(f"the curve {key.curve.name} is not one of {', '.join(CURVES)}")
        return key
    raise ValueError("neither an RSA nor an ECDSA key")


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """The public key of a pinned certificate, and until when it counts (UTC)."""

    key: RSAPublicKey | EllipticCurvePublicKey
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """A legacy cell whose handoffs count.

    `skew` is added on both sides of every time window; `max_lifetime` is the longest time from IssueInstant to NotOnOrAfter;
    `signed` says what must carry a signature. Raises `ValueError` for a certificate whose key is too weak.
    """

    entity_id: str
    certificates: tuple[x509.Certificate, ...]
    skew: timedelta
    max_lifetime: timedelta
    signed: Signed
    keys: tuple[PinnedKey, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.entity_id or not self.certificates:
            raise ValueError("a trusted issuer needs an entity ID and at least one certificate")
        keys = tuple(PinnedKey(usable_public_key(one), one.not_valid_after_utc) for one in self.certificates)
        object.__setattr__(self, "keys", keys)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The assertion consumer service of one organization, as configured; never taken from the request."""

    org_id: int
    org_path: str
    acs_url: str
    sp_entity_id: str
    binding: Literal["bound", "unsafe_unbound"]
