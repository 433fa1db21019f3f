"""`bridge.config_check`: whoever sets a service up is told all that is missing in one run, each thing by its key."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.clock import utc_now
from bridge.config import IdpConfig, SpConfig, TopologyConfig
from bridge.config_check import check
from bridge.errors import ConfigInvalid
from bridge.keys import create_key

CELL = """
[service]
public_url = "https://cells.example"
database_url = "sqlite:///data/cell.db"
secret_files = ["seal.key"]
[cell]
id = 1
session_prefix = "cell-1"
[topology]
url = "http://topology:8300"
token_file = "topology.token"
"""
IDP = (
    CELL
    + """
[saml]
entity_id = "https://cells.example/saml/metadata"
keys = "keys"
[[provider]]
name = "github"
client_id = "c"
client_secret_file = "github.secret"
"""
)
SP = (
    CELL
    + """
[[trust]]
entity_id = "https://cells.example/saml/metadata"
certificates = ["legacy.crt"]
[[trust]]
entity_id = "https://other.example/saml/metadata"
metadata_url = "https://other.example/saml/metadata"
metadata_file = "kept/other.xml"
[[org]]
id = 42
path = "acme"
name = "Acme"
providers = ["github"]
"""
)
TOPOLOGY = """
[service]
database_url = "sqlite:///data/topology.db"
directory_file = "directory.toml"
token_file = "topology.token"
"""
Checked = Callable[[str], Result]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    """Run `config check` over a file with this text."""

    def run(text: str) -> Result:
        path = tmp_path / "service.toml"
        path.write_text(text, "utf-8")
        return CliRunner().invoke(main, ["config", "check", "--config", str(path)])

    return run


def test_a_fresh_legacy_cell_is_told_all_that_it_lacks(checked: Checked, tmp_path: Path) -> None:
    """Seal, token, keys, client secret and the database's folder: one run, one list, headed by the file that was checked."""
    done = checked(IDP)
    missing = "No such file or directory"
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f"cellbridge: {tmp_path}/service.toml: 5 problem(s)",
        f"  service.secret_files.0: cannot read {tmp_path}/seal.key: {missing}; "
        f"make it with cellbridge secret new --file {tmp_path}/seal.key",
        f"  service.database_url: cannot open {tmp_path}/data/cell.db: the folder {tmp_path}/data does not exist; make it",
        f"  topology.token_file: cannot read {tmp_path}/topology.token: {missing}; "
        f"make it with cellbridge secret new --file {tmp_path}/topology.token",
        f"  saml.keys: cannot read {tmp_path}/keys/ring.json: {missing}; "
        f"make the first key with cellbridge keys new --dir {tmp_path}/keys",
        f"  provider.0.client_secret_file: cannot read {tmp_path}/github.secret: {missing}; "
        "put there what the provider gave together with the client id",
    ]


def test_a_fresh_owning_cell_and_topology_are_told_theirs(checked: Checked) -> None:
    """Certificates, the folder of kept metadata, and the directory file, by their key paths."""
    assert [line.split(":")[0].strip() for line in checked(SP).stderr.splitlines()[1:]] == [
        "service.secret_files.0",
        "service.database_url",
        "topology.token_file",
        "trust.0.certificates.0",
        "trust.1.metadata_file",
    ]
    assert [line.split(":")[0].strip() for line in checked(TOPOLOGY).stderr.splitlines()[1:]] == [
        "service.directory_file",
        "service.token_file",
        "service.database_url",
    ]


def test_a_misspelt_key_hides_no_missing_file(checked: Checked) -> None:
    """Problems of the file and of what it names come together, also where one table is spoiled."""
    told = checked(IDP.replace("id = 1", "id = 0").replace('name = "github"', 'name = "github"\ncolour = "red"')).stderr
    for key in ("cell.id", "provider.0.colour", "service.secret_files.0", "topology.token_file", "saml.keys"):
        assert f"  {key}: " in told


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xff", "not text in UTF-8"), (None, "No such file")]
)
def test_an_unusable_client_secret_is_found_before_the_first_sign_in(tmp_path: Path, content: bytes | None, said: str) -> None:
    """Empty and garbled files are no better than missing ones."""
    if content is not None:
        (tmp_path / "github.secret").write_bytes(content)
    (tmp_path / "idp.toml").write_text(IDP, "utf-8")
    with pytest.raises(ConfigInvalid) as refusal:
        check(IdpConfig, tmp_path / "idp.toml", {})
    (problem,) = [problem for problem in refusal.value.problems if problem.startswith("provider.0.client_secret_file: ")]
    assert said in problem


def test_what_is_there_is_read_as_the_service_reads_it(tmp_path: Path) -> None:
    """A short seal, a certificate that is none, a broken directory and a key pair that does not fit are problems, too."""
    (tmp_path / "seal.key").write_text("short")
    (tmp_path / "legacy.crt").write_text("no certificate")
    (tmp_path / "directory.toml").write_text("[[organization]]\nid = 1\n", "utf-8")
    (tmp_path / "sp.toml").write_text(SP, "utf-8")
    with pytest.raises(ConfigInvalid) as of_cell:
        check(SpConfig, tmp_path / "sp.toml", {})
    told = "\n".join(of_cell.value.problems)
    assert f"service.secret_files.0: {tmp_path}/seal.key holds fewer than 32 characters" in told
    assert f"trust.0.certificates.0: {tmp_path}/legacy.crt: is not a usable certificate" in told
    (tmp_path / "topology.toml").write_text(TOPOLOGY, "utf-8")
    with pytest.raises(ConfigInvalid) as of_topology:
        check(TopologyConfig, tmp_path / "topology.toml", {})
    assert f"service.directory_file: {tmp_path}/directory.toml: organization.0.path: is missing" in of_topology.value.problems


def test_a_key_and_another_keys_certificate_are_a_problem(tmp_path: Path) -> None:
    """A pair outside a key folder is compared, once both files can be read."""
    first, second = (create_key(tmp_path / name, now=utc_now(), algorithm="ec-p256") for name in ("one", "two"))
    pair = f'private_key_file = "one/{first.name}.key"\ncertificate_file = "two/{second.name}.crt"\n'
    (tmp_path / "idp.toml").write_text(IDP.replace('keys = "keys"\n', pair), "utf-8")
    with pytest.raises(ConfigInvalid) as refusal:
        check(IdpConfig, tmp_path / "idp.toml", {})
    assert [problem for problem in refusal.value.problems if problem.startswith("saml.private_key: ")]


def test_a_command_that_needs_the_token_says_so_without_a_trace(tmp_path: Path) -> None:
    """Not only `config check` and `serve`: whatever asks the topology names the key and the file that is missing."""
    create_key(tmp_path / "keys", now=utc_now(), algorithm="ec-p256")
    (tmp_path / "github.secret").write_text("s3cret")
    path = tmp_path / "idp.toml"
    path.write_text(IDP, "utf-8")
    words = ["mint", "--config", str(path), "--org", "acme", "--email", "a@b.example", "--provider", "github", "--uid", "1"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert f"topology.token_file: cannot read {tmp_path}/topology.token: No such file or directory" in done.stderr
