"""The memory of a topology client: known and unknown kept for different times, old answers for when the service is down.

The law: an old answer may lead a person to an organization, whose cell judges again; "no such organization" is only ever said
on a fresh one.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from bridge.errors import TopologyUnavailable
from bridge.identity import Email
from bridge.topology.directory import Question
from bridge.topology.wire import Place

MAX_ANSWERS = 10_000


@dataclass(frozen=True, slots=True)
class _Answer:
    place: Place | None
    at: datetime


class Answers:
    """Asks *look_up* and remembers, for all threads of a process. Times are UTC by *clock*."""

    def __init__(
        self,
        look_up: Callable[[Question], Place | None],
        *,
        clock: Callable[[], datetime],
        known_for: timedelta,
        unknown_for: timedelta,
        stale_for: timedelta,
    ) -> None:
        self._look_up = look_up
        self._clock = clock
        self._known_for = known_for
        self._unknown_for = unknown_for
        self._stale_for = stale_for
        self._kept: OrderedDict[object, _Answer] = OrderedDict()
        self._lock = Lock()

    def find(self, *questions: Question) -> Place | None:
        """Return the place of the first question that has one, or None; raises `TopologyUnavailable`."""
        doubt: TopologyUnavailable | None = None
        for question in questions:
            place, failure = self._answer(question)
            if place:
                return place
            doubt = doubt or failure
        if doubt:
            raise doubt
        return None

    def forget(self, question: Question) -> None:
        """Drop what is remembered of *question*."""
        with self._lock:
            self._kept.pop(_name(question), None)

    def _answer(self, question: Question) -> tuple[Place | None, TopologyUnavailable | None]:
        """Return the answer and, where it is older than it should be, why no newer one came."""
        name, now = _name(question), self._clock()
        with self._lock:
            kept = self._kept.get(name)
        # A clock that was set back makes ages negative: such an answer is no longer fresh.
        age = abs(now - kept.at) if kept else timedelta.max
        if kept and age < (self._known_for if kept.place else self._unknown_for):
            return kept.place, None
        try:
            place = self._look_up(question)
        except TopologyUnavailable as error:
            if kept is None or age >= self._stale_for:
                raise
            return kept.place, error
        with self._lock:
            self._kept[name] = _Answer(place, now)
            self._kept.move_to_end(name)
            while len(self._kept) > MAX_ANSWERS:
                self._kept.popitem(last=False)
        return place, None


def _name(question: Question) -> object:
    return question.folded if isinstance(question, Email) else question
