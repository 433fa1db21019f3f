"""Linking and unlinking on purpose: one way in always stays, and nobody's identity is taken."""

import contextlib
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from bridge.accounts import linking
from bridge.accounts.linking import Answer, Holder
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.records import Account, OpenedSession
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import audit_events, claim_wishes, identities, sessions
from bridge.errors import (
    AccountIdentityConflict,
    AccountPending,
    BridgeError,
    IdentityTaken,
    LastWayIn,
    LoginStateMismatch,
    NotLinked,
    ProviderDisabled,
    SignInAgain,
)
from bridge.identity import IdentityKey

FRESH = timedelta(minutes=15)
GITHUB = IdentityKey("github", "7")


@pytest.fixture
def ann(sign_in: Callable[..., OpenedSession]) -> Account:
    """Ann, signed in with Google."""
    return sign_in().account


@pytest.fixture
def holder(policy: Callable[..., OrgPolicy], now: datetime, rows: Any) -> Callable[..., Holder]:
    """The account's first session, asking."""

    def build(account: Account, **policies: Any) -> Holder:
        mine = [row.token_sha256 for row in rows(sessions) if row.account_id == account.id]
        return Holder(
            account_id=account.id,
            session_sha256=mine[0] if mine else "0" * 64,
            fresh_since=now - FRESH,
            policy=policy(**policies),
            reference="7KQ2M-4XD9R",
            now=now,
        )

    return build


@pytest.fixture
def link(store: AccountStore, holder: Callable[..., Holder], now: datetime) -> Callable[..., Account]:
    """Links a GitHub identity to an account, with a yes that was never given before."""
    attempts = itertools.count()

    def run(account: Account, key: IdentityKey = GITHUB, **policies: Any) -> Account:
        asking = holder(account, **policies)
        answer = Answer(key=key, attempt_sha256=str(next(attempts)), until=now + FRESH)
        return store.change(lambda connection: linking.link(connection, asking, answer))

    return run


@pytest.fixture
def unlink(store: AccountStore, holder: Callable[..., Holder]) -> Callable[..., None]:
    """Unlinks a provider from an account."""

    def run(account: Account, provider: str, **policies: Any) -> None:
        asking = holder(account, **policies)
        store.change(lambda connection: linking.unlink_own(connection, asking, provider))

    return run


def test_a_linked_identity_opens_the_account(
    ann: Account, link: Callable[..., Account], sign_in: Callable[..., OpenedSession], identity: Callable[..., Any], rows: Any
) -> None:
    """What was linked on purpose counts like any identity, without any email; the trail says who linked it."""
    link(ann)
    opened = sign_in(identity=identity(provider="github", uid="7", email=None, verified=False))
    assert (opened.account.id, opened.outcome) == (ann.id, "known")
    (event,) = [row for row in rows(audit_events) if row.event == "link"]
    assert (event.account_id, event.actor, event.provider, event.evidence) == (ann.id, "person", "github", "linked.by_holder")
    assert {(row.provider, row.held) for row in rows(claim_wishes)} == {("google_oauth2", True), ("github", True)}


def test_linking_twice_is_linking_once(ann: Account, link: Callable[..., Account], counts: Any) -> None:
    """Whoever says yes in two tabs is linked once, with one row in the trail."""
    link(ann)
    before = counts()
    assert link(ann).id == ann.id
    assert counts() == before


@pytest.mark.parametrize(
    ("key", "policies", "refusal"),
    [
        (IdentityKey("google_oauth2", "another"), {}, AccountIdentityConflict),
        (IdentityKey("google_oauth2", "bobs"), {}, IdentityTaken),
        (GITHUB, {"disabled_providers": frozenset({"github"})}, ProviderDisabled),
        (IdentityKey("gitlab", "7"), {}, ProviderDisabled),
    ],
    ids=["second-of-a-provider", "of-somebody-else", "switched-off", "not-allowed"],
)
def test_what_cannot_be_linked_changes_nothing(
    ann: Account,
    sign_in: Callable[..., OpenedSession],
    identity: Callable[..., Any],
    link: Callable[..., Account],
    counts: Any,
    key: IdentityKey,
    policies: dict[str, Any],
    refusal: type[BridgeError],
) -> None:
    """An identity of another account is never taken, a provider never re-keyed, and the organization's list counts here too."""
    sign_in(identity=identity(uid="bobs", email="bob@acme.example"))
    before = counts()
    with pytest.raises(refusal):
        link(ann, key, **policies)
    assert counts() == before


def test_who_was_blocked_meanwhile_links_nothing(
    ann: Account, store: AccountStore, link: Callable[..., Account], now: datetime, counts: Any
) -> None:
    """A page that was open when the account was blocked adds no way in: the block ended its session."""
    store.set_state(ann.id, "blocked", org_id=42, actor="admin", now=now)
    before = counts()
    with pytest.raises(SignInAgain):
        link(ann)
    assert counts() == before


def test_unlinking_takes_the_way_in_and_its_sessions(
    ann: Account,
    link: Callable[..., Account],
    unlink: Callable[..., None],
    sign_in: Callable[..., OpenedSession],
    identity: Callable[..., Any],
    rows: Any,
) -> None:
    """Whoever had the unlinked account in hand is out at once; other ways in and their sessions stay."""
    link(ann)
    sign_in(identity=identity(provider="github", uid="7"))
    unlink(ann, "github")
    assert [row.provider for row in rows(identities)] == ["google_oauth2"]
    assert [row.provider for row in rows(sessions)] == ["google_oauth2"]
    assert [(row.provider, row.actor) for row in rows(audit_events) if row.event == "unlink"] == [("github", "person")]
    assert {(row.provider, row.held) for row in rows(claim_wishes)} == {("google_oauth2", True), ("github", False)}


@pytest.mark.parametrize("off", [frozenset(), frozenset({"github"})], ids=["only-one", "other-one-switched-off"])
def test_the_last_way_in_stays(
    ann: Account, link: Callable[..., Account], unlink: Callable[..., None], counts: Any, off: frozenset[str]
) -> None:
    """Nobody locks themselves out: an identity of a provider that is switched off is no way in."""
    if off:
        link(ann)
    before = counts()
    with pytest.raises(LastWayIn):
        unlink(ann, "google_oauth2", disabled_providers=off)
    assert counts() == before


def test_what_is_not_linked_is_not_unlinked(ann: Account, unlink: Callable[..., None], counts: Any) -> None:
    """A provider that the account does not have is nothing to unlink."""
    before = counts()
    with pytest.raises(NotLinked):
        unlink(ann, "github")
    assert counts() == before


def test_a_session_that_was_ended_changes_nothing_more(
    ann: Account, store: AccountStore, holder: Callable[..., Holder], now: datetime, counts: Any
) -> None:
    """Whoever ended all sessions has ended what a stolen one was about to do: the changing transaction looks again."""
    asking = holder(ann)
    store.end_all(ann.id, org_id=42, now=now, reference="7KQ2M-4XD9R")
    before = counts()
    answer = Answer(key=GITHUB, attempt_sha256="a", until=now + FRESH)
    with pytest.raises(SignInAgain):
        store.change(lambda connection: linking.link(connection, asking, answer))
    with pytest.raises(SignInAgain):
        store.change(lambda connection: linking.unlink_own(connection, asking, "google_oauth2"))
    assert counts() == before


def test_one_yes_links_once(
    ann: Account, store: AccountStore, holder: Callable[..., Holder], unlink: Callable[..., None], now: datetime, counts: Any
) -> None:
    """The answer sent again after an unlink, by the back button or by a thief of the form, links nothing."""
    asking = holder(ann)
    answer = Answer(key=GITHUB, attempt_sha256="a", until=now + FRESH)
    store.change(lambda connection: linking.link(connection, asking, answer))
    unlink(ann, "github")
    before = counts()
    with pytest.raises(LoginStateMismatch):
        store.change(lambda connection: linking.link(connection, asking, answer))
    assert counts() == before


@pytest.mark.parametrize(
    ("arrives", "policies", "told"),
    [
        ({}, {}, True),
        ({"at_own_page": True}, {}, False),
        ({}, {"signup": "approval"}, False),
        ({"at_own_page": True, "address": None}, {"signup_without_email": frozenset({"google_oauth2"})}, True),
    ],
    ids=["handoff", "own-page-with-an-address", "pending", "own-page-without-an-address"],
)
def test_the_topology_learns_of_a_newcomer_only_where_it_should(
    sign_in: Callable[..., OpenedSession],
    identity: Callable[..., Any],
    policy: Callable[..., OrgPolicy],
    rows: Any,
    arrives: dict[str, Any],
    policies: dict[str, Any],
    told: bool,
) -> None:
    """One visit to another organization's page, or a wait for its approval, must not lead somebody away from their own."""
    address = arrives.get("address", "ann@acme.example")
    said = identity(email=address, verified=address is not None)
    with contextlib.suppress(AccountPending):
        sign_in(identity=said, policy=policy(**policies), at_own_page=arrives.get("at_own_page", False))
    assert len(rows(identities)) == 1
    assert bool(rows(claim_wishes)) is told


def test_who_is_let_in_without_an_address_is_told_then(
    sign_in: Callable[..., OpenedSession],
    identity: Callable[..., Any],
    policy: Callable[..., OrgPolicy],
    store: AccountStore,
    now: datetime,
    rows: Any,
) -> None:
    """Nobody else can find who has no address; a pending one is found by nobody."""
    rules = policy(signup="approval", signup_without_email=frozenset({"google_oauth2"}))
    with pytest.raises(AccountPending) as waits:
        sign_in(identity=identity(email=None, verified=False), policy=rules, at_own_page=True)
    assert rows(claim_wishes) == []
    assert waits.value.account_id is not None
    store.set_state(waits.value.account_id, "active", org_id=42, actor="operator:eve", now=now)
    assert [(row.extern_uid, row.held) for row in rows(claim_wishes)] == [("100200300", True)]
