"""Linking and unlinking on purpose, by somebody who is signed in, in the caller's transaction.

The law: the session that asks is held and has to live, and to be fresh, at the moment of the change: whoever ended it has ended
what it was about to do. An identity that opens another account is never taken from it, and one yes links once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from bridge.accounts import audit, outbox
from bridge.accounts.listing import identities_of
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.records import Account
from bridge.accounts.resolve import refuse_unless_open
from bridge.accounts.rows import find_by_key, insert_identity, to_account
from bridge.accounts.tables import accounts, sessions, spent_handoffs
from bridge.accounts.transaction import see_latest
from bridge.accounts.unlinking import unlink
from bridge.errors import (
    AccountIdentityConflict,
    IdentityTaken,
    LastIdentity,
    LastWayIn,
    LoginStateMismatch,
    NoSuchIdentity,
    NotLinked,
    SignInAgain,
)
from bridge.identity import IdentityKey

EVIDENCE = "linked.by_holder"
"""Why an identity that somebody linked on purpose counts: its owner and the account's holder are one browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who asks: an account's session, by the SHA-256 of its token, opened at *fresh_since* or later (UTC)."""

    account_id: int
    session_sha256: str
    fresh_since: datetime
    policy: OrgPolicy
    reference: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back from a provider and got a yes: the identity, by the attempt with this digest; no answer after *until*."""

    key: IdentityKey
    attempt_sha256: str
    until: datetime


def link(connection: Connection, holder: Holder, answer: Answer) -> Account:
    """Link the answer's identity to the holder's account; what is linked already is left as it is.

    Raises `SignInAgain`, `ProviderDisabled`, `IdentityTaken`, `AccountIdentityConflict` where the account has another identity
    of the provider, and `LoginStateMismatch` for a yes that has linked before. (Who is blocked has no session to ask by.)
    """
    key, policy = answer.key, holder.policy
    org, provider = policy.org_name, key.provider
    refuse_unless_open(provider, policy)
    account = _held(connection, holder, provider)
    owner = find_by_key(connection, key, org_id=policy.org_id)
    if owner is not None and owner.id == account.id:
        return account
    if owner is not None:
        raise IdentityTaken(org=org, provider=provider, account_id=account.id)
    if any(mine.provider == provider for mine in identities_of(connection, account)):
        raise AccountIdentityConflict(org=org, provider=provider, rule=4, account_id=account.id)
    _spend(connection, answer, policy)
    insert_identity(connection, account, key, now=holder.now)
    outbox.wish(connection, key, org_id=policy.org_id, held=True, now=holder.now)
    audit.record(
        connection,
        "link",
        at=holder.now,
        org_id=policy.org_id,
        actor=audit.PERSON,
        reference=holder.reference,
        account_id=account.id,
        key=key,
        evidence=EVIDENCE,
    )
    return account


def unlink_own(connection: Connection, holder: Holder, provider: str) -> None:
    """Unlink the holder's identity of *provider*; raises `SignInAgain`, `NotLinked`, and `LastWayIn`."""
    account = _held(connection, holder, provider)
    policy = holder.policy
    try:
        unlink(
            connection,
            account.id,
            provider,
            org_id=policy.org_id,
            open_providers=policy.open_providers,
            last_too=False,
            actor=audit.PERSON,
            now=holder.now,
            reference=holder.reference,
        )
    except LastIdentity as error:
        raise LastWayIn(org=policy.org_name, provider=provider, account_id=account.id) from error
    except NoSuchIdentity as error:
        raise NotLinked(org=policy.org_name, provider=provider, account_id=account.id) from error


def record_refusal(connection: Connection, holder: Holder, key: IdentityKey, code: str) -> None:
    """Write the audit row of a link that was refused."""
    audit.record(
        connection,
        "refused",
        at=holder.now,
        org_id=holder.policy.org_id,
        actor=audit.PERSON,
        reference=holder.reference,
        account_id=holder.account_id,
        key=key,
        code=code,
    )


def _held(connection: Connection, holder: Holder, provider: str) -> Account:
    """Return the holder's account, held, with the session that asks."""
    see_latest(connection)
    this_one = (accounts.c.id == holder.account_id) & (accounts.c.org_id == holder.policy.org_id)
    account = to_account(connection.execute(select(accounts).where(this_one).with_for_update()).one())
    asking = select(sessions.c.id).where(
        sessions.c.token_sha256 == holder.session_sha256,
        sessions.c.account_id == account.id,
        sessions.c.expires_at > holder.now,
        sessions.c.created_at >= holder.fresh_since,
    )
    if connection.scalar(asking.with_for_update()) is None:
        raise SignInAgain(org=holder.policy.org_name, provider=provider, account_id=account.id)
    return account


def _spend(connection: Connection, answer: Answer, policy: OrgPolicy) -> None:
    values = {"issuer": f"link:{answer.key.provider}", "handoff_id": answer.attempt_sha256}
    try:
        connection.execute(insert(spent_handoffs).values(**values, org_id=policy.org_id, spent_until=answer.until))
    except IntegrityError as error:
        raise LoginStateMismatch(provider=answer.key.provider, reason="this yes has linked before") from error
