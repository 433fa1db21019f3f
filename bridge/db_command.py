"""`cellbridge db`: look after the database of a cell.

The law: a database that cannot be used is one sentence, which shows no password.
"""

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import click
from sqlalchemy import Engine

from bridge.accounts.database import NEWER, at_head, current, is_newer, open_engine, upgrade
from bridge.accounts.opening import open_accounts
from bridge.accounts.unusable import in_a_sentence
from bridge.clock import utc_now
from bridge.config import IdpConfig, SpConfig, TopologyConfig, kind_of, load
from bridge.errors import ConfigInvalid, DatabaseNotReady

Result = TypeVar("Result")
ConfigPath = click.option(
    "--config", "config_path", type=click.Path(path_type=Path), required=True, help="The cell's TOML file."
)


@click.group("db")
def command() -> None:
    """Look after a cell's database."""


@command.command("upgrade")
@ConfigPath
def db_upgrade(config_path: Path) -> None:
    """Bring the tables to the newest migration; safe while another process does the same."""

    def work(engine: Engine) -> str | None:
        upgrade(engine)
        return current(engine)

    click.echo(f"database is at {_with_engine(_cell(config_path), work)}")


@command.command("current")
@ConfigPath
def db_current(config_path: Path) -> None:
    """Say which migration the tables are at, and exit 1 unless it is the newest."""
    found, newest = _with_engine(_cell(config_path), lambda engine: (current(engine), at_head(engine)))
    click.echo(found or "no tables yet")
    if is_newer(found):
        click.echo(f"cellbridge: {NEWER}", err=True)
    sys.exit(0 if newest else 1)


@command.command("downgrade")
@ConfigPath
def db_downgrade(config_path: Path) -> None:
    """Refuse: the tables go forward only."""
    found = _with_engine(_cell(config_path), current)
    raise DatabaseNotReady(
        reason=f"the tables stay at {found or 'no migration'}: there is no way down, since what newer tables hold would be "
        "lost; the release before runs on newer tables, and older ones come back from a backup"
    )


@command.command("purge")
@ConfigPath
def db_purge(config_path: Path) -> None:
    """Remove spent handoffs and sessions that are over, and audit rows that were kept long enough."""
    config = _cell(config_path)
    store = open_accounts(config)
    with closing(store), in_a_sentence(config.service.database_url.get_secret_value()):
        store.check_ready()
        purged = store.purge(utc_now())
    click.echo(
        f"removed {purged.spent_handoffs} spent handoffs, {purged.sessions} sessions and {purged.audit_events} audit rows"
    )


def _cell(config_path: Path) -> IdpConfig | SpConfig:
    config = load(kind_of(config_path), config_path)
    if isinstance(config, TopologyConfig):
        raise ConfigInvalid(
            source=str(config_path),
            problems=("is the topology's, which makes its table by itself; these commands are for cells",),
        )
    return config


def _with_engine(config: IdpConfig | SpConfig, action: Callable[[Engine], Result]) -> Result:
    url = config.service.database_url.get_secret_value()
    engine = open_engine(url)
    try:
        with in_a_sentence(url):
            return action(engine)
    finally:
        engine.dispose()
