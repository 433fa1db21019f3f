"""Fetching the issuers' metadata in the background, into the files that the trust is read from.

The law: only a good document about the very issuer replaces the one on disk; whatever else comes, or does not come, changes
nothing. Of all workers on one file, one fetches: what it writes, all of them read.
"""

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from bridge.clock import utc_now
from bridge.errors import KeyRingError
from bridge.fetch import FetchFailed, fetch
from bridge.files import replace_file
from bridge.saml.metadata import read_idp_metadata
from bridge.saml.xml import MAX_XML_BYTES
from bridge.sections import Trust
from bridge.web.logs import trace_of

FIRST_RETRY_SECONDS = 1.0
RETRY_AFTER_SURPRISE_SECONDS = 60.0
ACCEPT = "application/samlmetadata+xml, application/xml;q=0.9, */*;q=0.1"

log = structlog.get_logger()


class Metadata:
    """One issuer's metadata: its URL, and the file that keeps the last good document."""

    def __init__(self, trust: Trust, *, clock: Callable[[], datetime]) -> None:
        if trust.metadata_url is None or trust.metadata_file is None:
            raise ValueError("this issuer has no metadata URL")
        self._entity_id, self._clock = trust.entity_id, clock
        self._url, self._file = trust.metadata_url, trust.metadata_file
        self._refresh_seconds, self._failures = float(trust.refresh_seconds), 0
        self._lead: int | None = None
        self._etag, self._etag_of = "", b""

    def tend(self) -> float:
        """Refresh, and say in the log why that failed; returns after how many seconds to come again: soon after a failure."""
        try:
            self.refresh()
        except (FetchFailed, KeyRingError, OSError) as error:
            self._failures += 1
            log.warning("trust.refresh_failed", issuer=self._entity_id, failures=self._failures, reason=str(error)[:300])
            return min(self._refresh_seconds, FIRST_RETRY_SECONDS * 2.0 ** min(self._failures - 1, 20))
        self._failures = 0
        return self._refresh_seconds

    def refresh(self) -> None:
        """Ask once, if this process is the one to ask, and keep what is good.

        Raises `FetchFailed`, `KeyRingError` and `OSError`, and then nothing has changed.
        """
        if not self._leads():
            return
        kept = self._kept()
        headers = {"Accept": ACCEPT}
        if self._etag and hashlib.sha256(kept).digest() == self._etag_of:
            headers["If-None-Match"] = self._etag
        answer = fetch(self._url, max_bytes=MAX_XML_BYTES, headers=headers)
        if answer.status == 304 and "If-None-Match" in headers:
            return
        if answer.status != 200:
            raise FetchFailed(f"the answer is {answer.status}, and redirects are not followed")
        certificates = read_idp_metadata(answer.body, entity_id=self._entity_id, now=self._clock())
        if answer.body != kept:
            replace_file(self._file, answer.body, mode=0o644)
            log.info("trust.metadata_kept", issuer=self._entity_id, certificates=len(certificates))
        self._etag, self._etag_of = answer.etag, hashlib.sha256(answer.body).digest()

    def _kept(self) -> bytes:
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            return b""

    def _leads(self) -> bool:
        """Whether this process asks: the first one that takes the lock, until it ends. Answers then follow one another."""
        if self._lead is None:
            lock = os.open(self._file.with_name(f"{self._file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                return False
            self._lead = lock
        return True


class Refresher:
    """The background thread of one worker: asks for each issuer's metadata in its time, and does a few chores besides.

    A chore is called in the thread and returns after how many seconds it wants to be called again.
    """

    def __init__(
        self, trusts: Iterable[Trust], *, chores: Iterable[Callable[[], float]] = (), clock: Callable[[], datetime] = utc_now
    ) -> None:
        sources = (Metadata(trust, clock=clock) for trust in trusts if trust.metadata_url is not None)
        self._due = dict.fromkeys([*(source.tend for source in sources), *chores], 0.0)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metadata-refresh", daemon=True)

    def start(self) -> None:
        """Begin; the thread ends with its process."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for what it is doing."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while self._due:
            job = min(self._due, key=lambda one: self._due[one])
            if self._stopped.wait(max(0.0, self._due[job] - time.monotonic())):
                return
            try:
                seconds = job()
            except Exception as error:  # noqa: BLE001 - whatever one job meets, the others and its own next turn must come
                log.critical("trust.refresh_broken", trace=trace_of(error))
                seconds = RETRY_AFTER_SURPRISE_SECONDS
            self._due[job] = time.monotonic() + seconds
