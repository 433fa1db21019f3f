"""Linking and unlinking on purpose: one way in always stays, and nobody's identity is taken."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from bridge.accounts import linking, unlinking
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.records import Account, OpenedSession
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import audit_events, claim_wishes, identities, sessions
from bridge.errors import (
    AccountBlocked,
    AccountIdentityConflict,
    BridgeError,
    IdentityTaken,
    LastIdentity,
    NoSuchIdentity,
    ProviderDisabled,
)
from bridge.identity import Email, IdentityKey

GITHUB = IdentityKey("github", "7")


@pytest.fixture
def ann(sign_in: Callable[..., OpenedSession]) -> Account:
    """Ann, signed in with Google."""
    return sign_in().account


@pytest.fixture
def link(store: AccountStore, policy: Callable[..., OrgPolicy], now: datetime) -> Callable[..., Account]:
    """Links a GitHub identity to an account."""

    def run(account: Account, key: IdentityKey = GITHUB, **policies: Any) -> Account:
        step = partial(
            linking.link, key=key, account_id=account.id, policy=policy(**policies), reference="7KQ2M-4XD9R", now=now
        )
        return store.change(step)

    return run


@pytest.fixture
def unlink(store: AccountStore, policy: Callable[..., OrgPolicy], now: datetime) -> Callable[..., None]:
    """Unlinks a provider from an account."""

    def run(account: Account, provider: str, **policies: Any) -> None:
        store.change(
            partial(
                unlinking.unlink,
                account_id=account.id,
                provider=provider,
                org_id=42,
                open_providers=policy(**policies).open_providers,
                last_too=False,
                actor="person",
                reference="7KQ2M-4XD9R",
                now=now,
            )
        )

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
    """A page that was open when the account was blocked adds no way in."""
    store.set_state(ann.id, "blocked", org_id=42, actor="admin", now=now)
    before = counts()
    with pytest.raises(AccountBlocked):
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
    with pytest.raises(LastIdentity):
        unlink(ann, "google_oauth2", disabled_providers=off)
    assert counts() == before


def test_what_is_not_linked_is_not_unlinked(
    ann: Account, unlink: Callable[..., None], store: AccountStore, now: datetime, counts: Any
) -> None:
    """Neither a provider that the account does not have, nor one of somebody else's account."""
    bob = store.add_account(
        org_id=42, email=Email("bob@acme.example"), email_confirmed=True, username="bob", name="Bob", actor="admin", now=now
    )
    before = counts()
    for account in (ann, bob):
        with pytest.raises(NoSuchIdentity):
            unlink(account, "github")
    assert counts() == before
