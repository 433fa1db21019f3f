"""`cellbridge replay`: judge a recorded sign-in again, and see whether the verdict is the recorded one.

The law: what was not asked again is marked `recorded` in every line that tells it; exit code 0 is the recorded verdict, 1
another one, 2 a file that is no transcript.
"""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
from cryptography import x509

from bridge.inspect.text import shown
from bridge.keys import load_certificates
from bridge.moments import UtcTime
from bridge.transcript.model import (
    CheckLine,
    JudgedDocument,
    Transcript,
    TranscriptUnreadable,
    moment,
    read_transcript,
    verdict_of,
)
from bridge.transcript.replay import replay

_MARKS = {"pass": "ok", "fail": "FAIL", "not_run": "-"}
_LEGEND = (
    "again: the endpoint's check was asked about the masked document; recorded: the mask took away what it needs, and its word "
    "of then is repeated."
)


@click.command("replay")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--at", type=UtcTime(), help="Judge at this time.  [default: when it was recorded]")
@click.option(
    "--trust", type=click.Path(path_type=Path), multiple=True, help="Trust these certificates (PEM) instead; repeatable."
)
@click.option("--json", "as_object", is_flag=True, help="One JSON object.")
def command(*, path: Path, at: datetime | None, trust: tuple[Path, ...], as_object: bool) -> None:
    """Run the checks of a transcript (FILE) again. Exits 0 if the verdict is the recorded one, 1 if not, 2 if unreadable."""
    certificates = load_certificates(trust) if trust else None
    try:
        transcript = read_transcript(path)
        lines = _judged(transcript.document, at, certificates)
    except TranscriptUnreadable as error:
        click.echo(f"{path}: {error}", err=True)
        sys.exit(2)
    then = verdict_of(transcript.document.checks) if transcript.document else ""
    now = verdict_of(lines) if transcript.document else ""
    if as_object:
        checks = [line.model_dump() for line in lines]
        click.echo(json.dumps({"file": str(path), "recorded": then, "verdict": now, "same": then == now, "checks": checks}))
    else:
        for line in _lines(transcript, path, then, now, at, lines):
            click.echo(shown(line))
    sys.exit(0 if then == now else 1)


def _judged(
    document: JudgedDocument | None, at: datetime | None, certificates: tuple[x509.Certificate, ...] | None
) -> tuple[CheckLine, ...]:
    return () if document is None else replay(document, at=at, trust=certificates)


def _lines(
    transcript: Transcript, path: Path, then: str, now: str, at: datetime | None, lines: tuple[CheckLine, ...]
) -> Iterator[str]:
    document = transcript.document
    if document is None:
        yield f"{path}: the sign-in never came to a document, and no check was asked"
    else:
        when = moment(at or document.judged_at)
        yield f"{path}: {f'the recorded verdict again, {now}' if then == now else f'recorded {then}, now {now}'}, at {when}"
    yield f"reference {transcript.reference or 'none'}, made {moment(transcript.made_at)}"
    for hop in transcript.hops:
        away = f" -> {hop.location}" if hop.location else ""
        yield f"  {hop.at_ms:6} ms  +{hop.took_ms:<5} {hop.method:4} {hop.status}  {hop.title}: {hop.url}{away}"
    if document is None:
        return
    yield f"document of {document.size_bytes} bytes, sha256 {document.sha256}"
    yield f"signed by {', '.join(document.signed_by) or 'no certificate that is known'}"
    for line in lines:
        yield f"  {line.number:2} {_MARKS[line.outcome]:4} {line.judged:8}  {line.title}{_evidence(line)}"
    yield _LEGEND


def _evidence(line: CheckLine) -> str:
    return f": {line.code}, expected {line.expected}, received {line.received}" if line.outcome == "fail" else ""
