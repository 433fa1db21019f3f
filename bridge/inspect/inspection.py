"""The second reader of the checks: runs every one that can still run, and says why the rest could not. Pure.

The law: the checks are the endpoint's own, in its order; the first failure here is the endpoint's refusal.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from bridge.errors import HandoffError
from bridge.inspect.source import Source
from bridge.saml import checks
from bridge.saml.checks import Check
from bridge.saml.claims import Stated
from bridge.saml.conditions import Arrived, Window, window_of
from bridge.saml.names import ISSUER
from bridge.saml.signature import SignedHandoff
from bridge.saml.verify import Question, walk
from bridge.saml.xml import Document

Given = TypeVar("Given")
Opened = TypeVar("Opened")
OPENERS = (checks.SIGNATURE, checks.TIME, checks.ATTRIBUTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one check said. `code` is the refusal's, and empty unless it failed; `reason` says why a check was not run."""

    check: Check[Any, Any]
    outcome: Literal["pass", "fail", "not_run"]
    code: str = ""
    expected: str = ""
    received: str = ""
    line: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All outcomes, by number; `handoff` holds the signed values, and is None unless the signature verified."""

    outcomes: tuple[Outcome, ...]
    handoff: Mapping[str, str] | None

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


class _Blocked(Exception):
    """Raised to end the walk at a check whose failure leaves nothing to read for the rest."""


@dataclass
class _Reader:
    """Collects outcomes; a check that opens something ends the walk if it fails."""

    document: Document
    ask_binding: bool
    found: dict[int, Outcome] = field(default_factory=dict)
    signed: SignedHandoff | None = None

    def __call__(self, check: Check[Given, Opened], given: Given, /) -> Opened:
        if check is checks.BINDING and not self.ask_binding:
            self.found[check.number] = Outcome(check=check, outcome="not_run", reason="no binding secret was given")
            return cast("Opened", None)
        if check is checks.SECOND_OPINION and (failed := self._first_failed()):
            self.found[check.number] = Outcome(check=check, outcome="not_run", reason=f"check {failed} failed")
            return cast("Opened", None)
        try:
            opened = check.judge(given)
        except HandoffError as refusal:
            self.document.annotate(refusal)
            self.found[check.number] = failure(check, refusal)
            if check is checks.TIME:
                return cast("Opened", self._reopened(cast("Arrived", given)))
            if check in OPENERS:
                raise _Blocked from refusal
            return cast("Opened", None)
        self.found[check.number] = Outcome(check=check, outcome="pass")
        if isinstance(opened, SignedHandoff):
            self.signed = opened
        return opened

    def _first_failed(self) -> int | None:
        return next((number for number, outcome in sorted(self.found.items()) if outcome.outcome == "fail"), None)

    @staticmethod
    def _reopened(arrived: Arrived) -> Window:
        """Return the times that a document states, although they are not now: an old document can be read to its end."""
        try:
            return window_of(arrived.signed)
        except HandoffError as error:
            raise _Blocked from error


def failure(check: Check[Any, Any], refusal: HandoffError) -> Outcome:
    """Return the outcome that *refusal* of *check* is."""
    return Outcome(
        check=check,
        outcome="fail",
        code=refusal.code,
        expected=refusal.expected,
        received=refusal.received,
        line=refusal.line,
    )


def inspect(source: Source, question: Question, *, ask_binding: bool) -> Inspection:
    """Return what every check says about *source*; without *ask_binding* the browser's secret is not judged."""
    found: dict[int, Outcome] = {}
    handoff: dict[str, str] | None = None
    try:
        raw_xml = _opened(checks.FORM, source.form, found) if source.form is not None else source.raw_xml
        if source.form is None:
            found[1] = Outcome(check=checks.FORM, outcome="not_run", reason="the document did not come in a form")
        document = _opened(checks.XML, raw_xml, found)
    except _Blocked:
        return Inspection(outcomes=_all(found), handoff=None)
    reader = _Reader(document=document, ask_binding=ask_binding, found=found)
    with suppress(_Blocked):
        walk(document, question, reader)
    if reader.signed is not None:
        handoff = _signed_values(Arrived(reader.signed, question.endpoint, question.now))
    return Inspection(outcomes=_all(found), handoff=handoff)


def _signed_values(arrived: Arrived) -> dict[str, str]:
    """Return what the signed tree states: id, issuer, and each attribute by its exact Name, several values joined by ` | `."""
    assertion = arrived.signed.assertion
    stated = {
        name: " | ".join("".join(value.itertext()) for value in values) for name, values in Stated.by(arrived).values.items()
    }
    return {"handoff_id": assertion.get("ID", ""), "issuer": assertion.findtext(ISSUER) or "", **stated}


def _opened(check: Check[Any, Opened], given: object, found: dict[int, Outcome]) -> Opened:
    try:
        opened = check.judge(given)
    except HandoffError as refusal:
        found[check.number] = failure(check, refusal)
        raise _Blocked from refusal
    found[check.number] = Outcome(check=check, outcome="pass")
    return opened


def _all(found: Mapping[int, Outcome]) -> tuple[Outcome, ...]:
    """Return an outcome for every check: what was not reached is not run, because of the failure before it."""
    blocking = next((number for number, outcome in sorted(found.items(), reverse=True) if outcome.outcome == "fail"), None)
    reasons = {checks.UNSPENT.number: "the store is not asked"}
    return tuple(
        found.get(check.number)
        or Outcome(
            check=check,
            outcome="not_run",
            reason=reasons.get(check.number) or f"check {blocking} left nothing to read",
        )
        for check in checks.CHECKS
    )
