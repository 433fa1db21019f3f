"""The legacy cell's application in this process: what needs no pair to be shown."""

import secrets
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from lxml import etree, html

from bridge.config import IdpConfig, load
from bridge.handoff import ReturnPath, binding_of, new_reference
from bridge.harness.pair import Pair
from bridge.keys import create_key
from bridge.oauth.attempt import ATTEMPT_SECONDS, cookie_for, start
from bridge.saml.names import MD
from bridge.seal import Seal
from idp.app import create_app


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files, keys and tables of a pair that is not started."""
    folder = tmp_path_factory.mktemp("legacy")
    Pair(folder).prepare()
    return folder


def client(folder: Path, **changes: str) -> FlaskClient:
    """Return a browser of the legacy cell, its configuration overridden by *changes*."""
    return create_app(load(IdpConfig, folder / "idp.toml", changes)).test_client()


def test_too_many_starts_are_refused(folder: Path) -> None:
    """One client address may try so often in a minute; then it is told to wait, with Retry-After, and nothing else is read."""
    browser = client(folder, CELLBRIDGE_SERVICE__TRIES_PER_MINUTE="3")
    answers = [browser.post("/users/auth/github", environ_base={"REMOTE_ADDR": "192.0.2.7"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "rate.limited" in answers[-1].text
    assert browser.post("/users/auth/github", environ_base={"REMOTE_ADDR": "192.0.2.8"}).status_code == 403


def test_too_many_callbacks_are_refused(folder: Path) -> None:
    """Callbacks are counted by themselves: guessing states is slow."""
    browser = client(folder, CELLBRIDGE_SERVICE__TRIES_PER_MINUTE="2")
    path = "/users/auth/github/callback?code=a&state=b"
    answers = [browser.get(path, environ_base={"REMOTE_ADDR": "192.0.2.7"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]


def test_buttons_stand_in_the_configured_order(folder: Path) -> None:
    """The page asks for an email, and offers what is configured, in that order, each as a form that posts."""
    page = html.document_fromstring(client(folder).get("/users/sign_in").text)
    providers = tomllib.loads((folder / "idp.toml").read_text())["provider"]
    ways = [f"/users/auth/{provider['name']}" for provider in providers]
    assert [form.action for form in page.forms] == ["/users/sign_in", *ways]
    assert {form.method for form in page.forms} == {"POST"}


@pytest.mark.parametrize("alias", ["/users/auth", "/auth"])
def test_callback_answers_under_both_paths(folder: Path, alias: str) -> None:
    """Consoles that have the short path registered work, too; a strange callback is refused alike on both."""
    answer = client(folder).get(f"{alias}/github/callback?code=a&state=b")
    assert (answer.status_code, "login.restart" in answer.text) == (400, True)


def test_metadata_is_served_as_metadata(folder: Path) -> None:
    """Partners fetch the certificates from here: the media type is the registered one, and nobody caches it for long."""
    answer = client(folder).get("/saml/metadata")
    assert answer.content_type == "application/samlmetadata+xml"
    root = etree.fromstring(answer.data)
    assert root.tag == f"{{{MD}}}EntityDescriptor"
    assert len(root.findall(".//{*}X509Certificate")) == 1


def test_sign_out_needs_the_form(folder: Path) -> None:
    """Another site cannot sign people out: without the session's own form token nothing happens."""
    answer = client(folder).post("/users/sign_out")
    assert (answer.status_code, "login.restart" in answer.text) == (403, True)


def test_providers_are_never_started_by_a_link(folder: Path) -> None:
    """GET does not start a sign-in (CVE-2015-9284)."""
    answer = client(folder).get("/users/auth/github")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize("path", ["/o/nobody", "/o/nobody/", "/o/nobody/auth/saml/callback", "/o/ACME/-/session"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_organization_lives_on_the_legacy_cell(folder: Path, path: str, method: str) -> None:
    """The router brings unknown organizations here, and they are told from a wrong address."""
    answer = client(folder).open(path, method=method)
    assert (answer.status_code, "org.not_here" in answer.text) == (404, True)


def test_a_lost_database_is_told_as_such(folder: Path, tmp_path: Path) -> None:
    """Whoever brings a session while the records cannot be read is asked to come back; who brings none needs no records."""
    browser = client(folder, CELLBRIDGE_SERVICE__DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    assert browser.get("/users/sign_in").status_code == 200
    browser.set_cookie("cb-legacy", "cell-1-" + "a" * 43)
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "database.unavailable" in answer.text
    assert "Nothing is wrong with your account." in answer.text


@pytest.mark.parametrize("age", [0, ATTEMPT_SECONDS + 1])
def test_starting_again_leads_where_the_sealed_attempt_said(folder: Path, age: int) -> None:
    """Who cancelled or waited too long does not lose the page that they came for, and the log keeps the attempt's reference."""
    browser = client(folder)
    browser.get("/users/sign_in")
    secret = browser.get_cookie("cb-binding")
    assert secret is not None
    attempt = start(
        provider="github",
        return_to=ReturnPath("/o/acme/projects/7?tab=2"),
        reference=new_reference(secrets.token_bytes),
        now=datetime.now(UTC) - timedelta(seconds=age),
        random_bytes=secrets.token_bytes,
        browser=binding_of(secret.value),
    )
    name, value = cookie_for(attempt, Seal.from_files([folder / "seal.key"]))
    browser.set_cookie(name, value)
    answer = browser.get(f"/users/auth/github/callback?error=access_denied&state={attempt.state}&return_to=/o/evil/")
    assert answer.status_code == (400 if age else 403)
    page = html.document_fromstring(answer.text)
    assert page.xpath("//a[@class='button']/@href") == ["/users/sign_in?return_to=%2Fo%2Facme%2Fprojects%2F7%3Ftab%3D2"]
    assert [found.text for found in page.find_class("reference")] == [attempt.reference]
    assert browser.get_cookie(name) is None


def test_starting_again_believes_no_request(folder: Path) -> None:
    """A return path that the refused request itself brings is not repeated: only a sealed or signed one is."""
    answer = client(folder).get("/users/auth/github/callback?code=a&state=b&return_to=/o/acme/")
    assert html.document_fromstring(answer.text).xpath("//a[@class='button']/@href") == ["/users/sign_in"]


def test_metadata_is_sent_once(folder: Path) -> None:
    """The ETag is the document's own, the same for every worker, and a fetch of what is known costs no body."""
    first, second = (client(folder).get("/saml/metadata") for _ in range(2))
    assert first.headers["ETag"] == second.headers["ETag"]
    again = client(folder).get("/saml/metadata", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = client(folder).get("/saml/metadata", headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.data) == (200, first.data)


def test_the_signing_key_may_come_by_variables(folder: Path) -> None:
    """A key from a secret store needs no folder."""
    made = create_key(folder / "elsewhere", now=datetime.now(UTC), algorithm="ec-p256")
    (folder / "single.toml").write_text((folder / "idp.toml").read_text("utf-8").replace('keys = "certs/idp"\n', ""), "utf-8")
    variables = {
        "CELLBRIDGE_SAML__PRIVATE_KEY": (folder / "elsewhere" / f"{made.name}.key").read_text("utf-8"),
        "CELLBRIDGE_SAML__CERTIFICATE": (folder / "elsewhere" / f"{made.name}.crt").read_text("utf-8"),
    }
    answer = create_app(load(IdpConfig, folder / "single.toml", variables)).test_client().get("/saml/metadata")
    (shown,) = etree.fromstring(answer.data).findall(".//{*}X509Certificate")
    assert shown.text == made.certificate_base64
