"""Refusals of a handoff: one class for each code, raised by the numbered checks.

The law: which check refused is for the log; the person reads one of three public codes, and an attacker no more.
"""

from dataclasses import dataclass

from bridge.errors.root import ASK_ADMIN, START_AGAIN, BridgeError


@dataclass(kw_only=True, eq=False)
class HandoffError(BridgeError):
    """Raised if a handoff fails one of the numbered checks of `bridge.saml.checks`.

    `expected` and `received` say what was compared; `line` (from 1) and `node` (a path of element names) say where. All of it
    may come from an attacker. `unverified_reference` joins the logs of both cells and proves nothing.
    """

    expected: str = ""
    received: str = ""
    line: int | None = None
    node: str = ""
    unverified_reference: str = ""
    public_code = "handoff.rejected"
    status = 403
    sentence = "We could not accept this sign-in."
    next_step = ASK_ADMIN


class HandoffMalformed(HandoffError):
    """Raised if the form, the base64, the encoding or the XML is not plain, or larger than allowed."""

    code = "handoff.malformed"


class HandoffSchema(HandoffError):
    """Raised if the document is no SAML 2.0 Response by its schema and our closed profile."""

    code = "handoff.schema"


class HandoffStatus(HandoffError):
    """Raised if the status is not Success."""

    code = "handoff.status"


class HandoffAssertionCount(HandoffError):
    """Raised if there is not exactly one assertion, at the one place where it may stand."""

    code = "handoff.assertion_count"


class HandoffSignature(HandoffError):
    """Raised if the signature is missing, misplaced, covers something else, or is not by a trusted key."""

    code = "handoff.signature"


class HandoffAlgorithm(HandoffError):
    """Raised if an algorithm is not on the allow-list."""

    code = "handoff.algorithm"


class HandoffIssuer(HandoffError):
    """Raised if the issuer is missing or not trusted."""

    code = "handoff.issuer"


class HandoffDestination(HandoffError):
    """Raised if the destination is missing or not this endpoint."""

    code = "handoff.destination"


class HandoffAudience(HandoffError):
    """Raised if the audience is not exactly this organization."""

    code = "handoff.audience"


class HandoffRecipient(HandoffError):
    """Raised if there is no bearer confirmation for this endpoint."""

    code = "handoff.recipient"


class HandoffSolicited(HandoffError):
    """Raised if an InResponseTo stands anywhere: this endpoint takes unsolicited responses only."""

    code = "handoff.solicited"


class HandoffLifetime(HandoffError):
    """Raised if the document is valid for longer than allowed, or does not say how long."""

    code = "handoff.lifetime"


class HandoffContract(HandoffError):
    """Raised if the contract version is missing or unknown."""

    code = "handoff.contract"


class HandoffAttribute(HandoffError):
    """Raised if a required attribute is missing, doubled, or not of its form."""

    code = "handoff.attribute"


class HandoffOrg(HandoffError):
    """Raised if the organization in the assertion is not the endpoint's."""

    code = "handoff.org"


class HandoffDisagreement(HandoffError):
    """Raised if python3-saml refuses a document that our checks accept."""

    code = "handoff.disagreement"


class StaleHandoff(HandoffError):
    """Raised if the document was good, but not now."""

    public_code = "handoff.stale"
    sentence = "This sign-in was already used or is too old."
    next_step = START_AGAIN


class HandoffExpired(StaleHandoff):
    """Raised if the time is past NotOnOrAfter and the skew."""

    code = "handoff.expired"


class HandoffNotYetValid(StaleHandoff):
    """Raised if the time is before NotBefore and the skew."""

    code = "handoff.not_yet_valid"


class HandoffReplayed(StaleHandoff):
    """Raised if the assertion was spent before."""

    code = "handoff.replayed"


class HandoffUnbound(HandoffError):
    """Raised if the browser that posts is not the browser that started."""

    code = public_code = "handoff.unbound"
    sentence = "This sign-in was started in another browser."
    next_step = "Start again here."
