"""From raw bytes to a `VerifiedHandoff`: the walk through the checks, and the only place that builds one.

The law: a `VerifiedHandoff` exists only when checks 2 to 17 accepted, and holds only what was read from signed bytes. Check 18,
"not spent before", is the account store's, in the transaction that opens the session.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from bridge.contract import Claims
from bridge.errors import HandoffError
from bridge.saml import checks
from bridge.saml.checks import Check
from bridge.saml.claims import Claimed, Stated, is_to_be_confirmed
from bridge.saml.conditions import Arrived, Window
from bridge.saml.form import read_response
from bridge.saml.second_opinion import Asked, SecondOpinion
from bridge.saml.signature import Received, SignedHandoff
from bridge.saml.trust import Endpoint, TrustedIssuer
from bridge.saml.xml import Document

__all__ = ["Ask", "Endpoint", "Question", "TrustedIssuer", "VerifiedHandoff", "read_response", "verify", "walk"]

Given = TypeVar("Given")
Opened = TypeVar("Opened")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a document is judged by: whom we trust, which endpoint, when (aware, UTC), from which browser, by whom else."""

    trust: Mapping[str, TrustedIssuer]
    endpoint: Endpoint
    now: datetime
    binding_secret: str | None
    second_opinion: SecondOpinion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedHandoff:
    """A handoff that every check of a document accepted. Times are aware, UTC.

    `spent_until` is when it could no longer be accepted (NotOnOrAfter and the skew): remember issuer and id until then.
    `to_be_confirmed` says that nothing bound it to this browser: open no session before the person has said yes.
    """

    issuer: str
    handoff_id: str
    claims: Claims
    spent_until: datetime
    authn_context: str
    session_not_on_or_after: datetime
    to_be_confirmed: bool


class Ask(Protocol):
    """A reader of the checks: runs one and returns what it opened, or raises to end the walk."""

    def __call__(self, check: Check[Given, Opened], given: Given, /) -> Opened:
        """Judge *given* by *check*."""


def stop_at_first(check: Check[Given, Opened], given: Given, /) -> Opened:
    """The endpoint's reader: the first refusal is the verdict."""
    return check.judge(given)


def walk(document: Document, question: Question, ask: Ask) -> tuple[SignedHandoff, Window, Claims]:
    """Put checks 3 to 17 to *document*, in order, through *ask*; returns what they opened."""
    for shape in checks.SHAPE:
        ask(shape, document)
    signed = ask(checks.SIGNATURE, Received(document, question.trust, question.now, question.endpoint))
    arrived = Arrived(signed, question.endpoint, question.now)
    for address in checks.ADDRESS:
        ask(address, arrived)
    window = ask(checks.TIME, arrived)
    stated = Stated.by(arrived)
    ask(checks.CONTRACT, stated)
    claims = ask(checks.ATTRIBUTES, stated)
    claimed = Claimed(claims, question.endpoint, question.binding_secret)
    ask(checks.ORGANIZATION, claimed)
    ask(checks.BINDING, claimed)
    ask(checks.SECOND_OPINION, Asked(signed, window.issued_at, question.endpoint, question.second_opinion))
    return signed, window, claims


def verify(
    raw_xml: bytes,
    *,
    trust: Mapping[str, TrustedIssuer],
    endpoint: Endpoint,
    now: datetime,
    binding_secret: str | None,
    second_opinion: SecondOpinion | None,
) -> VerifiedHandoff:
    """Return the handoff in *raw_xml* if checks 2 to 17 accept it for *endpoint* at *now* (aware, UTC).

    *trust* maps entity IDs to trusted issuers, *binding_secret* is the browser's binding cookie, and *second_opinion* is None
    only where the configuration says so. Raises a `HandoffError` with the evidence of the first check that refuses.
    """
    question = Question(trust=trust, endpoint=endpoint, now=now, binding_secret=binding_secret, second_opinion=second_opinion)
    document = checks.XML.judge(raw_xml)
    try:
        signed, window, claims = walk(document, question, stop_at_first)
    except HandoffError as refusal:
        document.annotate(refusal)
        raise
    return VerifiedHandoff(
        issuer=signed.signer.entity_id,
        handoff_id=signed.assertion.get("ID", ""),
        claims=claims,
        spent_until=window.expires_at + signed.signer.skew,
        authn_context=window.authn_context,
        session_not_on_or_after=window.session_ends,
        to_be_confirmed=is_to_be_confirmed(Claimed(claims, endpoint, binding_secret)),
    )
