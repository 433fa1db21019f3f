"""The tree of refusals, and what each says to the log, to programs and to the person.

    BridgeError
    |- LoginError              LoginStateMismatch  LoginExpired
    |- ProviderError           ProviderDenied  ProviderUnavailable  ProviderBadReply  ProviderBadToken
    |                          ProviderDisabled  ProviderEmailMissing
    |- TopologyUnavailable  CellUnavailable
    |- OrgError                OrgUnknown  OrgNotHere  OrgReadOnly
    |- HandoffError            one class for each code `handoff.*`
    |- AccountError            AccountBlocked  AccountPending  AccountEmailUnverified  AccountIdentityConflict
    |                          AccountNotBound  AccountSignupClosed
    |- LinkingError            IdentityTaken  LastWayIn  NotLinked  SignInAgain
    |- RequestError            RequestForged  RequestMalformed  RequestTooLarge  NotFound  MethodNotAllowed  SessionMissing
    |- RateLimited  DatabaseUnavailable  Internal
    `- OperatorError           ConfigInvalid  KeyRingError  RotationRefused  DatabaseNotReady  NoSuchAccount
                               NoSuchIdentity  LastIdentity  WrongAccountState  ServiceNotStarted   (operators only)

The law: `code` and the evidence (the dataclass fields) go to the log, the metrics and the inspector; `public_code` and the two
sentences go to the person; nothing of the evidence but `provider` and `org` is ever shown on a page. Evidence never holds an
assertion, a token, a code, a cookie or a secret.
"""

from bridge.errors.account import (
    AccountBlocked,
    AccountEmailUnverified,
    AccountError,
    AccountIdentityConflict,
    AccountNotBound,
    AccountPending,
    AccountSignupClosed,
)
from bridge.errors.handoff import (
    HandoffAlgorithm,
    HandoffAssertionCount,
    HandoffAttribute,
    HandoffAudience,
    HandoffContract,
    HandoffDestination,
    HandoffDisagreement,
    HandoffError,
    HandoffExpired,
    HandoffIssuer,
    HandoffLifetime,
    HandoffMalformed,
    HandoffNotYetValid,
    HandoffOrg,
    HandoffRecipient,
    HandoffReplayed,
    HandoffSchema,
    HandoffSignature,
    HandoffSolicited,
    HandoffStatus,
    HandoffUnbound,
    StaleHandoff,
)
from bridge.errors.linking import IdentityTaken, LastWayIn, LinkingError, NotLinked, SignInAgain
from bridge.errors.login import (
    LoginError,
    LoginExpired,
    LoginStateMismatch,
    OrgError,
    OrgNotHere,
    OrgReadOnly,
    OrgUnknown,
    ProviderBadReply,
    ProviderBadToken,
    ProviderDenied,
    ProviderDisabled,
    ProviderEmailMissing,
    ProviderError,
    ProviderUnavailable,
    TopologyUnavailable,
)
from bridge.errors.operator import (
    ConfigInvalid,
    DatabaseNotReady,
    KeyRingError,
    LastIdentity,
    NoSuchAccount,
    NoSuchIdentity,
    OperatorError,
    RotationRefused,
    ServiceNotStarted,
    WrongAccountState,
)
from bridge.errors.request import (
    CellUnavailable,
    DatabaseUnavailable,
    Internal,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    RequestError,
    RequestForged,
    RequestMalformed,
    RequestTooLarge,
    SessionMissing,
)
from bridge.errors.root import (
    BridgeError,
)

__all__ = [
    "AccountBlocked",
    "AccountEmailUnverified",
    "AccountError",
    "AccountIdentityConflict",
    "AccountNotBound",
    "AccountPending",
    "AccountSignupClosed",
    "BridgeError",
    "CellUnavailable",
    "ConfigInvalid",
    "DatabaseNotReady",
    "DatabaseUnavailable",
    "HandoffAlgorithm",
    "HandoffAssertionCount",
    "HandoffAttribute",
    "HandoffAudience",
    "HandoffContract",
    "HandoffDestination",
    "HandoffDisagreement",
    "HandoffError",
    "HandoffExpired",
    "HandoffIssuer",
    "HandoffLifetime",
    "HandoffMalformed",
    "HandoffNotYetValid",
    "HandoffOrg",
    "HandoffRecipient",
    "HandoffReplayed",
    "HandoffSchema",
    "HandoffSignature",
    "HandoffSolicited",
    "HandoffStatus",
    "HandoffUnbound",
    "IdentityTaken",
    "Internal",
    "KeyRingError",
    "LastIdentity",
    "LastWayIn",
    "LinkingError",
    "LoginError",
    "LoginExpired",
    "LoginStateMismatch",
    "MethodNotAllowed",
    "NoSuchAccount",
    "NoSuchIdentity",
    "NotFound",
    "NotLinked",
    "OperatorError",
    "OrgError",
    "OrgNotHere",
    "OrgReadOnly",
    "OrgUnknown",
    "ProviderBadReply",
    "ProviderBadToken",
    "ProviderDenied",
    "ProviderDisabled",
    "ProviderEmailMissing",
    "ProviderError",
    "ProviderUnavailable",
    "RateLimited",
    "RequestError",
    "RequestForged",
    "RequestMalformed",
    "RequestTooLarge",
    "RotationRefused",
    "ServiceNotStarted",
    "SessionMissing",
    "SignInAgain",
    "StaleHandoff",
    "TopologyUnavailable",
    "WrongAccountState",
]
