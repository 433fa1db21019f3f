"""The file of a transcript: its fields, and reading and writing them.

The law: a transcript is read as something from a stranger: no field but these, no more than `MAX_BYTES`, no repair.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, field_validator

from bridge.files import replace_file
from bridge.saml.checks import CHECKS

MAX_BYTES = 2_000_000
Verdict = Literal["pass", "fail", "not_run"]


class TranscriptUnreadable(Exception):
    """Raised if a file is no transcript; says why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hop(_Part):
    """One request of the browser and its answer. `at_ms` counts from the first hop; `cookies_held` are names, after it."""

    title: str
    method: str
    url: str
    status: int
    location: str
    cookies_held: tuple[str, ...]
    at_ms: int
    took_ms: int


class Signer(_Part):
    """The issuer by whose rules the document was judged; certificates are PEM."""

    entity_id: str
    certificates: tuple[str, ...]
    skew_seconds: int
    max_lifetime_seconds: int
    signed: Literal["response", "assertion", "both"]
    providers: tuple[str, ...] | None


class Addressee(_Part):
    """The endpoint that judged."""

    org_id: int
    org_path: str
    acs_url: str
    sp_entity_id: str
    binding: Literal["bound", "confirm", "unsafe_unbound"]


class CheckLine(_Part):
    """What one check said. `judged` says how a replay comes to it: by asking the check again, or from this record."""

    number: int
    title: str
    outcome: Verdict
    code: str
    expected: str
    received: str
    node: str
    judged: Literal["again", "recorded"]


class JudgedDocument(_Part):
    """The document that was posted: masked, and what was said of the original.

    `sha256` and `size_bytes` are the original's. `signed_by` are the fingerprints (SHA-256) of the certificates whose key made
    the signature; `signed_response` says that it covers the whole Response.
    """

    judged_at: AwareDatetime
    sha256: str
    size_bytes: int
    masked_xml: str
    endpoint: Addressee
    signer: Signer | None
    signed_by: tuple[str, ...]
    signed_response: bool
    checks: tuple[CheckLine, ...]

    @field_validator("checks")
    @classmethod
    def _all_in_order(cls, checks: tuple[CheckLine, ...]) -> tuple[CheckLine, ...]:
        if [line.number for line in checks] != list(range(1, len(CHECKS) + 1)):
            raise ValueError("not every check once, in order")
        return checks


def verdict_of(lines: Sequence[CheckLine]) -> str:
    """Return `accepted`, the code of the first refusal, or `undecided` where a check of 2 to 15 was never asked."""
    refused = next((line.code for line in lines if line.outcome == "fail"), None)
    if refused is not None:
        return refused
    return "accepted" if all(line.outcome == "pass" for line in lines if 2 <= line.number <= 15) else "undecided"


class Transcript(_Part):
    """One sign-in. `document` is None where it never came so far."""

    format: Literal["cellbridge-transcript/1"] = "cellbridge-transcript/1"
    made_at: AwareDatetime
    reference: str
    hops: tuple[Hop, ...]
    document: JudgedDocument | None

    def write(self, path: Path) -> None:
        """Write the file, readable by its owner alone; raises `OSError`."""
        replace_file(path, self.model_dump_json(indent=1).encode() + b"\n", mode=0o600)


def read_transcript(path: Path) -> Transcript:
    """Return the transcript in *path*; raises `TranscriptUnreadable`."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise TranscriptUnreadable(f"cannot be opened: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise TranscriptUnreadable(f"is larger than {MAX_BYTES} bytes")
    try:
        return Transcript.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise TranscriptUnreadable(f"is no transcript: {place}: {first['msg']}") from error


def moment(value: datetime) -> str:
    """Return *value* as it is shown."""
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
