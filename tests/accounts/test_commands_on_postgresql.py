"""The operators' commands on PostgreSQL, which refuses what SQLite lets pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from bridge.accounts.records import OpenedSession
from bridge.accounts.tables import sessions
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
providers = ["google_oauth2", "github"]
"""


@pytest.mark.parametrize("backend", ["postgresql"])
def test_every_command_works(
    database_url: str, tmp_path: Path, sign_in: Callable[..., OpenedSession], rows: Callable[..., Any]
) -> None:
    """Looking, approving, blocking, unlinking, the trail and the purge: each of them ends well, and what it says is done."""
    account = str(sign_in().account.id)
    path = tmp_path / "sp.toml"
    path.write_text(CELL.format(url=make_url(database_url).render_as_string(hide_password=False)), "utf-8")

    def run(*words: str) -> str:
        org = () if words[0] in ("db", "audit") else ("--org", "acme")
        done = CliRunner().invoke(main, [*words, "--config", str(path), *org])
        assert done.exit_code == 0, (words, done.output, done.exception)
        return done.stdout

    assert "ann@acme.example" in run("accounts", "list")
    assert "google_oauth2" in run("accounts", "show", account)
    assert run("explain", "google_oauth2:100200300")
    run("accounts", "block", account)
    assert rows(sessions) == []
    run("accounts", "unblock", account)
    sign_in()
    assert "google_oauth2" in run("identities", "unlink", "--force", account, "google_oauth2")
    assert rows(sessions) == []
    assert "unlink" in run("audit", "tail")
    assert run("db", "current")
    assert run("db", "purge").startswith("removed ")
