"""What happened under one reference: rows of audit trails and lines of logs, of both cells, as steps in order of time.

The law: of a log line only the fields that `_SHOWN` names are taken, cut once more: a log may have come from anywhere. A step
tells where it was read, and whether anybody vouches for its reference.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from bridge.accounts.trail import AuditRow
from bridge.web.logs import drop_secrets

MAX_LINE_BYTES = 200_000
MAX_STEPS = 10_000
UNPROVEN = "the reference is only what the refused document said"
_MAX_CHARS = 400
_SHOWN = {
    "login.started": ("provider", "linking"),
    "identity.read": ("provider", "uid_digest", "email_domain", "email_verified", "rule"),
    "handoff.issued": ("handoff_id", "org_id", "owning_cell_id", "provider"),
    "handoff.verified": ("handoff_id", "org_id", "issuer"),
    "handoff.asked": ("handoff_id", "org_id"),
    "session.opened": ("account_id", "org_id", "outcome"),
    "request.refused": ("code", "status", "evidence"),
    "request.done": ("method", "route", "status", "code", "duration_ms"),
}
_OF_A_ROW = ("code", "rule", "account_id", "provider", "uid_digest", "evidence", "actor", "cause")
_CELLS = {"idp": "legacy cell", "sp": "owning cell", "topology": "topology"}
_BY_THE_STORE = "handoff.replayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened, when (UTC), where, and what stands beside it; `note` warns the reader."""

    at: datetime
    where: str
    source: Literal["trail", "log"]
    event: str
    details: Mapping[str, object]
    note: str = ""


def cell_called(service: str, cell_id: object) -> str:
    """Return what a cell is called for people: `legacy cell 1`."""
    name = _CELLS.get(service, "service")
    return f"{name} {cell_id}" if isinstance(cell_id, int) else name


def step_of_row(row: AuditRow, *, where: str, org: str | None) -> Step:
    """Return the step that *row* of the trail at *where* tells; *org* is the path of its organization, if known."""
    details = {name: value for name in _OF_A_ROW if (value := getattr(row, name)) is not None}
    return Step(at=row.at, where=where, source="trail", event=row.event, details={"org": org or f"org {row.org_id}", **details})


def steps_in_log(lines: Iterable[bytes], reference: str) -> Iterator[Step]:
    """Yield the steps of *reference* in a log of JSON lines, in whatever order they stand; other lines are passed over.

    What stands in front of the object is passed over, too: `docker compose logs` writes the service there.
    """
    wanted = reference.encode("ascii")
    for line in lines:
        if wanted in line and len(line) <= MAX_LINE_BYTES and (step := _step_of_line(line, reference)):
            yield step


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Return the last `MAX_STEPS` steps, oldest first."""
    return sorted(steps, key=lambda step: step.at)[-MAX_STEPS:]


def _step_of_line(line: bytes, reference: str) -> Step | None:
    try:
        found = json.loads(line[max(line.find(b"{"), 0) :])
        at = datetime.fromisoformat(found["timestamp"]).astimezone(UTC)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    event = found.get("event")
    if found.get("reference") != reference or not isinstance(event, str) or event not in _SHOWN:
        return None
    details = drop_secrets(None, "", {name: found[name] for name in _SHOWN[event] if found.get(name) is not None})
    code = str(found.get("code", ""))
    unproven = event == "request.refused" and code.startswith("handoff.") and code != _BY_THE_STORE
    return Step(
        at=at,
        where=cell_called(str(found.get("service")), found.get("cell_id")),
        source="log",
        event=event,
        details=details,
        note=UNPROVEN if unproven else "",
    )


def summary(steps: Iterable[Step]) -> str:
    """Return in one sentence how it ended, as far as *steps* tell."""
    ends: list[str] = []
    last = "Nothing here says how a sign-in ended."
    for step in steps:
        if end := _end(step):
            ends += [end] if end not in ends else []
        elif step.event in _ON_THE_WAY:
            last = _ON_THE_WAY[step.event].format(where=step.where)
    if ends:
        return f"{ends[0][0].upper()}{ends[0][1:]}" + "".join(f"; then {end}" for end in ends[1:4]) + "."
    return last


_ON_THE_WAY = {
    "login.started": "Started at the {where}, and the person never came back from the provider.",
    "identity.read": "The {where} knows who came back, and nothing says what became of them.",
    "handoff.issued": "The {where} handed over; what the owning cell did stands in its trail and its log.",
    "handoff.verified": "The {where} accepted the handoff, and nothing says what became of it.",
    "handoff.asked": "The {where} asked whether to go on, and got no answer.",
}


def _end(step: Step) -> str:
    if step.event in ("session.opened", "sign_in"):
        return f"signed in at the {step.where}, account {step.details.get('account_id')}"
    if step.event in ("request.refused", "refused"):
        return f"refused by the {step.where}: {json.dumps(step.details.get('code'))[1:-1]} (docs/errors.md)"
    return ""


def as_json(step: Step) -> str:
    """Return *step* as one JSON object."""
    told = {"at": _clock(step.at), "where": step.where, "source": step.source, "event": step.event}
    return json.dumps({**told, **step.details, **({"note": step.note} if step.note else {})})


def as_line(step: Step) -> str:
    """Return *step* as one line for a terminal; whatever came from outside is escaped."""
    details = " ".join(f"{name}={json.dumps(value)}" for name, value in _flat(step.details))
    shown = details if len(details) <= _MAX_CHARS else f"{details[:_MAX_CHARS]}..."
    note = f"  ({step.note})" if step.note else ""
    return f"{_clock(step.at)}  {step.where:13}  {step.source:5}  {step.event:16}  {shown}{note}"


def _flat(details: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in details.items():
        if isinstance(value, Mapping):
            yield from ((str(inner), found) for inner, found in value.items())
        else:
            yield name, value


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
