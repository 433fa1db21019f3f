"""The doctor at a running pair: a clean bill of health, and the very check that tells what was broken on purpose."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.harness.pair import Options, Pair
from bridge.harness.tables import ALL_TABLES, Database
from bridge.harness.world import Addresses
from bridge.keys import create_key
from tests.doctor.relay import Headers, Relay

pytestmark = pytest.mark.e2e
Doctor = Callable[..., Result]


def _test_org(directory: Path, at: Addresses) -> None:
    """Make the test organization and trust its key, as docs/doctor.md tells an operator to."""
    key = create_key(directory / "certs" / "doctor", now=datetime.now(UTC))
    shutil.copyfile(directory / "certs" / "doctor" / f"{key.name}.crt", directory / "certs" / "doctor.crt")
    create_key(directory / "certs" / "stranger", now=datetime.now(UTC))
    with (directory / "directory.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[organization]]\nid = 99\npath = "checkup"\nname = "Checkup"\ncell = 2\n')
    with (directory / "sp-2.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'\n[[trust]]\nentity_id = "{at.public_url}/doctor"\ncertificates = ["certs/doctor.crt"]\nproviders = ["doctor"]\n'
            '\n[[org]]\nid = 99\npath = "checkup"\nname = "Checkup"\nsignup = "open"\nproviders = ["doctor"]\n'
        )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair with a test organization; nobody signs in with a provider, and the second owning cell is not needed."""
    services = ("topology", "idp", "sp-2", "router")
    with Pair(tmp_path_factory.mktemp("doctor"), Options(edit=_test_org, services=services)) as running:
        yield running


@pytest.fixture
def doctor(pair: Pair) -> Doctor:
    """Run the doctor at the pair; keywords change an option, or take it away (None)."""

    def run(*more: str, **changed: str | None) -> Result:
        options: dict[str, str | None] = {
            "public": pair.public_url,
            "idp": f"http://{pair.at.legacy}",
            "sp": f"http://{pair.at.owning[2]}",
            "topology": f"http://{pair.at.topology}",
            "token-file": str(pair.directory / "topology.token"),
            "org": "acme",
            "test-org": "checkup",
            "test-key": str(pair.directory / "certs" / "doctor"),
        }
        options |= {name.replace("_", "-"): value for name, value in changed.items()}
        words = [word for name, value in options.items() if value is not None for word in (f"--{name}", value)]
        return CliRunner().invoke(main, ["doctor", *words, *more])

    return run


def told(result: Result) -> dict[str, Mapping[str, object]]:
    """Return what `--json` printed, by the check's name."""
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return {str(one["name"]): one for one in found}


def outcomes(result: Result, outcome: str) -> set[str]:
    """Return the names of the checks that ended with *outcome*."""
    return {name for name, one in told(result).items() if one["outcome"] == outcome}


def test_all_is_well(doctor: Doctor, pair: Pair) -> None:
    """A sound pair passes every check, each handoff with the code that the cell counted; nothing secret is printed."""
    result = doctor("--json")
    assert result.exit_code == 0, result.output
    found = told(result)
    assert [one for one in found.values() if one["outcome"] != "ok"] == []
    for name, code in (("unsigned", "signature"), ("audience", "audience"), ("expired", "expired"), ("unbound", "unbound")):
        assert f"counted as handoff.{code}" in str(found[f"refuses.{name}"]["found"])
    assert found["refuses.elsewhere"]["found"] == "acme: provider.disabled"
    assert found["lookup"]["found"] == "acme is 42 on cell 2, checkup is 99 on cell 2"
    for secret in (pair.topology_token, "cell-2-", "PRIVATE KEY", "<saml"):
        assert secret not in result.output


def test_it_leaves_one_account_and_nobody_signed_in(doctor: Doctor, pair: Pair) -> None:
    """However often it runs, there is one made-up person in the test organization, without a session, and none elsewhere."""
    result = doctor()
    assert result.exit_code == 0, result.output
    assert "26 ok, 0 warn, 0 fail, 0 skipped" in result.output
    database = Database(pair.directory)
    made = database.rows("sp-2", "SELECT org_id, email FROM accounts WHERE org_id = 99 OR email LIKE 'doctor@%'")
    assert made == [(99, "doctor@cellbridge.invalid")]
    assert database.rows("sp-2", "SELECT id FROM sessions") == []


def test_without_a_test_organization_nothing_is_written(doctor: Doctor, pair: Pair) -> None:
    """Looking changes no row of any table; what could not be tried is skipped and says why."""
    database = Database(pair.directory)
    before = database.contents(ALL_TABLES)
    result = doctor("--json", test_org=None, test_key=None)
    assert result.exit_code == 0, result.output
    assert database.contents(ALL_TABLES) == before
    skipped = [one for one in told(result).values() if one["outcome"] != "ok"]
    assert len(skipped) == 9
    assert {(one["outcome"], one["found"]) for one in skipped} == {("skipped", "no test organization is named")}


def test_a_key_that_nobody_trusts(doctor: Doctor, pair: Pair) -> None:
    """Where the good handoff is refused the doctor says by which code, tries nothing else, and nothing is written."""
    database = Database(pair.directory)
    before = database.contents()
    result = doctor("--json", test_key=str(pair.directory / "certs" / "stranger"))
    assert result.exit_code == 1
    assert outcomes(result, "fail") == {"accepts.good"}
    assert "403 handoff.rejected, counted as handoff.signature" in str(told(result)["accepts.good"]["found"])
    assert len(outcomes(result, "skipped")) == 8
    assert database.contents() == before


def test_a_clock_that_is_wrong(doctor: Doctor, pair: Pair) -> None:
    """A legacy cell ten minutes behind is found by its Date, and nothing else is blamed."""

    def late(headers: Headers) -> Headers:
        return [(name, _earlier(value) if name == "Date" else value) for name, value in headers]

    def _earlier(date: str) -> str:
        return format_datetime(parsedate_to_datetime(date) - timedelta(minutes=10), usegmt=True)

    with Relay(f"http://{pair.at.legacy}", late) as relay:
        result = doctor("--json", idp=relay.url, test_org=None, test_key=None)
    assert result.exit_code == 1
    assert outcomes(result, "fail") == {"clock.cells"}
    assert re.fullmatch(r"http://.+ is (599|600|601) s ahead of the legacy cell", str(told(result)["clock.cells"]["found"]))


def test_a_proxy_that_takes_headers_away_and_changes_the_host(doctor: Doctor, pair: Pair) -> None:
    """Each harm of a proxy in between is named by its own check, with what to compare."""

    def harm(headers: Headers) -> Headers:
        kept = [(name, value) for name, value in headers if name != "X-Frame-Options"]
        return [(name, f"{value}; Domain=example" if name == "Set-Cookie" else value) for name, value in kept]

    with Relay(pair.public_url, harm) as relay:
        result = doctor("--json", public=relay.url)
    assert result.exit_code == 1
    found = told(result)
    failed = outcomes(result, "fail")
    assert failed == {
        "headers",
        "cookie.binding",
        "metadata.legacy",
        "metadata.orgs",
        "keys.trusted",
        "accepts.good",
    }
    assert "the sign-in page: X-Frame-Options is missing" in str(found["headers"]["found"])
    assert found["cookie.binding"]["found"] == "it has a Domain"
    assert f"acme: it calls itself {pair.public_url}/o/acme/" in str(found["metadata.orgs"]["found"])


def test_a_token_that_the_topology_does_not_know(doctor: Doctor, pair: Pair) -> None:
    """Without the topology's word the lookup fails; the rest goes on where the organization's id is given."""
    wrong = pair.directory / "wrong.token"
    wrong.write_text("not-the-token", "utf-8")
    result = doctor("--json", "--test-org-id", "99", token_file=str(wrong))
    assert result.exit_code == 1
    assert outcomes(result, "fail") == {"lookup", "route"}
    assert "401" in str(told(result)["lookup"]["found"])
    assert outcomes(result, "skipped") == {"refuses.elsewhere"}
    assert "not-the-token" not in result.output
