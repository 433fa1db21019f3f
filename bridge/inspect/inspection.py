"""The second reader of the checks: runs every one that can still run, and says why the rest could not. Pure.

The law: the checks are the endpoint's own, in its order; the first failure here is the endpoint's refusal. What goes on after a
failure is only read, and nothing that only a document's own certificate vouches for is ever called accepted.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from bridge.errors import HandoffError
from bridge.inspect.certificates import SeenCertificate, seen_certificates
from bridge.inspect.decoded import decoded_field, inflated
from bridge.inspect.fields import Field, fields_of
from bridge.inspect.kinds import Kind, kind_of
from bridge.inspect.outcome import Outcome, failure
from bridge.inspect.places import Places
from bridge.inspect.reader import Blocked, Reader
from bridge.inspect.source import Source
from bridge.inspect.untrusted import NOWHERE, is_nowhere
from bridge.saml import checks
from bridge.saml.checks import Check
from bridge.saml.claims import Stated
from bridge.saml.conditions import Arrived, Window
from bridge.saml.names import ISSUER
from bridge.saml.signature import SignedHandoff
from bridge.saml.verify import Question, walk
from bridge.saml.xml import MAX_XML_BYTES, Document

__all__ = ["NOWHERE", "Inspection", "Outcome", "inspect"]

Opened = TypeVar("Opened")


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """All outcomes, by number, and what was read on the way.

    `handoff` holds the signed values, and is None unless check 7 accepted. `raw_xml` is the document as it was decoded, empty
    where nothing was; `signed` what a signature covers, `trusted` whether check 7 accepted it; `window` are its times.
    """

    question: Question
    outcomes: tuple[Outcome, ...]
    handoff: Mapping[str, str] | None = None
    raw_xml: bytes = b""
    document: Document | None = None
    signed: SignedHandoff | None = None
    trusted: bool = False
    window: Window | None = None
    notes: tuple[str, ...] = ()

    @property
    def first_failure(self) -> Outcome | None:
        """The failure at which the endpoint would have stopped."""
        return next((outcome for outcome in self.outcomes if outcome.outcome == "fail"), None)

    @property
    def accepted(self) -> bool:
        """Whether no check failed, and all of 2 to 15 were run: silence is no consent."""
        return self.first_failure is None and all(
            outcome.outcome == "pass" for outcome in self.outcomes if 2 <= outcome.check.number <= 15
        )

    @property
    def has_endpoint(self) -> bool:
        """Whether a configuration said whom to trust and which endpoint judges."""
        return not is_nowhere(self.question.endpoint)

    @cached_property
    def kind(self) -> Kind:
        """What the document is."""
        return kind_of(self.document, self.raw_xml)

    @cached_property
    def places(self) -> Places:
        """Where things stand in the decoded document, or in the beginning of one that is too large to be read."""
        return Places.of(self.raw_xml[:MAX_XML_BYTES])

    @cached_property
    def certificates(self) -> tuple[SeenCertificate, ...]:
        """The certificates of the document, and the trusted ones."""
        return seen_certificates(None if self.document is None else self.document.root, self.question.trust)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Every value of the document, signed or not; those of an assertion that was decrypted, too."""
        if self.document is None:
            return ()
        opened = self.signed.response if self.signed is not None and self.signed.opened_by is not None else None
        return tuple(fields_of(self.document.root if opened is None else opened, self.signed, trusted=self.trusted))


def inspect(source: Source, question: Question, *, ask_binding: bool) -> Inspection:
    """Return what every check says about *source*; without *ask_binding* the browser's secret is not judged.

    With the endpoint `NOWHERE` a document is judged by itself: its structure, and its signature against its own certificate.
    """
    found: dict[int, Outcome] = {}
    raw_xml, document, notes = _document(source, found)
    if document is None:
        return Inspection(question=question, outcomes=_all(found), raw_xml=raw_xml, notes=notes)
    reader = Reader(document=document, question=question, ask_binding=ask_binding, found=found)
    with suppress(Blocked):
        walk(document, question, reader)
    trusted = checks.SIGNATURE.number in found and found[checks.SIGNATURE.number].outcome == "pass"
    return Inspection(
        question=question,
        outcomes=_all(found),
        handoff=_signed_values(reader.signed, question) if trusted and reader.signed is not None else None,
        raw_xml=raw_xml,
        document=document,
        signed=reader.signed,
        trusted=trusted,
        window=reader.window,
        notes=(*notes, *reader.notes),
    )


def _document(source: Source, found: dict[int, Outcome]) -> tuple[bytes, Document | None, tuple[str, ...]]:
    """Put checks 1 and 2 to *source*; where one refuses, what a lenient reader finds is returned to be read on, and noted."""
    notes: tuple[str, ...] = ()
    raw_xml: bytes | None = source.raw_xml
    if source.form is None:
        found[1] = Outcome(check=checks.FORM, outcome="not_run", reason="the document did not come in a form")
    else:
        raw_xml = _opened(checks.FORM, source.form, b"", found)
        if raw_xml is None and (raw_xml := decoded_field(source.form)) is not None:
            notes = ("Check 1 refused the form; what follows was read from it all the same.",)
    if raw_xml is None:
        return b"", None, notes
    document = _opened(checks.XML, raw_xml, raw_xml, found)
    if document is None and (clear := inflated(raw_xml)) is not None:
        notes = (
            "It is compressed (DEFLATE), which no endpoint takes from a form; what follows was read from the text inside.",
        )
        raw_xml = clear
        with suppress(HandoffError):
            document = checks.XML.judge(clear)
    return raw_xml, document, notes


def _signed_values(signed: SignedHandoff, question: Question) -> dict[str, str]:
    """Return what the signed tree states: id, issuer, and each attribute by its exact Name, several values joined by ` | `."""
    values = Stated.by(Arrived(signed, question.endpoint, question.now)).values
    stated = {name: " | ".join("".join(value.itertext()) for value in found) for name, found in values.items()}
    return {"handoff_id": signed.assertion.get("ID", ""), "issuer": signed.assertion.findtext(ISSUER) or "", **stated}


def _opened(check: Check[Any, Opened], given: object, read: bytes, found: dict[int, Outcome]) -> Opened | None:
    try:
        opened = check.judge(given)
    except HandoffError as refusal:
        found[check.number] = failure(check, refusal, read)
        return None
    found[check.number] = Outcome(check=check, outcome="pass")
    return opened


def _all(found: Mapping[int, Outcome]) -> tuple[Outcome, ...]:
    """Return an outcome for every check: what was not reached is not run, because of the failure before it."""
    blocking = next((number for number, outcome in sorted(found.items(), reverse=True) if outcome.outcome == "fail"), None)
    reasons = {checks.UNSPENT.number: "the store is not asked"}
    return tuple(
        found.get(check.number)
        or Outcome(check=check, outcome="not_run", reason=reasons.get(check.number) or f"check {blocking} left nothing to read")
        for check in checks.CHECKS
    )
