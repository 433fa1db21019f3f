"""`cellbridge accounts`: an operator finds who waits, lets them in, keeps others out, and every change says who made it."""

import json
import os
import pwd
import secrets
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bridge.accounts.opening import open_accounts
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.store import AccountStore
from bridge.cli import main
from bridge.clock import utc_now
from bridge.config import SpConfig, load
from bridge.errors import AccountPending
from bridge.harness.pair import Pair
from bridge.identity import Email, EmailEvidence, ExternalIdentity, IdentityKey

ANN = "ann@newcomers.example"


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    """The file of owning cell 2, whose globex wants approval; its tables are made."""
    Pair(tmp_path).prepare()
    return tmp_path / "sp-2.toml"


@pytest.fixture
def store(config_path: Path) -> AccountStore:
    """The accounts as the cell opens them."""
    return open_accounts(load(SpConfig, config_path))


@pytest.fixture
def sign_in(store: AccountStore, config_path: Path) -> Callable[[], Any]:
    """Sign Ann in at globex, as a handoff of hers would."""
    (org,) = [org for org in load(SpConfig, config_path).org if org.path == "globex"]

    def attempt() -> Any:
        now = utc_now()
        return store.sign_in(
            identity=ExternalIdentity(
                key=IdentityKey(org.providers[0], "ann-100"),
                email=Email(ANN),
                evidence=EmailEvidence(verified=True, rule="test.rule"),
                name="Ann \u4f8b",
                username="ann",
                avatar_url=None,
            ),
            issuer="https://cells.example/saml/metadata",
            handoff_id=f"_{secrets.token_hex(16)}",
            spent_until=now + timedelta(minutes=2),
            session_ends=now + timedelta(hours=1),
            reference="7KQ2M-4XD9R",
            policy=OrgPolicy.from_config(org),
            now=now,
            previous_token=None,
        )

    return attempt


@pytest.fixture
def accounts(config_path: Path) -> Callable[..., Result]:
    """Run one of the commands for an organization."""

    def run(name: str, *rest: str, org: str = "globex") -> Result:
        return CliRunner().invoke(main, ["accounts", name, "--config", str(config_path), "--org", org, *rest])

    return run


def audited(config_path: Path) -> list[tuple[str, str]]:
    """Return event and actor of what operators did."""
    connection = sqlite3.connect(config_path.with_name("sp-2.db"))
    try:
        query = "SELECT event, actor FROM audit_events WHERE event IN ('approve', 'block', 'unblock') ORDER BY id"
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_who_waits_is_found_and_let_in(sign_in: Callable[[], Any], accounts: Callable[..., Result], config_path: Path) -> None:
    """A newcomer of an organization that approves is listed as pending, approved by email, and then gets in."""
    with pytest.raises(AccountPending):
        sign_in()
    listed = accounts("list", "--state", "pending", "--json")
    (waiting,) = [json.loads(line) for line in listed.stdout.splitlines()]
    assert (waiting["org"], waiting["state"], waiting["email"]) == ("globex", "pending", ANN)
    approved = accounts("approve", ANN)
    assert (approved.exit_code, "active" in approved.stdout, "reference: " in approved.stdout) == (0, True, True)
    assert sign_in().account.id == waiting["id"]
    assert accounts("list", "--state", "pending").stdout == ""
    assert audited(config_path) == [("approve", f"operator:{pwd.getpwuid(os.getuid()).pw_name}")]


def test_block_ends_sessions_and_unblock_lets_in_again(
    sign_in: Callable[[], Any], accounts: Callable[..., Result], store: AccountStore, config_path: Path
) -> None:
    """An account is named by its number, too; block and unblock are told apart in the trail."""
    with pytest.raises(AccountPending):
        sign_in()
    accounts("approve", ANN)
    opened = sign_in()
    number = str(opened.account.id)
    assert json.loads(accounts("block", number, "--json").stdout)["state"] == "blocked"
    assert store.session(opened.token, org_id=43, now=utc_now()) is None
    assert json.loads(accounts("unblock", number, "--json").stdout)["state"] == "active"
    assert sign_in().account.id == opened.account.id
    assert [event for event, _ in audited(config_path)] == ["approve", "block", "unblock"]


def test_show_names_the_identities(sign_in: Callable[[], Any], accounts: Callable[..., Result]) -> None:
    """Support sees by which provider and uid an account is opened."""
    with pytest.raises(AccountPending):
        sign_in()
    shown = json.loads(accounts("show", ANN, "--json").stdout)
    assert [(one["uid"], one["topology"]) for one in shown["identities"]] == [("ann-100", "settled")]
    assert (shown["email_confirmed"], shown["name"]) == (True, "Ann \u4f8b")
    assert "ann-100" in accounts("show", ANN).stdout


@pytest.mark.parametrize(("command", "said"), [("unblock", "is pending, not blocked"), ("approve", "is active, not pending")])
def test_a_command_that_does_not_fit_changes_nothing(
    sign_in: Callable[[], Any], accounts: Callable[..., Result], config_path: Path, command: str, said: str
) -> None:
    """Approving must never unblock somebody, nor the reverse: the state is compared in the changing transaction."""
    with pytest.raises(AccountPending):
        sign_in()
    if command == "approve":
        accounts("approve", ANN)
    before = audited(config_path)
    refused = accounts(command, ANN)
    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert said in refused.stderr
    assert audited(config_path) == before


def test_an_account_of_another_organization_is_not_found(
    sign_in: Callable[[], Any], accounts: Callable[..., Result], config_path: Path
) -> None:
    """Acme's commands do not reach into globex, neither by number nor by address."""
    with pytest.raises(AccountPending):
        sign_in()
    number = json.loads(accounts("show", ANN, "--json").stdout)["id"]
    for wanted in (ANN, str(number)):
        refused = accounts("approve", wanted, org="acme")
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr == f"cellbridge: the organization has no account {wanted}\n"
    assert accounts("show", "not an address").exit_code == 2
    assert audited(config_path) == []


def test_a_long_list_is_whole(accounts: Callable[..., Result], store: AccountStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts are read in pages; none is lost or doubled where one page ends."""
    monkeypatch.setattr("bridge.accounts.listing.PAGE_ROWS", 2)
    for number in range(5):
        store.add_account(
            org_id=43,
            email=Email(f"p{number}@globex.example"),
            email_confirmed=True,
            username=f"p{number}",
            name=f"P {number}",
            actor="operator:test",
            now=utc_now(),
        )
    listed = [json.loads(line)["username"] for line in accounts("list", "--json").stdout.splitlines()]
    assert [name for name in listed if name.startswith("p")] == [f"p{number}" for number in range(5)]
    assert len(set(listed)) == len(listed)
