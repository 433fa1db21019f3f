"""Checks 8 to 12: issuer, destination, audience, confirmation, time. All documents here are signed by the trusted key."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bridge import errors
from bridge.handoff import MAX_SESSION, UNSPECIFIED_CONTEXT
from bridge.saml import names
from bridge.saml.trust import Signed
from tests.saml.forge import (
    ENDPOINT,
    HANDOFF,
    ISSUER,
    NOW,
    OTHER_ISSUER,
    ROUTE,
    Edit,
    Forge,
    all_of,
    cut,
    drop,
    put,
    twice,
    write,
)

SECOND = timedelta(seconds=1)
SKEW = timedelta(seconds=30)
SCD = "//a:SubjectConfirmationData"
CONDITIONS = "//a:Conditions"
RESPONSE = "/p:Response"
CONFIRMATION = "//a:SubjectConfirmation"
ACS = ROUTE.acs_url
SENDER_VOUCHES = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
ASSERTION = "/p:Response/a:Assertion"


def at(moment: datetime) -> str:
    """Return *moment* as SAML writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


A_MINUTE_AGO = all_of(
    put(RESPONSE, "IssueInstant", at(NOW - 2 * SKEW)),
    put(ASSERTION, "IssueInstant", at(NOW - 2 * SKEW)),
    put(CONDITIONS, "NotBefore", at(NOW - 2 * SKEW)),
    put("//a:AuthnStatement", "AuthnInstant", at(NOW - 2 * SKEW)),
)
REFUSED: dict[str, tuple[type[errors.HandoffError], Edit]] = {
    # 8
    "issuer unknown": (errors.HandoffIssuer, all_of(write(f"{ASSERTION}/a:Issuer", OTHER_ISSUER), cut(f"{RESPONSE}/a:Issuer"))),
    "issuer with a suffix": (errors.HandoffIssuer, write(f"{ASSERTION}/a:Issuer", ISSUER + "/")),
    "issuer in capitals": (errors.HandoffIssuer, write(f"{ASSERTION}/a:Issuer", ISSUER.upper())),
    "issuer empty": (errors.HandoffIssuer, write(f"{ASSERTION}/a:Issuer", "")),
    "issuer with a space": (errors.HandoffIssuer, write(f"{ASSERTION}/a:Issuer", ISSUER + " ")),
    "response issuer differs": (errors.HandoffIssuer, write(f"{RESPONSE}/a:Issuer", OTHER_ISSUER)),
    "response issuer empty": (errors.HandoffIssuer, write(f"{RESPONSE}/a:Issuer", "")),
    "issuer of another format": (errors.HandoffIssuer, put(f"{ASSERTION}/a:Issuer", "Format", names.PERSISTENT)),
    # 9
    "destination missing": (errors.HandoffDestination, drop(RESPONSE, "Destination")),
    "destination empty": (errors.HandoffDestination, put(RESPONSE, "Destination", "")),
    "destination with a suffix": (errors.HandoffDestination, put(RESPONSE, "Destination", ACS + "0")),
    "destination of another org": (errors.HandoffDestination, put(RESPONSE, "Destination", ACS.replace("acme", "globex"))),
    "destination in capitals": (errors.HandoffDestination, put(RESPONSE, "Destination", ACS.replace("cells", "CELLS"))),
    # 10
    "no conditions": (errors.HandoffAudience, cut(CONDITIONS)),
    "no audience restriction": (errors.HandoffAudience, cut("//a:AudienceRestriction")),
    "two audience restrictions": (errors.HandoffAudience, twice("//a:AudienceRestriction")),
    "two audiences": (errors.HandoffAudience, twice("//a:Audience")),
    "audience of another org": (errors.HandoffAudience, write("//a:Audience", ROUTE.sp_entity_id.replace("acme", "globex"))),
    "audience with a suffix": (errors.HandoffAudience, write("//a:Audience", ROUTE.sp_entity_id + "x")),
    "audience empty": (errors.HandoffAudience, write("//a:Audience", "")),
    # 11
    "no subject": (errors.HandoffRecipient, cut("//a:Subject")),
    "no confirmation": (errors.HandoffRecipient, cut(CONFIRMATION)),
    "two confirmations": (errors.HandoffRecipient, twice(CONFIRMATION)),
    "another method": (errors.HandoffRecipient, put(CONFIRMATION, "Method", SENDER_VOUCHES)),
    "empty method": (errors.HandoffRecipient, put(CONFIRMATION, "Method", "")),
    "no confirmation data": (errors.HandoffRecipient, cut(SCD)),
    "recipient missing": (errors.HandoffRecipient, drop(SCD, "Recipient")),
    "recipient empty": (errors.HandoffRecipient, put(SCD, "Recipient", "")),
    "recipient that contains ours": (errors.HandoffRecipient, put(SCD, "Recipient", f"https://evil.example/?u={ACS}")),
    "recipient of another org": (errors.HandoffRecipient, put(SCD, "Recipient", ACS.replace("acme", "globex"))),
    "an answer to a request": (errors.HandoffSolicited, put(RESPONSE, "InResponseTo", "_request")),
    "a confirmation of a request": (errors.HandoffSolicited, put(SCD, "InResponseTo", "_request")),
    # 12
    "no end of the conditions": (errors.HandoffLifetime, drop(CONDITIONS, "NotOnOrAfter")),
    "no end of the confirmation": (errors.HandoffLifetime, drop(SCD, "NotOnOrAfter")),
    "ten years": (errors.HandoffLifetime, put(CONDITIONS, "NotOnOrAfter", "2036-07-01T12:00:00Z")),
    "ten years of confirmation": (errors.HandoffLifetime, put(SCD, "NotOnOrAfter", "2036-07-01T12:00:00Z")),
    "one second too long": (errors.HandoffLifetime, put(SCD, "NotOnOrAfter", at(NOW + timedelta(seconds=301)))),
    "the end of time": (errors.HandoffLifetime, put(SCD, "NotOnOrAfter", "9999-12-31T23:59:59Z")),
    "an end before the start": (errors.HandoffLifetime, put(CONDITIONS, "NotBefore", at(NOW + timedelta(seconds=60)))),
    "local time": (errors.HandoffLifetime, put(CONDITIONS, "NotOnOrAfter", "2026-07-01T12:01:00")),
    "an offset": (errors.HandoffLifetime, put(SCD, "NotOnOrAfter", "2026-07-01T14:01:00+02:00")),
    "an offset of zero": (errors.HandoffLifetime, put(ASSERTION, "IssueInstant", "2026-07-01T12:00:00+00:00")),
    "hour 24": (errors.HandoffLifetime, put(CONDITIONS, "NotBefore", "2026-06-30T24:00:00Z")),
    "response issue instant local": (errors.HandoffLifetime, put(RESPONSE, "IssueInstant", "2026-07-01T12:00:00")),
    "issued in the future": (errors.HandoffNotYetValid, put(ASSERTION, "IssueInstant", at(NOW + SKEW + SECOND))),
    "sent in the future": (errors.HandoffNotYetValid, put(RESPONSE, "IssueInstant", at(NOW + SKEW + SECOND))),
    "not before a minute": (errors.HandoffNotYetValid, put(CONDITIONS, "NotBefore", at(NOW + SKEW + SECOND))),
    "confirmed in the future": (errors.HandoffNotYetValid, put(SCD, "NotBefore", at(NOW + SKEW + SECOND))),
    "signed in in the future": (errors.HandoffNotYetValid, put("//a:AuthnStatement", "AuthnInstant", at(NOW + SKEW + SECOND))),
    "conditions over": (errors.HandoffExpired, all_of(A_MINUTE_AGO, put(CONDITIONS, "NotOnOrAfter", at(NOW - SKEW)))),
    "confirmation over": (errors.HandoffExpired, all_of(A_MINUTE_AGO, put(SCD, "NotOnOrAfter", at(NOW - SKEW)))),
    "session over": (errors.HandoffExpired, put("//a:AuthnStatement", "SessionNotOnOrAfter", at(NOW - SKEW))),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("parts", ["response", "assertion"])
def test_what_was_signed_for_another_purpose_is_refused(forge: Forge, name: str, parts: Signed) -> None:
    """The signature verifies and the check refuses: by equality, by presence, by exactly one.

    The same for a document signed in its assertion only, whose envelope may refuse though it proves nothing.
    """
    refusal, edit = REFUSED[name]
    with pytest.raises(refusal) as caught:
        forge.judge(forge.changed(edit, parts=parts), trusted=forge.trusted(signed=parts))
    assert type(caught.value) is refusal
    assert caught.value.expected
    assert caught.value.node


def judged_at(forge: Forge, raw: bytes, moment: datetime) -> str:
    """Return the verdict on *raw* at *moment*: accepted, or the refusal's code."""
    try:
        forge.judge(raw, now=moment)
    except errors.HandoffError as refusal:
        return refusal.code
    return "accepted"


def test_the_clock_at_every_edge(forge: Forge) -> None:
    """NotBefore is inclusive, NotOnOrAfter exclusive, and the skew is added on both sides of both (core 2.5.1.2)."""
    raw = forge.minted()
    assert judged_at(forge, raw, NOW - SKEW - SECOND) == "handoff.not_yet_valid"
    assert judged_at(forge, raw, NOW - SKEW) == "accepted"
    assert judged_at(forge, raw, HANDOFF.expires_at) == "accepted"
    assert judged_at(forge, raw, HANDOFF.expires_at + SKEW - SECOND) == "accepted"
    assert judged_at(forge, raw, HANDOFF.expires_at + SKEW) == "handoff.expired"
    assert judged_at(forge, raw, HANDOFF.expires_at + timedelta(days=1)) == "handoff.expired"


def test_nothing_is_accepted_after_it_may_be_forgotten(forge: Forge) -> None:
    """`spent_until` covers every moment at which the document could be accepted, also where its two ends differ."""
    raw = forge.changed(put(SCD, "NotOnOrAfter", at(NOW + timedelta(seconds=45))))
    spent_until = forge.judge(raw).spent_until
    assert judged_at(forge, raw, spent_until - SECOND) == "accepted"
    assert judged_at(forge, raw, spent_until) == "handoff.expired"


def test_the_longest_lifetime_is_accepted(forge: Forge) -> None:
    """A document may live as long as the issuer's trust says, to the second."""
    forge.judge(forge.minted(expires_at=NOW + timedelta(seconds=300)))
    short = forge.trusted(max_lifetime=timedelta(seconds=59))
    with pytest.raises(errors.HandoffLifetime):
        forge.judge(forge.minted(), trusted=short)


def test_times_may_have_fractions(forge: Forge) -> None:
    """Senders that write milliseconds are honest (core 1.3.3)."""
    raw = forge.changed(
        all_of(
            put(ASSERTION, "IssueInstant", "2026-07-01T12:00:00.123Z"), put(SCD, "NotOnOrAfter", "2026-07-01T12:00:59.999999Z")
        )
    )
    assert forge.judge(raw).handoff_id == HANDOFF.id


@pytest.mark.parametrize(
    "edit", [drop(CONDITIONS, "NotBefore"), cut(f"{RESPONSE}/a:Issuer"), put(f"{ASSERTION}/a:Issuer", "Format", names.ENTITY)]
)
def test_what_may_be_absent(forge: Forge, edit: Edit) -> None:
    """NotBefore and the Response's Issuer may be left out (profiles 4.1.4.2)."""
    assert forge.judge(forge.changed(edit)).handoff_id == HANDOFF.id


def test_a_session_is_bounded(forge: Forge) -> None:
    """SessionNotOnOrAfter shortens a session; its absence or a far one leaves the longest that we allow."""
    statement = "//a:AuthnStatement"
    soon = NOW + timedelta(hours=1)
    assert forge.judge(forge.changed(put(statement, "SessionNotOnOrAfter", at(soon)))).session_not_on_or_after == soon
    for edit in (drop(statement, "SessionNotOnOrAfter"), put(statement, "SessionNotOnOrAfter", "9999-12-31T23:59:59Z")):
        assert forge.judge(forge.changed(edit)).session_not_on_or_after == NOW + MAX_SESSION


def test_the_context_of_the_sign_in_is_read(forge: Forge) -> None:
    """AuthnContextClassRef arrives as written; without one it is unspecified."""
    context = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
    assert forge.judge(forge.minted(authn_context=context)).authn_context == context
    raw = forge.changed(write("//a:AuthnContextClassRef", ""))
    assert forge.judge(raw).authn_context == UNSPECIFIED_CONTEXT


def test_the_endpoint_is_the_configured_one(forge: Forge) -> None:
    """Another endpoint of the same cell refuses the document, by destination first."""
    other = replace(ENDPOINT, org_id=43, org_path="globex", acs_url=ENDPOINT.acs_url.replace("acme", "globex"))
    with pytest.raises(errors.HandoffDestination):
        forge.judge(forge.minted(), endpoint=other)
