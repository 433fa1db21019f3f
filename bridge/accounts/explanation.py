"""Say what a sign-in would do, by which rule, and why.

The law: the very rules on the very rows, and nothing is written or held; what is said is true of this moment.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from bridge.accounts.choice import choose
from bridge.accounts.listing import find_account
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.profile import NO_CHANGES, ProfileChanges
from bridge.accounts.records import Account
from bridge.accounts.resolve import Create, Link
from bridge.errors import AccountError, OrgReadOnly, ProviderDisabled
from bridge.identity import ExternalIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What would happen to *identity*: the rule's number (None before any rule), the refusal's code, whose account, and why.

    `account` is the one that is opened or that the refusal is about; None for a stranger.
    """

    identity: ExternalIdentity
    outcome: Literal["sign_in", "link", "create_active", "create_pending", "refused"]
    rule: int | None
    code: str | None
    account: Account | None
    why: str
    external: bool = False
    profile: ProfileChanges = NO_CHANGES


def explain(connection: Connection, identity: ExternalIdentity, policy: OrgPolicy, *, at_own_page: bool) -> Explanation:
    """Return what a sign-in of *identity* would do in the policy's organization, *at_own_page* or by a handoff."""
    provider = identity.key.provider
    try:
        choice = choose(connection, identity, policy, at_own_page=at_own_page, hold=False)
    except ProviderDisabled as refusal:
        return _refused(identity, refusal.code, f"{provider} is {refusal.reason}")
    except OrgReadOnly as refusal:
        return _refused(
            identity, refusal.code, "nobody has the identity or the address, and the organization is read-only", rule=6
        )
    except AccountError as refusal:
        account = None
        if refusal.account_id is not None:
            account = find_account(connection, refusal.account_id, org_id=policy.org_id)
        return _refused(
            identity, refusal.code, _why_not(refusal, identity, account, policy), rule=refusal.rule, account=account
        )
    decision = choice.decision
    if isinstance(decision, Create):
        return Explanation(
            identity=identity,
            outcome="create_active" if decision.state == "active" else "create_pending",
            rule=decision.rule,
            code=None if decision.state == "active" else "account.pending",
            account=None,
            why=f"nobody has the identity{' or the address' if decision.email else ''}, and {_signup(policy, provider)}",
            external=decision.external,
        )
    linked = isinstance(decision, Link)
    return Explanation(
        identity=identity,
        outcome="link" if linked else "sign_in",
        rule=decision.rule,
        code=None,
        account=decision.account,
        why=f"the address is verified, and link_by_email names {provider}"
        if linked
        else "the identity is linked to the account",
        external=decision.account.external,
        profile=choice.profile,
    )


def _refused(
    identity: ExternalIdentity, code: str, why: str, *, rule: int | None = None, account: Account | None = None
) -> Explanation:
    return Explanation(identity=identity, outcome="refused", rule=rule, code=code, account=account, why=why)


def _why_not(refusal: AccountError, identity: ExternalIdentity, account: Account | None, policy: OrgPolicy) -> str:
    provider = refusal.provider
    if refusal.rule == 1 and account is not None:
        return f"the account is {account.state}"
    if refusal.rule == 3:
        return f"{provider} {'gives no address' if identity.email is None else 'does not vouch for the address'}"
    if refusal.rule == 4:
        return f"the account with this address has another uid of {provider}"
    if refusal.rule == 5 and provider in policy.link_by_email:
        return "the account with this address has never confirmed it"
    if refusal.rule == 5:
        return f"an account has this address, and link_by_email does not name {provider}"
    return f"nobody has the identity or the address, and {_signup(policy, provider)}"


def _signup(policy: OrgPolicy, provider: str) -> str:
    key = "signup_by_provider" if provider in policy.signup_by_provider else "signup"
    return f"{key} is {policy.signup_from(provider)}"
