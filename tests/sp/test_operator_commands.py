"""`cellbridge explain`, `identities` and `audit`: support sees what would happen and what did, and takes a way in away."""

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
from bridge.accounts.records import Account, OpenedSession
from bridge.accounts.store import AccountStore
from bridge.cli import main
from bridge.clock import utc_now
from bridge.config import SpConfig, load
from bridge.errors import BridgeError
from bridge.harness.pair import Pair
from bridge.identity import NO_EVIDENCE, Email, EmailEvidence, ExternalIdentity, IdentityKey
from sp.orgs import organizations

SignIn = Callable[..., OpenedSession]
Run = Callable[..., Result]
ME = f"operator:{pwd.getpwuid(os.getuid()).pw_name}"


@pytest.fixture(scope="module")
def config_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of owning cell 2, whose acme takes strangers and globex wants approval; its tables are made."""
    folder = tmp_path_factory.mktemp("pair")
    Pair(folder).prepare()
    return folder / "sp-2.toml"


@pytest.fixture(scope="module")
def store(config_path: Path) -> AccountStore:
    """The accounts as the cell opens them."""
    return open_accounts(load(SpConfig, config_path))


@pytest.fixture
def who() -> str:
    """A name that nobody else has: the tests of this module share one database."""
    return f"p{secrets.token_hex(4)}"


@pytest.fixture
def sign_in(store: AccountStore, config_path: Path) -> SignIn:
    """Sign somebody in at acme, as a handoff would."""
    policy = organizations(load(SpConfig, config_path))["acme"].policy

    def attempt(who: str, *, provider: str = "google_oauth2", verified: bool = True, reference: str = "7KQ2M-4XD9R") -> Any:
        now = utc_now()
        return store.sign_in(
            identity=ExternalIdentity(
                key=IdentityKey(provider, f"uid-{who}"),
                email=Email(f"{who}@new.example"),
                evidence=EmailEvidence(verified=True, rule="test.rule") if verified else NO_EVIDENCE,
                username=who,
            ),
            issuer="https://cells.example/saml/metadata",
            handoff_id=f"_{secrets.token_hex(16)}",
            spent_until=now + timedelta(minutes=2),
            session_ends=now + timedelta(hours=1),
            reference=reference,
            policy=policy,
            now=now,
            previous_token=None,
        )

    return attempt


@pytest.fixture
def run(config_path: Path) -> Run:
    """Run a command for an organization."""

    def command(*words: str, org: str = "acme") -> Result:
        return CliRunner().invoke(main, [*words, "--config", str(config_path), "--org", org])

    return command


@pytest.fixture
def answers(run: Run) -> Callable[..., list[dict[str, Any]]]:
    """Run a command and return what it says in JSON."""

    def ask(*words: str, org: str = "acme") -> list[dict[str, Any]]:
        said = run(*words, "--json", org=org)
        assert (said.exit_code, said.stderr) == (0, "")
        return [json.loads(line) for line in said.stdout.splitlines()]

    return ask


@pytest.fixture
def dump(config_path: Path) -> Callable[[], list[str]]:
    """Return the whole database as text."""

    def read() -> list[str]:
        connection = sqlite3.connect(config_path.with_name("sp-2.db"))
        try:
            return list(connection.iterdump())
        finally:
            connection.close()

    return read


class TestExplain:
    """`cellbridge explain`."""

    @pytest.mark.parametrize(
        ("words", "outcome", "rule", "code"),
        [
            (("google_oauth2:uid-{who}",), "sign_in", 2, None),
            (("google_oauth2:uid-{who}", "--email", "other@new.example", "--unverified"), "sign_in", 2, None),
            (("github:7", "--email", "{who}@new.example", "--verified"), "link", 5, None),
            (("github:7", "--email", "{who}@NEW.example", "--unverified"), "refused", 3, "account.email_unverified"),
            (("github:7",), "refused", 3, "account.email_unverified"),
            (("google_oauth2:8", "--email", "{who}@new.example", "--verified"), "refused", 4, "account.identity_conflict"),
            (("google_oauth2:8", "--email", "x-{who}@new.example", "--verified"), "create_active", 6, None),
            (("alicloud_9:8",), "refused", None, "provider.disabled"),
        ],
    )
    def test_it_says_the_rule_that_a_sign_in_then_meets(
        self,
        *,
        words: tuple[str, ...],
        outcome: str,
        rule: int,
        code: str | None,
        who: str,
        sign_in: SignIn,
        answers: Any,
        dump: Any,
    ) -> None:
        """Outcome, rule and code of the very rules, on the rows as they are; nothing is written."""
        account = sign_in(who).account
        before = dump()
        [said] = answers("explain", *(word.format(who=who) for word in words))
        assert (said["outcome"], said["rule"], said["code"]) == (outcome, rule, code)
        assert said["why"]
        assert said["account"] is None or said["account"]["id"] == account.id
        assert (said["account"] is not None) == (rule in (2, 4, 5))
        assert dump() == before

    @pytest.mark.parametrize("blocked", [False, True])
    def test_what_it_foretells_happens(self, *, blocked: bool, who: str, sign_in: SignIn, answers: Any, run: Run) -> None:
        """Asked before and tried after: the same rule and code, for a stranger, a link and a blocked account."""
        if blocked:
            run("accounts", "block", str(sign_in(who).account.id))
        for provider in ("google_oauth2", "github"):
            [said] = answers("explain", f"{provider}:uid-{who}", "--email", f"{who}@new.example", "--verified")
            try:
                outcome, code = (
                    {"known": "sign_in", "linked": "link", "created": "create_active"}[sign_in(who, provider=provider).outcome],
                    None,
                )
            except BridgeError as refusal:
                outcome, code = "refused", refusal.code
            assert (said["outcome"], said["code"]) == (outcome, code)

    def test_an_address_is_asked_about_with_every_provider(self, who: str, sign_in: SignIn, answers: Any, run: Run) -> None:
        """Verified and not, with the identity that the account has and with one that nobody has."""
        sign_in(who)
        said = answers("explain", f"{who}@new.example")
        assert {one["provider"] for one in said} >= {"google_oauth2", "github"}
        google = {(one["uid"], one["email_verified"]): one["outcome"] for one in said if one["provider"] == "google_oauth2"}
        known = f"uid-{who}"
        assert google == {
            (known, True): "sign_in",
            (None, True): "refused",
            (known, False): "sign_in",
            (None, False): "refused",
        }
        alone = answers("explain", f"{who}@new.example", "--provider", "github", "--verified")
        assert [(one["uid"], one["outcome"]) for one in alone] == [(None, "link")]
        plain = run("explain", f"{who}@new.example", "--provider", "github", "--verified").stdout
        assert "signs in, and the identity is linked (rule 5): the address is verified" in plain
        assert f"{who}@new.example verified" in plain

    def test_a_newcomer_of_an_organization_that_approves_will_wait(self, who: str, answers: Any) -> None:
        """The code is the one that the person will read."""
        said = answers("explain", f"{who}@new.example", "--verified", org="globex")
        assert {(one["outcome"], one["rule"], one["code"]) for one in said} == {("create_pending", 6, "account.pending")}
        assert said[0]["why"] == "nobody has the identity or the address, and signup is approval"

    @pytest.mark.parametrize(
        "words",
        [
            ("neither",),
            ("dana@@mail.example",),
            ("github:",),
            ("github:7", "--provider", "github"),
            ("ann@new.example", "--email", "ann@new.example"),
            ("github:7", "--email", "nobody"),
        ],
    )
    def test_what_names_nobody_is_a_usage_error(self, words: tuple[str, ...], run: Run) -> None:
        """A misspelt question gets no answer about somebody else."""
        said = run("explain", *words)
        assert (said.exit_code, said.stdout) == (2, "")


class TestUnlink:
    """`cellbridge identities unlink`."""

    @staticmethod
    def identities(account: Account, answers: Any) -> list[str]:
        """Return the providers that open the account."""
        [shown] = answers("accounts", "show", str(account.id))
        return [identity["provider"] for identity in shown["identities"]]

    def test_an_identity_goes_with_its_sessions_and_the_trail_says_who_and_why(
        self, *, who: str, sign_in: SignIn, answers: Any, store: AccountStore
    ) -> None:
        """The other identity and its session stay."""
        google, github = sign_in(who), sign_in(who, provider="github")
        assert github.outcome == "linked"
        [said] = answers("identities", "unlink", f"{who}@new.example", "google_oauth2", "--because", "lost laptop")
        assert (said["id"], said["unlinked"]) == (google.account.id, {"provider": "google_oauth2", "uid": f"uid-{who}"})
        assert store.session(google.token, org_id=42, now=utc_now()) is None
        assert store.session(github.token, org_id=42, now=utc_now()) is not None
        assert self.identities(google.account, answers) == ["github"]
        [row] = answers("audit", "tail", "--reference", said["reference"])
        assert (row["event"], row["actor"], row["cause"], row["provider"]) == ("unlink", ME, "lost laptop", "google_oauth2")
        assert (row["account_id"], row["uid_digest"]) == (google.account.id, IdentityKey("x", f"uid-{who}").uid_digest)

    def test_the_last_way_in_stays_unless_it_is_forced(
        self, *, who: str, sign_in: SignIn, answers: Any, run: Run, dump: Any
    ) -> None:
        """Nobody is locked out unawares; with --force the operator has said so."""
        account = sign_in(who).account
        before = dump()
        refused = run("identities", "unlink", str(account.id), "google_oauth2")
        assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
        assert "google_oauth2 is the last way into account" in refused.stderr
        assert dump() == before
        assert run("identities", "unlink", str(account.id), "google_oauth2", "--force").exit_code == 0
        assert self.identities(account, answers) == []

    @pytest.mark.parametrize("words", [("{id}", "github"), ("{id}", "google_oauth2", "org=globex"), ("999999", "github")])
    def test_what_is_not_there_is_not_unlinked(
        self, *, words: tuple[str, ...], who: str, sign_in: SignIn, run: Run, dump: Any
    ) -> None:
        """Another provider, another organization, another number: one sentence, and nothing is written."""
        account = sign_in(who).account
        before = dump()
        org = "globex" if "org=globex" in words else "acme"
        refused = run("identities", "unlink", *(word.format(id=account.id) for word in words[:2]), "--force", org=org)
        assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
        assert dump() == before


class TestAudit:
    """`cellbridge audit tail`."""

    def test_a_reference_leads_to_what_happened(self, who: str, sign_in: SignIn, answers: Any, dump: Any) -> None:
        """Support takes the reference of a page and sees the refusal, its rule and code, and no address."""
        reference = f"R{secrets.token_hex(3).upper()}-TEST1"
        with pytest.raises(BridgeError):
            sign_in(who, verified=False, reference=reference)
        before = dump()
        [row] = answers("audit", "tail", "--reference", reference)
        assert (row["org"], row["org_id"], row["event"], row["actor"]) == ("acme", 42, "refused", "person")
        assert (row["code"], row["rule"], row["account_id"]) == ("account.email_unverified", 3, None)
        assert row["at"].endswith("Z")
        assert who not in json.dumps(row)
        assert dump() == before

    def test_the_newest_rows_come_last_and_only_as_many_as_asked_for(
        self, who: str, sign_in: SignIn, answers: Any, run: Run
    ) -> None:
        """By account, by organization, or of the whole cell; plain lines say the same."""
        account = sign_in(who).account
        number = str(account.id)
        run("accounts", "block", number, "--because", "asked by phone")
        run("accounts", "unblock", number)
        rows = answers("audit", "tail", "--account", number)
        assert [row["event"] for row in rows] == ["create", "sign_in", "block", "unblock"]
        assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
        assert rows[2]["cause"] == "asked by phone"
        assert [row["event"] for row in answers("audit", "tail", "--account", number, "--lines", "1")] == ["unblock"]
        assert answers("audit", "tail", "--account", number, org="globex") == []
        lines = run("audit", "tail", "--account", number).stdout.splitlines()
        assert len(lines) == 4
        assert f"block  account {number}  by {ME}" in lines[2]
        assert lines[2].endswith("because asked by phone")

    def test_the_legacy_cell_has_a_trail_of_its_own(self, config_path: Path) -> None:
        """Its configuration is enough, and it has no organizations to choose from."""
        words = ["audit", "tail", "--config", str(config_path.with_name("idp.toml"))]
        said = CliRunner().invoke(main, [*words, "--json"])
        assert said.exit_code == 0
        assert {json.loads(line)["org"] for line in said.stdout.splitlines()} <= {"legacy"}
        assert CliRunner().invoke(main, [*words, "--org", "acme"]).exit_code == 1
        topology = CliRunner().invoke(main, ["audit", "tail", "--config", str(config_path.with_name("topology.toml"))])
        assert (topology.exit_code, "keeps no trail" in topology.stderr) == (1, True)


@pytest.mark.parametrize("cause", ["ann@new.example asked", "", " x", "a\nb", "x" * 201])
def test_a_cause_is_one_short_line_without_addresses(cause: str, who: str, sign_in: SignIn, run: Run, dump: Any) -> None:
    """What an operator writes goes to the trail for long: no addresses, and nothing that could steer a terminal."""
    number = str(sign_in(who).account.id)
    before = dump()
    refused = run("accounts", "block", number, "--because", cause)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert dump() == before
