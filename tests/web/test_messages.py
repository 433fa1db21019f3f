"""The language of a page, and how catalogues are found."""

from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import Flask

from bridge.errors import AccountBlocked, ProviderUnavailable
from bridge.web import messages
from bridge.web.app import create_app
from bridge.web.messages import Catalogues, Labels, sentences


def german(directory: Path) -> Catalogues:
    """Compile a small German catalogue under *directory* and load it."""
    catalogue = Catalog(locale="de", domain=messages.DOMAIN)
    catalogue.add("Sign in", "Anmelden")
    catalogue.add("{provider} did not answer properly.", "Von {provider} kam keine brauchbare Antwort.")
    catalogue.add("this provider", "diesem Anbieter")
    folder = directory / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / f"{messages.DOMAIN}.mo").open("wb") as file:
        write_mo(file, catalogue)
    return Catalogues.load(directory)


def test_the_browser_chooses_among_what_is_there(tmp_path: Path, make_service: Any) -> None:
    """Page and `lang` follow Accept-Language; what has no catalogue is English; the next request starts anew."""
    app = create_app(
        "idp",
        service=make_service(),
        ready={},
        labels=Labels(),
        random_bytes=lambda count: b"x" * count,
        catalogues=german(tmp_path),
    )

    def refused() -> str:
        raise ProviderUnavailable(provider="github")

    app.add_url_rule("/refused", "refused", refused)
    client = app.test_client()
    page = client.get("/refused", headers={"Accept-Language": "fr, de-AT;q=0.8"})
    assert '<html lang="de">' in page.text
    assert page.headers["Content-Language"] == "de"
    assert "Von diesem Anbieter kam keine brauchbare Antwort." in page.text
    for accepted in ("fr", "en-GB, de;q=0.5", "de;q=0", "", "*", "%%%", "-"):
        assert '<html lang="en">' in client.get("/refused", headers={"Accept-Language": accepted}).text, accepted


def test_english_is_there_without_a_catalogue(tmp_path: Path, app: Flask) -> None:
    """English sentences are the message ids themselves."""
    with app.test_request_context():
        Catalogues.load(tmp_path).use("en")
        assert messages.language() == "en"
        assert messages.gettext("Sign in") == "Sign in"
        assert messages.ngettext("%(num)d try", "%(num)d tries", 2) == "%(num)d tries"


def test_a_label_is_no_template() -> None:
    """What stands in a label is never read as a placeholder, and a label that begins in lower case stays as it is."""
    labels = Labels(providers={"x": "eXample {org}"}, orgs={"acme": "Acme"})
    assert (
        sentences(ProviderUnavailable(provider="x"), labels=labels, reference="R")[0]
        == "eXample {org} did not answer properly."
    )
    happened, _ = sentences(AccountBlocked(org="acme", provider="x", rule=1), labels=labels, reference="R")
    assert happened == "Your account in Acme is blocked."
