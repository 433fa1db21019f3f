"""Telling the topology which identities the cell's organizations hold, in the background, until it knows.

The law: what is told comes from the table of wishes alone; a topology that is down loses nothing, and an identity that another
organization holds is a conflict for the administrator, never taken.
"""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Connection

from bridge.accounts import audit, outbox
from bridge.accounts.outbox import AT_ONCE, ClaimWish
from bridge.accounts.store import AccountStore
from bridge.errors import TopologyUnavailable
from bridge.topology.client import Topology
from bridge.topology.directory import ClaimHeld

ACTOR = "cell"

log = structlog.get_logger()


def tell_topology(accounts: AccountStore, topology: Topology, *, clock: Callable[[], datetime]) -> None:
    """Tell the topology every wish that is due; raises `TopologyUnavailable` at the first that it does not take."""
    for _ in range(AT_ONCE):
        wish = accounts.change(lambda connection: outbox.take_due(connection, now=clock()))
        if wish is None:
            return
        _tell(accounts, topology, wish, clock())


def _tell(accounts: AccountStore, topology: Topology, wish: ClaimWish, now: datetime) -> None:
    try:
        (topology.claim_identity if wish.held else topology.release_identity)(wish.key, wish.org_id)
    except TopologyUnavailable:
        accounts.change(lambda connection: outbox.put_off(connection, wish, conflict=False, now=now))
        raise
    except ClaimHeld:
        _keep_conflict(accounts, wish, now)
        return
    accounts.change(lambda connection: outbox.fulfilled(connection, wish))
    log.info("claim.told", org_id=wish.org_id, provider=wish.key.provider, uid_digest=wish.key.uid_digest, held=wish.held)


def _keep_conflict(accounts: AccountStore, wish: ClaimWish, now: datetime) -> None:
    """A release of what another organization holds is fulfilled; a claim of it waits, and is told once."""
    if not wish.held:
        accounts.change(lambda connection: outbox.fulfilled(connection, wish))
        return

    def keep(connection: Connection) -> None:
        outbox.put_off(connection, wish, conflict=True, now=now)
        if not wish.conflict:
            audit.record(
                connection, "claim_held_elsewhere", at=now, org_id=wish.org_id, actor=ACTOR, reference=None, key=wish.key
            )

    accounts.change(keep)
    log.warning("claim.held_elsewhere", org_id=wish.org_id, provider=wish.key.provider, uid_digest=wish.key.uid_digest)
