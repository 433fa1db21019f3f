"""A cell on another site, where no cookie can come along: it asks, and nothing happens before the person says yes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from bridge.accounts.opening import open_accounts
from bridge.accounts.policy import OrgPolicy
from bridge.handoff import Handoff
from bridge.harness.browser import Browser as HttpBrowser
from bridge.harness.browser import Form
from bridge.harness.browser import Page as HttpPage
from bridge.harness.mint import Mint
from bridge.harness.pair import Options, Pair
from bridge.harness.processes import wait_until
from bridge.harness.tables import Database
from bridge.harness.walk import Walk
from bridge.harness.world import Addresses
from bridge.urls import org_route

pytestmark = pytest.mark.e2e
Refused = Callable[..., None]
Ask = Callable[..., tuple[HttpBrowser, HttpPage]]
Come = Callable[[Page, str], None]

CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "null"}
OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
SKEW = timedelta(seconds=30)


def _apart(directory: Path, at: Addresses) -> None:
    """Put cell 2 on a site of its own: browsers reach it by an address, and the legacy cell by a name."""
    site = f"http://{at.owning[2]}"
    cell = (directory / "sp-2.toml").read_text("utf-8")
    cell = f'sign_in_url = "{at.public_url}/users/sign_in"\n' + cell
    for old, new in (
        (f'public_url = "{at.public_url}"', f'public_url = "{site}"'),
        ('name = "Acme"\n', 'name = "Acme"\nbinding = "confirm"\n'),
        ('name = "Globex"\n', 'name = "Globex"\nbinding = "unsafe_unbound"\n'),
    ):
        assert cell.count(old) == 1
        cell = cell.replace(old, new)
    (directory / "sp-2.toml").write_text(cell, "utf-8")
    with (directory / "sp-3.toml").open("a", encoding="utf-8") as other:
        other.write("\n[sessions]\npurge_seconds = 1\n")
    names = (directory / "directory.toml").read_text("utf-8")
    for org in ("acme", "globex"):
        old = f'domains = ["{org}.example"]\n'
        assert names.count(old) == 1
        route = f'acs_url = "{site}/o/{org}/auth/saml/callback"\nsp_entity_id = "{site}/o/{org}/auth/saml/metadata"\n'
        names = names.replace(old, old + route)
    (directory / "directory.toml").write_text(names, "utf-8")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair whose cell 2 is on another site: Acme asks, Globex takes unbound handoffs; Initech, on cell 3, is bound."""
    with Pair(tmp_path_factory.mktemp("apart"), Options(edit=_apart)) as running:
        yield running


@pytest.fixture
def site(pair: Pair) -> str:
    """The origin of cell 2."""
    return f"http://{pair.at.owning[2]}"


@pytest.fixture
def issue(mint: Mint, site: str) -> Callable[..., Handoff]:
    """Make a good handoff for a new person, addressed to cell 2 on its own site."""

    def make(org: str = "acme", **how: object) -> Handoff:
        handoff = mint.handoff(org=org, **how)  # type: ignore[arg-type]
        return replace(handoff, route=org_route(public_url=site, org_id=handoff.route.org_id, org_path=org, cell_id=2))

    return make


@pytest.fixture
def ask(mint: Mint, site: str, issue: Callable[..., Handoff]) -> Ask:
    """Post a handoff (a new one unless given) from another site's page; give the browser and the page that asks."""

    def post(handoff: Handoff | None = None) -> tuple[HttpBrowser, HttpPage]:
        browser = HttpBrowser()
        form = Form(f"{site}/o/acme/auth/saml/callback", "POST", (("SAMLResponse", mint.sign(handoff or issue())),))
        page = browser.submit(form, headers=CROSS_SITE)
        assert page.status == 200, page.sentence()
        return browser, page

    return post


def _answer(page: HttpPage) -> Form:
    return page.form(action_ends="/confirm")


class TestAsked:
    """What the question is, and what a yes does."""

    @pytest.mark.usefixtures("nothing_written")
    def test_the_question_opens_nothing(self, ask: Ask, issue: Callable[..., Handoff], site: str) -> None:
        """The page names the address, the organization and the provider; no row is written and no session begins."""
        handoff = issue()
        assert handoff.identity.email is not None
        browser, page = ask(handoff)
        assert f"Continue as {handoff.identity.email.address} in Acme?" in page.sentence()
        assert "GitHub" in page.sentence()
        assert "Minted Person" not in page.text
        assert "cell-2-" not in page.headers["Set-Cookie"]
        assert browser.get(f"{site}/o/acme/-/session").status == 401

    def test_the_page_cannot_answer_itself_or_be_framed(self, ask: Ask) -> None:
        """No script runs on it, no other site's page shows it, nothing keeps it."""
        _browser, page = ask()
        policy = page.headers["Content-Security-Policy"]
        assert "script-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self';" in policy
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Cache-Control"] == "no-store"
        assert "<script" not in page.text

    def test_its_secret_is_for_this_site_and_this_question_alone(self, ask: Ask) -> None:
        """The cookie is HttpOnly and Lax, has an end, and every page gets a fresh one."""
        secrets = []
        for _ in range(2):
            browser, page = ask()
            ((name, secret),) = browser.session.cookies.items()
            assert name.startswith("cb-confirm-")
            secrets.append(secret)
            sent = page.headers["Set-Cookie"]
            assert "HttpOnly" in sent
            assert "SameSite=Lax" in sent
            assert "Max-Age=900;" in sent
        assert len(set(secrets)) == 2

    def test_yes_signs_in_once(self, ask: Ask, issue: Callable[..., Handoff], site: str, database: Database) -> None:
        """The answer spends the handoff, opens the session, takes the secret back and leads to the return path."""
        handoff = issue()
        browser, page = ask(handoff)
        landed = browser.submit(_answer(page), headers=OWN_PAGE)
        assert (landed.status, landed.location) == (303, f"{site}/o/acme/")
        assert browser.get(f"{site}/o/acme/-/session").status == 200
        assert browser.session.cookies.keys() == ["cb-42"]
        assert database.rows("sp-2", "SELECT count(*) FROM spent_handoffs WHERE handoff_id = ?", handoff.id) == [(1,)]

    def test_two_tabs_can_be_asked_at_once(self, ask: Ask, mint: Mint, issue: Callable[..., Handoff], site: str) -> None:
        """A second question does not spoil the first."""
        browser, first = ask()
        form = Form(f"{site}/o/acme/auth/saml/callback", "POST", (("SAMLResponse", mint.sign(issue())),))
        second = browser.submit(form, headers=CROSS_SITE)
        assert browser.submit(_answer(first), headers=OWN_PAGE).status == 303
        assert browser.submit(_answer(second), headers=OWN_PAGE).status in (200, 303)

    def test_a_bound_browser_is_not_asked(self, mint: Mint, issue: Callable[..., Handoff], site: str) -> None:
        """Where the cookie does come, from our own page, the question is needless."""
        browser = HttpBrowser()
        secret = "s" * 43
        browser.session.cookies.set("cb-binding", secret)
        response = mint.sign(issue(binding_secret=secret))
        form = Form(f"{site}/o/acme/auth/saml/callback", "POST", (("SAMLResponse", response),))
        assert browser.submit(form, headers=CROSS_SITE).status == 200  # another site's page proves nothing
        assert browser.submit(form, headers=OWN_PAGE).status == 303

    @pytest.mark.usefixtures("nothing_written")
    def test_a_broken_handoff_is_refused_without_a_question(
        self, mint: Mint, issue: Callable[..., Handoff], site: str, assert_refused: Refused
    ) -> None:
        """Nobody is asked about a document that the checks refuse."""
        globex = mint.sign(issue(org="globex"))
        form = Form(f"{site}/o/acme/auth/saml/callback", "POST", (("SAMLResponse", globex),))
        page = HttpBrowser().submit(form, headers=CROSS_SITE)
        assert_refused(page, "handoff.destination", status=403, public_code="handoff.rejected")


class TestRefusedAnswers:
    """Whoever was not asked cannot answer, and nothing is written."""

    pytestmark = pytest.mark.usefixtures("nothing_written")

    @pytest.mark.parametrize("site_header", [None, "cross-site", "same-site", "none"])
    def test_not_from_our_own_page(self, ask: Ask, assert_refused: Refused, site_header: str | None) -> None:
        """The browser has to say that our own page was answered; silence is a no, for the form may sign a stranger in."""
        browser, page = ask()
        headers = {"Sec-Fetch-Site": site_header} if site_header else {}
        refused = browser.submit(_answer(page), headers=headers)
        assert_refused(refused, "request.forged", status=403, public_code="login.restart")

    def test_another_origin(self, ask: Ask, assert_refused: Refused) -> None:
        """Both headers have to agree."""
        browser, page = ask()
        refused = browser.submit(_answer(page), headers={**OWN_PAGE, "Origin": "https://evil.example"})
        assert_refused(refused, "request.forged", status=403, public_code="login.restart")

    def test_a_browser_that_was_not_asked(self, ask: Ask, assert_refused: Refused) -> None:
        """A form that the attacker prepared with their own browser fits no other."""
        _browser, page = ask()
        refused = HttpBrowser().submit(_answer(page), headers=OWN_PAGE)
        assert_refused(refused, "request.forged", status=403, public_code="login.restart")

    def test_a_browser_that_was_asked_too(self, ask: Ask, issue: Callable[..., Handoff], assert_refused: Refused) -> None:
        """Even asked about the very same handoff, another browser has another secret."""
        handoff = issue()
        _attacker, prepared = ask(handoff)
        victim, _page = ask(handoff)
        refused = victim.submit(_answer(prepared), headers=OWN_PAGE)
        assert_refused(refused, "request.forged", status=403, public_code="login.restart")

    def test_an_answer_about_another_document(
        self, ask: Ask, mint: Mint, issue: Callable[..., Handoff], site: str, assert_refused: Refused
    ) -> None:
        """Asked about two documents, the answer to one is none to the other; and one that was not asked about has none."""
        browser, first = ask()
        ((_, secret),) = browser.session.cookies.items()
        other = mint.sign(issue())
        refused = browser.submit(_answer(first), {"SAMLResponse": other}, headers=OWN_PAGE)
        assert_refused(refused, "request.forged", status=403, public_code="login.restart")
        browser.submit(Form(f"{site}/o/acme/auth/saml/callback", "POST", (("SAMLResponse", other),)), headers=CROSS_SITE)
        assert len(browser.session.cookies) == 2
        refused = browser.submit(_answer(first), {"SAMLResponse": other}, headers=OWN_PAGE)
        assert_refused(refused, "request.forged", status=403, public_code="login.restart")
        planted = dict.fromkeys(browser.session.cookies.keys(), secret)  # even under the other's name
        browser.session.cookies.clear()
        browser.session.cookies.update(planted)
        refused = browser.submit(_answer(first), {"SAMLResponse": other}, headers=OWN_PAGE)
        assert_refused(refused, "request.forged", status=403, public_code="login.restart")

    @pytest.mark.parametrize(
        ("field", "value"), [("csrf_token", ""), ("csrf_token", "0" * 64), ("leaving", "x"), ("leaving", "0" * 64)]
    )
    def test_a_changed_field(self, ask: Ask, assert_refused: Refused, field: str, value: str) -> None:
        """No field of the form can be changed."""
        browser, page = ask()
        refused = browser.submit(_answer(page), {field: value}, headers=OWN_PAGE)
        assert_refused(refused, "request.forged", status=403, public_code="login.restart")

    @pytest.mark.parametrize(
        ("field", "code", "public_code"),
        [
            ("csrf_token", "request.forged", "login.restart"),
            ("leaving", "request.malformed", "request.malformed"),
            ("SAMLResponse", "handoff.malformed", "handoff.rejected"),
        ],
    )
    @pytest.mark.parametrize("times", [0, 2])
    def test_exactly_one_of_each_field(
        self, ask: Ask, assert_refused: Refused, field: str, code: str, public_code: str, times: int
    ) -> None:
        """Zero and two are both refusals."""
        browser, page = ask()
        form = _answer(page)
        fields = [(name, value) for name, value in form.fields for _ in range(times if name == field else 1)]
        answer = browser.session.post(form.action, data=fields, headers=OWN_PAGE, allow_redirects=False, timeout=30)
        refused = HttpPage(answer.url, answer.status_code, answer.headers, answer.text)
        status = 400 if code == "request.malformed" else 403
        assert_refused(refused, code, status=status, public_code=public_code)

    def test_too_late(self, ask: Ask, issue: Callable[..., Handoff], assert_refused: Refused) -> None:
        """The answer counts as long as the handoff itself does, to the second: the question gives it no longer life."""
        handoff = issue(now=datetime.now(UTC) - timedelta(seconds=36), lifetime=10)
        browser, page = ask(handoff)
        over = handoff.expires_at + SKEW
        wait_until(lambda: datetime.now(UTC) > over, seconds=20, what="the end of the handoff")
        refused = browser.submit(_answer(page), headers=OWN_PAGE)
        assert_refused(refused, "handoff.expired", status=403, public_code="handoff.stale")

    def test_an_organization_that_did_not_ask(self, pair: Pair, ask: Ask, assert_refused: Refused) -> None:
        """An answer to a question that this browser was not asked is nobody's, whatever the organization's binding is."""
        _browser, page = ask()
        for org in ("initech", "globex"):
            form = replace(_answer(page), action=f"{pair.public_url}/o/{org}/auth/saml/callback/confirm")
            refused = HttpBrowser().submit(form, headers=OWN_PAGE)
            assert_refused(refused, "request.forged", status=403, public_code="login.restart")


class TestExactlyOnce:
    """One handoff, one session, however often the person says yes."""

    def test_a_second_yes_opens_nothing(self, ask: Ask, database: Database, assert_refused: Refused) -> None:
        """The answer sent again, its secret and all, is a replay."""
        browser, page = ask()
        ((name, secret),) = browser.session.cookies.items()
        assert browser.submit(_answer(page), headers=OWN_PAGE).status == 303
        before = database.contents()
        again = HttpBrowser()
        again.session.cookies.set(name, secret)
        assert_refused(
            again.submit(_answer(page), headers=OWN_PAGE), "handoff.replayed", status=403, public_code="handoff.stale"
        )
        assert database.contents() == before

    def test_ten_at_once_open_one_session(self, ask: Ask, issue: Callable[..., Handoff], database: Database) -> None:
        """One handoff asked about in ten browsers and answered in all at the same moment opens one session."""
        handoff = issue()
        asked = [ask(handoff) for _ in range(10)]
        with ThreadPoolExecutor(10) as pool:
            pages = list(pool.map(lambda one: one[0].submit(_answer(one[1]), headers=OWN_PAGE), asked))
        assert sorted(page.status for page in pages) == [303] + [403] * 9
        assert all("handoff.stale" in page.text for page in pages if page.status == 403)
        assert database.rows("sp-2", "SELECT count(*) FROM spent_handoffs WHERE handoff_id = ?", handoff.id) == [(1,)]


class TestUnbound:
    """`unsafe_unbound`, on loopback only, is loud."""

    def test_the_log_warns_at_start(self, pair: Pair) -> None:
        """Each worker says which organization takes unbound handoffs, and of no other."""
        said = [event for event in pair.events("sp-2") if event.get("event") == "org.unsafe_unbound"]
        assert {(event["org"], event["level"]) for event in said} == {("globex", "warning")}

    def test_anybodys_handoff_is_taken(self, mint: Mint, issue: Callable[..., Handoff], site: str) -> None:
        """That is what the name says: a post from anywhere, without a cookie; Globex makes newcomers wait."""
        form = Form(f"{site}/o/globex/auth/saml/callback", "POST", (("SAMLResponse", mint.sign(issue(org="globex"))),))
        page = HttpBrowser().submit(form, headers=CROSS_SITE)
        assert (page.status, "account.pending" in page.text) == (403, True)


def test_spent_handoffs_disappear_when_their_time_is_over(
    pair: Pair, issue: Callable[..., Handoff], database: Database
) -> None:
    """The workers remove in the background what cannot be accepted any more, and keep what can."""
    config = pair.config(3)
    store = open_accounts(config)
    now = datetime.now(UTC)
    kept: dict[str, str] = {}
    for what, spent_until in (("over", now - timedelta(seconds=1)), ("living", now + timedelta(minutes=5))):
        handoff = issue()
        kept[what] = handoff.id
        store.sign_in(
            identity=handoff.identity,
            issuer=handoff.issuer,
            handoff_id=handoff.id,
            spent_until=spent_until,
            session_ends=handoff.session_not_on_or_after,
            reference=handoff.reference,
            policy=replace(OrgPolicy.from_config(config.org[0]), signup="open"),
            now=now,
            previous_token=None,
        )

    def there(what: str) -> bool:
        return bool(database.rows("sp-3", "SELECT 1 FROM spent_handoffs WHERE handoff_id = ?", kept[what]))

    wait_until(lambda: not there("over"), seconds=20, what="the background purge")
    assert there("living")


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def context(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh profile, once with JavaScript and once without."""
    made = chromium.new_context(java_script_enabled=request.param)
    yield made
    made.close()


@pytest.fixture
def come(pair: Pair, context: BrowserContext, request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Sign in on the legacy cell's site as a persona, come to Acme's site, and stand before the question."""

    def walk(page: Page, persona: str) -> None:
        page.goto(f"{pair.public_url}/users/sign_in?return_to=/o/acme/projects/7")
        page.locator("form[action='/users/auth/github'] button").click()
        page.locator(f"button[value='{persona}']").click()
        if not request.node.callspec.params["context"]:
            page.get_by_role("button", name="Continue").click()
        page.wait_for_selector("form[action$='/confirm']")

    return walk


def _yes(page: Page) -> None:
    page.get_by_role("button", name="Continue", exact=True).click()


def _session(context: BrowserContext, site: str) -> str:
    """Return the address that is signed in at Acme, or the empty string."""
    answer = context.request.get(f"{site}/o/acme/-/session")
    return str(answer.json()["account"]["email"]) if answer.status == 200 else ""


@pytest.mark.browser
class TestInABrowser:
    """A real Chromium between two sites: a name and an address of this machine."""

    def test_yes_takes_the_person_where_they_wanted(
        self, come: Come, site: str, context: BrowserContext, database: Database
    ) -> None:
        """From the legacy cell's site through the question to the page that was asked for; before the click, nothing."""
        before = database.contents()
        page = context.new_page()
        come(page, "dana")
        assert page.url == f"{site}/o/acme/auth/saml/callback"
        assert page.inner_text("h1") == "Continue as dana@acme.example in Acme?"
        assert database.contents() == before
        assert _session(context, site) == ""
        _yes(page)
        page.wait_for_url(f"{site}/o/acme/projects/7")
        assert _session(context, site) == "dana@acme.example"
        names = {cookie.get("name") for cookie in context.cookies(site)}
        assert names == {"cb-42"}

    def test_cancel_leads_back_to_the_sign_in_page(
        self, come: Come, pair: Pair, site: str, context: BrowserContext, database: Database
    ) -> None:
        """Who says no is at the beginning again, on the legacy cell's site, and nothing was written."""
        before = database.contents()
        page = context.new_page()
        come(page, "dana")
        page.get_by_role("link", name="Cancel").click()
        page.wait_for_url(f"{pair.public_url}/users/sign_in?**")
        assert database.contents() == before
        assert _session(context, site) == ""

    def test_somebody_else_is_told_whom_they_stop_being(
        self, come: Come, site: str, context: BrowserContext, database: Database
    ) -> None:
        """The first post from another site brings no session along; a yes without the warning only brings the warning."""
        page = context.new_page()
        come(page, "dana")
        _yes(page)
        page.wait_for_url(f"{site}/o/acme/projects/7")
        before = database.contents()
        come(page, "lena")
        warning = "You are signed in to Acme as dana@acme.example. If you continue, that session ends."
        assert warning not in page.inner_text("main")
        _yes(page)
        page.wait_for_url("**/confirm")
        assert warning in page.inner_text("main")
        assert database.contents() == before
        assert _session(context, site) == "dana@acme.example"
        _yes(page)
        page.wait_for_url(f"{site}/o/acme/projects/7")
        assert _session(context, site) == "lena@acme.example"

    def test_an_attackers_handoff_is_named_and_waits(
        self, pair: Pair, site: str, context: BrowserContext, database: Database
    ) -> None:
        """Lured into posting the attacker's own fresh handoff, the person reads whose account it is, and nothing happens."""
        form = Walk(pair.public_url, HttpBrowser()).response_form("github", "lena")
        before = database.contents()
        page = context.new_page()
        _lure(page, form)
        assert page.inner_text("h1") == "Continue as lena@acme.example in Acme?"
        assert database.contents() == before
        assert _session(context, site) == ""

    @pytest.mark.parametrize("asked_before", [False, True])
    def test_an_attackers_prepared_answer_is_refused(
        self, pair: Pair, site: str, context: BrowserContext, database: Database, asked_before: bool
    ) -> None:
        """The attacker's own answer, posted by their page in the victim's browser, opens nothing, even after the question."""
        attacker = HttpBrowser()
        form = Walk(pair.public_url, attacker).response_form("github", "lena")
        prepared = _answer(attacker.submit(form, headers=CROSS_SITE))
        before = database.contents()
        page = context.new_page()
        if asked_before:
            _lure(page, form)
        _lure(page, prepared)
        assert "the form was sent from elsewhere" in page.inner_text("h1")
        assert "login.restart" in page.inner_text("main")
        assert database.contents() == before
        assert _session(context, site) == ""


def _lure(page: Page, form: Form) -> None:
    """Let *page* post *form* from a page of no site of ours."""
    fields = "".join(f'<input type=hidden name="{name}" value="{escape(value)}">' for name, value in form.fields)
    page.goto("about:blank")
    page.set_content(f'<form method=post action="{form.action}">{fields}<button>win</button></form>')
    page.get_by_role("button", name="win").click()
    page.wait_for_url(form.action)
