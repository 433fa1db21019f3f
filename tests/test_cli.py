"""The commands that people type: what they print, what they refuse, and that they say it in one sentence."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from bridge.cli import main
from bridge.harness import world
from bridge.harness.personas import PROVIDERS


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    """A folder with the configuration files, keys and tables of a pair, made by the commands alone."""
    addresses = world.Addresses(
        public_url="https://cells.example",
        provider_url="https://login.example",
        provider="login.example",
        topology="127.0.0.1:8300",
        legacy="127.0.0.1:8101",
        owning={2: "127.0.0.1:8102", 3: "127.0.0.1:8103"},
    )
    databases = {name: f"sqlite:///{name}.db" for name in ("idp", "sp-2", "sp-3", "topology")}
    world.write(
        tmp_path,
        addresses,
        client_secrets=dict.fromkeys(PROVIDERS, "a-client-secret-that-nobody-should-see"),
        token="a-topology-token-that-nobody-should-see",
        workers=1,
        log_level="info",
        database_urls=databases,
    )
    for cell in ("idp", "sp-2", "sp-3"):
        file = tmp_path / f"{cell}.toml"
        file.write_text(_without_standins(file.read_text("utf-8")), "utf-8")
    for number in (1, *world.OWNING_CELLS):
        assert run("secret", "new", "--file", tmp_path / world.seal_file(number)).exit_code == 0
    assert run("keys", "new", "--dir", tmp_path / "certs" / "idp").exit_code == 0
    (certificate,) = (tmp_path / "certs" / "idp").glob("*.crt")
    (tmp_path / "certs" / "idp.crt").write_bytes(certificate.read_bytes())
    return tmp_path


def _without_standins(text: str) -> str:
    """The demonstration's stand-in addresses have no place in a deployment's file: providers are where they are."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("unsafe_base_url"))


def run(*arguments: object) -> Result:
    """Run a command as the shell would."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_config_check_says_that_all_is_well(deployed: Path) -> None:
    """A sound configuration, with everything that it points to, is confirmed."""
    for name in ("idp", "sp-2", "topology"):
        done = run("config", "check", "--config", deployed / f"{name}.toml")
        assert (done.exit_code, done.output) == (0, f"{deployed / name}.toml: no problems\n"), done.stderr


def test_config_check_says_every_problem_at_once(deployed: Path) -> None:
    """Several mistakes are told in one run, each with its key path, and without a stack trace."""
    path = deployed / "sp-2.toml"
    path.write_text(
        path.read_text("utf-8").replace("id = 2\n", "id = 0\nname = 1\n", 1).replace('signup = "open"', 'signup = "maybe"')
    )
    done = run("config", "check", "--config", path)
    assert done.exit_code == 1
    for key in ("cell.id", "cell.name", "org.0.signup"):
        assert key in done.stderr
    assert "Traceback" not in done.output


def test_config_show_masks_secrets(deployed: Path) -> None:
    """What the service reads is shown, but no secret: a support engineer pastes this into a ticket."""
    path = deployed / "idp.toml"
    path.write_text(
        path.read_text("utf-8").replace('client_secret_file = "github.secret"', 'client_secret = "very-secret"'), "utf-8"
    )
    done = run("config", "show", "--config", path)
    assert done.exit_code == 0, done.stderr
    shown = json.loads(done.output)
    assert shown["service"]["public_url"] == "https://cells.example"
    assert shown["service"]["database_url"] == "********"
    assert "very-secret" not in done.output


def test_keys_are_listed_first_active_then_next(deployed: Path) -> None:
    """The first key signs; a second one waits as next, and private keys are their owner's alone."""
    directory = deployed / "certs" / "idp"
    assert run("keys", "new", "--dir", directory, "--algorithm", "ec-p256").exit_code == 0
    listed = [json.loads(line) for line in run("keys", "list", "--dir", directory, "--json").output.splitlines()]
    assert sorted(key["state"] for key in listed) == ["active", "next"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in directory.glob("*.key"))
    again = run("keys", "new", "--dir", directory, "--if-missing")
    assert "is there" in again.output
    assert len(list(directory.glob("*.key"))) == 2


def test_secret_is_never_overwritten(deployed: Path) -> None:
    """A sealing secret that is lost ends every pending sign-in: making a new one over it is refused."""
    path = deployed / "seal.key"
    before = path.read_text("utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    refused = run("secret", "new", "--file", path)
    assert (refused.exit_code, "--if-missing" in refused.stderr) == (1, True)
    assert run("secret", "new", "--file", path, "--if-missing").exit_code == 0
    assert path.read_text("utf-8") == before


def test_metadata_names_entity_endpoint_and_certificates(deployed: Path) -> None:
    """What partners import: the legacy cell's certificates, and each organization's own endpoint."""
    run("keys", "new", "--dir", deployed / "certs" / "idp")
    idp = etree.fromstring(run("metadata", "idp", "--config", deployed / "idp.toml").stdout_bytes)
    assert idp.get("entityID") == "https://cells.example/saml/metadata"
    assert len(idp.findall(".//{*}X509Certificate")) == 2
    sp = etree.fromstring(run("metadata", "sp", "--config", deployed / "sp-2.toml", "--org", "acme").stdout_bytes)
    assert sp.get("entityID") == "https://cells.example/o/acme/auth/saml/metadata"
    (service,) = sp.findall(".//{*}AssertionConsumerService")
    assert service.get("Location") == "https://cells.example/o/acme/auth/saml/callback"
    assert run("metadata", "sp", "--config", deployed / "sp-2.toml").exit_code == 2
    assert run("metadata", "sp", "--config", deployed / "sp-2.toml", "--org", "nobody").exit_code == 1


def test_database_is_upgraded_and_purged(deployed: Path) -> None:
    """`db current` fails until the tables are at the newest migration; `db purge` says what it removed."""
    config = deployed / "sp-2.toml"
    assert run("db", "current", "--config", config).exit_code == 1
    assert run("db", "upgrade", "--config", config).exit_code == 0
    assert run("db", "current", "--config", config).exit_code == 0
    assert run("db", "purge", "--config", config).output == "removed 0 spent handoffs, 0 sessions and 0 audit rows\n"


def test_missing_file_is_one_sentence(tmp_path: Path) -> None:
    """A wrong path is told as such, on stderr, with exit code 1."""
    done = run("db", "upgrade", "--config", tmp_path / "nothing.toml")
    assert done.exit_code == 1
    assert "nothing.toml" in done.stderr
    assert "cannot be read" in done.stderr
