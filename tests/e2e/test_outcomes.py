"""Every persona through every provider, over the wire, without JavaScript."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import pytest

from bridge.harness.browser import Browser
from bridge.harness.pair import Pair
from bridge.harness.personas import FIRST_PROVIDERS, PERSONAS, Landing, Persona
from bridge.harness.tables import Database
from bridge.harness.walk import Walk
from bridge.harness.world import ORGS

REFUSED = [persona for persona in PERSONAS if not isinstance(persona.outcome, Landing)]
BLOCKED = next(one for one in REFUSED if not isinstance(one.outcome, Landing) and one.outcome.code == "account.blocked")
KNOWN = [persona for persona in PERSONAS if persona.outcome is Landing.KNOWN]


def _ids(persona: Persona) -> str:
    return persona.key


@pytest.mark.e2e
@pytest.mark.parametrize("provider", FIRST_PROVIDERS)
@pytest.mark.parametrize("persona", KNOWN, ids=_ids)
def test_known_person_lands_where_they_wanted(pair: Pair, database: Database, provider: str, persona: Persona) -> None:
    """A known person's sign-in ends on the page that they came for, with its query, and adds no account and no identity."""
    browser = Browser()
    home = next(org for org in ORGS if org.path == persona.home)
    wanted = f"/o/{home.path}/projects/7?tab=2"
    before = database.contents(("accounts", "identities"))

    page = Walk(pair.public_url, browser).sign_in(provider, persona.key, wanted)

    assert (page.status, page.url) == (200, pair.public_url + wanted)
    assert persona.name in page.sentence()
    assert database.contents(("accounts", "identities")) == before
    session = browser.get(f"{pair.public_url}/o/{home.path}/-/session", headers={"Accept": "application/json"})
    assert f'"{persona.email}"' in session.text


@pytest.mark.e2e
@pytest.mark.parametrize("provider", FIRST_PROVIDERS)
@pytest.mark.parametrize("persona", REFUSED, ids=_ids)
def test_each_refusal_has_its_code_and_writes_nothing(
    walk: Walk, assert_refused: Callable[..., None], database: Database, provider: str, persona: Persona
) -> None:
    """A person who may not sign in reads why, and no session, identity, account or spent handoff is written."""
    assert not isinstance(persona.outcome, Landing)
    before = database.contents()
    wanted = "/o/acme/projects/7?tab=2"

    page = walk.sign_in(provider, persona.key, wanted)

    (again,) = page.tree.xpath("//a[@class='button']/@href")
    assert unquote(urlsplit(again).query) == f"return_to={wanted if persona.home in (None, 'acme') else f'/o/{persona.home}/'}"
    refusal = persona.outcome
    assert_refused(page, refusal.code, status=refusal.status, public_code=refusal.public_code)
    after = database.contents()
    if refusal.code == "account.pending":  # sign-up by approval: the account waits, and that is all
        assert len(after["sp-2.sessions"]) == len(before["sp-2.sessions"])
        assert database.rows("sp-2", "SELECT state FROM accounts WHERE email = ?", persona.email) == [("pending",)]
    else:
        assert after == before


@pytest.mark.e2e
@pytest.mark.usefixtures("only_audit_written")
def test_a_refused_handoff_that_is_posted_again_adds_no_audit_row(
    walk: Walk, assert_refused: Callable[..., None], database: Database
) -> None:
    """One signed handoff in the wrong hands cannot fill the trail: each post is refused alike, and there is one row of them."""
    (rows,) = database.rows("sp-2", "SELECT count(*) FROM audit_events")[0]
    form = walk.response_form("github", BLOCKED.key)
    for _ in range(3):
        assert_refused(walk.post(form), "account.blocked", status=403)
    assert database.rows("sp-2", "SELECT count(*) FROM audit_events") == [(int(str(rows)) + 1,)]


@pytest.mark.e2e
@pytest.mark.parametrize("provider", FIRST_PROVIDERS)
def test_stranger_gets_one_account_and_keeps_it(
    pair: Pair, database: Database, new_person: Callable[[], str], provider: str
) -> None:
    """Where sign-up is open a stranger gets an account; the second sign-in finds it by identity and adds no row to it."""
    key = new_person()
    first = Walk(pair.public_url, Browser()).sign_in(provider, key)
    assert first.status == 200, first.sentence()
    rows = database.contents(("accounts", "identities"))

    second = Walk(pair.public_url, Browser()).sign_in(provider, key)

    assert second.status == 200
    assert database.contents(("accounts", "identities")) == rows
    assert database.rows("sp-2", "SELECT count(*) FROM accounts WHERE email = ?", f"{key}@acme.example") == [(1,)]


@pytest.mark.e2e
def test_verified_email_links_each_provider_to_the_one_account(
    pair: Pair, database: Database, known_by_email: Callable[[], str]
) -> None:
    """An account existed before: each provider that vouches for its address is linked to it, and no account is added."""
    key = known_by_email()
    account = database.rows("sp-2", "SELECT id FROM accounts WHERE email = ?", f"{key}@acme.example")
    for number, provider in enumerate(FIRST_PROVIDERS, start=1):
        page = Walk(pair.public_url, Browser()).sign_in(provider, key)
        assert page.status == 200, page.sentence()
        assert database.rows("sp-2", "SELECT count(*) FROM identities WHERE account_id = ?", account[0][0]) == [(number,)]
    assert database.rows("sp-2", "SELECT id FROM accounts WHERE email = ?", f"{key}@acme.example") == account
    linked = database.rows("sp-2", "SELECT provider FROM identities WHERE account_id = ? ORDER BY provider", account[0][0])
    assert linked == [(provider,) for provider in sorted(FIRST_PROVIDERS)]


@pytest.mark.e2e
def test_the_page_on_the_way_names_the_organization(walk: Walk) -> None:
    """People know their organization by its name, not by its path."""
    assert "Taking you to Acme" in walk.to_callback("github", "dana").sentence()


@pytest.mark.e2e
def test_local_user_stays_on_the_legacy_cell(pair: Pair, database: Database) -> None:
    """An identity that the legacy cell knows itself opens a session there: no handoff is made, no owning cell is asked."""
    browser = Browser()
    before = {name: rows for name, rows in database.contents().items() if not name.startswith("idp.")}

    page = Walk(pair.public_url, browser).sign_in("github", "lorenzo")

    assert (page.status, page.url) == (200, f"{pair.public_url}/")
    assert "Lorenzo Greco" in page.sentence()
    assert {name: rows for name, rows in database.contents().items() if not name.startswith("idp.")} == before
    form = page.form(action_ends="/users/sign_out")
    assert browser.submit(form).status == 200
    assert browser.get(f"{pair.public_url}/").status == 303


@pytest.mark.e2e
def test_sign_out_ends_the_session_on_the_server(pair: Pair) -> None:
    """After signing out, the old cookie opens nothing, even if the browser kept it."""
    browser = Browser()
    page = Walk(pair.public_url, browser).sign_in("gitlab", "dana")
    kept = browser.session.cookies.get_dict()["cb-42"]

    assert browser.submit(page.form(action_ends="/users/sign_out")).status == 200

    browser.session.cookies.set("cb-42", kept, domain="localhost.local", path="/")
    assert browser.get(f"{pair.public_url}/o/acme/-/session").status == 401


@pytest.mark.e2e
def test_the_bare_address_leads_home(pair: Pair) -> None:
    """Who is signed in and types the bare address comes to their organization; who is not comes to the sign-in page."""
    browser = Browser()
    assert browser.get(f"{pair.public_url}/").location == f"{pair.public_url}/users/sign_in"
    Walk(pair.public_url, browser).sign_in("github", "ingrid")
    assert browser.get(f"{pair.public_url}/").location == f"{pair.public_url}/o/initech/"


@pytest.mark.e2e
def test_session_of_one_organization_opens_no_other(pair: Pair) -> None:
    """One origin serves all organizations: Acme's token under Globex's cookie name, on the same cell, is nobody's."""
    browser = Browser()
    Walk(pair.public_url, browser).sign_in("github", "dana")
    token = browser.session.cookies.get_dict()["cb-42"]

    stranger = Browser()
    stranger.session.cookies.set("cb-43", token, domain="localhost.local", path="/")

    assert stranger.get(f"{pair.public_url}/o/globex/-/session").status == 401
    assert browser.get(f"{pair.public_url}/o/globex/-/session").status == 401
    assert browser.get(f"{pair.public_url}/o/acme/-/session").status == 200


@pytest.mark.e2e
def test_forward_auth_tells_the_cells_applications_who_is_there(pair: Pair) -> None:
    """`/-/auth/verify` answers 200 with the customary headers for a session, and 401 without one."""
    browser = Browser()
    Walk(pair.public_url, browser).sign_in("github", "dana")
    url = f"{pair.public_url}/o/acme/-/auth/verify"

    answer = browser.get(url)

    assert answer.status == 200
    assert answer.headers["X-Auth-Request-Email"] == "dana@acme.example"
    assert answer.headers["X-Auth-Request-Preferred-Username"] == "dana"
    assert answer.headers["X-Auth-Request-Organization"] == "acme"
    account = browser.session.get(f"{pair.public_url}/o/acme/-/session", timeout=10).json()["account"]
    assert (account["email"], account["external"]) == ("dana@acme.example", False)
    assert Browser().get(url).status == 401


@pytest.mark.e2e
def test_new_session_on_every_sign_in(pair: Pair, database: Database) -> None:
    """A second sign-in in the same browser ends the first session and opens another: no token is fixed (threats row 45)."""
    browser = Browser()
    Walk(pair.public_url, browser).sign_in("github", "dana")
    first = browser.session.cookies.get_dict()["cb-42"]
    sessions = len(database.rows("sp-2", "SELECT 1 FROM sessions"))

    Walk(pair.public_url, browser).sign_in("gitlab", "dana")

    second = browser.session.cookies.get_dict()["cb-42"]
    assert second != first
    assert len(database.rows("sp-2", "SELECT 1 FROM sessions")) == sessions
    browser.session.cookies.set("cb-42", first, domain="localhost.local", path="/")
    assert browser.get(f"{pair.public_url}/o/acme/-/session").status == 401
