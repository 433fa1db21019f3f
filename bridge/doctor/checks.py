"""The one numbered list of what the doctor checks, and the verdict. Pure.

The law: a check has a number, a name that programs know it by, and a title that is the rule; all run, whatever the others say.
"""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from bridge.doctor import agreement, handoffs, outside
from bridge.doctor.finding import Finding
from bridge.doctor.seen import Seen


class Check(NamedTuple):
    """One check."""

    number: int
    name: str
    title: str
    examine: Callable[[Seen], Finding]


class Result(NamedTuple):
    """A check and what it found."""

    check: Check
    finding: Finding

    def as_json(self) -> dict[str, str | int]:
        """Return what `--json` prints of it."""
        return {"number": self.check.number, "name": self.check.name, "title": self.check.title, **self.finding._asdict()}


_LIST = (
    ("router", "The sign-in page comes through the router", outside.router_answers),
    ("watchers", "Health and metrics stay inside", outside.watchers_stay_inside),
    ("ready.legacy", "The legacy cell is ready", outside.legacy_is_ready),
    ("ready.owning", "The owning cell is ready", outside.owning_is_ready),
    ("ready.topology", "The topology is ready", outside.topology_is_ready),
    ("migrations", "The tables are at the newest migration", outside.tables_are_newest),
    ("clock.cells", "The clocks of both cells agree", outside.clocks_agree),
    ("clock.here", "This machine's clock agrees with theirs", outside.own_clock_agrees),
    ("headers", "Security headers arrive", outside.headers_harden),
    ("cookie.binding", "The binding cookie is safe", outside.binding_cookie_is_safe),
    ("metadata.legacy", "The legacy cell's metadata is its own", agreement.legacy_metadata_is_its_own),
    ("metadata.orgs", "Endpoints are called what handoffs call them", agreement.org_metadata_fits),
    ("keys.trusted", "Published keys are trusted", agreement.published_keys_are_trusted),
    ("keys.published", "Trusted keys are published", agreement.trusted_keys_are_published),
    ("certificates", "No certificate expires soon", agreement.certificates_last),
    ("lookup", "The topology knows the organizations", agreement.topology_knows_the_orgs),
    ("route", "The router is led to their cell", agreement.router_asks_right),
    ("accepts.good", "A good handoff is accepted", handoffs.good_is_accepted),
    ("cookie.session", "The session cookie is safe", handoffs.session_cookie_is_safe),
    ("session", "A session begins and ends", handoffs.session_begins_and_ends),
    ("refuses.replayed", "No worker takes a spent handoff", handoffs.replay_is_refused),
    ("refuses.unsigned", "An unsigned handoff is refused", handoffs.unsigned_is_refused),
    ("refuses.audience", "Somebody else's handoff is refused", handoffs.wrong_audience_is_refused),
    ("refuses.expired", "An expired handoff is refused", handoffs.expired_is_refused),
    ("refuses.unbound", "Another browser's handoff is refused", handoffs.unbound_is_refused),
    ("refuses.elsewhere", "The test key opens nothing elsewhere", handoffs.test_key_opens_nothing_elsewhere),
)
CHECKS = tuple(Check(number, *rest) for number, rest in enumerate(_LIST, 1))


def examine(seen: Seen) -> tuple[Result, ...]:
    """Return what every check found."""
    return tuple(Result(check, check.examine(seen)) for check in CHECKS)


def exit_code(seen: Seen, results: Iterable[Result]) -> Literal[0, 1, 2]:
    """Return 0 where nothing failed, 1 where a check did, 2 where nobody answers at the public URL."""
    if not seen.sign_in.status:
        return 2
    return 1 if any(result.finding.outcome == "fail" for result in results) else 0
