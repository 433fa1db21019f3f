"""Sign-in as one transaction, on SQLite and PostgreSQL: what is written, and that a refusal writes nothing else."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from bridge.accounts.records import Account, OpenedSession
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import accounts, audit_events, identities, metadata, sessions, spent_handoffs
from bridge.errors import (
    AccountBlocked,
    AccountEmailUnverified,
    AccountIdentityConflict,
    AccountNotBound,
    AccountPending,
    AccountSignupClosed,
    BridgeError,
    HandoffReplayed,
    OrgReadOnly,
    ProviderDisabled,
)
from bridge.identity import Email, ExternalIdentity, IdentityKey

Builder = Callable[..., Any]
SignIn = Callable[..., OpenedSession]


@pytest.fixture
def ann(store: AccountStore, now: datetime) -> Account:
    """Ann's account in Acme, made by an operator, without an identity."""
    return store.add_account(
        org_id=42,
        email=Email("Ann@Acme.example"),
        email_confirmed=True,
        username="ann",
        name="Ann Example",
        attributes={"role": "owner"},
        actor="operator:test",
        now=now,
    )


def test_stranger_gets_account_identity_and_session(
    sign_in: SignIn, store: AccountStore, now: datetime, rows: Builder, counts: Builder
) -> None:
    """An open organization creates the account with its defaults, confirmed by the provider's word, and opens it."""
    opened = sign_in()
    assert opened.outcome == "created"
    account = opened.account
    assert (account.org_id, account.email, account.email_confirmed) == (42, "ann@acme.example", True)
    assert (account.username, account.name, account.state) == ("ann", "Ann Example", "active")
    assert account.attributes == {"role": "member", "base_path": "/acme"}
    signed_in = store.session(opened.token, org_id=42, now=now)
    assert signed_in is not None
    assert signed_in.account == account
    assert counts() == {
        "accounts": 1,
        "identities": 1,
        "claim_wishes": 1,
        "sessions": 1,
        "spent_handoffs": 1,
        "audit_events": 2,
    }
    assert [(row.event, row.rule, row.account_id) for row in rows(audit_events)] == [
        ("create", 6, account.id),
        ("sign_in", 6, account.id),
    ]


def test_account_without_a_name_is_named_after_its_username(sign_in: SignIn, identity: Builder) -> None:
    """A provider that tells no name leaves no empty one behind."""
    assert sign_in(identity=identity(name=None)).account.name == "ann"


def test_known_identity_opens_its_account_whatever_its_email_says(sign_in: SignIn, identity: Builder, counts: Builder) -> None:
    """Rule 2: the second sign-in adds no account and no identity, though the email is another, unverified or gone."""
    first = sign_in()
    for changed in (identity(email="other@acme.example"), identity(verified=False), identity(email=None)):
        again = sign_in(identity=changed)
        assert (again.outcome, again.account) == ("known", first.account)
    assert counts() == {
        "accounts": 1,
        "identities": 1,
        "claim_wishes": 1,
        "sessions": 4,
        "spent_handoffs": 4,
        "audit_events": 5,
    }


@pytest.mark.parametrize("email", ["Ann@Acme.example", "ann@acme.example", "ANN@ACME.EXAMPLE"])
def test_matching_email_links_in_any_letter_case(
    *, email: str, ann: Account, sign_in: SignIn, identity: Builder, rows: Builder, counts: Builder
) -> None:
    """Rule 5: the existing account stays as it is and gets the identity, and the audit says by which evidence."""
    opened = sign_in(identity=identity(email=email))
    assert (opened.outcome, opened.account) == ("linked", ann)
    assert counts() == {
        "accounts": 1,
        "identities": 1,
        "claim_wishes": 1,
        "sessions": 1,
        "spent_handoffs": 1,
        "audit_events": 3,
    }
    assert [(row.event, row.rule, row.evidence) for row in rows(audit_events)][1:] == [
        ("link", 5, "test.verified"),
        ("sign_in", 5, None),
    ]
    assert sign_in().outcome == "known"


def test_uid_is_compared_exactly(sign_in: SignIn, identity: Builder) -> None:
    """`ABC` and `abc` are two people at a provider, so the second one is a conflict and never the first one's session."""
    sign_in(identity=identity(uid="ABC"))
    with pytest.raises(AccountIdentityConflict):
        sign_in(identity=identity(uid="abc"))


def test_organizations_share_nothing(sign_in: SignIn, policy: Builder, store: AccountStore, now: datetime) -> None:
    """The same person in two organizations of a cell has two accounts, and a session counts in its own alone."""
    acme = sign_in()
    globex = sign_in(policy=policy(org_id=43, org_path="globex", org_name="Globex"))
    assert globex.outcome == "created"
    assert globex.account.id != acme.account.id
    assert store.session(acme.token, org_id=43, now=now) is None
    assert store.session(globex.token, org_id=43, now=now) is not None


def test_username_collisions_get_a_suffix(sign_in: SignIn, identity: Builder) -> None:
    """A second `ann`, in any letter case, is told apart by a suffix that her uid gives, and everybody gets in."""
    assert sign_in().account.username == "ann"
    second = sign_in(identity=identity(uid="2", email="ann@other.example")).account.username
    third = sign_in(identity=identity(uid="3", email="x@acme.example", username="ANN")).account.username
    assert second.startswith("ann-")
    assert third.startswith("ANN-")


def test_approval_keeps_a_pending_account_and_opens_nothing(
    *, sign_in: SignIn, policy: Builder, rows: Builder, counts: Builder, store: AccountStore, now: datetime
) -> None:
    """Rule 6: the account waits, the handoff is spent, there is no session; after approval the same person gets in."""
    waiting = policy(signup="approval")
    with pytest.raises(AccountPending) as first:
        sign_in(policy=waiting, handoff_id="_1")
    assert (first.value.rule, first.value.org, first.value.provider) == (6, "Acme", "google_oauth2")
    assert counts() == {"accounts": 1, "identities": 1, "spent_handoffs": 1, "audit_events": 1}
    [row] = rows(audit_events)
    assert (row.event, row.code, row.account_id) == ("create", "account.pending", first.value.account_id)
    with pytest.raises(HandoffReplayed):
        sign_in(policy=waiting, handoff_id="_1")
    with pytest.raises(AccountPending) as second:
        sign_in(policy=waiting)
    assert second.value.rule == 1
    assert first.value.account_id is not None
    store.set_state(first.value.account_id, "active", org_id=42, actor="operator:test", now=now)
    assert sign_in(policy=waiting).outcome == "known"


def refusals() -> list[Any]:
    """Every refusal by the rules: what is changed, which class, which rule the audit names."""
    return [
        pytest.param({"providers": frozenset({"github"})}, {}, ProviderDisabled, None, id="provider.disabled"),
        pytest.param({"state": "blocked"}, {}, AccountBlocked, 1, id="account.blocked"),
        pytest.param({"state": "pending"}, {}, AccountPending, 1, id="account.pending"),
        pytest.param({}, {"verified": False}, AccountEmailUnverified, 3, id="account.email_unverified"),
        pytest.param({"other_uid": True}, {}, AccountIdentityConflict, 4, id="account.identity_conflict"),
        pytest.param({"link_by_email": frozenset()}, {}, AccountNotBound, 5, id="account.not_bound"),
        pytest.param({"signup": "closed"}, {"email": "new@acme.example"}, AccountSignupClosed, 6, id="account.signup_closed"),
        pytest.param({"read_only": True}, {"email": "new@acme.example"}, OrgReadOnly, 6, id="org.read_only"),
    ]


@pytest.mark.parametrize(("world", "said", "refusal", "rule"), refusals())
def test_refusal_leaves_one_audit_row_and_nothing_else(
    *,
    world: dict[str, Any],
    said: dict[str, Any],
    refusal: type[BridgeError],
    rule: int | None,
    ann: Account,
    engine: Engine,
    store: AccountStore,
    sign_in: SignIn,
    identity: Builder,
    policy: Builder,
    now: datetime,
    rows: Builder,
    counts: Builder,
) -> None:
    """No account, identity or session is written, the handoff is not spent, and the audit row has the rule and no address."""
    if "state" in world:
        with engine.begin() as connection:
            connection.execute(accounts.update().values(state=world["state"]))
    if "other_uid" in world:
        store.add_identity(ann, IdentityKey("google_oauth2", "999"), actor="operator:test", now=now)
    changed = {name: value for name, value in world.items() if name not in ("state", "other_uid")}
    before = counts()
    previous = store_tables(rows)
    with pytest.raises(refusal) as caught:
        sign_in(identity=identity(**said), policy=policy(**changed), reference="ABCDE-12345")
    assert caught.type is refusal
    assert counts() == {**before, "audit_events": before["audit_events"] + 1}
    assert store_tables(rows) == previous
    row = rows(audit_events)[-1]
    assert (row.event, row.code, row.rule, row.reference) == ("refused", refusal.code, rule, "ABCDE-12345")
    assert (row.at, row.org_id, row.actor, row.provider) == (now, 42, "person", "google_oauth2")
    assert row.uid_digest == hashlib.sha256(b"100200300").hexdigest()[:16]
    assert row.account_id == (ann.id if rule in (1, 4, 5) else None)
    assert "@" not in str(tuple(row))


def store_tables(rows: Builder) -> list[Any]:
    """Return everything but the audit trail."""
    return [rows(table) for table in (accounts, identities, sessions, spent_handoffs)]


def test_a_refused_handoff_that_comes_again_adds_no_row(
    sign_in: SignIn, identity: Builder, policy: Builder, rows: Builder
) -> None:
    """One row for each handoff, however often it is posted and whatever refuses it then; another handoff has its own."""
    closed, disabled = policy(signup="closed"), policy(providers=frozenset({"github"}))
    for changed, refusal in ((closed, AccountSignupClosed), (closed, AccountSignupClosed), (disabled, ProviderDisabled)):
        with pytest.raises(refusal):
            sign_in(policy=changed, handoff_id="_1")
    for other in ({"handoff_id": "_2"}, {"handoff_id": "_1", "issuer": "https://other.example"}):
        with pytest.raises(AccountSignupClosed):
            sign_in(policy=closed, **other)
    assert [row.code for row in rows(audit_events)] == ["account.signup_closed"] * 3
    assert len({row.refused_handoff for row in rows(audit_events)}) == 3
    assert "_1" not in str([tuple(row) for row in rows(audit_events)])


def test_refused_handoff_can_be_used_when_the_reason_is_gone(sign_in: SignIn, policy: Builder) -> None:
    """A refusal does not spend: the person may press the button again after the administrator has acted."""
    with pytest.raises(AccountSignupClosed):
        sign_in(policy=policy(signup="closed"), handoff_id="_1")
    assert sign_in(handoff_id="_1").outcome == "created"


def test_replay_is_refused_and_leaves_no_trace(sign_in: SignIn, store: AccountStore, now: datetime, counts: Builder) -> None:
    """A spent handoff opens nothing, writes nothing, and does not disturb the session that it opened."""
    opened = sign_in(handoff_id="_1")
    before = counts()
    with pytest.raises(HandoffReplayed) as caught:
        sign_in(handoff_id="_1", previous_token=opened.token)
    assert caught.value.code == "handoff.replayed"
    assert counts() == before
    assert store.session(opened.token, org_id=42, now=now) is not None


def test_handoff_is_spent_for_every_organization_and_person(sign_in: SignIn, policy: Builder, identity: Builder) -> None:
    """One assertion ID of one issuer is good once, whatever else the document says."""
    sign_in(handoff_id="_1")
    with pytest.raises(HandoffReplayed):
        sign_in(handoff_id="_1", policy=policy(org_id=43), identity=identity(uid="2", email="bob@acme.example"))


def test_same_id_of_another_issuer_is_another_handoff(sign_in: SignIn) -> None:
    """IDs are unique within an issuer (SAML core 1.3.4): two legacy cells do not block each other."""
    sign_in(handoff_id="_1")
    assert sign_in(handoff_id="_1", issuer="https://other.example/saml/metadata").outcome == "known"


def test_session_of_this_browser_ends_when_a_new_one_opens(
    sign_in: SignIn, identity: Builder, store: AccountStore, now: datetime, counts: Builder
) -> None:
    """No fixation, and no way back into the person before: the old token is dead, also when it was somebody else's."""
    ann = sign_in()
    bob = sign_in(identity=identity(uid="2", email="bob@acme.example"), previous_token=ann.token)
    assert bob.token != ann.token
    assert store.session(ann.token, org_id=42, now=now) is None
    assert counts()["sessions"] == 1


def test_refusal_does_not_end_the_session_that_is_open(
    sign_in: SignIn, identity: Builder, store: AccountStore, now: datetime
) -> None:
    """Whoever is signed in stays so when a stray response is refused."""
    opened = sign_in()
    with pytest.raises(AccountEmailUnverified):
        sign_in(identity=identity(uid="2", email="bob@acme.example", verified=False), previous_token=opened.token)
    assert store.session(opened.token, org_id=42, now=now) is not None


@pytest.mark.parametrize("previous", ["", "cell-2-unknown", "cell-9-x", "x" * 5000, "cell-2-\u00e9", "cell-2-\udcff"])
def test_strange_previous_token_is_ignored(previous: str, sign_in: SignIn) -> None:
    """The cookie comes from outside: whatever it holds, sign-in goes on."""
    assert sign_in(previous_token=previous).outcome == "created"


def test_database_holds_no_token(sign_in: SignIn, engine: Engine, database_url: str) -> None:
    """No column of any table, and no byte of the SQLite file or its log, holds the token or its random part."""
    secret = sign_in().token.removeprefix("cell-2-")
    with engine.connect() as connection:
        dump = [str(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(table.select())]
        tables = connection.scalar(text("SELECT count(*) FROM sessions"))
    assert tables == 1
    assert not any(secret in line for line in dump)
    if engine.dialect.name == "sqlite":
        file = Path(database_url.removeprefix("sqlite:///"))
        for part in (file, file.with_name(file.name + "-wal")):
            assert secret.encode() not in part.read_bytes()


def test_token_is_prefix_and_256_random_bits(sign_in: SignIn, rows: Builder) -> None:
    """The router reads the prefix; the row holds the SHA-256 of the whole token; the token is not in the repr."""
    opened = sign_in()
    prefix, random = opened.token[:7], opened.token[7:]
    assert prefix == "cell-2-"
    assert len(random) == 43
    [row] = rows(sessions)
    assert row.token_sha256 == hashlib.sha256(opened.token.encode()).hexdigest()
    assert random not in repr(opened)


def test_session_ends_when_the_sign_in_says(sign_in: SignIn, store: AccountStore, now: datetime) -> None:
    """SessionNotOnOrAfter is a limit: the session ends then, though our own absolute lifetime is longer."""
    opened = sign_in(session_ends=now + timedelta(minutes=10))
    assert opened.expires_at == now + timedelta(minutes=10)
    assert store.session(opened.token, org_id=42, now=now + timedelta(minutes=10) - timedelta(microseconds=1)) is not None
    assert store.session(opened.token, org_id=42, now=now + timedelta(minutes=10)) is None


def test_identity_types_do_not_mix(sign_in: SignIn, identity: Callable[..., ExternalIdentity], policy: Builder) -> None:
    """The same uid at two providers is two identities; the second links by its email where that is allowed."""
    first = sign_in()
    with pytest.raises(AccountNotBound):
        sign_in(identity=identity(provider="github"))
    linked = sign_in(identity=identity(provider="github"), policy=policy(link_by_email=frozenset({"github"})))
    assert (linked.outcome, linked.account) == ("linked", first.account)
