"""How long certificates are still valid: what the metrics show and the log warns of.

The law: a certificate that ends without a word locks everybody out; a month ahead it is told.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

WARN_BEFORE = timedelta(days=30)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CertificateLife:
    """One certificate of an issuer: the beginning of its SHA-256 in hex, and how long it is valid; negative once expired."""

    issuer: str
    fingerprint: str
    left: timedelta

    @classmethod
    def of(cls, issuer: str, certificate: x509.Certificate, now: datetime) -> "CertificateLife":
        """Return the life of *certificate* at *now* (aware)."""
        return cls(issuer, certificate.fingerprint(hashes.SHA256()).hex()[:16], certificate.not_valid_after_utc - now)

    def warn(self) -> None:
        """Log it if it ends soon or has ended."""
        if self.left <= timedelta(0):
            log.warning("certificate.expired", issuer=self.issuer, fingerprint=self.fingerprint)
        elif self.left <= WARN_BEFORE:
            log.warning("certificate.expires_soon", issuer=self.issuer, fingerprint=self.fingerprint, days_left=self.left.days)


class ExpiryCollector(Collector):
    """The gauge `cellbridge_certificate_expires_seconds`, read afresh at each scrape, so that what left the trust is gone."""

    def __init__(self, service: str, read: Callable[[], Iterable[CertificateLife]]) -> None:
        self._service, self._read = service, read

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge with one series a certificate."""
        gauge = GaugeMetricFamily(
            "cellbridge_certificate_expires_seconds",
            "Seconds until a certificate that signs or is trusted expires; negative once it has.",
            labels=("service", "issuer", "fingerprint"),
        )
        for life in self._read():
            gauge.add_metric([self._service, life.issuer, life.fingerprint], life.left.total_seconds())
        yield gauge
