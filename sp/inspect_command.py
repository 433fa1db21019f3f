"""`cellbridge inspect`: the inspector on the command line, judging as an owning cell's endpoint would.

The law: it prints and exits: 0 if every document was accepted, 1 if one was refused, 2 if one could not be read. It asks no
network and no store, and changes nothing.
"""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from bridge.clock import utc_now
from bridge.config import SpConfig, load
from bridge.inspect.inspection import inspect
from bridge.inspect.report import Report, as_json, as_text
from bridge.inspect.source import MAX_SOURCE_BYTES, Unreadable, read_sources
from bridge.moments import UtcTime
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.trust import Endpoint
from bridge.saml.verify import Question
from sp.orgs import org_named, organizations
from sp.trust import trusted_issuers

EXIT_CODES = {"accepted": 0, "refused": 1, "unreadable": 2}
NOWHERE = Endpoint(org_id=0, org_path="", acs_url="", sp_entity_id="", binding="bound")


@click.command("inspect")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="The owning cell's TOML file: whom it trusts.")
@click.option("--org", help="The organization's path: whose endpoint judges.")
@click.option("--at", type=UtcTime(), help="Judge as of this time (UTC) instead of now.")
@click.option("--binding-secret", help="The browser's cookie; without it the binding is not judged.")
@click.option("--json", "as_lines", is_flag=True, help="One JSON object a line for each document.")
def command(
    *,
    files: tuple[Path, ...],
    config_path: Path | None,
    org: str | None,
    at: datetime | None,
    binding_secret: str | None,
    as_lines: bool,
) -> None:
    """Say what each check of the endpoint says about documents: XML, base64, a form body or a HAR file; - reads a pipe.

    Exit code 0: all accepted. 1: one was refused. 2: one could not be read.
    """
    if (config_path is None) != (org is None):
        raise click.UsageError("--config and --org go together: trust and endpoint are an organization's")
    question = _question(config_path, org, now=at or utc_now(), binding_secret=binding_secret)
    worst = 0
    for path in files or (Path("-"),):
        for report in _reports(path, question):
            worst = max(worst, EXIT_CODES[report.verdict])
            for line in (as_json(report),) if as_lines else as_text(report):
                click.echo(line)
    sys.exit(worst)


def _question(config_path: Path | None, org: str | None, *, now: datetime, binding_secret: str | None) -> Question:
    """Return what documents are judged by; without a configuration nobody is trusted, and check 7 says so."""
    if config_path is None or org is None:
        return Question(trust={}, endpoint=NOWHERE, now=now, binding_secret=binding_secret, second_opinion=None)
    config = load(SpConfig, config_path)
    return Question(
        trust=trusted_issuers(config),
        endpoint=org_named(organizations(config), org).default_endpoint,
        now=now,
        binding_secret=binding_secret,
        second_opinion=SecondOpinion() if config.second_opinion else None,
    )


def _reports(path: Path, question: Question) -> Iterator[Report]:
    name = str(path)
    try:
        sources = read_sources(name, _read(path))
    except Unreadable as error:
        yield Report(name, None, str(error))
        return
    except OSError as error:
        yield Report(name, None, f"cannot be opened: {error.strerror}")
        return
    for source in sources:
        yield Report(source.name, inspect(source, question, ask_binding=question.binding_secret is not None))


def _read(path: Path) -> bytes:
    """Return the file's bytes, one more than the cap at the most."""
    if str(path) == "-":
        return sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1)
    with path.open("rb") as file:
        return file.read(MAX_SOURCE_BYTES + 1)
