"""Checks of what the test handoffs met: the good one a session, each bad one its own refusal. Pure.

The law: each check is one function from the answers to a finding; a refusal counts by its code, not by being one.
"""

from bridge.doctor.finding import Finding, judged, skipped
from bridge.doctor.outside import cookie_finding
from bridge.doctor.seen import Seen
from bridge.doctor.tried import ACCEPTED, Probe, Tried
from bridge.errors import (
    HandoffAudience,
    HandoffError,
    HandoffExpired,
    HandoffReplayed,
    HandoffSignature,
    HandoffUnbound,
    ProviderDisabled,
)

_NO_GOOD_ONE = "the good handoff was not accepted, so that a refusal would prove nothing"
_DOOR = "Somebody could come in that way: compare the owning cell's release and configuration with docs/configuration.md."


def good_is_accepted(seen: Seen) -> Finding:
    """A good handoff of the test key opens a session in the test organization."""
    expected = f"{ACCEPTED} into the organization"
    if seen.tried is None:
        return skipped(expected, seen.untried, "docs/doctor.md tells how to set up a test organization and its key.")
    good = seen.tried.good
    landed = good.answer.header("Location") == f"/o/{seen.tried.org}/"
    return judged(
        expected,
        fine=f"{ACCEPTED} to /o/{seen.tried.org}/",
        failed=() if good.answer.status == ACCEPTED and landed else (_told(good),),
        advice="The owning cell's log has the reason under the reference; docs/doctor.md what [[trust]] and [[org]] need.",
    )


def _told(probe: Probe) -> str:
    code = f" {probe.code}" if probe.code else ""
    counted = f", counted as {', '.join(sorted(probe.counted))}" if probe.counted else ""
    return f"{probe.answer.said}{code}{counted}{f', reference {probe.reference}' if probe.reference else ''}"


def session_cookie_is_safe(seen: Seen) -> Finding:
    """The session's cookie can be read by no script and written by no neighbour."""
    tried = _accepted(seen)
    if tried is None:
        return skipped("the session's cookie", seen.untried or "there is no session")
    return cookie_finding(tried.good.answer, seen.target.cookie_name(f"cb-{tried.org_id}"), secure=seen.target.secure)


def session_begins_and_ends(seen: Seen) -> Finding:
    """The session is the organization's, and is over once the person has signed out."""
    expected = "200 with the session, 401 after signing out"
    tried = _accepted(seen)
    if tried is None or tried.session is None:
        return skipped(expected, seen.untried or "there is no session")
    failed = []
    organization = tried.session.table().get("organization")
    if tried.session.status != 200 or not isinstance(organization, dict) or organization.get("id") != tried.org_id:
        failed.append(f"{tried.session.said} with the session")
    if tried.ended is None:
        failed.append("the landing page has no form to sign out")
    elif tried.ended.status != 401:
        failed.append(f"{tried.ended.said} after signing out")
    advice = "Look whether a proxy in between drops cookies or caches pages, and whether all replicas share one database."
    return judged(expected, fine="200, then 401", failed=failed, advice=advice)


def replay_is_refused(seen: Seen) -> Finding:
    """A spent handoff is refused by every worker of every replica: they share what was spent."""
    expected = _wanted(HandoffReplayed)
    tried = _accepted(seen)
    if tried is None:
        return _not_tried(seen, expected)
    failed = [problem for probe in tried.replayed for problem in _wrong(probe, HandoffReplayed)]
    return judged(
        expected,
        fine=f"{len(tried.replayed)} times, each on a connection of its own",
        failed=failed,
        advice="Workers and replicas of one cell must use one database: with SQLite one file, otherwise one PostgreSQL.",
    )


def unsigned_is_refused(seen: Seen) -> Finding:
    """Nobody's word counts without a signature."""
    return _refused(seen, "unsigned", HandoffSignature)


def wrong_audience_is_refused(seen: Seen) -> Finding:
    """A handoff for somebody else opens nothing here."""
    return _refused(seen, "audience", HandoffAudience)


def expired_is_refused(seen: Seen) -> Finding:
    """A handoff of ten minutes ago opens nothing."""
    return _refused(seen, "expired", HandoffExpired)


def unbound_is_refused(seen: Seen) -> Finding:
    """A handoff that another browser asked for opens nothing (login CSRF)."""
    finding = _refused(seen, "unbound", HandoffUnbound)
    tried = _accepted(seen)
    if tried is not None and tried.refused["unbound"].answer.status == 200:
        advice = 'The test organization has binding = "confirm"; "bound" is what most organizations have.'
        return Finding("warn", finding.expected, "a page asks first", advice)
    return finding


def test_key_opens_nothing_elsewhere(seen: Seen) -> Finding:
    """The test key is trusted in the test organization only: the others refuse its provider, or the key itself."""
    expected = f"{ProviderDisabled.code} or handoff.rejected in every other organization"
    tried = _accepted(seen)
    if tried is None:
        return _not_tried(seen, expected)
    if not tried.elsewhere:
        return skipped(expected, "no other organization with a known id was named", "give --org PATH and --topology URL")
    contained = (ProviderDisabled.public_code, HandoffError.public_code)
    return judged(
        expected,
        fine=", ".join(f"{org}: {probe.code}" for org, probe in tried.elsewhere.items()),
        failed=[f"{org}: {_told(probe)}" for org, probe in tried.elsewhere.items() if probe.code not in contained],
        advice="Give the test key's [[trust]] providers of its own, which only the test organization's [[org]] names.",
    )


def _accepted(seen: Seen) -> Tried | None:
    return seen.tried if seen.tried is not None and seen.tried.good.answer.status == ACCEPTED else None


def _not_tried(seen: Seen, expected: str) -> Finding:
    return skipped(expected, seen.untried or _NO_GOOD_ONE)


def _wanted(refusal: type[HandoffError]) -> str:
    return refusal.code if refusal.code == refusal.public_code else f"{refusal.public_code}, counted as {refusal.code}"


def _refused(seen: Seen, name: str, refusal: type[HandoffError]) -> Finding:
    expected = _wanted(refusal)
    tried = _accepted(seen)
    if tried is None:
        return _not_tried(seen, expected)
    probe = tried.refused[name]
    return judged(expected, fine=_told(probe), failed=_wrong(probe, refusal), advice=_DOOR)


def _wrong(probe: Probe, refusal: type[HandoffError]) -> tuple[str, ...]:
    """Return what is wrong: the answer's public code, or a count that says another reason. Nothing counted proves nothing."""
    if (probe.answer.status, probe.code) != (refusal.status, refusal.public_code):
        return (_told(probe),)
    return (_told(probe),) if probe.counted and refusal.code not in probe.counted else ()
