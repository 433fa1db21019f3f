"""The file of a finding: what was posted, to which endpoint, what trusted keys had signed in it, and what happened, as JSON."""

import hashlib
import json
from datetime import datetime
from pathlib import Path

from tests.fuzz.sources import Case

FOLDER = Path(__file__).parent / "regressions"


def encode(case: Case, finding: str) -> str:
    """Return the file of *finding*: `found` says what happened, the rest what must not happen again."""
    held = {
        "found": finding,
        "must": "be refused, or accepted as one of told; within 100 ms of CPU",
        "source": case.name,
        "org": case.org,
        "at": case.at.isoformat(),
        "binding": case.binding,
        "form": case.form,
        "told": sorted(sorted(told) for told in case.told),
    }
    return json.dumps(held, indent=1) + "\n"


def decode(text: str) -> Case:
    """Return the case in the *text* of a file."""
    held = json.loads(text)
    return Case(
        name=held["source"],
        form=tuple((name, value) for name, value in held["form"]),
        org=held["org"],
        at=datetime.fromisoformat(held["at"]),
        binding=held["binding"],
        told=frozenset(frozenset((key, value) for key, value in told) for told in held["told"]),
    )


def write(case: Case, finding: str, folder: Path = FOLDER) -> Path:
    """Write *finding* into *folder* and return its file."""
    text = encode(case, finding)
    kind = finding.partition(":")[0]
    path = folder / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    path.write_text(text, "utf-8")
    return path
