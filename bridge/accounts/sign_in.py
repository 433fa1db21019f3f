"""The steps of one sign-in, in the caller's transaction.

The law: the handoff is spent before anything else, and every step is in the same transaction, so that whoever dies on the way
has done nothing, and whoever comes second finds the handoff spent.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from bridge.accounts import audit, outbox
from bridge.accounts.choice import choose
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.profile import ProfileChanges
from bridge.accounts.records import Account, OpenedSession, Outcome
from bridge.accounts.resolve import Create, Decision, Link, SignIn, refuse_unless_active
from bridge.accounts.rows import change_profile, find_by_key, insert_account, insert_identity
from bridge.accounts.sessions import SessionRules, open_session
from bridge.accounts.tables import audit_events, spent_handoffs
from bridge.accounts.username import candidates
from bridge.errors import AccountError, AccountPending, HandoffReplayed, OrgReadOnly, ProviderDisabled
from bridge.identity import ExternalIdentity, IdentityKey

Refusal = AccountError | OrgReadOnly | ProviderDisabled
READ_ONLY_RULE = 6  # OrgReadOnly is no AccountError and carries no number


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A verified handoff at the organization's door; *previous_token* is the session cookie that the browser had, if any."""

    identity: ExternalIdentity
    issuer: str
    handoff_id: str
    spent_until: datetime
    session_ends: datetime | None
    reference: str
    policy: OrgPolicy
    at_own_page: bool
    previous_token: str | None


def sign_in_once(
    connection: Connection, arrival: Arrival, *, rules: SessionRules, now: datetime
) -> OpenedSession | AccountPending:
    """Spend the handoff, choose the account, link or create it, open its session.

    A pending account that was just created is returned as the refusal to raise after the commit. Raises `HandoffReplayed`, and
    what `resolve` raises.
    """
    _spend(connection, arrival)
    identity, policy = arrival.identity, arrival.policy
    choice = choose(connection, identity, policy, at_own_page=arrival.at_own_page, hold=True)
    decision = choice.decision
    account = _apply(connection, decision, arrival, now=now)
    account = _sync(connection, account, choice.profile, arrival, now=now)
    if account.state == "pending":
        return AccountPending(org=policy.org_name, provider=identity.key.provider, rule=decision.rule, account_id=account.id)
    return _open(
        connection,
        account,
        identity.key,
        rules=rules,
        outcome=_OUTCOMES[type(decision)],
        rule=decision.rule,
        ends=arrival.session_ends,
        reference=arrival.reference,
        now=now,
        previous_token=arrival.previous_token,
    )


def open_known(
    connection: Connection,
    key: IdentityKey,
    *,
    org_id: int,
    org_name: str,
    rules: SessionRules,
    reference: str,
    now: datetime,
    previous_token: str | None,
) -> OpenedSession | None:
    """Open a session of the account that owns the identity (rules 1 and 2 alone); None where nobody does.

    Raises `AccountBlocked` or `AccountPending`.
    """
    account = find_by_key(connection, key, org_id=org_id)
    if account is None:
        return None
    refuse_unless_active(account, org_name=org_name, provider=key.provider)
    return _open(
        connection,
        account,
        key,
        rules=rules,
        outcome="known",
        rule=2,
        ends=None,
        reference=reference,
        now=now,
        previous_token=previous_token,
    )


def record_refusal(
    connection: Connection,
    refusal: Refusal,
    key: IdentityKey,
    *,
    org_id: int,
    reference: str,
    handoff: str | None,
    now: datetime,
) -> None:
    """Write the audit row of a refusal by the account rules, unless the *handoff* (its digest) has one.

    Of two at once, the second meets the unique index and is tried again; then it finds the first one's row.
    """
    if handoff and connection.scalar(select(audit_events.c.id).where(audit_events.c.refused_handoff == handoff)) is not None:
        return
    rule = READ_ONLY_RULE if isinstance(refusal, OrgReadOnly) else None
    account_id = None
    if isinstance(refusal, AccountError):
        rule, account_id = refusal.rule, refusal.account_id
    audit.record(
        connection,
        "refused",
        at=now,
        org_id=org_id,
        actor=audit.PERSON,
        reference=reference,
        account_id=account_id,
        key=key,
        code=refusal.code,
        rule=rule,
        refused_handoff=handoff,
    )


_OUTCOMES: dict[type[Decision], Outcome] = {SignIn: "known", Link: "linked", Create: "created"}


def _spend(connection: Connection, arrival: Arrival) -> None:
    """Profiles 4.1.4.5: one insert decides who is first; a second process waits here until the first has finished."""
    try:
        connection.execute(
            insert(spent_handoffs).values(
                issuer=arrival.issuer,
                handoff_id=arrival.handoff_id,
                org_id=arrival.policy.org_id,
                spent_until=arrival.spent_until,
            )
        )
    except IntegrityError as error:
        raise HandoffReplayed(received=arrival.handoff_id, unverified_reference=arrival.reference) from error


def _apply(connection: Connection, decision: Decision, arrival: Arrival, *, now: datetime) -> Account:
    """Link or create as decided, with the audit row of it; return the account."""
    if isinstance(decision, SignIn):
        return decision.account
    identity, policy = arrival.identity, arrival.policy
    account = decision.account if isinstance(decision, Link) else _create(connection, decision, identity, policy, now=now)
    insert_identity(connection, account, identity.key, now=now)
    outbox.wish_for_newcomer(connection, identity, account, at_own_page=arrival.at_own_page, now=now)
    audit.record(
        connection,
        "link" if isinstance(decision, Link) else "create",
        at=now,
        org_id=policy.org_id,
        actor=audit.PERSON,
        reference=arrival.reference,
        account_id=account.id,
        key=identity.key,
        evidence=identity.evidence.rule,
        code=AccountPending.code if account.state == "pending" else None,
        rule=decision.rule,
    )
    return account


def _create(
    connection: Connection, decision: Create, identity: ExternalIdentity, policy: OrgPolicy, *, now: datetime
) -> Account:
    return insert_account(
        connection,
        usernames=candidates(identity),
        org_id=policy.org_id,
        email=decision.email,
        email_confirmed=decision.email is not None,  # rule 3: the provider vouches for it
        name=identity.name,
        state=decision.state,
        external=decision.external,
        attributes=policy.new_account,
        now=now,
    )


def _sync(connection: Connection, account: Account, changes: ProfileChanges, arrival: Arrival, *, now: datetime) -> Account:
    """Bring name and address up to date as chosen, with an audit row of each, also of an address that was kept out."""
    told: list[tuple[audit.AuditEvent, str | None]] = []
    if changes.name is not None:
        told.append(("sync_name", None))
    if changes.email is not None or changes.email_kept is not None:
        told.append(("sync_email", changes.email_kept))
    for event, code in told:
        audit.record(
            connection,
            event,
            at=now,
            org_id=account.org_id,
            actor=audit.PERSON,
            reference=arrival.reference,
            account_id=account.id,
            key=arrival.identity.key,
            evidence=arrival.identity.evidence.rule,
            code=code,
        )
    return change_profile(connection, account, name=changes.name, email=changes.email)


def _open(
    connection: Connection,
    account: Account,
    key: IdentityKey,
    *,
    rules: SessionRules,
    outcome: Outcome,
    rule: int,
    ends: datetime | None,
    reference: str,
    now: datetime,
    previous_token: str | None,
) -> OpenedSession:
    audit.record(
        connection,
        "sign_in",
        at=now,
        org_id=account.org_id,
        actor=audit.PERSON,
        reference=reference,
        account_id=account.id,
        key=key,
        rule=rule,
    )
    return open_session(
        connection,
        account,
        rules=rules,
        provider=key.provider,
        outcome=outcome,
        ends=ends,
        now=now,
        previous_token=previous_token,
    )
