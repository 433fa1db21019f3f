"""Recording a walk: every hop of the browser with its timing, and the document that it posted, as a transcript.

The law: a hop is recorded as the browser met it, masked before it is kept; of cookies only the names are.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from bridge.clock import utc_now
from bridge.harness.browser import Browser, Form, Page
from bridge.harness.walk import Hop
from bridge.inspect.source import Source
from bridge.saml.verify import Question
from bridge.transcript.masking import Mask
from bridge.transcript.model import Hop as RecordedHop
from bridge.transcript.model import JudgedDocument, Transcript
from bridge.transcript.record import recorded_document


class TimedBrowser(Browser):
    """A browser that remembers how, when and how long it asked last; seconds of a clock that only goes forward."""

    method = "GET"
    began = 0.0
    took = 0.0

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Page:
        """Open *url*."""
        return self._timed("GET", lambda: super(TimedBrowser, self).get(url, headers=headers))

    def submit(self, form: Form, extra: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None) -> Page:
        """Submit *form*."""
        return self._timed(form.method.upper(), lambda: super(TimedBrowser, self).submit(form, extra, headers=headers))

    def _timed(self, method: str, ask: Callable[[], Page]) -> Page:
        self.method, self.began = method, time.perf_counter()
        page = ask()
        self.took = time.perf_counter() - self.began
        return page


@dataclass
class Recording:
    """What was recorded so far of the sign-in of `browser`."""

    browser: TimedBrowser = field(default_factory=TimedBrowser)
    _mask: Mask = field(default_factory=lambda: Mask(secrets.token_bytes))
    _hops: list[RecordedHop] = field(default_factory=list)
    _first: float | None = None
    _posted: tuple[Source, Question] | None = None
    _document: JudgedDocument | None = None
    _reference: str = ""

    def hop(self, hop: Hop) -> None:
        """Record the hop that the browser has just made, until the sign-in is `ended`."""
        if self._document is not None:
            return
        page, began = hop.page, self.browser.began
        self._first = began if self._first is None else self._first
        self._hops.append(
            RecordedHop(
                title=hop.title,
                method=self.browser.method,
                url=self._mask.url(page.url),
                status=page.status,
                location=self._mask.url(page.location),
                cookies_held=tuple(sorted({cookie.name for cookie in self.browser.session.cookies})),
                at_ms=round((began - self._first) * 1000),
                took_ms=round(self.browser.took * 1000),
            )
        )

    def posts(self, source: Source, question: Question, *, reference: str) -> None:
        """Remember what is posted next, and what it is judged by."""
        self._posted, self._reference = (source, question), reference

    def ended(self) -> None:
        """Record the document that was posted and accepted, and no hop after it."""
        if self._posted is not None:
            self._document = recorded_document(*self._posted, mask=self._mask, unspent="pass")

    def write(self, path: Path) -> None:
        """Write the transcript; raises `click.ClickException` where the file cannot be written."""
        transcript = Transcript(made_at=utc_now(), reference=self._reference, hops=tuple(self._hops), document=self._document)
        try:
            transcript.write(path)
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror}") from error
        click.echo(f"\nRecorded to {path}: values masked, for `cellbridge replay`.")
