"""`cellbridge inspect`: the inspector on the command line, judging as an owning cell's endpoint would.

The law: it prints and exits: 0 if every document was accepted, 1 if one was refused, 2 if one could not be read. It asks no
network and no store, and changes nothing; a private key that it is given opens documents and is never shown.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from rich.console import Console
from rich.text import Text

from bridge.clock import utc_now
from bridge.config import SpConfig, load
from bridge.errors import KeyRingError, ServiceNotStarted
from bridge.inspect.difference import difference_json, difference_lines, differences
from bridge.inspect.inspection import inspect
from bridge.inspect.report import Report, as_json
from bridge.inspect.source import MAX_SOURCE_BYTES, Unreadable, read_sources
from bridge.inspect.text import Line, lines_of
from bridge.inspect.untrusted import nobodys_question
from bridge.inspect.web import BY_ITSELF, Server, asking, create_app
from bridge.moments import UtcTime
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.trust import DecryptionKey
from bridge.saml.verify import Question
from sp.orgs import org_named, organizations
from sp.trust import trusted_issuers

EXIT_CODES = {"accepted": 0, "refused": 1, "unreadable": 2}
STYLES = {"good": "green", "bad": "bold red", "note": "yellow", "head": "bold", "plain": "", "quiet": "dim"}


@click.command("inspect")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="The owning cell's TOML file: whom it trusts.")
@click.option("--org", help="The organization's path: whose endpoint judges.")
@click.option("--at", type=UtcTime(), help="Judge as of this time (UTC) instead of now.")
@click.option("--binding-secret", help="The browser's cookie; without it the binding is not judged.")
@click.option(
    "--decrypt-key",
    "key_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="An RSA private key (PEM) that opens an encrypted assertion.",
)
@click.option("--diff", "as_difference", is_flag=True, help="Compare two files: each as of when it was issued, unless --at.")
@click.option("--mask", is_flag=True, help="Hide the values that belong to a person.")
@click.option("--web", "as_page", is_flag=True, help="Serve a page on this machine, to paste and drop documents, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where the page listens; any free port if 0.")
@click.option("--json", "as_lines", is_flag=True, help="One JSON object a line for each document.")
def command(
    *,
    files: tuple[Path, ...],
    config_path: Path | None,
    org: str | None,
    at: datetime | None,
    binding_secret: str | None,
    key_path: Path | None,
    as_difference: bool,
    mask: bool,
    as_page: bool,
    port: int,
    as_lines: bool,
) -> None:
    """Say what each check of the endpoint says about documents; - reads a pipe.

    Takes XML, base64, a form body, a URL, a copied curl command, a line of a log or a HAR file. Without --config a document is
    judged by itself. Exit code 0: all accepted (with --diff: no difference). 1: one was refused (a difference). 2: one could
    not be read.
    """
    if (config_path is None) != (org is None):
        raise click.UsageError("--config and --org go together: trust and endpoint are an organization's")
    question = question_of(config_path, org, now=at or utc_now(), binding_secret=binding_secret, key_path=key_path)
    if as_page:
        if files:
            raise click.UsageError("--web takes no files: paste or drop them on the page")
        _serve(org, question, port=port)
        return
    if as_difference:
        if len(files) != 2:
            raise click.UsageError("--diff compares two files")
        sys.exit(_compare(files, question, at_issue=at is None, mask=mask, as_lines=as_lines))
    worst = 0
    for path in files or (Path("-"),):
        for report in _reports(path, question, mask=mask):
            worst = max(worst, EXIT_CODES[report.verdict])
            if as_lines:
                click.echo(as_json(report))
            else:
                _print(lines_of(report))
    sys.exit(worst)


def question_of(
    config_path: Path | None, org: str | None, *, now: datetime, binding_secret: str | None, key_path: Path | None
) -> Question:
    """Return what documents are judged by; without a configuration nobody is trusted, and check 7 says so.

    Raises `KeyRingError` for a key that cannot be used.
    """
    own = (_decryption_key(key_path),) if key_path else ()
    if config_path is None or org is None:
        return nobodys_question(now, binding_secret=binding_secret, decryption_keys=own)
    config = load(SpConfig, config_path)
    endpoint = org_named(organizations(config), org).default_endpoint
    return Question(
        trust=trusted_issuers(config),
        endpoint=replace(endpoint, decryption_keys=(*endpoint.decryption_keys, *own)),
        now=now,
        binding_secret=binding_secret,
        second_opinion=SecondOpinion() if config.second_opinion else None,
    )


def _decryption_key(path: Path) -> DecryptionKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise KeyRingError(reason=f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyRingError(reason=f"{path}: holds no private key in PEM without a password") from None
    if not isinstance(key, RSAPrivateKey):
        raise KeyRingError(reason=f"{path}: holds no RSA key, and only those decrypt")
    return DecryptionKey(key)


def _reports(path: Path, question: Question, *, mask: bool) -> Iterator[Report]:
    name = str(path)
    try:
        sources = read_sources(name, _read(path))
    except Unreadable as error:
        yield Report(name, None, str(error))
        return
    except OSError as error:
        yield Report(name, None, f"cannot be opened: {error.strerror}")
        return
    ask_binding = question.binding_secret is not None
    for source in sources:
        found = inspect(source, question, ask_binding=ask_binding)
        yield Report(source.name, found, came_as=source.came_as, mask=mask)


def _read(path: Path) -> bytes:
    """Return the file's bytes, one more than the cap at the most."""
    if str(path) == "-":
        return sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1)
    with path.open("rb") as file:
        return file.read(MAX_SOURCE_BYTES + 1)


def _compare(files: tuple[Path, ...], question: Question, *, at_issue: bool, mask: bool, as_lines: bool) -> int:
    """Print what differs between the first documents of two files; returns the exit code."""
    before, after = (_first(path, question, at_issue=at_issue, mask=mask) for path in files)
    for report in (before, after):
        if report.inspection is None:
            click.echo(as_json(report) if as_lines else f"{report.name}: {report.sentence}")
            return EXIT_CODES["unreadable"]
    found = differences(before, after)
    if as_lines:
        click.echo(difference_json(before, after, found))
    else:
        _print(difference_lines(before, after, found))
    return 1 if found else 0


def _first(path: Path, question: Question, *, at_issue: bool, mask: bool) -> Report:
    report = next(_reports(path, question, mask=mask))
    if at_issue and report.times is not None:
        issued = max(report.times.issued, report.times.starts)
        report = next(_reports(path, replace(question, now=issued), mask=mask))
    return report


def _serve(org: str | None, question: Question, *, port: int) -> None:
    """Serve the page until Ctrl-C, as the configured endpoint first; raises `ServiceNotStarted`."""
    endpoints = {**({org: asking(question)} if org else {}), BY_ITSELF: asking(nobodys_question(question.now))}
    try:
        server = Server(create_app(endpoints, clock=utc_now), port)
    except OSError as error:
        raise ServiceNotStarted(reason=f"cannot listen on port {port}: {error.strerror}") from error
    click.echo(f"The inspector is at {server.url} and answers this machine alone. Ctrl-C ends it.")
    with suppress(KeyboardInterrupt):
        server.serve()


def _print(lines: Iterable[Line]) -> None:
    """Print with colours on a terminal, plain elsewhere."""
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text(line.text, style=STYLES[line.role]))
