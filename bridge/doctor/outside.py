"""Checks of what a browser meets: the router, the services behind it, their clocks, headers and cookies. Pure.

The law: each check is one function from the answers to a finding.
"""

from collections.abc import Iterator

from bridge.doctor.finding import Finding, judged, skipped
from bridge.doctor.seen import Seen
from bridge.doctor.wire import Answer
from bridge.web.cookies import BINDING
from bridge.web.headers import ALWAYS, HSTS

CLOSE_SECONDS = 5
SKEW_SECONDS = 30  # what an owning cell allows unless its configuration says otherwise
_POLICY = ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'")
_IDP, _SP, _TOPOLOGY = "give --idp URL", "give --sp URL", "give --topology URL"


def router_answers(seen: Seen) -> Finding:
    """The global sign-in page comes through the router."""
    answer = seen.sign_in
    is_page = answer.status == 200 and answer.header("Content-Type").startswith("text/html")
    return judged(
        "200 and a page",
        fine="the sign-in page",
        failed=() if is_page else (f"{answer.said} at {seen.target.public_url}/users/sign_in",),
        advice="Look whether the router runs and listens there, then at the topology and the legacy cell behind it.",
    )


def watchers_stay_inside(seen: Seen) -> Finding:
    """Health and metrics are not shown through the router."""
    answer = seen.watch
    return judged(
        "404 for /-/readyz through the router",
        fine="404",
        failed=(f"{answer.said}: everybody can read it",) if answer.status in (200, 503) else (),
        warned=() if answer.status in (200, 404, 503) else (answer.said,),
        advice="Let the router refuse /-/*, as the Caddyfile does, and add X-Forwarded-For to what it passes on.",
    )


def legacy_is_ready(seen: Seen) -> Finding:
    """The legacy cell can work."""
    expected = "200, every check ok"
    if seen.legacy_ready is None:
        return skipped(expected, "the legacy cell's own address is not known", _IDP)
    return judged(expected, fine="ready", failed=tuple(_not_ready("the legacy cell", "idp", seen.legacy_ready)), advice=_READY)


def owning_is_ready(seen: Seen) -> Finding:
    """Every replica of the owning cell can work."""
    expected = "200, every check ok"
    if not seen.owning_ready:
        return skipped(expected, "the owning cell's own address is not known", _SP)
    failed = [problem for address, answer in seen.owning_ready.items() for problem in _not_ready(address, "sp", answer)]
    return judged(expected, fine=f"{len(seen.owning_ready)} ready", failed=failed, advice=_READY)


def topology_is_ready(seen: Seen) -> Finding:
    """The Topology Service can work."""
    expected = "200, every check ok"
    if seen.topology_ready is None:
        return skipped(expected, "the topology's address is not known", _TOPOLOGY)
    failed = tuple(_not_ready("the topology", "topology", seen.topology_ready))
    return judged(expected, fine="ready", failed=failed, advice=_READY)


_READY = "A check that is not ok names its code: docs/errors.md tells its cause. The service's log has the details."


def _not_ready(name: str, service: str, answer: Answer) -> Iterator[str]:
    table = answer.table()
    if answer.status in (200, 503) and table.get("service", service) != service:
        yield f"{name} says that it is {table.get('service')!r}"
    elif answer.status != 200:
        bad = ", ".join(f"{check}: {outcome}" for check, outcome in _checks(answer).items() if outcome != "ok")
        yield f"{name}: {bad or answer.said}"


def _checks(answer: Answer) -> dict[str, str]:
    checks = answer.table().get("checks")
    return {str(name): str(outcome) for name, outcome in checks.items()} if isinstance(checks, dict) else {}


def tables_are_newest(seen: Seen) -> Finding:
    """The database of each cell can be used and is at the newest migration."""
    expected = "database: ok at every readiness"
    asked = {"the legacy cell": seen.legacy_ready, **seen.owning_ready}
    told = {name: _checks(answer).get("database", answer.said) for name, answer in asked.items() if answer is not None}
    if not told:
        return skipped(expected, "no cell's own address is known", f"{_IDP} and --sp URL")
    return judged(
        expected,
        fine=", ".join(f"{name}: ok" for name in told),
        failed=[f"{name}: {outcome}" for name, outcome in told.items() if outcome != "ok"],
        advice="cellbridge db current --config FILE says what is wrong; cellbridge db upgrade --config FILE brings it up.",
    )


def clocks_agree(seen: Seen) -> Finding:
    """The clocks of both cells say the same, so that a handoff is neither too early nor too late."""
    expected = f"within {CLOSE_SECONDS} s of each other"
    legacy = seen.sign_in if seen.legacy_ready is None else seen.legacy_ready
    owning = seen.owning_ready or {org: one.metadata for org, one in seen.orgs.items()}
    here = legacy.offset
    there = {name: answer.offset for name, answer in owning.items() if answer.offset is not None}
    if here is None or not there:
        return skipped(expected, "one of them gave no Date")
    apart = {name: offset - here for name, offset in there.items()}
    told = {name: f"{name} is {_seconds(by)} the legacy cell" for name, by in apart.items()}
    return judged(
        expected,
        fine="; ".join(told.values()),
        failed=[told[name] for name, by in apart.items() if abs(by) > SKEW_SECONDS],
        warned=[told[name] for name, by in apart.items() if CLOSE_SECONDS < abs(by) <= SKEW_SECONDS],
        advice="Set the clocks by NTP; beyond skew_seconds of [[trust]] nobody can sign in.",
    )


def own_clock_agrees(seen: Seen) -> Finding:
    """This machine's clock is right enough to judge the others, and to date handoffs."""
    expected = f"within {CLOSE_SECONDS} s of the cells"
    offsets = [answer.offset for answer in (seen.sign_in, *seen.owning_ready.values()) if answer.offset is not None]
    if not offsets:
        return skipped(expected, "no answer had a Date")
    furthest = max(offsets, key=abs)
    told = f"a cell is {_seconds(furthest)} this machine"
    advice = "Set this machine's clock, or run the doctor elsewhere: test handoffs carry this machine's time."
    return judged(expected, fine=told, warned=(told,) if abs(furthest) > CLOSE_SECONDS else (), advice=advice)


def _seconds(by: float) -> str:
    return f"{abs(by):.0f} s {'behind' if by < 0 else 'ahead of'}"


def headers_harden(seen: Seen) -> Finding:
    """Pages of both cells come with the security headers, whatever stands in between."""
    pages = {"the sign-in page": seen.sign_in, **{f"the metadata of {org}": one.metadata for org, one in seen.orgs.items()}}
    return judged(
        "the cells' own headers, unchanged",
        fine=f"{len(ALWAYS) + 2 + seen.target.secure} headers of {len(pages)} answers",
        failed=[f"{name}: {what}" for name, one in pages.items() for what in _soft(one, secure=seen.target.secure)],
        advice="A proxy in between takes them away or rewrites them: let it pass the cells' headers on as they are.",
    )


def _soft(answer: Answer, *, secure: bool) -> Iterator[str]:
    if not answer.status:
        yield answer.said
        return
    wanted = {**ALWAYS, "Cache-Control": "no-store"} | ({"Strict-Transport-Security": HSTS} if secure else {})
    for name, value in wanted.items():
        if answer.header(name) != value:
            yield f"{name} is {'changed' if answer.header(name) else 'missing'}"
    policy = [directive.strip() for directive in answer.header("Content-Security-Policy").split(";")]
    missing = [directive for directive in _POLICY if directive not in policy]
    if missing:
        yield f"Content-Security-Policy lacks {', '.join(missing)}"


def binding_cookie_is_safe(seen: Seen) -> Finding:
    """The cookie that binds a sign-in to its browser can be read by no script and written by no neighbour."""
    return cookie_finding(seen.sign_in, seen.target.cookie_name(BINDING), secure=seen.target.secure)


def cookie_finding(answer: Answer, name: str, *, secure: bool) -> Finding:
    """Return whether *answer* sets the cookie *name* once and as it must be (RFC 6265bis 4.1.3); its value is not told."""
    lines = [line for line in answer.set_cookies if line.partition("=")[0].strip() == name]
    problems = [problem for line in lines for problem in _unsafe(line, secure=secure)]
    if len(lines) != 1:
        problems.append(f"{name} is set {len(lines)} times")
    return judged(
        f"{name}, once; Path=/, HttpOnly, SameSite=Lax, {'Secure, ' if secure else ''}no Domain",
        fine=f"{name}, as it must be",
        failed=problems,
        advice="A proxy in between rewrites cookies, or public_url of the cell is not the address that browsers see.",
    )


def _unsafe(line: str, *, secure: bool) -> Iterator[str]:
    attributes = {
        name.strip().lower(): value.strip() for name, _, value in (part.partition("=") for part in line.split(";")[1:])
    }
    wanted = {"path": "/", "httponly": "", "samesite": "Lax"} | ({"secure": ""} if secure else {})
    yield from (f"{name} is not as it must be" for name, value in wanted.items() if attributes.get(name) != value)
    if "domain" in attributes:
        yield "it has a Domain"
