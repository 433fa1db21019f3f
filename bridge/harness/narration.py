"""Telling a sign-in: the hops of one walk with what was checked, and the log events of a running pair.

The law: a claim is checked before it is printed; a walk in which one does not hold ends with the reason and exit code 1.
"""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import click
from lxml import etree

from bridge.harness.browser import Browser, Form, Page
from bridge.harness.pair import Pair
from bridge.harness.walk import Hop, Walk
from bridge.saml.names import SAML, SAMLP

RETURN_TO = "/o/acme/projects/7?tab=2"
PROVIDER = "google_oauth2"
PERSONA = "dana"
_NAMES = {"saml": SAML, "samlp": SAMLP}
_TOLD = {
    "login.started": ("provider",),
    "identity.read": ("provider", "email_verified", "rule"),
    "handoff.issued": ("org_id", "owning_cell_id"),
    "handoff.verified": ("org_id",),
    "session.opened": ("account_id", "outcome"),
    "request.refused": ("code",),
    "request.done": ("method", "route", "status"),
}


class WalkFailed(Exception):
    """Raised if a hop of the walk is not what it has to be; says which and why."""


def _require(holds: bool, what: str, page: Page | None = None) -> None:  # noqa: FBT001
    if not holds:
        seen = f" ({page.status}: {page.sentence()[:300]})" if page is not None and page.text else ""
        raise WalkFailed(what + seen)


def walk_once(pair: Pair) -> int:
    """Walk one sign-in through the router, print every hop with what was checked; returns 0, or 1 with the reason."""
    number = iter(range(1, 100))

    def told(hop: Hop) -> None:
        page = hop.page
        click.echo(f"\n{next(number)}. {hop.title}: {urlsplit(page.url).path} -> {page.status}")

    try:
        _walk(pair, Walk(pair.public_url, Browser(), observer=told))
    except (WalkFailed, LookupError) as failure:
        click.echo(f"\nThe sign-in did not work: {failure}", err=True)
        return 1
    click.echo("\nThe sign-in crossed the bridge.")
    return 0


def _say(*checked: str) -> None:
    for line in checked:
        click.echo(f"   checked: {line}")


def _walk(pair: Pair, walk: Walk) -> None:
    page = walk.sign_in_page(RETURN_TO)
    _require(page.status == 200, "the sign-in page did not open", page)
    form = page.form(action_ends=f"/users/auth/{PROVIDER}")
    _say(f"{len(page.forms)} ways in", f"the page remembers {form.field('return_to')}")

    started = walk.press(form)
    query = parse_qs(urlsplit(started.location).query)
    _require(started.status == 303 and "state" in query and "nonce" in query, "no redirect with state and nonce", started)
    _require(query.get("code_challenge_method") == ["S256"], "no PKCE S256 challenge in the redirect", started)
    _say("state and nonce are sent", "PKCE challenge is S256", "the attempt is sealed in a cookie, nothing is kept on the cell")

    chosen = walk.choose(started, PERSONA)
    answer = parse_qs(urlsplit(chosen.location).query)
    _require("code" in answer and answer.get("state") == query["state"], "the provider sent no code with our state", chosen)
    _say(f"{PERSONA} consented", "the code came with our state")

    page = walk.callback(chosen)
    _require(page.status == 200, "the legacy cell did not hand over", page)
    form = page.form(field="SAMLResponse")
    _say(*_document(pair, form))

    landed = walk.post(form)
    _require(landed.status == 303, "the owning cell refused the handoff", landed)
    _require(landed.location == pair.public_url + RETURN_TO, f"redirected to {landed.location}, not {RETURN_TO}", landed)
    _say("all checks of docs/security.md passed", f"the return path {RETURN_TO} survived", "a session cookie was set")

    page = walk.open(landed)
    _require(page.status == 200 and "Dana Field" in page.text, "the landing page does not know Dana", page)
    session = walk.browser.get(f"{pair.public_url}/o/acme/-/session", headers={"Accept": "application/json"})
    email = json.loads(session.text).get("account", {}).get("email") if session.status == 200 else None
    _require(email == "dana@acme.example", "the session is not Dana's", session)
    _say("the page names Dana Field", f"/o/acme/-/session says {email}")

    again = walk.post(form)
    _require(again.status == 403 and "handoff.stale" in again.text, "a second post of the same response was not refused", again)
    _say("the same response a second time is refused as handoff.stale")


def _document(pair: Pair, form: Form) -> list[str]:
    """Return what the response on the page says, after checking it against what it must say."""
    root = etree.fromstring(base64.b64decode(form.field("SAMLResponse")))

    def one(path: str) -> str:
        found = root.xpath(path, namespaces=_NAMES)
        _require(isinstance(found, list) and len(found) == 1, f"the response has not exactly one {path}")
        return str(found[0])

    acs = f"{pair.public_url}/o/acme/auth/saml/callback"
    audience = one("//saml:Audience/text()")

    def attribute(name: str) -> str:
        return one(f"//saml:Attribute[@Name='{name}']/saml:AttributeValue/text()")

    _require(
        form.action == acs and one("/samlp:Response/@Destination") == acs, "the response is not addressed to Acme's endpoint"
    )
    _require(audience == f"{pair.public_url}/o/acme/auth/saml/metadata", "the audience is not Acme")
    _require(not root.xpath("//@InResponseTo"), "the response claims to answer a request")
    return [
        f"destination {acs}",
        f"audience {audience}",
        f"email {attribute('email')}, evidence {attribute('email_evidence')}",
        f"valid from {one('//saml:Conditions/@NotBefore')} until {one('//saml:Conditions/@NotOnOrAfter')}",
        f"reference {attribute('reference')}, the same in the logs of both cells",
    ]


class Narrator:
    """Reads the logs of a running pair and tells what is new, one line an event."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._read: dict[str, int] = {}

    def new_lines(self) -> Iterator[str]:
        """Yield a line for each event that was logged since the last call, in order of time."""
        events: list[tuple[str, str, dict[str, object]]] = []
        for name in ("idp", "sp-2", "sp-3"):
            log = self._pair.processes[name].log
            with log.open("rb") as file:
                file.seek(self._read.get(name, 0))
                whole, _, _ = file.read().rpartition(b"\n")
            self._read[name] = self._read.get(name, 0) + len(whole) + bool(whole)
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
    details = " ".join(
        f"{key}={event[key]}" if kind != "request.done" else str(event[key]) for key in _TOLD[kind] if key in event
    )
    clock = datetime.fromisoformat(moment).astimezone(UTC).strftime("%H:%M:%S") if moment else ""
    cell = {"idp": "legacy cell", "sp-2": "cell 2", "sp-3": "cell 3"}[name]
    return f"{clock}  {cell:11}  {event.get('reference', ''):11}  {kind:16}  {details}"
