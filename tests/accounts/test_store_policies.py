"""What an organization's policies make of a sign-in, as rows: new accounts by provider, and profiles kept up to date."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from bridge.accounts.records import OpenedSession
from bridge.accounts.tables import accounts, audit_events
from bridge.errors import AccountBlocked, AccountPending, ProviderDisabled
from bridge.identity import ExternalIdentity

Builder = Callable[..., Any]
SignIn = Callable[..., OpenedSession]
GOOGLE = frozenset({"google_oauth2"})


@pytest.fixture
def synced(policy: Builder) -> Builder:
    """The policy of an organization that takes over what google says."""

    def build(*attributes: str, **changes: Any) -> Any:
        return policy(sync_profile_from=GOOGLE, sync_profile_attributes=frozenset(attributes), **changes)

    return build


@pytest.fixture
def told(rows: Builder) -> Callable[[], list[tuple[str, str | None]]]:
    """Event and code of what the trail says about profiles."""
    return lambda: [(row.event, row.code) for row in rows(audit_events) if row.event.startswith("sync_")]


def test_newcomers_of_an_external_provider_are_marked_and_nobody_else(
    sign_in: SignIn, identity: Builder, policy: Builder
) -> None:
    """`external_providers` marks accounts when they are made; who was there before stays what they were."""
    by_google = policy(external_providers=GOOGLE)
    first = sign_in(policy=by_google)
    assert first.account.external
    assert sign_in().account == first.account
    second = sign_in(policy=by_google, identity=identity(provider="github", uid="7", email="bob@acme.example"))
    assert not second.account.external
    linked = sign_in(policy=by_google, identity=identity(uid="8", email="bob@acme.example"))
    assert (linked.outcome, linked.account.external) == ("linked", False)


def test_strangers_of_one_provider_can_be_treated_otherwise(sign_in: SignIn, identity: Builder, policy: Builder) -> None:
    """`signup_by_provider` counts for its provider, `signup` for the others."""
    mixed = policy(signup="closed", signup_by_provider={"google_oauth2": "approval", "github": "open"})
    with pytest.raises(AccountPending):
        sign_in(policy=mixed)
    opened = sign_in(policy=mixed, identity=identity(provider="github", uid="7", email="bob@acme.example"))
    assert opened.outcome == "created"


def test_a_provider_that_is_switched_off_keeps_its_identities(sign_in: SignIn, policy: Builder, counts: Builder) -> None:
    """Nobody signs in with it for now, who is known neither; switched on again, everything is as it was."""
    first = sign_in()
    before = counts()
    with pytest.raises(ProviderDisabled) as refusal:
        sign_in(policy=policy(disabled_providers=GOOGLE))
    assert "disabled_providers" in refusal.value.reason
    assert counts() == before | {"audit_events": before["audit_events"] + 1}
    assert sign_in().account == first.account


def test_an_unverified_email_of_a_blocked_account_is_not_told_so(
    sign_in: SignIn, identity: Builder, store: Any, now: Any, rows: Builder
) -> None:
    """Who may only claim an address learns nothing about its account, and the trail does not name the account for it."""
    opened = sign_in()
    store.set_state(opened.account.id, "blocked", org_id=42, actor="operator:test", now=now)
    with pytest.raises(AccountBlocked):
        sign_in()
    for claimed in ("ann@acme.example", "nobody@acme.example"):
        with pytest.raises(Exception, match=r"account\.email_unverified") as refusal:
            sign_in(identity=identity(provider="github", uid="7", email=claimed, verified=False))
        assert refusal.value.account_id is None  # type: ignore[attr-defined]
    assert [row.account_id for row in rows(audit_events) if row.code == "account.email_unverified"] == [None, None]


def test_profile_follows_the_provider_as_far_as_it_is_asked_to(
    *, sign_in: SignIn, identity: Builder, policy: Builder, synced: Builder, told: Callable[[], Any]
) -> None:
    """Name and address change only where the policy names provider and attribute; each change is in the trail."""
    first = sign_in().account
    moved: ExternalIdentity = identity(email="ann@new.example", name="Ann Married")
    for unchanged in (policy(), policy(sync_profile_from=frozenset({"github"})), synced(read_only=True), synced()):
        assert sign_in(identity=moved, policy=unchanged).account == first
    assert told() == []
    assert sign_in(identity=moved, policy=synced("name")).account == replace(first, name="Ann Married")
    now_known = sign_in(identity=moved, policy=synced("email", "name")).account
    assert now_known == replace(first, name="Ann Married", email="ann@new.example")
    assert told() == [("sync_name", None), ("sync_email", None)]
    assert sign_in(identity=identity(email=None, name=None), policy=synced("email", "name")).account == now_known
    assert told() == [("sync_name", None), ("sync_email", None)]


def test_a_new_address_is_the_accounts_from_then_on(
    sign_in: SignIn, identity: Builder, policy: Builder, synced: Builder
) -> None:
    """The new address links other providers, and the old one is free for somebody else."""
    linking = {"link_by_email": frozenset({"google_oauth2", "github"})}
    first = sign_in()
    sign_in(identity=identity(email="ann@new.example"), policy=synced("email"))
    github = identity(provider="github", uid="7", email="ANN@new.example")
    assert sign_in(identity=github, policy=policy(**linking)).account.id == first.account.id
    assert sign_in(identity=identity(uid="9")).outcome == "created"


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_of_somebody_else_is_never_taken_over(
    *, verified: bool, sign_in: SignIn, identity: Builder, synced: Builder, told: Callable[[], Any], rows: Builder
) -> None:
    """A provider's change of email hijacks nobody: the sign-in goes on as who it was, both accounts stay, the trail tells."""
    ann = sign_in().account
    bob = sign_in(identity=identity(uid="2", email="bob@acme.example")).account
    claims_to_be_bob = identity(email="BOB@acme.example", verified=verified)
    opened = sign_in(identity=claims_to_be_bob, policy=synced("email"))
    assert (opened.outcome, opened.account) == ("known", ann)
    assert {row.id: row.email for row in rows(accounts)} == {ann.id: ann.email, bob.id: bob.email}
    assert told() == [("sync_email", "sync.email_taken" if verified else "sync.email_unverified")]


def test_the_same_address_from_the_provider_confirms_it(
    sign_in: SignIn, identity: Builder, synced: Builder, store: Any, now: Any
) -> None:
    """An account whose address was never confirmed is confirmed by its own identity, in the spelling it had."""
    ann = sign_in().account
    unconfirmed = store.add_account(
        org_id=42,
        email=identity(email="Bob@acme.example").email,
        email_confirmed=False,
        username="bob",
        name="Bob",
        actor="operator:test",
        now=now,
    )
    store.add_identity(unconfirmed, identity(uid="2").key, actor="operator:test", now=now)
    opened = sign_in(identity=identity(uid="2", email="bob@acme.example"), policy=synced("email"))
    assert opened.account == replace(unconfirmed, email_confirmed=True)
    assert sign_in(policy=synced("email")).account == ann


def test_two_accounts_that_want_one_address_at_once_do_not_collide(
    *, sign_in: SignIn, identity: Builder, synced: Builder, told: Callable[[], Any], rows: Builder
) -> None:
    """Whoever loses the race signs in all the same and keeps the address they had."""
    for number in range(6):
        sign_in(identity=identity(uid=str(number), email=f"p{number}@acme.example"))

    def move(number: int) -> str:
        return sign_in(identity=identity(uid=str(number), email="info@acme.example"), policy=synced("email")).outcome

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(move, range(6))) == ["known"] * 6
    assert [row.email for row in rows(accounts)].count("info@acme.example") == 1
    assert sorted(told(), key=str) == [("sync_email", "sync.email_taken")] * 5 + [("sync_email", None)]


def test_sign_ins_of_one_moved_person_at_once_change_the_address_once(
    *, sign_in: SignIn, identity: Builder, synced: Builder, told: Callable[[], Any]
) -> None:
    """Nobody waits for each other in a circle: the account is held alone by whoever may change it."""
    sign_in()
    moved = identity(email="ann@new.example")
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: sign_in(identity=moved, policy=synced("email")).account.email, range(16)))
    assert opened == ["ann@new.example"] * 16
    assert told() == [("sync_email", None)]
