"""What the topology has yet to be told: which identities this cell's organizations hold, or hold no more.

The law: a wish is written in the transaction that links or unlinks, so that neither is ever without the other. Of the wishes
about one identity the newest counts, and it stays until the topology has it. Every call means the same twice as once.

A wish that is on its way is not due until its call must have ended; one that replaces it waits as long, so that an old answer
never comes after a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from bridge.accounts.policy import LEGACY_ORG_ID
from bridge.accounts.records import Account
from bridge.accounts.tables import claim_wishes
from bridge.identity import ExternalIdentity, IdentityKey
from bridge.sections import FOREIGN_PREFIX

ON_ITS_WAY = timedelta(seconds=90)
"""Longer than any call to the topology takes, its second try included."""
LONGEST_PAUSE = timedelta(minutes=5)
PAUSE_OF_CONFLICT = timedelta(hours=1)
AT_ONCE = 100

Standing: TypeAlias = Literal["settled", "to be told", "held elsewhere"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimWish:
    """One wish: that *org_id* holds *key*, or that it does not; *tries* have failed, the last one by a *conflict* or not."""

    id: int
    org_id: int
    key: IdentityKey
    held: bool
    tries: int
    conflict: bool
    next_try_at: datetime


def wish_for_newcomer(
    connection: Connection, identity: ExternalIdentity, account: Account, *, at_own_page: bool, now: datetime
) -> None:
    """Wish that the topology knows an identity that the rules have just linked, where the topology should learn of it.

    Not while nobody has approved the account. Not by the organization's own page where a provider vouches for an address: whose
    that is the topology knows already, and one visit to another organization must not lead the person away from theirs.
    """
    if account.state == "active" and not (at_own_page and identity.evidence.verified):
        wish(connection, identity.key, org_id=account.org_id, held=True, now=now)


def wish(connection: Connection, key: IdentityKey, *, org_id: int, held: bool, now: datetime) -> None:
    """Wish, in the caller's transaction, that the topology knows *key* as the organization's (*held*), or forgets it.

    The legacy cell's own people are looked up by no topology, and a foreign issuer's name means something at its own cell only.
    """
    if org_id == LEGACY_ORG_ID or key.provider.startswith(FOREIGN_PREFIX):
        return
    replaced = delete(claim_wishes).where(_about(key, org_id)).returning(claim_wishes.c.next_try_at)
    not_before = connection.scalar(replaced)
    connection.execute(
        insert(claim_wishes).values(
            org_id=org_id,
            provider=key.provider,
            extern_uid=key.uid,
            held=held,
            tries=0,
            conflict=False,
            next_try_at=max(now, not_before) if not_before else now,
        )
    )


def take_due(connection: Connection, *, now: datetime) -> ClaimWish | None:
    """Return the wish that waits longest, and keep others from it while it is on its way; None where none is due."""
    due = select(claim_wishes.c.id).where(claim_wishes.c.next_try_at <= now).order_by(claim_wishes.c.next_try_at).limit(1)
    row = connection.execute(
        update(claim_wishes)
        .where(claim_wishes.c.id == due.with_for_update(skip_locked=True).scalar_subquery(), claim_wishes.c.next_try_at <= now)
        .values(next_try_at=now + ON_ITS_WAY)
        .returning(claim_wishes)
    ).one_or_none()
    return None if row is None else _to_wish(row)


def fulfilled(connection: Connection, done: ClaimWish) -> None:
    """Forget a wish that the topology has; one that replaced it meanwhile has another number and stays."""
    connection.execute(delete(claim_wishes).where(claim_wishes.c.id == done.id))


def put_off(connection: Connection, failed: ClaimWish, *, conflict: bool, now: datetime) -> None:
    """Try again later: soon after the first failures, at the latest in five minutes; each hour where another one holds it."""
    pause = PAUSE_OF_CONFLICT if conflict else min(LONGEST_PAUSE, timedelta(seconds=2 ** min(failed.tries, 10)))
    connection.execute(
        update(claim_wishes)
        .where(claim_wishes.c.id == failed.id)
        .values(tries=failed.tries + 1, conflict=conflict, next_try_at=now + pause)
    )


def standing(connection: Connection, key: IdentityKey, *, org_id: int) -> Standing:
    """Return whether there is nothing to tell the topology about *key*, or it will be told, or says that another one has it."""
    conflict = connection.scalar(select(claim_wishes.c.conflict).where(_about(key, org_id)))
    return "settled" if conflict is None else "held elsewhere" if conflict else "to be told"


def wishes_of(connection: Connection, org_id: int) -> Sequence[ClaimWish]:
    """Return what the topology does not have of the organization yet, oldest first."""
    mine = select(claim_wishes).where(claim_wishes.c.org_id == org_id).order_by(claim_wishes.c.id).limit(AT_ONCE)
    return [_to_wish(row) for row in connection.execute(mine)]


def _about(key: IdentityKey, org_id: int) -> ColumnElement[bool]:
    return and_(claim_wishes.c.org_id == org_id, claim_wishes.c.provider == key.provider, claim_wishes.c.extern_uid == key.uid)


def _to_wish(row: object) -> ClaimWish:
    values = dict(row._mapping)  # type: ignore[attr-defined]  # noqa: SLF001 - SQLAlchemy's public way to the columns by name
    return ClaimWish(key=IdentityKey(values.pop("provider"), values.pop("extern_uid")), **values)
