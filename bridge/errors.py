"""The tree of refusals, and what each says to the log, to programs and to the person.

    BridgeError
    |- LoginError              LoginStateMismatch  LoginExpired
    |- ProviderError           ProviderDenied  ProviderUnavailable  ProviderBadReply  ProviderBadToken
    |                          ProviderDisabled  ProviderEmailMissing
    |- TopologyUnavailable
    |- OrgError                OrgUnknown  OrgNotHere  OrgReadOnly
    |- HandoffError            one class for each code `handoff.*`
    |- AccountError            AccountBlocked  AccountPending  AccountEmailUnverified  AccountIdentityConflict
    |                          AccountNotBound  AccountSignupClosed
    |- RequestError            RequestForged  RequestMalformed  RequestTooLarge  NotFound  MethodNotAllowed  SessionMissing
    |- RateLimited  Internal
    `- OperatorError           ConfigInvalid  KeyRingError  DatabaseNotReady   (command line only)

The law: `code` and the evidence (the dataclass fields) go to the log, the metrics and the inspector; `public_code` and the two
sentences go to the person; nothing of the evidence but `provider` and `org` is ever shown on a page. Evidence never holds an
assertion, a token, a code, a cookie or a secret.
"""

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(kw_only=True, eq=False)
class BridgeError(Exception):
    """The root. Sentences are message ids for the catalogues; they may name `{provider}`, `{org}` and `{reference}`."""

    code: ClassVar[str]
    public_code: ClassVar[str]
    status: ClassVar[int]
    sentence: ClassVar[str]
    next_step: ClassVar[str]
    retry_after_seconds: ClassVar[int | None] = None

    def evidence(self) -> dict[str, str | int]:
        """Return the fields that are set, for the log: name -> text (capped at 300 characters) or number."""
        found: dict[str, str | int] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or value == "":
                continue
            found[field.name] = value if isinstance(value, int) else str(value)[:300]
        return found

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value!r}" for name, value in self.evidence().items())
        return f"{self.code}({details})"


_START_AGAIN = "Start again from the sign-in page."
_ASK_ADMIN = "Quote the reference below to your administrator."


@dataclass(kw_only=True, eq=False)
class LoginError(BridgeError):
    """Raised if a callback does not belong to a sign-in that this browser started a short while ago."""

    provider: str = ""
    reason: str = ""
    public_code = "login.restart"
    status = 400
    sentence = "This sign-in was started elsewhere or took too long."
    next_step = _START_AGAIN


class LoginStateMismatch(LoginError):
    """Raised if the state is missing, unknown to this browser, already used, or of another provider (RFC 9700 4.7)."""

    code = "login.state_mismatch"


class LoginExpired(LoginError):
    """Raised if the attempt is older than ten minutes."""

    code = "login.expired"


@dataclass(kw_only=True, eq=False)
class ProviderError(BridgeError):
    """Raised if the provider's part of a sign-in failed; `reason` says where, for the log."""

    provider: str
    reason: str = ""


class ProviderDenied(ProviderError):
    """Raised if the person, or the provider for them, said no (RFC 6749 4.1.2.1 `access_denied`)."""

    code = public_code = "provider.denied"
    status = 403
    sentence = "You cancelled at {provider}."
    next_step = "Try again, or use another way to sign in."


class ProviderUnavailable(ProviderError):
    """Raised if the provider cannot be reached, hangs, or answers with a server error."""

    code = public_code = "provider.unavailable"
    status = 502
    sentence = "{provider} did not answer properly."
    next_step = "Try again, or use another way to sign in."


class ProviderBadReply(ProviderUnavailable):
    """Raised if the provider's answer is not what its documents say: not JSON, too large, a wrong type, an error code."""

    code = "provider.bad_reply"


class ProviderBadToken(ProviderUnavailable):
    """Raised if an ID token fails a check of OIDC Core 3.1.3.7; `reason` names the claim or the step."""

    code = "provider.bad_token"


class ProviderDisabled(ProviderError):
    """Raised if the provider is not configured here, or not allowed for the organization."""

    code = public_code = "provider.disabled"
    status = 403
    sentence = "Signing in with {provider} is switched off here."
    next_step = "Use another way to sign in."


class ProviderEmailMissing(ProviderError):
    """Raised if the provider shared no email and the identity is not known to the topology either."""

    code = public_code = "provider.email_missing"
    status = 403
    sentence = "{provider} did not share an email address, so we cannot find your organization."
    next_step = "Share an email address at {provider}, or sign in at your organization's own page and link {provider} there."


@dataclass(kw_only=True, eq=False)
class TopologyUnavailable(BridgeError):
    """Raised if the directory of organizations does not answer and nothing usable is cached."""

    reason: str
    code = public_code = "topology.unavailable"
    status = 503
    sentence = "We cannot find your organization right now."
    next_step = "Nothing is wrong with your account. Try again in a moment."
    retry_after_seconds = 10


@dataclass(kw_only=True, eq=False)
class OrgError(BridgeError):
    """Raised if an organization cannot take this sign-in; `reason` is for the log."""

    org: str = ""
    provider: str = ""
    reason: str = ""


class OrgUnknown(OrgError):
    """Raised if the topology knows no organization for the identity."""

    code = public_code = "org.unknown"
    status = 404
    sentence = "No organization here uses this address."
    next_step = "Sign in with the address that your organization knows, or ask your administrator to invite you."


class OrgNotHere(OrgError):
    """Raised if this cell does not serve the organization: never did, or it moved away."""

    code = public_code = "org.not_here"
    status = 404
    sentence = "This organization is not served here."
    next_step = "It may have moved a moment ago. Start again from the sign-in page."


class OrgReadOnly(OrgError):
    """Raised if a stranger would need a new account while the organization is read-only."""

    code = public_code = "org.read_only"
    status = 403
    sentence = "{org} accepts no new accounts right now."
    next_step = "Try again later, or ask your administrator."


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
    next_step = _ASK_ADMIN


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
    next_step = _START_AGAIN


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


@dataclass(kw_only=True, eq=False)
class AccountError(BridgeError):
    """Raised by the account rules; `rule` is the number of the resolve rule (design section 7)."""

    org: str
    provider: str
    rule: int
    account_id: int | None = None
    status = 403


class AccountBlocked(AccountError):
    """Raised if the account is blocked, however it was found."""

    code = public_code = "account.blocked"
    sentence = "Your account in {org} is blocked."
    next_step = "Ask an administrator of {org} to unblock it."


class AccountPending(AccountError):
    """Raised if the account waits for approval, also right after it was created."""

    code = public_code = "account.pending"
    sentence = "Your account in {org} is waiting for approval."
    next_step = "An administrator of {org} has to approve it. You need not do anything; sign in again after that."


class AccountEmailUnverified(AccountError):
    """Raised if the provider does not vouch for the email, so that it neither links nor creates."""

    code = public_code = "account.email_unverified"
    sentence = "{provider} does not confirm that the email address is yours."
    next_step = "Confirm your address at {provider}, or sign in at {org} and link {provider} there."


class AccountIdentityConflict(AccountError):
    """Raised if the account has another uid of the same provider: no silent re-keying."""

    code = public_code = "account.identity_conflict"
    status = 409
    sentence = "Another {provider} account is linked here."
    next_step = "Sign in with the {provider} account that you used before, or sign in another way and change the link."


class AccountNotBound(AccountError):
    """Raised if an account with this email exists, but may not be linked by email."""

    code = public_code = "account.not_bound"
    sentence = "{org} does not know this {provider} account."
    next_step = "Sign in the way you did before and link {provider} there, or ask to be invited."


class AccountSignupClosed(AccountError):
    """Raised if a stranger comes to an organization that takes none."""

    code = public_code = "account.signup_closed"
    sentence = "{org} does not know this {provider} account."
    next_step = "Ask an administrator of {org} to invite you."


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
    next_step = _START_AGAIN


class RequestMalformed(RequestError):
    """Raised if a form field is missing, doubled or not of its form."""

    code = public_code = "request.malformed"
    status = 400
    sentence = "Something in this request cannot be read."
    next_step = _START_AGAIN


class RequestTooLarge(RequestError):
    """Raised if a body is over the cap."""

    code = public_code = "request.too_large"
    status = 413
    sentence = "This request is too large."
    next_step = _START_AGAIN


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
    next_step = _START_AGAIN


class SessionMissing(RequestError):
    """Raised if a program asks who is signed in and nobody is."""

    code = public_code = "session.missing"
    status = 401
    sentence = "You are not signed in."
    next_step = "Sign in first."


@dataclass(kw_only=True, eq=False)
class RateLimited(BridgeError):
    """Raised if one client tries too often."""

    code = public_code = "rate.limited"
    status = 429
    sentence = "Too many tries."
    next_step = "Wait a minute and try again."
    retry_after_seconds = 60


@dataclass(kw_only=True, eq=False)
class Internal(BridgeError):
    """Raised in place of any error that nobody foresaw; `kind` is the name of its class, its text stays in the log."""

    kind: str
    code = public_code = "internal"
    status = 500
    sentence = "Something failed on our side."
    next_step = _ASK_ADMIN


@dataclass(kw_only=True, eq=False)
class OperatorError(BridgeError):
    """Raised to whoever runs a command: never reaches a page."""

    public_code = "internal"
    status = 500
    sentence = "Something failed on our side."
    next_step = _ASK_ADMIN


@dataclass(kw_only=True, eq=False)
class ConfigInvalid(OperatorError):
    """Raised with every problem of a configuration at once, each a sentence that begins with its key path."""

    source: str
    problems: tuple[str, ...]
    code = "config.invalid"

    def __str__(self) -> str:
        return "\n".join((f"{self.source}: {len(self.problems)} problem(s)", *(f"  {problem}" for problem in self.problems)))


@dataclass(kw_only=True, eq=False)
class KeyRingError(OperatorError):
    """Raised if signing keys or trusted certificates cannot be loaded; `reason` says which file and what to do."""

    reason: str
    code = "keys.invalid"

    def __str__(self) -> str:
        return self.reason


@dataclass(kw_only=True, eq=False)
class DatabaseNotReady(OperatorError):
    """Raised if the database is not at the newest migration; `reason` says what to run."""

    reason: str
    code = "database.not_ready"

    def __str__(self) -> str:
        return self.reason
