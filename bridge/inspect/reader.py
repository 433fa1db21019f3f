"""The reader of the checks that does not stop: what failed is noted, and what can be read after it is read. Pure.

The law: it asks the endpoint's own checks and judges nothing itself. What it reads on after a failure never undoes the failure.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from bridge.errors import HandoffError
from bridge.inspect.outcome import Outcome, failure, first_failed
from bridge.inspect.untrusted import TrustedByItself, is_nowhere, trusted_by_itself
from bridge.saml import checks
from bridge.saml.checks import Check
from bridge.saml.conditions import Arrived, Window, window_of
from bridge.saml.signature import Received, SignedHandoff
from bridge.saml.verify import Question
from bridge.saml.xml import Document

Given = TypeVar("Given")
Opened = TypeVar("Opened")
OPENERS = frozenset(check.number for check in (checks.SIGNATURE, checks.TIME, checks.ATTRIBUTES))
_OF_AN_ENDPOINT = frozenset(
    check.number for check in (*checks.ADDRESS, checks.ORGANIZATION, checks.BINDING, checks.SECOND_OPINION)
)
_NO_ENDPOINT = "no configuration says whom to trust and which endpoint judges"
_ANYBODYS = "a signature that fits the certificate inside the document, with which anybody can sign"


class Blocked(Exception):
    """Raised to end the walk at a check whose failure leaves nothing to read for the rest."""


@dataclass
class Reader:
    """Collects outcomes; a check that opens something ends the walk if it fails and nothing else opens it."""

    document: Document
    question: Question
    ask_binding: bool
    found: dict[int, Outcome] = field(default_factory=dict)
    signed: SignedHandoff | None = None
    window: Window | None = None
    notes: list[str] = field(default_factory=list)

    def __call__(self, check: Check[Given, Opened], given: Given, /) -> Opened:
        """Put *given* to *check*, note what it says, and return what it opened; raises `Blocked`."""
        if reason := self._reason_not_to_run(check):
            self.found[check.number] = Outcome(check=check, outcome="not_run", reason=reason)
            return cast("Opened", None)
        try:
            opened = check.judge(given)
        except HandoffError as refusal:
            self.document.annotate(refusal)
            self.found[check.number] = failure(check, refusal, self.document)
            opened = cast("Opened", self._read_on(check, given))
            if opened is None and check.number in OPENERS:
                raise Blocked from refusal
        else:
            self.found[check.number] = Outcome(check=check, outcome="pass")
        if isinstance(opened, SignedHandoff):
            self.signed = opened
        if isinstance(opened, Window):
            self.window = opened
        return opened

    def _reason_not_to_run(self, check: Check[Any, Any]) -> str:
        if check.number in _OF_AN_ENDPOINT and is_nowhere(self.question.endpoint):
            return _NO_ENDPOINT
        if check is checks.BINDING and not self.ask_binding:
            return "no binding secret was given"
        if check is checks.ISSUER and self.signed is not None and not self._signer_is_configured():
            return "check 7 failed, and the Issuer names none of the trusted issuers"
        if check is checks.SECOND_OPINION and (failed := first_failed(self.found)):
            return f"check {failed} failed"
        return ""

    def _signer_is_configured(self) -> bool:
        return self.signed is not None and self.signed.signer.entity_id in self.question.trust

    def _read_on(self, check: Check[Any, Any], given: object) -> SignedHandoff | Window | None:
        """Return what *check* would have opened, so that the rest can be read: an old document, or one by an unknown key."""
        with suppress(HandoffError):
            if check is checks.TIME:
                return window_of(cast("Arrived", given).signed)
            if check is checks.SIGNATURE and (by_itself := trusted_by_itself(cast("Received", given), self.question)):
                return self._fits(by_itself)
        return None

    def _fits(self, by_itself: TrustedByItself) -> SignedHandoff:
        try:
            signed = checks.SIGNATURE.judge(by_itself.received)
        except HandoffError as refusal:
            if is_nowhere(self.question.endpoint):  # nobody is trusted: then what is wrong with the signature itself counts
                self.document.annotate(refusal)
                self.found[checks.SIGNATURE.number] = failure(checks.SIGNATURE, refusal, self.document)
            raise
        self.notes.append(by_itself.note)
        if is_nowhere(self.question.endpoint):
            refused = self.found[checks.SIGNATURE.number]
            self.found[checks.SIGNATURE.number] = Outcome(
                check=checks.SIGNATURE,
                outcome="fail",
                code=checks.SIGNATURE.code,
                expected="a signature by a key that a configuration trusts",
                received=_ANYBODYS,
                line=refused.line,
                column=refused.column,
                node=refused.node,
            )
        return signed
