"""Checks 8 to 12: whom the handoff is from, whom it is for, and when.

The law: everything is compared for equality with what the configuration says, and absence is a refusal. The trees read here are
re-parsed from signed bytes; the one exception is the envelope of a Response that was signed in its assertion only, which can
refuse but proves nothing.
"""

import functools
import re
from datetime import UTC, datetime
from typing import NamedTuple

from lxml import etree

from bridge.errors import (
    HandoffAudience,
    HandoffDestination,
    HandoffError,
    HandoffExpired,
    HandoffIssuer,
    HandoffLifetime,
    HandoffNotYetValid,
    HandoffRecipient,
    HandoffSolicited,
)
from bridge.handoff import MAX_SESSION, UNSPECIFIED_CONTEXT
from bridge.saml import names
from bridge.saml.signature import SignedHandoff
from bridge.saml.trust import Endpoint
from bridge.saml.xml import only, path_of, text_of

_UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")
_CONTEXT_CLASS = f"{names.AUTHN_CONTEXT}/{names.AUTHN_CONTEXT_CLASS}"
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_LAST_ISSUE = _END_OF_TIME - MAX_SESSION


class Arrived(NamedTuple):
    """A signed handoff at an endpoint; `now` is aware, UTC."""

    signed: SignedHandoff
    endpoint: Endpoint
    now: datetime


def check_issuer(arrived: Arrived) -> None:
    """Check 8: the Assertion's Issuer is the trusted issuer whose key signed, and so is the Response's if there is one.

    Raises `HandoffIssuer`.
    """
    signed = arrived.signed
    _equal_issuer(only(signed.assertion, names.ISSUER, HandoffIssuer), signed.signer.entity_id)
    for issuer in signed.message.iterchildren(names.ISSUER):
        _equal_issuer(issuer, signed.signer.entity_id)


def _equal_issuer(issuer: etree._Element, expected: str) -> None:
    if issuer.get("Format", names.ENTITY) != names.ENTITY:
        raise HandoffIssuer(expected=names.ENTITY, received=issuer.get("Format", ""), node=path_of(issuer))
    _equal(text_of(issuer, HandoffIssuer), expected, HandoffIssuer, issuer)


def _equal(received: str | None, expected: str, refusal: type[HandoffError], element: etree._Element) -> None:
    if received != expected:
        raise refusal(expected=expected, received="none" if received is None else received, node=path_of(element))


def check_destination(arrived: Arrived) -> None:
    """Check 9: Destination is present and is this endpoint (bindings 3.5.5.2). Raises `HandoffDestination`."""
    message = arrived.signed.message
    _equal(message.get("Destination"), arrived.endpoint.acs_url, HandoffDestination, message)


def check_audience(arrived: Arrived) -> None:
    """Check 10: one restriction to one audience, which is this organization. Raises `HandoffAudience`."""
    conditions = only(arrived.signed.assertion, names.CONDITIONS, HandoffAudience)
    restriction = only(conditions, names.AUDIENCE_RESTRICTION, HandoffAudience)
    audience = only(restriction, names.AUDIENCE, HandoffAudience)
    _equal(text_of(audience, HandoffAudience), arrived.endpoint.sp_entity_id, HandoffAudience, audience)


def check_confirmation(arrived: Arrived) -> None:
    """Check 11: one bearer confirmation for this endpoint, and no InResponseTo anywhere (profiles 4.1.4.3, 4.1.5).

    A stolen answer to somebody's request must not pass for an unsolicited one. Raises `HandoffRecipient`, `HandoffSolicited`.
    """
    confirmation = _confirmation(arrived.signed, HandoffRecipient)
    _equal(confirmation.get("Method"), names.BEARER, HandoffRecipient, confirmation)
    data = only(confirmation, names.CONFIRMATION_DATA, HandoffRecipient)
    _equal(data.get("Recipient"), arrived.endpoint.acs_url, HandoffRecipient, data)
    for element in (arrived.signed.message, data):
        if (request := element.get("InResponseTo")) is not None:
            raise HandoffSolicited(expected="no InResponseTo", received=request, node=path_of(element))


def _confirmation(signed: SignedHandoff, refusal: type[HandoffError]) -> etree._Element:
    return only(only(signed.assertion, names.SUBJECT, refusal), names.CONFIRMATION, refusal)


class Window(NamedTuple):
    """When and how the person signed in, as a signed handoff says it. Times are aware, UTC, before any skew."""

    issued_at: datetime
    starts: tuple[tuple[datetime, etree._Element], ...]
    ends: tuple[tuple[datetime, etree._Element], ...]
    session_ends: datetime
    authn_context: str

    @property
    def expires_at(self) -> datetime:
        """The earliest NotOnOrAfter: nothing is accepted past it and the skew."""
        return min(end for end, _element in self.ends)


def check_time(arrived: Arrived) -> Window:
    """Check 12: now is inside every window, give or take the skew, and no window is longer than the issuer may make it.

    Returns the window. Raises `HandoffLifetime` (also for a time that is missing or not of the form ...Z),
    `HandoffNotYetValid`, `HandoffExpired`.
    """
    window = window_of(arrived.signed)
    signer = arrived.signed.signer
    latest_start, earliest_end = arrived.now + signer.skew, arrived.now - signer.skew
    for end, element in window.ends:
        if end - window.issued_at > signer.max_lifetime:
            longest = f"at most {int(signer.max_lifetime.total_seconds())} s after IssueInstant"
            raise HandoffLifetime(expected=longest, received=_text(end), node=path_of(element))
        if any(start >= end for start, _element in window.starts):
            raise HandoffLifetime(expected="a start before the end", received=_text(end), node=path_of(element))
    for start, element in window.starts:
        if start > latest_start:
            expected = f"at most {_text(latest_start)}"
            raise HandoffNotYetValid(expected=expected, received=_text(start), node=path_of(element))
    for end, element in window.ends:
        if end <= earliest_end:
            expected = f"later than {_text(earliest_end)}"
            raise HandoffExpired(expected=expected, received=_text(end), node=path_of(element))
    if window.session_ends <= earliest_end:
        expected = f"a session later than {_text(earliest_end)}"
        node = "Response/Assertion/AuthnStatement"
        raise HandoffExpired(expected=expected, received=_text(window.session_ends), node=node)
    return window


def window_of(signed: SignedHandoff) -> Window:
    """Return the times that *signed* states, not yet judged. Raises `HandoffLifetime` where one is missing or malformed."""
    conditions = only(signed.assertion, names.CONDITIONS, HandoffLifetime)
    data = only(_confirmation(signed, HandoffLifetime), names.CONFIRMATION_DATA, HandoffLifetime)
    statement = only(signed.assertion, names.AUTHN_STATEMENT, HandoffLifetime)
    issued_at = _required_time(signed.assertion, "IssueInstant")
    sent_at = _required_time(signed.message, "IssueInstant")
    optional = ((conditions, "NotBefore"), (data, "NotBefore"), (statement, "AuthnInstant"))
    starts = [(moment, element) for element, name in optional if (moment := _time(element, name))]
    ends = tuple((_required_time(element, "NotOnOrAfter"), element) for element in (conditions, data))
    return Window(
        issued_at=issued_at,
        starts=((issued_at, signed.assertion), (sent_at, signed.message), *starts),
        ends=ends,
        session_ends=min(_time(statement, "SessionNotOnOrAfter") or _END_OF_TIME, min(issued_at, _LAST_ISSUE) + MAX_SESSION),
        authn_context=statement.findtext(_CONTEXT_CLASS) or UNSPECIFIED_CONTEXT,
    )


def _required_time(element: etree._Element, name: str) -> datetime:
    moment = _time(element, name)
    if moment is None:
        raise HandoffLifetime(expected=name, received="none", node=path_of(element))
    return moment


def _time(element: etree._Element, name: str) -> datetime | None:
    """Return an attribute's time: UTC, spelled with Z (core 1.3.3); raises `HandoffLifetime`."""
    text = element.get(name)
    if text is None:
        return None
    try:
        return _parse_time(text)
    except ValueError as error:
        expected = f"{name} as YYYY-MM-DDThh:mm:ssZ"
        raise HandoffLifetime(expected=expected, received=text, node=path_of(element)) from error


@functools.lru_cache(maxsize=16)
def _parse_time(text: str) -> datetime:
    # Cached: one document says the same second several times.
    if not _UTC_TIME.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
