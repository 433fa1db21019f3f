"""Refusals when somebody signed in changes their own ways in.

The law: nothing is changed, and the next step keeps a way in open.
"""

from dataclasses import dataclass

from bridge.errors.root import BridgeError


@dataclass(kw_only=True, eq=False)
class LinkingError(BridgeError):
    """Raised if a way in is neither linked nor unlinked; `provider` is the configured name of the one that it is about."""

    org: str
    provider: str
    account_id: int
    status = 409


class IdentityTaken(LinkingError):
    """Raised if the identity opens another account of the organization already."""

    code = public_code = "account.identity_taken"
    sentence = "This {provider} account opens another account in {org}."
    next_step = "Sign in with it to see that account, and unlink it there first; or choose another {provider} account."


class LastWayIn(LinkingError):
    """Raised if unlinking would leave the account without a way in."""

    code = public_code = "account.last_identity"
    sentence = "{provider} is your last way in to {org}."
    next_step = "Link another account first. Then you can unlink this one."


class NotLinked(LinkingError):
    """Raised if the account has no identity of that provider, or has it no longer."""

    code = public_code = "account.not_linked"
    status = 404
    sentence = "No {provider} account is linked here."
    next_step = "Look at the list again: it may have changed in another window."


class SignInAgain(LinkingError):
    """Raised if the session is too old for a change of the ways in (threat: a browser left open)."""

    code = public_code = "session.stale"
    status = 403
    sentence = "You signed in a while ago."
    next_step = "Sign in again, so that nobody else changes how you sign in."
