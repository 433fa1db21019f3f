"""Find the candidates, and let the rules choose: the one way from what a provider said to a decision.

The law: a sign-in and an explanation ask the same question here. Nothing is written; whoever is about to write holds what was
found until their transaction ends.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from bridge.accounts.policy import OrgPolicy
from bridge.accounts.profile import NO_CHANGES, ProfileChanges, may_take_email, profile_changes
from bridge.accounts.resolve import Create, Decision, may_match_by_email, resolve
from bridge.accounts.rows import find_by_email, find_by_key, providers_of
from bridge.identity import ExternalIdentity


@dataclass(frozen=True, slots=True)
class Choice:
    """What a sign-in does, and what it brings up to date in the account that it opens."""

    decision: Decision
    profile: ProfileChanges


def choose(connection: Connection, identity: ExternalIdentity, policy: OrgPolicy, *, at_own_page: bool, hold: bool) -> Choice:
    """Return what *identity* may do in the policy's organization; raises what `resolve` raises.

    Not to *hold* what was found is for those who only look.
    """
    synced = policy.synced_from(identity.key.provider)
    to_change = bool(synced)
    by_key = find_by_key(connection, identity.key, org_id=policy.org_id, hold=hold, to_change=to_change)
    by_email = None
    if by_key is None and identity.email is not None and may_match_by_email(identity):
        by_email = find_by_email(connection, identity.email, org_id=policy.org_id, hold=hold, to_change=to_change)
    decision = resolve(
        identity,
        by_key=by_key,
        by_email=by_email,
        email_account_providers=frozenset() if by_email is None else providers_of(connection, by_email),
        policy=policy,
        at_own_page=at_own_page,
    )
    if isinstance(decision, Create):
        return Choice(decision, NO_CHANGES)
    owner = None
    if identity.email is not None and may_take_email(identity, decision.account, synced=synced):
        # Whoever takes the address between this look and the change meets the unique constraint, and all begins again.
        owner = find_by_email(connection, identity.email, org_id=policy.org_id, hold=False)
    return Choice(decision, profile_changes(identity, decision.account, synced=synced, owner_of_email=owner))
