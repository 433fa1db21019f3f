"""`cellbridge audit`: read what happened to accounts, what was refused, and what stands under one reference.

The law: nothing is written, not even by looking; with `--json` stdout holds JSON objects and nothing else, one a line.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click
from sqlalchemy import Connection

from bridge.accounts.opening import open_accounts
from bridge.accounts.policy import LEGACY_ORG_ID
from bridge.accounts.trail import AuditRow, last_events
from bridge.accounts.unusable import in_a_sentence
from bridge.config import IdpConfig, SpConfig, TopologyConfig, kind_of, load
from bridge.errors import ConfigInvalid, OrgNotHere
from bridge.handoff import is_reference
from bridge.steps import MAX_LINE_BYTES, MAX_STEPS, Step, as_json, as_line, cell_called, in_order, step_of_row, steps_in_log
from bridge.steps import summary as summary_of

MAX_LINES = 100_000
_ELSEWHERE = "A sign-in that ended before the owning cell vouched for it leaves no row: read both cells' logs too (--log FILE)."


@click.group("audit")
def command() -> None:
    """Read a cell's audit trail."""


@command.command("tail")
@click.option("--config", "config_path", type=click.Path(path_type=Path), required=True, help="The cell's TOML file.")
@click.option("--org", help="The path of one organization; all of the cell without it.")
@click.option("--account", type=click.IntRange(1, 2**63 - 1), help="About the account of this number only.")
@click.option("--reference", help="Of the sign-in or command with this reference only.")
@click.option("--lines", type=click.IntRange(1, MAX_LINES), default=20, show_default=True, help="At most so many, the newest.")
@click.option("--json", "as_lines", is_flag=True, help="One JSON object a line.")
def audit_tail(
    *, config_path: Path, org: str | None, account: int | None, reference: str | None, lines: int, as_lines: bool
) -> None:
    """Print the last rows of the trail, oldest first: who, what, to whom, by which rule, under which reference."""
    config = _cell(config_path)
    paths = _organizations(config)
    numbers = {path: number for number, path in paths.items()}
    if org is not None and org not in numbers:
        raise OrgNotHere(org="", reason="no organization of this cell has the path")
    wanted = None if org is None else numbers[org]
    for row in _look(config, partial(last_events, most=lines, org_id=wanted, account_id=account, reference=reference)):
        click.echo(json.dumps(_as_json(row, paths)) if as_lines else _line(row, paths))


@command.command("show")
@click.argument("reference")
@click.option(
    "--config", "config_paths", type=click.Path(path_type=Path), multiple=True, help="A cell's TOML file; repeatable."
)
@click.option("--log", "logs", type=click.File("rb"), multiple=True, help="A cell's log, - for standard input; repeatable.")
@click.option("--json", "as_lines", is_flag=True, help="One JSON object a line for each step.")
def audit_show(*, reference: str, config_paths: tuple[Path, ...], logs: tuple[BinaryIO, ...], as_lines: bool) -> None:
    """Tell what happened under REFERENCE: the steps of both cells, in order of time. Exits 1 where nothing is found.

    Trails hold what happened to accounts. The legacy cell's part of a sign-in, and documents that no check vouched for, stand
    in logs alone.
    """
    if not is_reference(reference):
        raise click.BadParameter("is not a reference such as 7KQ2M-4XD9R", param_hint="REFERENCE")
    if not config_paths and not logs:
        raise click.UsageError("--config or --log is needed: where to look")
    steps = [step for path in config_paths for step in _steps_of_trail(path, reference)]
    for log in logs:
        steps += steps_in_log(iter(partial(log.readline, MAX_LINE_BYTES), b""), reference)
    if not steps:
        click.echo(f"cellbridge: nothing stands under {reference} here. {_ELSEWHERE}", err=True)
        sys.exit(1)
    steps = in_order(steps)
    if not as_lines:
        click.echo(summary_of(steps))
    for step in steps:
        click.echo(as_json(step) if as_lines else as_line(step))


def _steps_of_trail(path: Path, reference: str) -> Iterator[Step]:
    config = _cell(path)
    where = cell_called("idp" if isinstance(config, IdpConfig) else "sp", config.cell.id)
    paths = _organizations(config)
    for row in _look(config, partial(last_events, most=MAX_STEPS, reference=reference)):
        yield step_of_row(row, where=where, org=paths.get(row.org_id))


def _look(config: IdpConfig | SpConfig, question: Callable[[Connection], Sequence[AuditRow]]) -> Sequence[AuditRow]:
    store = open_accounts(config)
    try:
        with in_a_sentence(config.service.database_url.get_secret_value()):
            store.check_ready()
        return store.look(question)
    finally:
        store.close()


def _cell(path: Path) -> IdpConfig | SpConfig:
    config = load(kind_of(path), path)
    if isinstance(config, TopologyConfig):
        raise ConfigInvalid(source=str(path), problems=("is the topology's, which keeps no trail",))
    return config


def _organizations(config: IdpConfig | SpConfig) -> Mapping[int, str]:
    return {LEGACY_ORG_ID: "legacy"} if isinstance(config, IdpConfig) else {org.id: org.path for org in config.org}


def _as_json(row: AuditRow, paths: Mapping[int, str]) -> dict[str, object]:
    return {**asdict(row), "at": row.at.astimezone(UTC).isoformat().replace("+00:00", "Z"), "org": paths.get(row.org_id)}


def _line(row: AuditRow, paths: Mapping[int, str]) -> str:
    """One line for a terminal. A provider's name and an operator's word are the only text of others, and are plain."""
    parts = (
        f"{row.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z",
        paths.get(row.org_id, f"org {row.org_id}"),
        row.event,
        row.code,
        row.rule and f"rule {row.rule}",
        row.account_id and f"account {row.account_id}",
        row.provider and f"{row.provider}:{row.uid_digest}",
        row.evidence,
        f"by {row.actor}",
        row.reference,
        row.cause and f"because {row.cause}",
    )
    return "  ".join(part for part in parts if part)
