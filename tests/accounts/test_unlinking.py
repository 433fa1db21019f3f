"""Taking an identity away, on SQLite and PostgreSQL: the last way in stays, also of two who take one each at once."""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from bridge.accounts.choice import choose
from bridge.accounts.records import Account
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import identities
from bridge.accounts.unlinking import unlink
from bridge.errors import DatabaseUnavailable, LastIdentity, NoSuchIdentity
from bridge.identity import IdentityKey

BOTH = frozenset({"google_oauth2", "github"})
Unlink = Callable[..., IdentityKey]


@pytest.fixture
def ann(sign_in: Callable[..., Any], identity: Callable[..., Any], policy: Callable[..., Any]) -> Account:
    """Ann's account, which google and github open."""
    sign_in()
    opened = sign_in(identity=identity(provider="github", uid="7"), policy=policy(link_by_email=BOTH))
    account: Account = opened.account
    return account


@pytest.fixture
def take(store: AccountStore, ann: Account, now: datetime) -> Unlink:
    """Unlinks one of Ann's identities; *meet* is called in the transaction before."""

    def run(provider: str, *, meet: Callable[[], object] = lambda: None, **changes: Any) -> IdentityKey:
        fields: dict[str, Any] = {"org_id": 42, "open_providers": BOTH, "last_too": False, "actor": "operator:test"}

        def work(connection: Connection) -> IdentityKey:
            meet()
            return unlink(connection, ann.id, provider, now=now, reference="7KQ2M-4XD9R", **{**fields, **changes})

        return store.change(work)

    return run


def test_an_identity_that_nobody_may_sign_in_with_is_no_way_in(take: Unlink, rows: Callable[..., Any]) -> None:
    """Where github is switched off, google is the last way in; github itself may go."""
    google_alone = frozenset({"google_oauth2"})
    with pytest.raises(LastIdentity):
        take("google_oauth2", open_providers=google_alone)
    assert len(rows(identities)) == 2
    assert take("github", open_providers=google_alone) == IdentityKey("github", "7")
    with pytest.raises(NoSuchIdentity):
        take("github")
    assert [row.provider for row in rows(identities)] == ["google_oauth2"]


def test_another_organization_takes_nothing_away(take: Unlink, rows: Callable[..., Any]) -> None:
    """An account's number alone is not enough."""
    with pytest.raises(NoSuchIdentity):
        take("google_oauth2", org_id=43, last_too=True)
    assert len(rows(identities)) == 2


def test_of_two_who_take_one_each_at_once_one_sees_that_it_is_the_last(
    take: Unlink, rows: Callable[..., Any], backend: str
) -> None:
    """Each sees the other's identity as the way that is left: only one of them may be right."""
    together = Barrier(2)
    met: set[str] = set()

    def one(provider: str) -> str:
        def meet() -> None:
            if backend == "postgresql" and provider not in met:  # SQLite lets in one writer at a time
                met.add(provider)
                together.wait(20)

        try:
            take(provider, meet=meet)
        except LastIdentity as refusal:
            return refusal.code
        return "gone"

    with ThreadPoolExecutor(2) as pool:
        assert Counter(pool.map(one, sorted(BOTH))) == {"gone": 1, "identities.last": 1}
    assert len(rows(identities)) == 1


@pytest.mark.parametrize("synced", [True, False])
def test_an_account_that_a_sign_in_may_change_is_held_alone(
    *, synced: bool, backend: str, ann: Account, engine: Engine, impatient_engine: Engine, identity: Any, policy: Any, now: Any
) -> None:
    """Two sign-ins that share an account and both want to change it could only wait for each other."""
    rules = policy(sync_profile_from=BOTH if synced else frozenset())
    other = AccountStore(
        impatient_engine, session_prefix="cell-2", idle=timedelta(1), absolute=timedelta(1), random_bytes=os.urandom
    )

    def second() -> object:
        return other.change(lambda connection: choose(connection, identity(), rules, at_own_page=False, hold=True).decision)

    with engine.begin() as connection:
        choose(connection, identity(), rules, at_own_page=False, hold=True)
        if synced or backend == "sqlite":
            with pytest.raises(DatabaseUnavailable):
                second()
        else:
            assert second() is not None
    assert second() is not None
