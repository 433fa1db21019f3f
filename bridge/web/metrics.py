"""What is counted, for Prometheus.

The law: labels come from code and configuration, never from a request, so that nobody can fill the memory with new series.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from bridge.web.expiry import CertificateLife, ExpiryCollector

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def count_across_workers(directory: Path) -> None:
    """Let all processes that are forked from this one count into files of *directory*; call before any `Metrics` is made.

    prometheus-client chooses its way of counting when it is imported, which is long before a server knows its directory.
    """
    os.environ[DIRECTORY_VARIABLE] = str(directory)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


class Metrics:
    """The counters of one service."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._registry = CollectorRegistry()
        self._expiry: ExpiryCollector | None = None
        common: dict[str, Any] = {"registry": self._registry}
        self._refusals = Counter("cellbridge_refusals", "Refused requests by code.", ("service", "code"), **common)
        self._sign_ins = Counter(
            "cellbridge_sign_ins", "Sign-ins by provider and outcome.", ("service", "provider", "outcome"), **common
        )
        self._requests = Histogram(
            "cellbridge_request_seconds",
            "Time to answer, by route template.",
            ("service", "route", "status"),
            buckets=_SECONDS,
            **common,
        )

    def refusal(self, code: str) -> None:
        """Count a refusal under its inner *code*."""
        self._refusals.labels(self._service, code).inc()

    def sign_in(self, *, provider: str, outcome: str) -> None:
        """Count a sign-in: the configured *provider*'s name, and the outcome (`known`, `linked`, `created`, `handed_over`)."""
        self._sign_ins.labels(self._service, provider, outcome).inc()

    def request(self, *, route: str, status: int, seconds: float) -> None:
        """Observe one request by its route template and status."""
        self._requests.labels(self._service, route, str(status)).observe(seconds)

    def watch_certificates(self, read: Callable[[], Iterable[CertificateLife]]) -> None:
        """Show how long the certificates that *read* returns are still valid; every worker knows the same ones."""
        self._expiry = ExpiryCollector(self._service, read)

    def render(self) -> bytes:
        """Return all counts in the Prometheus text format, summed over the workers where they count across processes."""
        registry = self._registry
        if DIRECTORY_VARIABLE in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry) + self._render_expiry()

    def _render_expiry(self) -> bytes:
        if self._expiry is None:
            return b""
        registry = CollectorRegistry()
        registry.register(self._expiry)
        return generate_latest(registry)
