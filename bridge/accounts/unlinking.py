"""Taking an identity from its account, in the caller's transaction.

The law: nobody is locked out by it unawares, and nobody stays in by it: the sessions that the identity opened end with it.
"""

from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import Connection, delete, select

from bridge.accounts import audit, outbox
from bridge.accounts.tables import identities, sessions
from bridge.errors import LastIdentity, NoSuchIdentity
from bridge.identity import IdentityKey


def unlink(
    connection: Connection,
    account_id: int,
    provider: str,
    *,
    org_id: int,
    open_providers: AbstractSet[str],
    last_too: bool,
    actor: str,
    now: datetime,
    reference: str,
    cause: str | None = None,
) -> IdentityKey:
    """Unlink the account's identity of *provider*, end the sessions it opened, and return what it was.

    The caller's transaction has begun with `see_latest`. Raises `NoSuchIdentity`, and unless *last_too* `LastIdentity` where
    no other identity of the account is of one of *open_providers*: those that people may sign in with.
    """
    mine = (identities.c.account_id == account_id) & (identities.c.org_id == org_id)
    # All of them are held: of two who each see the other's identity as the way that is left, the second then finds one gone.
    # A sign-in holds the one that it came by: it is before this, and its session ends, or after it, and finds nothing.
    held = select(identities).where(mine).order_by(identities.c.id).with_for_update()
    uids = {row.provider: row.extern_uid for row in connection.execute(held)}
    if provider not in uids:
        raise NoSuchIdentity(reason=f"account {account_id} has no identity of {provider}")
    if not last_too and not (uids.keys() - {provider}) & open_providers:
        raise LastIdentity(reason=f"{provider} is the last way into account {account_id}: nothing is changed")
    key = IdentityKey(provider, uids[provider])
    connection.execute(delete(identities).where(mine, identities.c.provider == provider))
    connection.execute(delete(sessions).where(sessions.c.account_id == account_id, sessions.c.provider == provider))
    outbox.wish(connection, key, org_id=org_id, held=False, now=now)
    audit.record(
        connection,
        "unlink",
        at=now,
        org_id=org_id,
        actor=actor,
        reference=reference,
        account_id=account_id,
        key=key,
        cause=cause,
    )
    return key
