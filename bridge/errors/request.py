"""Refusals that any web service has: forged, unreadable, unknown, too many, without a database, and what nobody foresaw.

The law: whatever a request or a failure brought, the page is ours and says the same to everybody.
"""

from dataclasses import dataclass

from bridge.errors.root import ASK_ADMIN, START_AGAIN, BridgeError


@dataclass(kw_only=True, eq=False)
class RequestError(BridgeError):
    """Raised if a request is not one that our pages make."""

    reason: str = ""


class RequestForged(RequestError):
    """Raised if a form comes without this browser's CSRF token, or from another site."""

    code = "request.forged"
    public_code = "login.restart"
    status = 403
    sentence = "This page was open too long, or the form was sent from elsewhere."
    next_step = START_AGAIN


class RequestMalformed(RequestError):
    """Raised if a form field is missing, doubled or not of its form."""

    code = public_code = "request.malformed"
    status = 400
    sentence = "Something in this request cannot be read."
    next_step = START_AGAIN


class RequestTooLarge(RequestError):
    """Raised if a body is over the cap."""

    code = public_code = "request.too_large"
    status = 413
    sentence = "This request is too large."
    next_step = START_AGAIN


class NotFound(RequestError):
    """Raised if nothing lives at an address."""

    code = public_code = "request.not_found"
    status = 404
    sentence = "There is no page at this address."
    next_step = "Check the address, or start from the sign-in page."


class MethodNotAllowed(RequestError):
    """Raised if an address exists, but not for this method."""

    code = public_code = "request.method"
    status = 405
    sentence = "This address cannot be opened like this."
    next_step = START_AGAIN


class SessionMissing(RequestError):
    """Raised if a program asks who is signed in and nobody is."""

    code = public_code = "session.missing"
    status = 401
    sentence = "You are not signed in."
    next_step = "Sign in first."


class CellUnavailable(BridgeError):
    """Raised by no cell: the router's own page says it in place of a cell that does not answer."""

    code = public_code = "cell.unavailable"
    status = 503
    sentence = "A part of this service does not answer right now."
    next_step = "Nothing is wrong with your account. Try again in a few seconds."
    retry_after_seconds = 5


@dataclass(kw_only=True, eq=False)
class RateLimited(BridgeError):
    """Raised if one client tries too often."""

    code = public_code = "rate.limited"
    status = 429
    sentence = "Too many tries."
    next_step = "Wait a minute and try again."
    retry_after_seconds = 60


@dataclass(kw_only=True, eq=False)
class DatabaseUnavailable(BridgeError):
    """Raised if the database cannot be reached, is busy for too long, or has no tables; `reason` holds nothing of its text."""

    reason: str
    code = public_code = "database.unavailable"
    status = 503
    sentence = "We cannot reach our records right now."
    next_step = "Nothing is wrong with your account. Try again in a moment."
    retry_after_seconds = 10


@dataclass(kw_only=True, eq=False)
class Internal(BridgeError):
    """Raised in place of any error that nobody foresaw; `kind` is the name of its class, its text stays in the log."""

    kind: str
    code = public_code = "internal"
    status = 500
    sentence = "Something failed on our side."
    next_step = ASK_ADMIN
