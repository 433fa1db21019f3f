"""`cellbridge demo`: a whole pair on this machine, told in plain words.

The law: what it prints is read from what really came over the wire or stands in a service's log.
"""

import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bridge.harness.inspector import inspector_of
from bridge.harness.narration import walk_once
from bridge.harness.narrator import Narrator
from bridge.harness.pair import Options, Pair
from bridge.harness.personas import PERSONAS
from bridge.harness.processes import HarnessError, is_free
from bridge.harness.world import ORGS

DEFAULT_PORT = 8080
_LOOK_SECONDS = 0.2


def run(*, port: int | None, once: bool, record: Path | None = None) -> int:
    """Start a pair, walk one sign-in or wait for Ctrl-C, stop everything; returns the exit code.

    With *record*, one sign-in is walked, and its transcript written there. *port* 0 is any; None is 8080, or any for one walk,
    which nobody has to find.
    """
    once = once or record is not None
    if port is None:
        port = 0 if once else DEFAULT_PORT
    if port and not is_free(port):
        click.echo(
            f"cellbridge demo: port {port} is taken. Choose another one: --port 8081, or --port 0 for any "
            '(with make: make demo ARGS="--port 8081").',
            err=True,
        )
        return 1
    ended = threading.Event()
    with _told_to_stop(ended), _directory() as directory:
        pair = Pair(directory, Options(port=port, workers=1 if once else 2))
        click.echo("Starting router, legacy cell, two owning cells, topology and stand-in providers ...")
        try:
            with pair:
                if once:
                    return walk_once(pair, record=record)
                with inspector_of(pair) as inspector:
                    return _wait(pair, ended, inspector)
        except HarnessError as error:
            click.echo(f"cellbridge demo: {error}", err=True)
            return 1
        except KeyboardInterrupt:
            click.echo("\nStopped.")
            return 0


@contextmanager
def _directory() -> Iterator[Path]:
    """Give a directory that only its owner can read, and leave nothing of it."""
    directory = Path(tempfile.mkdtemp(prefix="cellbridge-demo-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _told_to_stop(ended: threading.Event) -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into the same orderly end as Ctrl-C."""

    def stop(_number: int, _frame: object) -> None:
        ended.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(pair: Pair, ended: threading.Event, inspector: str) -> int:
    _introduce(pair, inspector)
    narrator = Narrator(pair)
    while not ended.wait(_LOOK_SECONDS):
        for line in narrator.new_lines():
            click.echo(line)
        for name, process in pair.processes.items():
            if not process.running():
                raise HarnessError(f"{name} ended:\n{process.tail()}")
    return 0


def _introduce(pair: Pair, inspector: str) -> None:
    orgs = ", ".join(f"{org.name} (cell {org.cell}, sign-up {org.signup})" for org in ORGS)
    click.echo(f"\nOrganizations: {orgs}\n")
    click.echo(f"  1. Open   {pair.public_url}/o/acme/projects/7?tab=2")
    click.echo("  2. Choose a provider. Its page is a stand-in: no real account is touched.")
    click.echo("  3. Choose who to be:\n")
    width = max(len(persona.name) for persona in PERSONAS)
    for persona in PERSONAS:
        click.echo(f"     {persona.name:{width}}  {persona.story}")
    click.echo(f"\nThe inspector explains what a browser posted, or a HAR file of it: {inspector}")
    click.echo("Each hop appears below. Ctrl-C stops everything and leaves nothing behind.\n")
