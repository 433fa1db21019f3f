"""The question of an organization that confirms, in this process: what needs no browser to be shown."""

from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from bridge.config import SpConfig, load
from bridge.errors import ConfigInvalid
from bridge.handoff import Handoff
from bridge.harness.browser import Page
from bridge.harness.mint import Mint
from bridge.harness.pair import Options, Pair
from bridge.harness.tables import ALL_TABLES, Database
from bridge.harness.world import Addresses
from bridge.identity import NO_EVIDENCE
from sp.app import create_app

ACS = "/o/acme/auth/saml/callback"
GLOBAL_PAGE = "https://login.example/users/sign_in"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def _confirming(directory: Path, _at: Addresses) -> None:
    path = directory / "sp-2.toml"
    text = path.read_text("utf-8").replace('name = "Acme"\n', 'name = "Acme"\nbinding = "confirm"\n')
    path.write_text(f'sign_in_url = "{GLOBAL_PAGE}"\n{text}', "utf-8")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Files, keys and tables of a pair behind https whose Acme confirms; nothing is started."""
    made = Pair(tmp_path_factory.mktemp("confirming"), Options(https=True, edit=_confirming))
    made.prepare()
    return made


@pytest.fixture
def client(pair: Pair) -> FlaskClient:
    """A browser that keeps no cookies, at owning cell 2."""
    return create_app(pair.config(2)).test_client(use_cookies=False)


def _ask(client: FlaskClient, pair: Pair, handoff: Handoff, path: str = ACS) -> tuple[Page, SimpleCookie]:
    answer = client.post(path, data={"SAMLResponse": Mint(pair).sign(handoff)}, headers={"Sec-Fetch-Site": "cross-site"})
    page = Page(f"{pair.public_url}{path}", answer.status_code, dict(answer.headers), answer.text)
    return page, SimpleCookie("; ".join(answer.headers.getlist("Set-Cookie")))


def test_the_secret_is_host_bound_on_https(client: FlaskClient, pair: Pair) -> None:
    """No neighbouring host can plant the secret of an answer that it prepared (RFC 6265bis 4.1.3)."""
    _page, cookies = _ask(client, pair, Mint(pair).handoff())
    ((name, cookie),) = cookies.items()
    assert name.startswith("__Host-cb-confirm-")
    assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")


@pytest.mark.parametrize("with_email", [True, False])
def test_a_name_that_people_choose_is_not_shown(client: FlaskClient, pair: Pair, *, with_email: bool) -> None:
    """Without a verified address the question names the provider's uid: an attacker may be called like the victim."""
    handoff = Mint(pair).handoff()
    email = handoff.identity.email
    assert email is not None
    unsure = replace(handoff.identity, email=email if with_email else None, evidence=NO_EVIDENCE, username="dana@acme.example")
    page, _cookies = _ask(client, pair, replace(handoff, identity=unsure))
    assert f"Continue as {handoff.identity.key.uid} in Acme?" in page.sentence()
    for chosen in (email.address, "Minted Person", "dana@acme.example"):
        assert chosen not in page.text


def test_gitlabs_path_asks_and_takes_the_answer_too(client: FlaskClient, pair: Pair) -> None:
    """Each path of the endpoint has its own address for the answer, which expects that path as the destination."""
    path = "/o/acme/-/saml/callback"
    handoff = Mint(pair).handoff()
    handoff = replace(handoff, route=replace(handoff.route, acs_url=f"{pair.public_url}{path}"))
    page, cookies = _ask(client, pair, handoff, path)
    form = page.form(action_ends=f"{path}/confirm")
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    elsewhere = client.post(f"{ACS}/confirm", data=dict(form.fields), headers={**OWN_PAGE, "Cookie": cookie})
    assert (elsewhere.status_code, "handoff.rejected" in elsewhere.text) == (403, True)
    answer = client.post(f"{path}/confirm", data=dict(form.fields), headers={**OWN_PAGE, "Cookie": cookie})
    assert (answer.status_code, answer.location) == (303, "/o/acme/")


def test_the_question_is_asked_again_in_another_language(client: FlaskClient, pair: Pair) -> None:
    """The switch is no answer: nobody is signed in, nothing is spent, and the question can be answered afterwards."""
    page, cookies = _ask(client, pair, Mint(pair).handoff())
    form = page.form(action_ends=f"{ACS}/confirm")
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    headers = {**OWN_PAGE, "Cookie": cookie}
    before = Database(pair.directory).contents(ALL_TABLES)
    switched = client.post(f"{ACS}/confirm?language=de", data=dict(form.fields), headers=headers)
    assert (switched.status_code, switched.headers["Content-Language"]) == (200, "de")
    assert Database(pair.directory).contents(ALL_TABLES) == before
    given = SimpleCookie("; ".join(switched.headers.getlist("Set-Cookie")))
    assert {name.partition("-confirm-")[0] for name in given} == {"__Host-cb-language", "__Host-cb"}
    again = Page(f"{pair.public_url}{ACS}", switched.status_code, dict(switched.headers), switched.text)
    assert "bei Acme fortfahren?" in again.sentence()
    fields = dict(again.form(action_ends=f"{ACS}/confirm").fields)
    headers = {**OWN_PAGE, "Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in given.items())}
    answer = client.post(f"{ACS}/confirm", data=fields, headers=headers)
    assert (answer.status_code, answer.location) == (303, "/o/acme/")


def test_another_site_cannot_switch_the_question(client: FlaskClient, pair: Pair) -> None:
    """The switch wants what the answer wants: the browser's word that our own page sent it."""
    page, cookies = _ask(client, pair, Mint(pair).handoff())
    form = page.form(action_ends=f"{ACS}/confirm")
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    headers = {"Sec-Fetch-Site": "cross-site", "Cookie": cookie}
    answer = client.post(f"{ACS}/confirm?language=de", data=dict(form.fields), headers=headers)
    assert (answer.status_code, "login.restart" in answer.text) == (403, True)


def test_the_answer_is_posted(client: FlaskClient) -> None:
    """No link can answer."""
    for path in (ACS, f"{ACS}/confirm"):
        assert client.get(path).status_code != 200


def test_a_refusal_sends_people_to_the_other_sites_page(client: FlaskClient) -> None:
    """Whoever has to start again does so where sign-ins start."""
    answer = client.post(ACS, data={"SAMLResponse": "x"})
    assert f'href="{GLOBAL_PAGE}"' in answer.text
    assert client.get("/o/acme/").location == f"{GLOBAL_PAGE}?return_to=%2Fo%2Facme%2F"


def test_answers_are_limited(pair: Pair) -> None:
    """Verifying twice costs twice: answers have a limit of their own."""
    config = load(SpConfig, pair.directory / "sp-2.toml", {"CELLBRIDGE_SERVICE__TRIES_PER_MINUTE": "2"})
    client = create_app(config).test_client()
    assert [client.post(f"{ACS}/confirm", headers=OWN_PAGE).status_code for _ in range(3)] == [403, 403, 429]


@pytest.mark.parametrize(("line", "warnings"), [("", 0), ("second_opinion = true\n", 0), ("second_opinion = false\n", 1)])
def test_going_without_a_second_opinion_warns_at_start(tmp_path: Path, line: str, warnings: int) -> None:
    """One of two judges is sent home: whoever reads the log of a start sees it."""
    pair = Pair(tmp_path)
    pair.prepare()
    path = tmp_path / "sp-2.toml"
    path.write_text(line + path.read_text("utf-8"), "utf-8")
    with capture_logs() as said:
        create_app(pair.config(2))
    assert [entry["log_level"] for entry in said if entry["event"] == "second_opinion.off"] == ["warning"] * warnings


@pytest.mark.parametrize(("binding", "warned"), [("bound", []), ("confirm", []), ("unsafe_unbound", ["acme"])])
def test_only_the_unsafe_mode_warns_at_start(tmp_path: Path, binding: str, warned: list[str]) -> None:
    """Danger is named in the log of every start."""
    pair = Pair(tmp_path)
    pair.prepare()
    path = tmp_path / "sp-2.toml"
    path.write_text(path.read_text("utf-8").replace('name = "Acme"\n', f'name = "Acme"\nbinding = "{binding}"\n'), "utf-8")
    with capture_logs() as said:
        create_app(pair.config(2))
    assert [line["org"] for line in said if line["event"] == "org.unsafe_unbound" and line["log_level"] == "warning"] == warned


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (GLOBAL_PAGE, "http://login.example/users/sign_in", "sign_in_url: "),
        ('binding = "confirm"', 'binding = "ask"', "org.0.binding: "),
        ("[cell]", "[sessions]\npurge_seconds = 0\n[cell]", "sessions.purge_seconds: "),
    ],
)
def test_keys_that_cannot_be(pair: Pair, tmp_path: Path, old: str, new: str, key: str) -> None:
    """People are not sent to plain http, no mode is guessed, and the purge has to pause."""
    text = (pair.directory / "sp-2.toml").read_text("utf-8").replace('"certs/', f'"{pair.directory}/certs/')
    assert old in text
    (tmp_path / "sp.toml").write_text(text.replace(old, new).replace('"seal.key"', f'"{pair.directory}/seal.key"'), "utf-8")
    with pytest.raises(ConfigInvalid) as caught:
        load(SpConfig, tmp_path / "sp.toml", {})
    assert any(problem.startswith(key) for problem in caught.value.problems)
