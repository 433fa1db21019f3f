"""The command line: the one place that puts the parts together.

The law: a command reads its files, calls one part, prints, and exits 0 or 1; a refusal is one sentence on stderr, never a stack
trace. Parts are imported inside their commands, so that `--help` and the inspector start at once.
"""

import importlib
import json
import sys
from functools import partial
from pathlib import Path

import click

from bridge.config import IdpConfig, SpConfig, TopologyConfig, kind_of, load
from bridge.errors import BridgeError
from bridge.secret_file import write_new_secret
from bridge.section import masked

ConfigPath = click.option(
    "--config", "config_path", type=click.Path(path_type=Path), required=True, help="The service's TOML file."
)


LAZY = {
    "accounts": "sp.accounts_command",
    "audit": "bridge.audit_command",
    "db": "bridge.db_command",
    "doctor": "bridge.doctor_command",
    "explain": "sp.explain_command",
    "identities": "sp.identities_command",
    "inspect": "sp.inspect_command",
    "keys": "bridge.keys_command",
    "mint": "idp.mint_command",
    "replay": "bridge.replay_command",
}


class Commands(click.Group):
    """A group whose commands end on a refusal with one sentence on stderr and exit code 1.

    The commands of `LAZY` live in modules of their own, each as `command`, and are imported when they are asked for.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted([*super().list_commands(ctx), *LAZY])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, imported now if it is a lazy one."""
        if cmd_name not in LAZY:
            return super().get_command(ctx, cmd_name)
        found: click.Command = importlib.import_module(LAZY[cmd_name]).command
        return found

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            click.echo(f"cellbridge: {error}", err=True)
            ctx.exit(1)


@click.group(cls=Commands)
@click.version_option(package_name="cellbridge")
def main() -> None:
    """Both ends of a SAML bridge between the cells of a multi-cell service."""


@main.command()
@click.argument("service", type=click.Choice(["idp", "sp", "topology"]))
@ConfigPath
def serve(service: str, config_path: Path) -> None:
    """Run one service with gunicorn until it is told to stop."""
    from bridge.accounts.opening import warn_unless_ready
    from bridge.config_check import check
    from bridge.web.serve import serve as run

    if service == "idp":
        from idp.app import create_app as legacy_cell

        idp = check(IdpConfig, config_path)
        tables = partial(warn_unless_ready, idp)
        run(lambda: legacy_cell(idp), name="idp", listen=idp.service, cell_id=idp.cell.id, look_first=tables)
    elif service == "sp":
        from sp.app import create_app as owning_cell

        sp = check(SpConfig, config_path)
        tables = partial(warn_unless_ready, sp)
        run(lambda: owning_cell(sp, background=True), name="sp", listen=sp.service, cell_id=sp.cell.id, look_first=tables)
    else:
        from bridge.topology.claims import require_claims
        from bridge.topology.service import create_app as topology_service

        topology = check(TopologyConfig, config_path)
        claims = partial(require_claims, topology.service.database_url.get_secret_value())
        run(lambda: topology_service(topology), name="topology", listen=topology.service, look_first=claims)


@main.group()
def config() -> None:
    """Look at a configuration."""


@config.command("check")
@ConfigPath
def config_check(config_path: Path) -> None:
    """Say every problem of a file at once."""
    from bridge.config_check import check

    _compose(check(kind_of(config_path), config_path))
    click.echo(f"{config_path}: no problems")


@config.command("show")
@ConfigPath
def config_show(config_path: Path) -> None:
    """Print the configuration as the service reads it, secrets masked."""
    click.echo(json.dumps(masked(load(kind_of(config_path), config_path)), indent=2, default=str))


def _compose(loaded: IdpConfig | SpConfig | TopologyConfig) -> None:
    """Put a cell together as its service does: what is left to be refused is told, one thing at a time."""
    if isinstance(loaded, IdpConfig):
        from idp.cell import build

        build(loaded)
    if isinstance(loaded, SpConfig):
        from sp.cell import build as build_owning_cell

        build_owning_cell(loaded)


@main.group()
def secret() -> None:
    """Make sealing secrets."""


@secret.command("new")
@click.option("--file", "path", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where the secret goes.")
@click.option("--if-missing", is_flag=True, help="Do nothing where the file exists.")
def secret_new(path: Path, if_missing: bool) -> None:
    """Write 256 random bits to a file that only its owner can read."""
    if if_missing and path.exists():
        click.echo(f"{path}: is there")
        return
    write_new_secret(path)
    click.echo(f"{path}: made")


@main.command()
@click.argument("end", type=click.Choice(["idp", "sp"]))
@ConfigPath
@click.option("--org", help="The organization's path (owning cell only).")
def metadata(end: str, config_path: Path, org: str | None) -> None:
    """Print the SAML metadata that the service publishes."""
    if end == "idp":
        from idp.metadata import metadata_document as idp_document

        sys.stdout.buffer.write(idp_document(load(IdpConfig, config_path)))
        return
    from sp.orgs import org_named, organizations
    from sp.pages import metadata_document as sp_document

    if org is None:
        raise click.UsageError("--org is needed: every organization has metadata of its own")
    sys.stdout.buffer.write(sp_document(org_named(organizations(load(SpConfig, config_path)), org)))


@main.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Where the router listens; 0 picks one.  [default: 8080; with --once: any]"
)
@click.option("--once", is_flag=True, help="Walk one sign-in through the pair, print each hop, and exit 0 or 1.")
@click.option("--record", type=click.Path(path_type=Path, dir_okay=False), help="Walk one sign-in, and write its transcript.")
def demo(port: int | None, once: bool, record: Path | None) -> None:
    """Start a whole pair on this machine and say where to click."""
    from bridge.harness.demo import run

    sys.exit(run(port=port, once=once, record=record))
