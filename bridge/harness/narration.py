"""Telling a sign-in: the hops of one walk, each with what was checked about it.

The law: a claim is checked before it is printed; a walk in which one does not hold ends with the reason and exit code 1.
"""

import base64
import json
from datetime import UTC, datetime
from http.cookiejar import Cookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click
from lxml import etree

from bridge.harness.browser import Form, Page
from bridge.harness.pair import Pair
from bridge.harness.personas import PROVIDERS
from bridge.harness.processes import HarnessError, wait_until
from bridge.harness.recording import Recording
from bridge.harness.tables import ALL_TABLES, Database
from bridge.harness.walk import Hop, Walk
from bridge.inspect.inspection import inspect
from bridge.inspect.source import FIELD, Source
from bridge.oauth.attempt import cookie_name
from bridge.saml import checks
from bridge.saml.names import SAML, SAMLP
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.verify import Question
from bridge.web.cookies import BINDING
from sp.orgs import org_named, organizations
from sp.trust import trusted_issuers

RETURN_TO = "/o/acme/projects/7?tab=2"
PROVIDER = "google_oauth2"
PERSONA = "dana"
EMAIL = "dana@acme.example"
SESSION = "cb-42"
LEGACY, OWNING, OWNING_CELL = "idp", "sp-2", 2
_NAMES = {"saml": SAML, "samlp": SAMLP}
_LOG_SECONDS = 5


class WalkFailed(Exception):
    """Raised if a hop of the walk is not what it has to be; says which and why."""


def walk_once(pair: Pair, *, record: Path | None = None) -> int:
    """Walk one sign-in through the router, print every hop with what was checked; returns 0, or 1 with the reason.

    Its transcript goes to *record*, if given, however far it came.
    """
    number = iter(range(1, 100))
    recording = Recording()

    def told(hop: Hop) -> None:
        page = hop.page
        click.echo(f"\n{next(number)}. {hop.title}: {urlsplit(page.url).path} -> {page.status}")
        recording.hop(hop)

    try:
        _Telling(pair, Walk(pair.public_url, recording.browser, observer=told), recording).tell()
    except (WalkFailed, LookupError, HarnessError) as failure:
        click.echo(f"\nThe sign-in did not work: {failure}", err=True)
        return 1
    finally:
        if record is not None:
            recording.write(record)
    click.echo("\nThe sign-in crossed the bridge.")
    return 0


def _require(holds: bool, what: str, page: Page | None = None) -> None:  # noqa: FBT001
    if not holds:
        seen = f" ({page.status}: {page.sentence()[:300]})" if page is not None and page.text else ""
        raise WalkFailed(what + seen)


def _say(*checked: str) -> None:
    for line in checked:
        click.echo(f"   checked: {line}")


class _Telling:
    """One walk of one browser through *pair*."""

    def __init__(self, pair: Pair, walk: Walk, recording: Recording) -> None:
        self._pair = pair
        self._walk = walk
        self._recording = recording
        self._database = Database(pair.directory)

    def tell(self) -> None:
        """Walk, check and say; raises `WalkFailed` at the first claim that does not hold."""
        started, state = self._start()
        form, reference, handoff_id = self._come_back(started, state)
        self._cross(form, reference, handoff_id)
        self._recording.ended()
        self._post_again(form, reference)

    def _start(self) -> tuple[Page, str]:
        page = self._walk.sign_in_page(RETURN_TO)
        _require(page.status == 200, "the sign-in page did not open", page)
        form = page.form(action_ends=f"/users/auth/{PROVIDER}")
        ways = [form.action for form in page.forms if "/users/auth/" in form.action]
        _require(len(ways) == len(PROVIDERS), f"the page offers {len(ways)} ways in, not {len(PROVIDERS)}", page)
        _require(form.field("return_to") == RETURN_TO, f"the page does not remember {RETURN_TO}", page)
        _say(f"{len(ways)} ways in", f"the page remembers {RETURN_TO}")

        before = self._legacy_rows()
        started = self._walk.press(form)
        query = parse_qs(urlsplit(started.location).query)
        _require(started.status == 303 and "state" in query and "nonce" in query, "no redirect with state and nonce", started)
        _require(query.get("code_challenge_method") == ["S256"], "no PKCE S256 challenge in the redirect", started)
        (state,) = query["state"]
        attempt = self._cookie(cookie_name(state))
        _require(state not in str(attempt.value), "the attempt's cookie can be read")
        _require(self._legacy_rows() == before, "the legacy cell wrote something down")
        _say(
            "state and nonce are sent",
            "PKCE challenge is S256",
            "the attempt is in a cookie of its own, HttpOnly and Lax, and its state is not readable there",
            "no row of the legacy cell's database changed",
        )
        return started, state

    def _come_back(self, started: Page, state: str) -> tuple[Form, str, str]:
        chosen = self._walk.choose(started, PERSONA)
        answer = parse_qs(urlsplit(chosen.location).query)
        _require("code" in answer and answer.get("state") == [state], "the provider sent no code with our state", chosen)
        _say("the provider sent the browser back with a code and our state")

        page = self._walk.callback(chosen)
        _require(page.status == 200, "the legacy cell did not hand over", page)
        _require(cookie_name(state) not in self._walk.browser.session.cookies.get_dict(), "the attempt's cookie is still there")
        form = page.form(field=FIELD)
        lines, reference, handoff_id = _document(self._pair, form)
        self._logged(LEGACY, reference, event="handoff.issued", handoff_id=handoff_id)
        _say("the attempt's cookie is gone", *lines, self._inspected(form, reference))
        return form, reference, handoff_id

    def _cross(self, form: Form, reference: str, handoff_id: str) -> None:
        public_url = self._pair.public_url
        landed = self._walk.post(form)
        _require(landed.status == 303, "the owning cell refused the handoff", landed)
        _require(landed.location == public_url + RETURN_TO, f"redirected to {landed.location}, not {RETURN_TO}", landed)
        self._logged(OWNING, reference, event="handoff.verified", handoff_id=handoff_id)
        self._logged(OWNING, reference, event="session.opened", cell_id=OWNING_CELL)
        session = self._cookie(SESSION)
        _require(str(session.value).startswith(f"cell-{OWNING_CELL}-"), "the session is not the owning cell's")
        _say(
            "the owning cell verified this very handoff and opened a session",
            f"the return path {RETURN_TO} survived",
            f"the session cookie {SESSION} is HttpOnly, Lax, for this host alone, and begins with the cell's prefix",
            f"reference {reference} stands in the logs of both cells",
        )

        page = self._walk.open(landed)
        _require(page.status == 200 and "Dana Field" in page.text, "the landing page does not know Dana", page)
        answer = self._walk.browser.get(f"{public_url}/o/acme/-/session", headers={"Accept": "application/json"})
        email = json.loads(answer.text).get("account", {}).get("email") if answer.status == 200 else None
        _require(email == EMAIL, "the session is not Dana's", answer)
        _say("the page names Dana Field", f"/o/acme/-/session says {email}")

    def _post_again(self, form: Form, reference: str) -> None:
        before = self._database.contents(ALL_TABLES)
        again = self._walk.post(form)
        _require(again.status == 403 and "handoff.stale" in again.text, "the same response was taken twice", again)
        self._logged(OWNING, reference, event="request.refused", code=checks.UNSPENT.code)
        _require(self._database.contents(ALL_TABLES) == before, "the refused post wrote something down")
        _say(
            f"the same response a second time is refused as handoff.stale, by check {checks.UNSPENT.number}",
            "no row of any cell's database changed",
        )

    def _inspected(self, form: Form, reference: str) -> str:
        """Return what the numbered checks say of the response in this browser, read by the inspector."""
        config = self._pair.config(OWNING_CELL)
        question = Question(
            trust=trusted_issuers(config),
            endpoint=org_named(organizations(config), "acme").default_endpoint,
            now=datetime.now(UTC),
            binding_secret=self._walk.browser.session.cookies.get_dict().get(BINDING),
            second_opinion=SecondOpinion(),
        )
        source = Source("the response", tuple(field for field in form.fields if field[0] == FIELD), None)
        self._recording.posts(source, question, reference=reference)
        outcomes = inspect(source, question, ask_binding=True).outcomes
        last = checks.UNSPENT.number - 1  # that one is the store's, and asked by the second post
        for outcome in outcomes[:last]:
            _require(outcome.outcome == "pass", f"check {outcome.check.number}, {outcome.check.title}: {outcome.outcome}")
        return f"the inspector passes checks {outcomes[0].check.number} to {last}"

    def _cookie(self, name: str) -> Cookie:
        """Return the browser's cookie *name* after a look at its flags."""
        found = [one for one in self._walk.browser.session.cookies if one.name == name]
        _require(len(found) == 1, f"there are {len(found)} cookies {name}")
        cookie = found[0]
        flags = (cookie.has_nonstandard_attr("HttpOnly"), cookie.get_nonstandard_attr("SameSite"))
        _require(flags == (True, "Lax"), f"the cookie {name} is not HttpOnly and Lax")
        _require((cookie.path, cookie.domain_specified) == ("/", False), f"the cookie {name} is for more than this host")
        return cookie

    def _legacy_rows(self) -> dict[str, list[tuple[object, ...]]]:
        return {name: rows for name, rows in self._database.contents(ALL_TABLES).items() if name.startswith(f"{LEGACY}.")}

    def _logged(self, service: str, reference: str, **fields: object) -> None:
        """Return once *service* has logged a line with *reference* and *fields*; raises `HarnessError`."""
        wanted = {"reference": reference, **fields}.items()
        wait_until(
            lambda: any(
                wanted <= {name: event.get(name) for name in dict(wanted)}.items() for event in self._pair.events(service)
            ),
            seconds=_LOG_SECONDS,
            what=f"{fields} under {reference} in the log of {service}",
        )


def _document(pair: Pair, form: Form) -> tuple[list[str], str, str]:
    """Return what the response on the page says, after checking it against what it must say; its reference and id."""
    root = etree.fromstring(base64.b64decode(form.field(FIELD)))

    def one(path: str) -> str:
        found = root.xpath(path, namespaces=_NAMES)
        _require(isinstance(found, list) and len(found) == 1, f"the response has not exactly one {path}")
        return str(found[0])

    def attribute(name: str) -> str:
        return one(f"//saml:Attribute[@Name='{name}']/saml:AttributeValue/text()")

    acs, audience = f"{pair.public_url}/o/acme/auth/saml/callback", one("//saml:Audience/text()")
    begins, ends = one("//saml:Conditions/@NotBefore"), one("//saml:Conditions/@NotOnOrAfter")
    _require(form.action == acs == one("/samlp:Response/@Destination"), "the response is not addressed to Acme's endpoint")
    _require(audience == f"{pair.public_url}/o/acme/auth/saml/metadata", "the audience is not Acme")
    _require(not root.xpath("//@InResponseTo"), "the response claims to answer a request")
    _require(attribute("email") == EMAIL and attribute("email_verified") == "true", "the response is not about Dana")
    now = datetime.now(UTC)
    _require(datetime.fromisoformat(begins) <= now < datetime.fromisoformat(ends), "the response is not valid now")
    told = [
        f"destination {acs}",
        f"audience {audience}",
        "it answers no request: there is no InResponseTo",
        f"email {EMAIL}, verified by the rule {attribute('email_evidence')}",
        f"valid now, from {begins} until {ends}",
    ]
    return told, attribute("reference"), one("//saml:Assertion/@ID")
