"""Whose handoffs count: the configured issuers and their certificates, from files and from the last good metadata.

The law: trust comes from what an administrator named, never from a message; a request reads one snapshot; and what cannot be
read leaves what was trusted before.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from bridge import sections
from bridge.config import SpConfig
from bridge.errors import KeyRingError
from bridge.files import LOOK_SECONDS, Reloaded
from bridge.keys import load_certificates
from bridge.saml.metadata import read_idp_metadata
from bridge.saml.trust import AttributeMap, TrustedIssuer
from bridge.web.expiry import CertificateLife

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Trust:
    """One snapshot: the trusted issuers by entity ID, and which of their certificates came by metadata.

    An issuer that is known by metadata alone, and whose metadata nobody has fetched yet, is not in `issuers`.
    """

    issuers: Mapping[str, TrustedIssuer]
    fetched: Mapping[str, tuple[x509.Certificate, ...]]


def trusted_issuers(config: SpConfig) -> Mapping[str, TrustedIssuer]:
    """Return the trusted issuers by entity ID, as the files say now; raises `KeyRingError`."""
    return load_trust(config, None).issuers


def live_trust(config: SpConfig, *, monotonic: Callable[[], float] = time.monotonic) -> Reloaded[Trust]:
    """Return the trust of a running cell, which follows certificate files and kept metadata; raises `KeyRingError`."""
    files = [path for trust in config.trust for path in (*trust.certificates, trust.metadata_file) if path is not None]
    for trust in config.trust:
        if trust.metadata_file is not None and not os.access(trust.metadata_file.parent, os.W_OK | os.X_OK):
            raise KeyRingError(
                reason=f"{trust.metadata_file}: the folder must exist and be writable: fetched metadata goes there"
            )
    return Reloaded(files, lambda before: load_trust(config, before), name="trust", monotonic=monotonic)


def load_trust(config: SpConfig, before: Trust | None) -> Trust:
    """Return what the files of *config* say; where the kept metadata is gone or spoiled, what it said in *before*.

    Raises `KeyRingError` for a certificate file that cannot be read.
    """
    fetched = {trust.entity_id: _fetched(trust, before) for trust in config.trust}
    issuers = {}
    for trust in config.trust:
        certificates = tuple(dict.fromkeys((*load_certificates(trust.certificates), *fetched[trust.entity_id])))
        if certificates:
            issuers[trust.entity_id] = TrustedIssuer(
                entity_id=trust.entity_id,
                certificates=certificates,
                skew=timedelta(seconds=trust.skew_seconds),
                max_lifetime=timedelta(seconds=trust.max_lifetime_seconds),
                signed=trust.signed,
                attribute_map=AttributeMap.from_config(trust),
                providers=None if trust.providers is None else frozenset(trust.providers),
            )
    return Trust(issuers, fetched)


def _fetched(trust: sections.Trust, before: Trust | None) -> tuple[x509.Certificate, ...]:
    if trust.metadata_file is None:
        return ()
    so_far = before.fetched.get(trust.entity_id, ()) if before else ()
    try:
        # Its validUntil was judged when it came; a restart without the network must not lose the certificates.
        return read_idp_metadata(trust.metadata_file.read_bytes(), entity_id=trust.entity_id, now=None)
    except OSError as error:
        if before is None and isinstance(error, FileNotFoundError):
            return ()
        reason = f"{trust.metadata_file}: cannot be read: {error.strerror}"
    except KeyRingError as error:
        reason = f"{trust.metadata_file}: {error.reason}"
    log.warning("trust.kept_metadata_unusable", issuer=trust.entity_id, reason=reason, certificates_kept=len(so_far))
    return so_far


def fingerprints(config: SpConfig, trust: Reloaded[Trust]) -> dict[str, list[str]]:
    """Return entity ID -> SHA-256 of the certificates (hex) that every worker on these files trusts from now on.

    A certificate that this worker has just learnt is left out until all the others must have looked, too: a key may be promoted
    on the word of one worker.
    """
    now, *earlier = (_of(snapshot) for snapshot in trust.in_use())
    return {
        issuer.entity_id: [
            one for one in now.get(issuer.entity_id, []) if all(one in old.get(issuer.entity_id, []) for old in earlier)
        ]
        for issuer in config.trust
    }


def _of(snapshot: Trust | None) -> dict[str, list[str]]:
    if snapshot is None:
        return {}
    return {
        entity_id: [one.fingerprint(hashes.SHA256()).hex() for one in issuer.certificates]
        for entity_id, issuer in snapshot.issuers.items()
    }


def look_again(trust: Reloaded[Trust]) -> float:
    """Look at the files also while nobody asks, so that all workers soon say the same; returns the seconds until next time."""
    trust.current()
    return LOOK_SECONDS


def require_trust(trust: Reloaded[Trust], now: datetime) -> None:
    """Return if every worker accepts the handoffs of somebody at *now* (aware); raises `KeyRingError`."""
    for snapshot in trust.in_use():
        if snapshot is not None and not any(
            now < one.not_valid_after_utc for issuer in snapshot.issuers.values() for one in issuer.certificates
        ):
            raise KeyRingError(reason="no certificate of any issuer is there and valid")


def lifetimes(trust: Reloaded[Trust], now: datetime) -> Iterator[CertificateLife]:
    """Yield how long each trusted certificate is still valid at *now* (aware)."""
    for entity_id, issuer in trust.current().issuers.items():
        for certificate in issuer.certificates:
            yield CertificateLife.of(entity_id, certificate, now)


def warn_of_expiry(trust: Reloaded[Trust], now: datetime) -> float:
    """Log each trusted certificate that expires within a month, or has; returns the seconds until the next time: a day."""
    for life in lifetimes(trust, now):
        life.warn()
    return 86400.0
