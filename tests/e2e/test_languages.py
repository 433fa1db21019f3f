"""A whole pair in every language: each page that a person meets on the way, against the catalogue."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from bridge.harness.browser import Browser, Page
from bridge.harness.pair import Pair
from bridge.harness.personas import PERSONAS
from bridge.harness.walk import Walk
from bridge.harness.world import LABELS, ORGS
from bridge.web.language import LANGUAGES, Language
from tests.web.spoken import not_in_the_catalogue

pytestmark = pytest.mark.e2e
LOCAL = next(person for person in PERSONAS if person.home == "legacy")
each_language = pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda one: one.code)


def speaking(pair: Pair, language: Language) -> Walk:
    """Return a fresh browser of somebody who speaks *language*."""
    browser = Browser()
    browser.session.headers["Accept-Language"] = language.tag
    return Walk(pair.public_url, browser)


def assert_speaks(pair: Pair, page: Page, language: Language) -> None:
    """Check that *page* says nothing in another language, and nothing that nobody translated."""
    emails = [person.email for person in PERSONAS if person.email]
    names = {"cellbridge", urlsplit(pair.public_url).netloc, *LABELS.values(), *(org.name for org in ORGS), *emails}
    names |= {person.name for person in PERSONAS}
    names |= {part for email in emails for part in (email.partition("@")[0] + "@", email.partition("@")[2])}
    assert page.tree.get("lang") == language.tag
    assert not_in_the_catalogue(page.text, names) == []


@each_language
def test_a_sign_in_from_the_global_page_to_the_last(pair: Pair, language: Language) -> None:
    """Sign-in page, posting page, landing page, sign-out: one language on both cells."""
    walk = speaking(pair, language)
    start = walk.sign_in_page("/o/acme/projects/7")
    assert_speaks(pair, start, language)
    posting = walk.callback(walk.choose(walk.press(start.form(action_ends="/users/auth/github")), "dana"))
    assert_speaks(pair, posting, language)
    assert "/callback?" not in posting.text, "a state is good once: no switch leads there again"
    landed = walk.open(walk.post(posting.form(field="SAMLResponse")))
    assert_speaks(pair, landed, language)
    out = walk.browser.submit(landed.form(action_ends="/users/sign_out"))
    assert out.status == 200
    assert_speaks(pair, out, language)
    home = speaking(pair, language).sign_in("github", LOCAL.key)
    assert home.status == 200
    assert_speaks(pair, home, language)


@each_language
def test_the_emails_way_and_what_goes_wrong(pair: Pair, language: Language) -> None:
    """The typing error, the organization's own page, refusals of both cells, of the router, and of an unknown organization."""
    walk = speaking(pair, language)
    form = walk.sign_in_page().form(action_ends="/users/sign_in")
    assert_speaks(pair, walk.browser.submit(form, {"email": "dana@"}), language)
    own = walk.browser.follow(walk.browser.submit(form, {"email": "dana@acme.example"}))
    assert urlsplit(own.url).path == "/o/acme/users/sign_in"
    assert_speaks(pair, own, language)
    assert_speaks(pair, walk.browser.submit(form, {"email": "who@nowhere.example"}), language)
    for persona in ("blake", "nora"):
        refused = speaking(pair, language).sign_in("github", persona)
        assert refused.status in (403, 404)
        assert_speaks(pair, refused, language)
    for path in ("/users/nothing", "/o/nobody/", "/o/acme/-/nothing", "/-/healthz"):
        missing = walk.browser.get(pair.public_url + path)
        assert missing.status == 404
        assert_speaks(pair, missing, language)
    answer = requests.get(f"{pair.public_url}/o/acme/-/session", headers={"Accept-Language": language.tag}, timeout=10)
    assert answer.json()["error"]["message"] == "You are not signed in. Sign in first."


def test_the_choice_is_kept_on_the_way_over_both_cells(pair: Pair) -> None:
    """Whoever switches on the global page is spoken to in that language at the organization, too, and loses nothing."""
    german = LANGUAGES["de"]
    walk = speaking(pair, LANGUAGES["zh"])
    start = walk.sign_in_page("/o/acme/projects/7")
    form = start.form(action_ends="/users/sign_in")
    switched = walk.browser.submit(replace(form, action=f"{form.action}?language=de"), {"email": "dana@acme"})
    assert switched.status == 200
    assert_speaks(pair, switched, german)
    again = switched.form(action_ends="/users/sign_in")
    assert (again.field("email"), again.field("return_to")) == ("dana@acme", "/o/acme/projects/7")
    landed = walk.sign_in("github", "dana", "/o/acme/projects/7")
    assert (landed.status, urlsplit(landed.url).path) == (200, "/o/acme/projects/7")
    assert_speaks(pair, landed, german)


@pytest.mark.usefixtures("nothing_written")
def test_the_switch_keeps_the_organizations_page_as_it_was(pair: Pair) -> None:
    """The hint and the return path of an address survive the switch, and switching writes nothing."""
    walk = speaking(pair, LANGUAGES["en"])
    page = walk.browser.get(f"{pair.public_url}/o/acme/users/sign_in?login=dana@acme.example&return_to=%2Fo%2Facme%2Fa")
    (link,) = page.tree.xpath("//nav//a[@hreflang='zh-Hans']/@href")
    moved = walk.browser.get(page.url.partition("?")[0] + link)
    assert moved.status == 303
    assert parse_qs(urlsplit(moved.location).query) == {"login": ["dana@acme.example"], "return_to": ["/o/acme/a"]}
    shown = walk.browser.follow(moved)
    assert_speaks(pair, shown, LANGUAGES["zh"])
    form = shown.form(action_ends="/users/auth/github")
    assert (form.field("login_hint"), form.field("return_to")) == ("dana@acme.example", "/o/acme/a")
