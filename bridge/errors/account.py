"""Refusals by the account rules.

The law: each carries the number of its resolve rule, and its next step names somebody who can open the door.
"""

from dataclasses import dataclass

from bridge.errors.root import BridgeError


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
    next_step = (
        "Confirm your address at {provider}, or sign in at {org} and link {provider} there. "
        "If you can do neither, ask an administrator of {org}."
    )


class AccountIdentityConflict(AccountError):
    """Raised if the account has another uid of the same provider: no silent re-keying."""

    code = public_code = "account.identity_conflict"
    status = 409
    sentence = "Another {provider} account is linked here."
    next_step = "Sign in with the {provider} account that you used before, or ask an administrator of {org}."


class AccountNotBound(AccountError):
    """Raised if an account with this email exists, but may not be linked by email."""

    code = public_code = "account.not_bound"
    sentence = "{org} does not know this {provider} account."
    next_step = "Sign in the way you did before, or ask an administrator of {org} to let this {provider} account in."


class AccountSignupClosed(AccountError):
    """Raised if a stranger comes to an organization that takes none."""

    code = public_code = "account.signup_closed"
    sentence = "{org} does not know this {provider} account."
    next_step = "Ask an administrator of {org} to invite you."
