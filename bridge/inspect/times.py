"""The times of a document on one line: issued, from, now, until, give or take the skew. Pure.

The law: the times are those that check 12 read; nothing is parsed a second time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from bridge.inspect.inspection import Inspection

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True)
class Times:
    """When a document counts: from `starts` to `ends`, widened on both sides by `skew`; aware, UTC."""

    issued: datetime
    starts: datetime
    now: datetime
    ends: datetime
    session_ends: datetime
    skew: timedelta

    @property
    def state(self) -> Literal["early", "now", "expired"]:
        """Where now lies, the skew counted in."""
        if self.starts - self.skew > self.now:
            return "early"
        return "expired" if self.ends + self.skew <= self.now else "now"

    @property
    def distance(self) -> str:
        """How far now is from the nearer end, in words."""
        apart = self.now - self.ends if self.state == "expired" else self.starts - self.now
        seconds = abs(int(apart.total_seconds()))
        unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
        return f"{seconds // size} {unit}{'' if seconds // size == 1 else 's'}"

    def as_texts(self) -> dict[str, str | int]:
        """Return name -> time as SAML writes it; the skew in seconds."""
        moments = {
            "issued": self.issued,
            "not_before": self.starts,
            "now": self.now,
            "not_on_or_after": self.ends,
            "session_ends": self.session_ends,
        }
        written = {name: text_of_time(moment) for name, moment in moments.items()}
        return {**written, "skew_seconds": int(self.skew.total_seconds()), "state": self.state}


def text_of_time(moment: datetime) -> str:
    """Return *moment* as SAML writes it, in whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def times_of(inspection: Inspection) -> Times | None:
    """Return the times that check 12 read, None where it was not reached or could not read them."""
    window, signed = inspection.window, inspection.signed
    if window is None or signed is None:
        return None
    return Times(
        issued=window.issued_at,
        starts=max(start for start, _element in window.starts),
        now=inspection.question.now,
        ends=window.expires_at,
        session_ends=window.session_ends,
        skew=signed.signer.skew,
    )
