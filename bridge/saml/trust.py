"""Whom an endpoint trusts, and what it is: trusted issuers with their pinned keys, the endpoint of one organization.

The law: keys are fixed by configuration before a document is read; what a message says about its own key is never used.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridge.sections import FOREIGN_PREFIX, Trust

Signed = Literal["response", "assertion", "both"]
Binding = Literal["bound", "confirm", "unsafe_unbound"]
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
    """The public key of a pinned certificate, its kind, and until when it counts (UTC)."""

    key: RSAPublicKey | EllipticCurvePublicKey
    expires_at: datetime
    kind: Literal["rsa", "ecdsa"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeMap:
    """How to read an issuer that does not speak cellbridge/1.

    `provider` is what its identities are filed under. `sources` pairs a claim (`extern_uid`, `email`, `name`, `username`) with
    the exact Name of an attribute, or with `NameID`. Addresses of `verified_domains` count as verified, and no others.
    """

    provider: str
    sources: tuple[tuple[str, str], ...]
    verified_domains: frozenset[str]

    @classmethod
    def from_config(cls, trust: Trust) -> Self | None:
        """Return the map that one `[[trust]]` table spells out, None where its issuer speaks cellbridge/1."""
        if trust.attributes is None:
            return None
        return cls(
            provider=trust.provider,
            sources=tuple(trust.attributes.model_dump(exclude_none=True).items()),
            verified_domains=frozenset(trust.email_verified_domains),
        )


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer whose handoffs count: a legacy cell, or a foreign one where there is an `attribute_map`.

    `skew` is added on both sides of every time window; `max_lifetime` is the longest time from IssueInstant to NotOnOrAfter;
    `signed` says what must carry a signature; `providers` are those whose identities a legacy cell may assert, None for all
    that an organization allows. Raises `ValueError` for a certificate whose key is too weak.
    """

    entity_id: str
    certificates: tuple[x509.Certificate, ...]
    skew: timedelta
    max_lifetime: timedelta
    signed: Signed
    attribute_map: AttributeMap | None = None
    providers: frozenset[str] | None = None
    keys: tuple[PinnedKey, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.entity_id or not self.certificates:
            raise ValueError("a trusted issuer needs an entity ID and at least one certificate")
        object.__setattr__(self, "keys", tuple(_pin(certificate) for certificate in self.certificates))

    def may_assert(self, provider: str) -> bool:
        """Whether a legacy cell's word counts for identities of *provider*: for a foreign issuer's people, never."""
        return not provider.startswith(FOREIGN_PREFIX) and (self.providers is None or provider in self.providers)


def _pin(certificate: x509.Certificate) -> PinnedKey:
    key = usable_public_key(certificate)
    kind: Literal["rsa", "ecdsa"] = "rsa" if isinstance(key, RSAPublicKey) else "ecdsa"
    return PinnedKey(key=key, expires_at=certificate.not_valid_after_utc, kind=kind)


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """A private key of an organization, which opens assertions that were encrypted to it; `pem` is the same key in PKCS #8."""

    private_key: RSAPrivateKey = field(repr=False)
    pem: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pem = self.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        object.__setattr__(self, "pem", pem.decode("ascii"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The assertion consumer service of one organization, as configured; never taken from the request."""

    org_id: int
    org_path: str
    acs_url: str
    sp_entity_id: str
    binding: Binding
    decryption_keys: tuple[DecryptionKey, ...] = field(default=(), repr=False)
    require_encryption: bool = False
