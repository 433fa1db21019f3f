"""`cellbridge db`: what an operator reads where the database cannot be used."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main

CELL = """
[service]
public_url = "https://cells.example"
database_url = "{url}"
secret_files = ["seal.key"]
[cell]
id = 2
session_prefix = "cell-2"
[topology]
file = "directory.toml"
[[trust]]
entity_id = "https://cells.example/saml/metadata"
certificates = ["legacy.crt"]
[[org]]
id = 42
path = "acme"
name = "Acme"
providers = ["github"]
"""
EVERY_COMMAND = pytest.mark.parametrize(
    "words", [("db", "upgrade"), ("db", "current"), ("db", "purge"), ("accounts", "list", "--org", "acme")], ids=" ".join
)


def run(folder: Path, words: tuple[str, ...], url: str) -> Result:
    """Run a command on a cell whose database is at *url*."""
    path = folder / "sp.toml"
    path.write_text(CELL.format(url=url), "utf-8")
    return CliRunner().invoke(main, [*words, "--config", str(path)])


def one_sentence(done: Result) -> str:
    """Return what a refused command said, which is one line on stderr and nothing else."""
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.output
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith("cellbridge: ")
    return done.stderr


@EVERY_COMMAND
def test_a_folder_that_is_missing_is_named(tmp_path: Path, words: tuple[str, ...]) -> None:
    """SQLite itself would only say that it is unable to open a file."""
    said = one_sentence(run(tmp_path, words, "sqlite:///data/cell.db"))
    assert said.endswith(f"cannot open {tmp_path}/data/cell.db: the folder {tmp_path}/data does not exist; make it\n")
    assert not (tmp_path / "data").exists()


@EVERY_COMMAND
def test_a_server_that_is_down_is_named_without_its_password(tmp_path: Path, words: tuple[str, ...]) -> None:
    """The operator reads where nobody answers, and a colleague who looks on reads no password."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # not listening: every connection is refused at once
        url = f"postgresql://cell:p4ssw0rd@127.0.0.1:{closed.getsockname()[1]}/cell"
        said = one_sentence(run(tmp_path, words, url))
    assert "the database cell at 127.0.0.1 cannot be used: " in said
    assert "refused" in said
    assert "service.database_url" in said
    assert "p4ssw0rd" not in said


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A wrong path that leads to some other file is no stack trace either."""
    (tmp_path / "cell.db").write_text("not a database, but long enough to be read as the head of one" * 20)
    assert f"the database {tmp_path}/cell.db cannot be used: " in one_sentence(
        run(tmp_path, ("db", "upgrade"), "sqlite:///cell.db")
    )


@pytest.mark.parametrize("words", [("db", "purge"), ("accounts", "list", "--org", "acme")], ids=" ".join)
def test_missing_tables_are_made_by_an_upgrade(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A command that needs the tables says what to run where there are none."""
    assert "run cellbridge db upgrade" in one_sentence(run(tmp_path, words, "sqlite:///cell.db"))
    assert run(tmp_path, ("db", "upgrade"), "sqlite:///cell.db").exit_code == 0
    assert run(tmp_path, words, "sqlite:///cell.db").exit_code == 0


@pytest.mark.parametrize("name", ["upgrade", "current", "purge"])
def test_the_topologys_database_is_left_alone(tmp_path: Path, name: str) -> None:
    """A cell's tables in the topology's database would help nobody; the topology makes its own table."""
    path = tmp_path / "topology.toml"
    path.write_text('[service]\ndatabase_url = "sqlite:///t.db"\ndirectory_file = "directory.toml"\n', "utf-8")
    done = CliRunner().invoke(main, ["db", name, "--config", str(path)])
    assert (done.exit_code, "is the topology's" in done.stderr) == (1, True)
    assert not (tmp_path / "t.db").exists()
