"""`cellbridge audit`: read what happened to accounts, and what was refused.

The law: nothing is written, not even by looking; with `--json` stdout holds JSON objects and nothing else, one a line.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC
from functools import partial
from pathlib import Path

import click

from bridge.accounts.opening import open_accounts
from bridge.accounts.policy import LEGACY_ORG_ID
from bridge.accounts.trail import AuditRow, last_events
from bridge.accounts.unusable import in_a_sentence
from bridge.config import IdpConfig, SpConfig, TopologyConfig, kind_of, load
from bridge.errors import ConfigInvalid, OrgNotHere

MAX_LINES = 100_000


@click.group("audit")
def command() -> None:
    """Read a cell's audit trail."""


@command.command("tail")
@click.option("--config", "config_path", type=click.Path(path_type=Path), required=True, help="The cell's TOML file.")
@click.option("--org", help="The path of one organization; all of the cell without it.")
@click.option("--account", type=click.IntRange(1, 2**63 - 1), help="About the account of this number only.")
@click.option("--reference", help="Of the sign-in or command with this reference only.")
@click.option("--lines", type=click.IntRange(1, MAX_LINES), default=20, show_default=True, help="At most so many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def audit_tail(
    *, config_path: Path, org: str | None, account: int | None, reference: str | None, lines: int, as_json: bool
) -> None:
    """Print the last rows of the trail, oldest first: who, what, to whom, by which rule, under which reference."""
    config = load(kind_of(config_path), config_path)
    if isinstance(config, TopologyConfig):
        raise ConfigInvalid(source=str(config_path), problems=("is the topology's, which keeps no trail",))
    paths = _organizations(config)
    numbers = {path: number for number, path in paths.items()}
    if org is not None and org not in numbers:
        raise OrgNotHere(org="", reason="no organization of this cell has the path")
    store = open_accounts(config)
    with in_a_sentence(config.service.database_url.get_secret_value()):
        store.check_ready()
    wanted = None if org is None else numbers[org]
    for row in store.look(partial(last_events, most=lines, org_id=wanted, account_id=account, reference=reference)):
        click.echo(json.dumps(_as_json(row, paths)) if as_json else _line(row, paths))
    store.close()


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
