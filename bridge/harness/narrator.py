"""Telling what happens in a running pair: one line for each event that its cells log.

The law: every line is read from a cell's log and adds nothing to it; what a log may hold from outside is shown escaped.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from bridge.harness.pair import Pair

_CELLS = {"idp": "legacy cell", "sp-2": "cell 2", "sp-3": "cell 3"}
_TOLD = {
    "login.started": ("provider",),
    "identity.read": ("provider", "email_verified", "rule"),
    "handoff.issued": ("org_id", "owning_cell_id"),
    "handoff.verified": ("org_id",),
    "session.opened": ("account_id", "outcome"),
    "request.refused": ("code",),
    "request.done": ("method", "route", "status"),
}


class Narrator:
    """Reads the logs of a running pair and tells what was logged after it began to listen."""

    def __init__(self, pair: Pair) -> None:
        self._logs = {name: pair.processes[name].log for name in _CELLS}
        self._read = {name: log.stat().st_size for name, log in self._logs.items()}

    def new_lines(self) -> Iterator[str]:
        """Yield a line for each event that was logged since the last call, in order of time."""
        events: list[tuple[str, str, dict[str, object]]] = []
        for name, log in self._logs.items():
            with log.open("rb") as file:
                file.seek(self._read[name])
                whole, _, _ = file.read().rpartition(b"\n")
            self._read[name] += len(whole) + bool(whole)
            for line in whole.splitlines():
                event = _event(line)
                if event and not str(event.get("route", "")).startswith("/-/"):
                    events.append((str(event.get("timestamp", "")), name, event))
        for moment, name, event in sorted(events, key=lambda found: found[0]):
            yield _told(moment, name, event)


def _event(line: bytes) -> dict[str, object] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get("event") in _TOLD else None


def _told(moment: str, name: str, event: dict[str, object]) -> str:
    kind = str(event["event"])
    details = [f"{key}={event[key]}" if kind != "request.done" else str(event[key]) for key in _TOLD[kind] if key in event]
    evidence = event.get("evidence")
    if isinstance(evidence, dict):
        details += [f"{key}={json.dumps(value)}" for key, value in evidence.items()]
    clock = datetime.fromisoformat(moment).astimezone(UTC).strftime("%H:%M:%S") if moment else ""
    return f"{clock}  {_CELLS[name]:11}  {event.get('reference', ''):11}  {kind:16}  {' '.join(details)}"
