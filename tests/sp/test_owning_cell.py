"""The owning cell's application in this process: what needs no pair to be shown."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from lxml import etree

from bridge.config import SpConfig, load
from bridge.harness.pair import Pair
from sp.app import create_app


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files, keys and tables of a pair that is not started."""
    folder = tmp_path_factory.mktemp("owning")
    Pair(folder).prepare()
    return folder


def client(folder: Path, **changes: str) -> FlaskClient:
    """Return a browser of owning cell 2, its configuration overridden by *changes*."""
    return create_app(load(SpConfig, folder / "sp-2.toml", changes)).test_client()


def test_too_many_handoffs_are_refused(folder: Path) -> None:
    """Forged documents cost the cell only so much a minute from one address."""
    browser = client(folder, CELLBRIDGE_SERVICE__TRIES_PER_MINUTE="2")
    form = {"SAMLResponse": "bm90aGluZw=="}
    answers = [
        browser.post("/o/acme/auth/saml/callback", data=form, environ_base={"REMOTE_ADDR": "192.0.2.7"}) for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 429]


@pytest.mark.parametrize(
    "path", ["/o/initech/", "/o/nobody/", "/o/ACME/", "/o/initech/auth/saml/metadata", "/o/nobody/-/session"]
)
def test_organizations_of_other_cells_are_not_here(folder: Path, path: str) -> None:
    """A cell answers for its own organizations only, and a path in other letters is another path."""
    answer = client(folder).get(path)
    assert (answer.status_code, "org.not_here" in answer.text) == (404, True)


def test_each_organization_has_metadata_of_its_own(folder: Path) -> None:
    """Entity ID and endpoint are built from the public URL and the organization's path."""
    config = load(SpConfig, folder / "sp-2.toml", {})
    for org in ("acme", "globex"):
        root = etree.fromstring(client(folder).get(f"/o/{org}/auth/saml/metadata", headers={"Host": "evil.example"}).data)
        assert root.get("entityID") == f"{config.service.public_url}/o/{org}/auth/saml/metadata"
        (endpoint,) = root.findall(".//{*}AssertionConsumerService")
        assert endpoint.get("Location") == f"{config.service.public_url}/o/{org}/auth/saml/callback"


@pytest.mark.parametrize(
    ("path", "return_to"),
    [
        ("/o/acme/projects/7?tab=2", "%2Fo%2Facme%2Fprojects%2F7%3Ftab%3D2"),
        ("/o/acme/%2e%2e/globex/", "%2Fo%2Facme%2F"),
        ("/o/acme/" + "a" * 2000, "%2Fo%2Facme%2F"),
    ],
)
def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(folder: Path, path: str, return_to: str) -> None:
    """The wanted page travels as the return path; what is no plain path becomes the landing page."""
    answer = client(folder).get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/users/sign_in?return_to={return_to}")


def test_programs_get_401_without_a_session(folder: Path) -> None:
    """`/-/session` and forward-auth say so in JSON, and give no header about anybody."""
    for path in ("/o/acme/-/session", "/o/acme/-/auth/verify"):
        answer = client(folder).get(path, headers={"Cookie": "cb-42=cell-2-guessed"})
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "session.missing")
        assert not [name for name, _ in answer.headers if name.startswith("X-Auth-Request")]


@pytest.mark.parametrize("path", ["/o/acme/auth/saml/callback", "/o/acme/-/saml/callback"])
def test_endpoint_takes_posts_alone(folder: Path, path: str) -> None:
    """Nothing is read from a GET; who opens the endpoint's address by hand is led to the organization's landing page."""
    answer = client(folder).get(path, query_string={"SAMLResponse": "bm90aGluZw=="})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/o/acme/")
    assert client(folder).put(path).status_code == 405


def test_addresses_of_the_bridge_itself_are_no_pages(folder: Path) -> None:
    """What lies under `/-/`, `/auth/` and `/users/` and does not exist is not found, rather than a landing page."""
    for path in ("/o/acme/-/nothing", "/o/acme/auth/nothing", "/o/acme/users/nothing"):
        assert client(folder).get(path).status_code == 404


def test_a_provider_that_is_switched_off_has_no_button_and_starts_nothing(folder: Path) -> None:
    """Nobody is sent to a provider whose answer would be refused; the others stay."""
    as_it_is = (folder / "sp-2.toml").read_text("utf-8")
    acme = as_it_is.index('path = "acme"')
    off = folder / "switched-off.toml"
    off.write_text(f'{as_it_is[:acme]}disabled_providers = ["github"]\n{as_it_is[acme:]}', "utf-8")
    before = client(folder).get("/o/acme/users/sign_in").text
    browser = create_app(load(SpConfig, off, {})).test_client()
    after = browser.get("/o/acme/users/sign_in").text
    button = "/o/acme/users/auth/{}".format
    assert (button("github") in before, button("github") in after) == (True, False)
    assert button("google_oauth2") in after
    refused = browser.post(button("github"))
    assert (refused.status_code, "provider.disabled" in refused.text) == (403, True)
    assert "Location" not in refused.headers
