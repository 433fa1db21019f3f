"""Sign-ins that go wrong before the bridge: state, browser, provider, topology. Each has its code and writes nothing."""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest
import requests

from bridge.handoff import binding_of, new_reference
from bridge.harness.browser import Browser, Page
from bridge.harness.pair import Pair
from bridge.harness.personas import PERSONAS
from bridge.harness.uids import uid_of
from bridge.harness.walk import Walk
from bridge.identity import IdentityKey
from bridge.oauth.attempt import ATTEMPT_SECONDS, cookie_for, start
from bridge.seal import Seal

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("nothing_written")]
Refused = Callable[..., None]
Fault = Callable[[str, str, str], None]


def _with_query(url: str, **changes: str | None) -> str:
    """Return *url* with query fields changed, or taken out where the new value is None."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    query |= {name: value for name, value in changes.items() if value is not None}
    kept = {name: value for name, value in query.items() if changes.get(name, "") is not None}
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _callback_url(walk: Walk, provider: str = "google_oauth2", persona: str = "dana") -> str:
    return walk.choose(walk.start(provider), persona).location


def test_state_missing(walk: Walk, assert_refused: Refused) -> None:
    """A callback without a state belongs to nobody."""
    page = walk.browser.get(_with_query(_callback_url(walk), state=None))
    assert_refused(page, "login.state_mismatch", status=400, public_code="login.restart")


def test_state_twice(walk: Walk, assert_refused: Refused) -> None:
    """Exactly one: a doubled state is refused even where both are the same."""
    url = _callback_url(walk)
    page = walk.browser.get(f"{url}&state={parse_qs(urlsplit(url).query)['state'][0]}")
    assert_refused(page, "login.state_mismatch", status=400, public_code="login.restart")


def test_state_made_up(walk: Walk, assert_refused: Refused) -> None:
    """A state that this browser never got opens nothing."""
    page = walk.browser.get(_with_query(_callback_url(walk), state=secrets.token_urlsafe(32)))
    assert_refused(page, "login.state_mismatch", status=400, public_code="login.restart")


def test_state_of_another_browser(pair: Pair, walk: Walk, assert_refused: Refused) -> None:
    """The victim's browser cannot finish what the attacker's browser started (login CSRF, RFC 9700 4.7)."""
    attackers_callback = _callback_url(walk)
    victim = Walk(pair.public_url, Browser())
    victim.start("google_oauth2")
    page = victim.browser.get(attackers_callback)
    assert_refused(page, "login.state_mismatch", status=400, public_code="login.restart")


def test_state_of_another_provider(pair: Pair, walk: Walk, assert_refused: Refused) -> None:
    """A code that came from one provider is not taken at another's callback path (mix-up, RFC 9700 4.4)."""
    url = _callback_url(walk, "github").replace("/users/auth/github/", "/users/auth/gitlab/")
    assert_refused(walk.browser.get(url), "login.state_mismatch", status=400, public_code="login.restart")


def test_attempt_expired(pair: Pair, walk: Walk, assert_refused: Refused) -> None:
    """An attempt is good for ten minutes."""
    walk.sign_in_page()
    attempt = start(
        provider="google_oauth2",
        return_to=None,
        reference=new_reference(secrets.token_bytes),
        now=datetime.now(UTC) - timedelta(seconds=ATTEMPT_SECONDS + 1),
        random_bytes=secrets.token_bytes,
        browser=binding_of(walk.browser.session.cookies["cb-binding"]),
    )
    name, value = cookie_for(attempt, Seal.from_files([pair.directory / "seal.key"]))
    walk.browser.session.cookies.set(name, value, domain="localhost.local", path="/")
    page = walk.browser.get(f"{pair.public_url}/users/auth/google_oauth2/callback?code=c&state={attempt.state}")
    assert_refused(page, "login.expired", status=400, public_code="login.restart")


def test_same_callback_twice(walk: Walk, assert_refused: Refused) -> None:
    """The back button starts nothing: the attempt's cookie is gone after its first use."""
    url = _callback_url(walk)
    assert walk.browser.get(url).status == 200
    page = walk.browser.get(url)
    assert_refused(page, "login.state_mismatch", status=400, public_code="login.restart")
    assert "If you are signed in already, just go on." in page.sentence()


def test_two_tabs_do_not_disturb_each_other(walk: Walk, pair: Pair) -> None:
    """Two sign-ins begun in one browser both reach the bridge, in either order."""
    first, second = walk.start("google_oauth2"), walk.start("github")
    later = walk.callback(walk.choose(second, "dana"))
    earlier = walk.callback(walk.choose(first, "dana"))
    assert later.form(field="SAMLResponse").action == earlier.form(field="SAMLResponse").action
    assert earlier.status == later.status == 200


def test_unknown_provider(pair: Pair, walk: Walk, assert_refused: Refused) -> None:
    """A provider that is not configured is refused by name, and its name is not repeated on the page."""
    form = walk.sign_in_page().form(action_ends="/users/auth/github")
    answer = walk.browser.session.post(
        f"{pair.public_url}/users/auth/no_such_provider", data=dict(form.fields), timeout=10, allow_redirects=False
    )
    page = Page(answer.url, answer.status_code, answer.headers, answer.text)
    assert_refused(page, "provider.disabled", status=403)
    assert "no_such_provider" not in page.text


def test_start_without_form_token(pair: Pair, walk: Walk, assert_refused: Refused) -> None:
    """Signing in starts by our own form only, never by a link or another site's form (CVE-2015-9284)."""
    form = walk.sign_in_page().form(action_ends="/users/auth/github")
    stripped = walk.browser.submit(form, {"csrf_token": ""})
    assert_refused(stripped, "request.forged", status=403, public_code="login.restart")
    foreign = walk.browser.submit(form, headers={"Sec-Fetch-Site": "cross-site"})
    assert_refused(foreign, "request.forged", status=403, public_code="login.restart")
    assert walk.browser.get(form.action).status == 405


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        ("drop", "provider.unavailable"),
        ("status_500", "provider.unavailable"),
        ("html", "provider.bad_reply"),
        ("huge", "provider.bad_reply"),
        ("truncated", "provider.bad_reply"),
        ("gzip_bomb", "provider.bad_reply"),
        ("redirect", "provider.bad_reply"),
    ],
)
@pytest.mark.parametrize(
    ("provider", "endpoint"),
    [
        ("google_oauth2", "token"),
        ("openid_connect", "token"),
        ("openid_connect", "userinfo"),
        ("github", "token"),
        ("github", "userinfo"),
        ("gitlab", "token"),
        ("gitlab", "userinfo"),
    ],
)
def test_provider_fault(
    walk: Walk,
    assert_refused: Refused,
    fault: Fault,
    provider: str,
    endpoint: str,
    spoilt: str,
    code: str,
) -> None:
    """A provider that fails, lies about its type or floods us costs the person a clear page and us nothing."""
    chosen = walk.choose(walk.start(provider), "dana")
    fault(provider, endpoint, spoilt)
    assert_refused(walk.callback(chosen), code, status=502, public_code="provider.unavailable")


def test_provider_hangs(walk: Walk, assert_refused: Refused, fault: Fault) -> None:
    """A provider that never answers is given up after the client's own time-out."""
    chosen = walk.choose(walk.start("github"), "dana")
    fault("github", "token", "hang")
    assert_refused(walk.callback(chosen), "provider.unavailable", status=502)


@pytest.fixture(scope="class")
def forget(pair: Pair) -> Iterator[Callable[[], None]]:
    """Call it to have the legacy cell forget every provider's documents; what failed in these tests is forgotten, too."""

    def restart() -> None:
        pair.restart("idp")

    yield restart
    restart()


class TestDocuments:
    """An issuer whose published documents cannot be had: the person hears of the provider, and nothing else stops."""

    @pytest.mark.parametrize("spoilt", ["hang", "status_500"])
    def test_discovery_at_the_start(
        self, walk: Walk, assert_refused: Refused, fault: Fault, forget: Callable[[], None], spoilt: str
    ) -> None:
        """Nobody is sent to an address that we do not know; other providers are started as ever."""
        forget()
        fault("openid_connect", "discovery", spoilt)
        assert_refused(walk.start("openid_connect"), "provider.unavailable", status=502)
        assert walk.start("github").status == 303

    @pytest.mark.parametrize(("endpoint", "spoilt"), [("discovery", "hang"), ("jwks", "status_500")])
    def test_at_the_callback(
        self, walk: Walk, assert_refused: Refused, fault: Fault, forget: Callable[[], None], spoilt: str, endpoint: str
    ) -> None:
        """Without the issuer's endpoints no code is redeemed, and without its keys no token is believed."""
        forget()
        chosen = walk.choose(walk.start("openid_connect"), "dana")
        forget()
        fault("openid_connect", endpoint, spoilt)
        assert_refused(walk.callback(chosen), "provider.unavailable", status=502)


@pytest.mark.parametrize(
    "broken",
    [
        "wrong_nonce",
        "wrong_audience",
        "wrong_issuer",
        "wrong_signature",
        "alg_none",
        "expired",
        "hs256_public_key",
        "wrong_azp",
    ],
)
@pytest.mark.parametrize("provider", ["google_oauth2", "openid_connect"])
def test_id_token_fault(walk: Walk, assert_refused: Refused, fault: Fault, provider: str, broken: str) -> None:
    """Each check of an ID token refuses on its own (OIDC Core 3.1.3.7, RFC 8725)."""
    chosen = walk.choose(walk.start(provider), "dana")
    fault(provider, "token", broken)
    assert_refused(walk.callback(chosen), "provider.bad_token", status=502, public_code="provider.unavailable")


def test_provider_refuses_connections(pair: Pair, walk: Walk, assert_refused: Refused) -> None:
    """A provider that is down altogether is told from one that answers badly only in the log."""
    chosen = walk.choose(walk.start("gitlab"), "dana")
    pair.processes["providers"].stop()
    try:
        assert_refused(walk.callback(chosen), "provider.unavailable", status=502)
    finally:
        pair.restart("providers")


def test_topology_down(pair: Pair, walk: Walk, assert_refused: Refused) -> None:
    """Without the topology the legacy cell says so and asks to wait; the router, which asks it too, has a page of its own."""
    url = _callback_url(walk, "github", "newton")
    cookies = walk.browser.session.cookies.get_dict()
    pair.processes["topology"].stop()
    try:
        through = walk.browser.get(url)
        assert (through.status, "Retry-After" in through.headers) == (503, True)
        assert through.tree.xpath("//code/text()") == ["topology.unavailable", through.reference]
        direct = requests.get(
            url.replace(pair.public_url, f"http://{pair.at.legacy}"),
            cookies=cookies,
            headers={"Accept": "text/html"},
            timeout=30,
        )
        page = Page(direct.url, direct.status_code, direct.headers, direct.text)
        assert_refused(page, "topology.unavailable", status=503)
        assert int(direct.headers["Retry-After"]) > 0
    finally:
        pair.restart("topology")


def test_organization_unknown_says_so(pair: Pair, walk: Walk, assert_refused: Refused) -> None:
    """A person whom no organization knows is told so, and told what to do; the log tells the domain and no address."""
    page = walk.to_callback("github", "nora")
    assert_refused(page, "org.unknown", status=404)
    assert "No organization here uses this address." in page.sentence()
    logged = {str(event["event"]): event for event in pair.events("idp") if event.get("reference") == page.reference}
    email = next(str(persona.email) for persona in PERSONAS if persona.key == "nora")
    told = {"email_domain": email.partition("@")[2], "uid_digest": IdentityKey("github", uid_of("github", "nora")).uid_digest}
    assert logged["request.refused"]["evidence"] == {"provider": "github", **told}
    assert told.items() <= logged["identity.read"].items()
    assert email not in pair.processes["idp"].log.read_text("utf-8")


def test_callback_of_a_form_post_is_nobodys(pair: Pair, walk: Walk, assert_refused: Refused) -> None:
    """A callback posted by another site comes without our Lax cookies, and so answers no sign-in of this browser."""
    url = _callback_url(walk)
    fields = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    answer = requests.post(
        url.partition("?")[0], data=fields, headers={"Accept": "text/html"}, timeout=10, allow_redirects=False
    )
    page = Page(answer.url, answer.status_code, answer.headers, answer.text)
    assert_refused(page, "login.state_mismatch", status=400, public_code="login.restart")


HOSTILE_PATHS = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/o/acme/\r\nSet-Cookie: a=b",
    "/%2f/evil.example",
    "/o/acme/../../evil",
    "/o/acme/%2e%2e/%2e%2e/evil",
    "",
]


@pytest.mark.parametrize("hostile", HOSTILE_PATHS)
def test_hostile_return_path_is_dropped(walk: Walk, hostile: str) -> None:
    """A return path that is not plainly ours is neither followed nor repeated: the handoff leads to the landing page."""
    page = walk.browser.get(f"{walk.public_url}/users/sign_in?{urlencode({'return_to': hostile})}")
    form = page.form(action_ends="/users/auth/github")
    assert form.field("return_to") == ""
    assert "evil" not in page.text
    started = walk.browser.submit(form, {"return_to": hostile})
    response = walk.callback(walk.choose(started, "dana")).form(field="SAMLResponse")
    assert response.field("RelayState") == "/o/acme/"
