"""Refusals before the bridge: the callback, the provider, the topology, the organization.

The law: `reason` is our own sentence; of what came along it holds an error code in plain letters at the most.
"""

from dataclasses import dataclass

from bridge.errors.root import START_AGAIN, BridgeError


@dataclass(kw_only=True, eq=False)
class LoginError(BridgeError):
    """Raised if a callback does not belong to a sign-in that this browser started a short while ago."""

    provider: str = ""
    reason: str = ""
    public_code = "login.restart"
    status = 400
    sentence = "This sign-in was started elsewhere or took too long."
    next_step = START_AGAIN


class LoginStateMismatch(LoginError):
    """Raised if the state is missing, unknown to this browser, already used, or of another provider (RFC 9700 4.7)."""

    code = "login.state_mismatch"
    next_step = f"{START_AGAIN} If you are signed in already, just go on."


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
    next_step = (
        "Share an email address at {provider}, or use another way to sign in. "
        "If you have none, ask an administrator of your organization."
    )


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


@dataclass(kw_only=True, eq=False)
class OrgUnknown(OrgError):
    """Raised if the topology knows no organization for the identity.

    `email_domain` and `uid_digest` (see `IdentityKey.uid_digest`) tell support which entry is missing, and not who came.
    """

    email_domain: str = ""
    uid_digest: str = ""
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
