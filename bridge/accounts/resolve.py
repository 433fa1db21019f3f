"""Decide whose account a sign-in opens.

The law: nothing here does I/O; the store finds the candidates before `resolve` and applies the decision after. A provider that
the organization does not allow, or has switched off, is refused before any rule. Then, first match wins:

1. A blocked or pending account is refused, found by its identity or by a verified email.
2. A known `(provider, uid)` opens its account, whatever its email says now.
3. An email that the provider does not vouch for (or that it did not give) finds nobody, links nothing and creates nobody:
   but at the organization's own page, where `signup_without_email` names the provider, its owner is a stranger like any other,
   without that address. Who comes from the global page may have an account here, and is told to link the provider instead.
4. A matching verified email is refused when that provider already has another uid on that account: no silent re-keying.
5. A matching verified email links, where the organization links by this provider's emails and the account's own email is
   confirmed. An unconfirmed one may have been typed in by somebody who waits for its owner (account pre-hijacking).
6. A stranger gets a new account where the organization takes them from this provider: `open`, `approval` (pending) or
   `closed`. A read-only organization creates nobody; one that is closed says so first, since waiting would not help.
7. Otherwise there is a refusal, and its `rule` says which of the rules above it was.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from bridge.accounts.policy import OrgPolicy
from bridge.accounts.records import Account
from bridge.errors import (
    AccountBlocked,
    AccountEmailUnverified,
    AccountIdentityConflict,
    AccountNotBound,
    AccountPending,
    AccountSignupClosed,
    OrgReadOnly,
    ProviderDisabled,
)
from bridge.identity import Email, ExternalIdentity


@dataclass(frozen=True, slots=True)
class SignIn:
    """Open the account that owns the identity."""

    account: Account
    rule: int = 2


@dataclass(frozen=True, slots=True)
class Link:
    """Link the identity to the account that owns the email, and open it."""

    account: Account
    rule: int = 5


@dataclass(frozen=True, slots=True)
class Create:
    """Make a new account in *state* for the verified address, or without any; a pending one is not opened.

    *external* marks outsiders.
    """

    email: Email | None
    state: Literal["active", "pending"]
    external: bool
    rule: int = 6


Decision: TypeAlias = SignIn | Link | Create


def refuse_unless_open(provider: str, policy: OrgPolicy) -> None:
    """Raise `ProviderDisabled` if the organization does not allow *provider*, or has switched it off."""
    if provider not in policy.providers:
        raise ProviderDisabled(provider=provider, reason="not among the organization's providers")
    if provider in policy.disabled_providers:
        raise ProviderDisabled(provider=provider, reason="switched off by the organization's disabled_providers")


def refuse_unless_active(account: Account, *, org_name: str, provider: str) -> None:
    """Raise `AccountBlocked` or `AccountPending` if *account* may not be opened (rule 1)."""
    if account.state == "pending":
        raise AccountPending(org=org_name, provider=provider, rule=1, account_id=account.id)
    if account.state != "active":
        raise AccountBlocked(org=org_name, provider=provider, rule=1, account_id=account.id)


def may_match_by_email(identity: ExternalIdentity) -> bool:
    """Whether the address may find an account: a stranger's mere claim must not even learn that the account is blocked."""
    return identity.email is not None and identity.evidence.verified


def resolve(
    identity: ExternalIdentity,
    *,
    by_key: Account | None,
    by_email: Account | None,
    email_account_providers: frozenset[str],
    policy: OrgPolicy,
    at_own_page: bool,
) -> Decision:
    """Return what to do for *identity*, or raise the reason to refuse it.

    *by_key* owns exactly `(provider, uid)`, *by_email* owns the folded address, both in the policy's organization;
    *email_account_providers* are the providers that *by_email* has an identity of. `may_match_by_email` says when *by_email*
    is read at all. *at_own_page*: the sign-in began at the organization's own page.

    Raises `ProviderDisabled`, `OrgReadOnly`, or an `AccountError` whose `rule` is the rule's number.
    """
    provider, org = identity.key.provider, policy.org_name
    refuse_unless_open(provider, policy)
    if by_key is not None:
        refuse_unless_active(by_key, org_name=org, provider=provider)
        return SignIn(by_key)
    vouched_for = may_match_by_email(identity)
    if not vouched_for and not (at_own_page and provider in policy.signup_without_email):
        raise AccountEmailUnverified(org=org, provider=provider, rule=3)
    if vouched_for and by_email is not None:
        refuse_unless_active(by_email, org_name=org, provider=provider)
        if provider in email_account_providers:
            raise AccountIdentityConflict(org=org, provider=provider, rule=4, account_id=by_email.id)
        if provider not in policy.link_by_email or not by_email.email_confirmed:
            raise AccountNotBound(org=org, provider=provider, rule=5, account_id=by_email.id)
        return Link(by_email)
    signup = policy.signup_from(provider)
    if signup == "closed":
        raise AccountSignupClosed(org=org, provider=provider, rule=6)
    if policy.read_only:
        raise OrgReadOnly(org=org, provider=provider)
    state: Literal["active", "pending"] = "active" if signup == "open" else "pending"
    return Create(identity.email if vouched_for else None, state, external=provider in policy.external_providers)
