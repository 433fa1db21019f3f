"""Judging a transcript again: the endpoint's checks over the masked document. Pure.

The law: a check that needs what the mask took away (form, signature, cookie, second opinion, store) is never said to have been
asked again; its recorded word is repeated. Every other check is the endpoint's own, asked anew.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from cryptography import x509

from bridge.errors import HandoffError
from bridge.inspect.certificates import fingerprint_of
from bridge.saml import checks, names
from bridge.saml.checks import Check
from bridge.saml.conditions import Arrived, window_of
from bridge.saml.signature import Received, SignedHandoff
from bridge.saml.trust import Endpoint, TrustedIssuer
from bridge.saml.verify import Question, walk
from bridge.transcript.model import CheckLine, JudgedDocument, Signer, TranscriptUnreadable, Verdict

ALWAYS_RECORDED = frozenset(
    check.number for check in (checks.FORM, checks.SIGNATURE, checks.BINDING, checks.SECOND_OPINION, checks.UNSPENT)
)
_SAY_NO_VALUE = frozenset(check.number for check in (checks.FORM, checks.SIGNATURE, checks.BINDING, checks.UNSPENT))
_RECORDED = {"judged": "recorded"}
_HIDDEN = {"expected": "[hidden]", "received": "[hidden]"}
_EXPECTED = "a signature by a key of the given certificates, none of them expired"
_SIGNED_BY = "a signature by {}"

Given = TypeVar("Given")
Opened = TypeVar("Opened")


class _Blocked(Exception):
    """Raised to end the walk where nothing is left to read."""


def replay(
    document: JudgedDocument, *, at: datetime | None = None, trust: tuple[x509.Certificate, ...] | None = None
) -> tuple[CheckLine, ...]:
    """Return what the eighteen checks say about *document* at *at*, the recorded time where None.

    With *trust* its signature counts if one of these certificates is known to have made it. Raises `TranscriptUnreadable`.
    """
    reader = _Reader(document, at or document.judged_at, trust)
    try:
        with suppress(_Blocked):
            reader.read()
    except ValueError as error:
        raise TranscriptUnreadable(f"is no transcript: {error}") from error
    return tuple(reader.found.get(line.number) or line.model_copy(update=_RECORDED) for line in document.checks)


def certificates_of(signer: Signer) -> tuple[x509.Certificate, ...]:
    """Return the certificates of *signer*; raises `ValueError`."""
    return tuple(x509.load_pem_x509_certificate(pem.encode()) for pem in signer.certificates)


@dataclass
class _Reader:
    document: JudgedDocument
    now: datetime
    trust: tuple[x509.Certificate, ...] | None
    found: dict[int, CheckLine] = field(default_factory=dict)

    def read(self) -> None:
        recorded = {line.number: line for line in self.document.checks}
        self._recorded = recorded
        if self._repeats(checks.XML):
            raise _Blocked
        try:
            document = checks.XML.judge(self.document.masked_xml.encode())
        except HandoffError as refusal:
            self._note(checks.XML, refusal)
            raise _Blocked from refusal
        self._note(checks.XML, None)
        facts = self.document.endpoint
        endpoint = Endpoint(facts.org_id, facts.org_path, facts.acs_url, facts.sp_entity_id, facts.binding)
        question = Question(trust={}, endpoint=endpoint, now=self.now, binding_secret=None, second_opinion=None)
        walk(document, question, self)

    def __call__(self, check: Check[Given, Opened], given: Given, /) -> Opened:
        """Ask *check* again, or repeat what was recorded."""
        if check is checks.SIGNATURE:
            return cast("Opened", self._signature(cast("Received", given)))
        if self._repeats(check):
            return cast("Opened", self._read_on(check, given))
        try:
            opened = check.judge(given)
        except HandoffError as refusal:
            self._note(check, refusal)
            return cast("Opened", self._read_on(check, given))
        self._note(check, None)
        return opened

    def _repeats(self, check: Check[Any, Any]) -> bool:
        line = self._recorded.get(check.number)
        return line is None or line.judged == "recorded"

    def _note(self, check: Check[Any, Any], refusal: HandoffError | None) -> None:
        line = self._recorded[check.number]
        outcome: Verdict = "pass" if refusal is None else "fail"
        said = {"code": "", "expected": "", "received": "", "node": ""}
        if refusal is not None:
            evidence = {"expected": refusal.expected, "received": refusal.received, "node": refusal.node}
            said = {"code": refusal.code, **evidence}
        self.found[check.number] = line.model_copy(update={**said, "outcome": outcome, "judged": "again"})

    def _read_on(self, check: Check[Any, Any], given: object) -> object:
        """Return what *check* opens where it can be read without its consent; raises `_Blocked` where not."""
        if check is checks.ATTRIBUTES:
            raise _Blocked
        if check is checks.TIME:
            try:
                return window_of(cast("Arrived", given).signed)
            except HandoffError as refusal:
                raise _Blocked from refusal
        return None

    def _signature(self, received: Received) -> SignedHandoff:
        """Return the masked tree as check 7 would have given the original, if its record lets anything be read."""
        facts, root = self.document.signer, received.document.root
        assertions = list(root.iterchildren(names.ASSERTION))
        if self.trust is not None:
            self._judge_trust(self.trust, timedelta(0))
        if facts is None or not self.document.signed_by or len(assertions) != 1:
            raise _Blocked
        signer = TrustedIssuer(
            entity_id=facts.entity_id,
            certificates=certificates_of(facts),
            skew=timedelta(seconds=facts.skew_seconds),
            max_lifetime=timedelta(seconds=facts.max_lifetime_seconds),
            signed=facts.signed,
            providers=None if facts.providers is None else frozenset(facts.providers),
        )
        if self.trust is None and self.now != self.document.judged_at:
            self._judge_trust(signer.certificates, signer.skew)
        return SignedHandoff(assertions[0], root if self.document.signed_response else None, signer, received.document)

    def _judge_trust(self, certificates: Iterable[x509.Certificate], skew: timedelta) -> None:
        """Say what check 7 says if *certificates* are trusted now: whose key signed stands in the record."""
        made_it = [one for one in certificates if fingerprint_of(one) in self.document.signed_by]
        said = {"code": "", "expected": "", "received": "", "node": "", "outcome": "pass"}
        if not any(self.now - skew < one.not_valid_after_utc for one in made_it):
            known = ", ".join(self.document.signed_by) or "a key that nobody knows"
            evidence = {"expected": _EXPECTED, "received": _SIGNED_BY.format(known)}
            said = {"code": checks.SIGNATURE.code, "node": "", "outcome": "fail", **evidence}
        self.found[checks.SIGNATURE.number] = self._recorded[checks.SIGNATURE.number].model_copy(update=said)


def settled(document: JudgedDocument) -> JudgedDocument:
    """Return *document* so that a replay gives what its checks say, and with no word of the original in their evidence.

    A check whose masked form does not tell what the original told is marked as recorded.
    """
    for _ in checks.CHECKS:
        now = replay(document)
        pairs = zip(document.checks, now, strict=True)
        differing = next((one for one, again in pairs if (one.outcome, one.code) != (again.outcome, again.code)), None)
        if differing is None:
            return document.model_copy(update={"checks": tuple(map(_without_values, now))})
        lines = (line.model_copy(update=_RECORDED) if line is differing else line for line in document.checks)
        document = document.model_copy(update={"checks": tuple(lines)})
    raise AssertionError("a check that is repeated from the record differs from the record")


def _without_values(line: CheckLine) -> CheckLine:
    """Return *line*; what it expected and received is hidden where that was said of the original and may quote it."""
    quotes = line.judged == "recorded" and line.outcome == "fail" and line.number not in _SAY_NO_VALUE
    return line.model_copy(update=_HIDDEN) if quotes else line
