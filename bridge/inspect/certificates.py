"""The certificates that a document carries and those that are trusted, side by side. Pure.

The law: a certificate in a document proves nothing; it is trusted only if the configuration holds the very same.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from lxml import etree

from bridge.saml import names
from bridge.saml.trust import TrustedIssuer, usable_public_key

MAX_CERTIFICATES = 16
_CERTIFICATE = f"{{{names.DS}}}X509Certificate"


@dataclass(frozen=True, slots=True)
class SeenCertificate:
    """One certificate. `fingerprint` is the SHA-256 of its DER in hex; `issuers` are the entity IDs that are trusted by it."""

    fingerprint: str
    subject: str
    starts: datetime
    ends: datetime
    in_document: bool
    issuers: tuple[str, ...]

    @property
    def trusted(self) -> bool:
        """Whether somebody is trusted by this certificate."""
        return bool(self.issuers)


def embedded(root: etree._Element) -> tuple[x509.Certificate, ...]:
    """Return the certificates in *root* that can be read, each once, the first few."""
    found: dict[x509.Certificate, None] = {}
    for element in root.iter(_CERTIFICATE):
        if len(found) == MAX_CERTIFICATES:
            break
        try:
            der = base64.b64decode("".join((element.text or "").split()), validate=True)
            found[x509.load_der_x509_certificate(der)] = None
        except (binascii.Error, ValueError):
            continue
    return tuple(found)


def usable(certificates: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...]:
    """Return those whose key could sign a handoff."""
    return tuple(one for one in certificates if _is_usable(one))


def _is_usable(certificate: x509.Certificate) -> bool:
    try:
        usable_public_key(certificate)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


@lru_cache(maxsize=64)
def fingerprint_of(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the certificate's DER in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def seen_certificates(root: etree._Element | None, trust: Mapping[str, TrustedIssuer]) -> tuple[SeenCertificate, ...]:
    """Return the certificates in the document first, then the trusted ones that are not in it."""
    here = () if root is None else embedded(root)
    trusted: dict[x509.Certificate, list[str]] = {}
    for issuer in trust.values():
        for certificate in issuer.certificates:
            trusted.setdefault(certificate, []).append(issuer.entity_id)
    return tuple(
        SeenCertificate(
            fingerprint=fingerprint_of(certificate),
            subject=_subject(certificate),
            starts=certificate.not_valid_before_utc,
            ends=certificate.not_valid_after_utc,
            in_document=certificate in here,
            issuers=tuple(trusted.get(certificate, ())),
        )
        for certificate in dict.fromkeys((*here, *trusted))
    )


@lru_cache(maxsize=64)
def _subject(certificate: x509.Certificate) -> str:
    try:
        return certificate.subject.rfc4514_string()
    except ValueError:
        return "a subject that cannot be read"
