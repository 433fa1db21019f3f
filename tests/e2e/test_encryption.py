"""A pair in which one organization's assertions are encrypted: nobody on the way reads them, and nobody is refused for it."""

import base64
import secrets
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from bridge.cli import main
from bridge.harness.browser import Browser, Form
from bridge.harness.mint import Mint
from bridge.harness.pair import Options, Pair
from bridge.harness.walk import Walk
from bridge.harness.world import Addresses
from bridge.keys import create_key
from bridge.saml import names

pytestmark = pytest.mark.e2e
Refused = Callable[..., None]


def _encrypted(directory: Path, _at: Addresses) -> None:
    """Let cell 2 decrypt for acme and want nothing else, and the legacy cell sign both parts and encrypt for it."""
    key = create_key(directory / "certs" / "acme", now=datetime.now(UTC))
    shutil.copyfile(directory / "certs" / "acme" / f"{key.name}.crt", directory / "certs" / "acme.crt")
    owning = directory / "sp-2.toml"
    text = owning.read_text("utf-8")
    assert text.count('path = "acme"\n') == 1
    keys = 'path = "acme"\nencryption_keys = "certs/acme"\nrequire_encryption = true\n'
    owning.write_text(text.replace('path = "acme"\n', keys), "utf-8")
    legacy = directory / "idp.toml"
    text = legacy.read_text("utf-8").replace("[saml]\n", '[saml]\nsigned = "both"\n')
    legacy.write_text(f'{text}\n[[encrypt]]\norg = "acme"\ncertificate = "certs/acme.crt"\n', "utf-8")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair whose acme is encrypted to; python3-saml judges there, too."""
    with Pair(tmp_path_factory.mktemp("encrypted"), Options(edit=_encrypted, workers=1)) as running:
        yield running


def posted(form: Form) -> bytes:
    """Return the XML that the browser is about to post."""
    return base64.b64decode(form.field("SAMLResponse"))


def test_a_sign_in_works_and_shows_the_browser_nothing(walk: Walk) -> None:
    """What passes through the browser names nobody; the person arrives all the same, and only once."""
    form = walk.response_form("github", "dana")
    raw = posted(form)
    assert b"EncryptedAssertion" in raw
    for word in (b"dana", b"Dana", b"github", b"AttributeValue"):
        assert word not in raw
    assert walk.post(form).status == 303
    assert b"dana" in walk.browser.get(f"{walk.public_url}/o/acme/-/session").text.encode().lower()
    assert walk.post(form).status == 403


def test_others_get_theirs_in_clear(pair: Pair, new_person: Callable[..., str]) -> None:
    """Encryption is one organization's affair: its neighbour on the same cell reads as before, with both signatures."""
    form = Walk(pair.public_url, Browser()).response_form("github", new_person("globex.example"))
    root = etree.fromstring(posted(form))
    assert root.find(names.ASSERTION) is not None
    assert len(list(root.iter(names.SIGNATURE))) == 2


def test_one_in_clear_is_refused_where_encryption_is_required(
    mint: Mint, assert_refused: Refused, nothing_written: None
) -> None:
    """Signed by the very key of the legacy cell, and still not what this organization takes."""
    secret = secrets.token_urlsafe(32)
    response = mint.sign(mint.handoff(binding_secret=secret))
    page = mint.post(response, binding_secret=secret)
    assert_refused(page, "handoff.malformed", status=403, public_code="handoff.rejected")


def test_the_key_is_rolled_without_a_refusal(pair: Pair, new_person: Callable[..., str]) -> None:
    """New pair, new certificate at the legacy cell, promote: handoffs for either key are taken all along."""
    ring = pair.directory / "certs" / "acme"

    def on_its_way() -> tuple[Walk, Form]:
        walk = Walk(pair.public_url, Browser())
        return walk, walk.response_form("gitlab", new_person())

    waiting = [on_its_way()]
    new = create_key(ring, now=datetime.now(UTC))
    pair.restart("sp-2")
    waiting.append(on_its_way())
    shutil.copyfile(ring / f"{new.name}.crt", pair.directory / "certs" / "acme.crt")
    pair.restart("idp")
    waiting.append(on_its_way())
    assert CliRunner().invoke(main, ["keys", "promote", "--encryption", "--dir", str(ring)]).exit_code == 0
    pair.restart("sp-2")
    waiting.append(on_its_way())
    assert [walk.post(form).status for walk, form in waiting] == [303] * 4
    shown = Browser().get(f"{pair.public_url}/o/acme/auth/saml/metadata").text
    assert new.certificate_base64 in shown


def test_mint_and_inspect_speak_of_it(pair: Pair) -> None:
    """The shell makes what a sign-in makes, and reads it with the organization's keys."""
    where = pair.directory
    secret = secrets.token_urlsafe(32)
    person = ["--email", "shell@acme.example", "--provider", "github", "--uid", "1", "--binding-secret", secret]
    minted = CliRunner().invoke(main, ["mint", "--config", str(where / "idp.toml"), "--org", "acme", *person])
    assert b"EncryptedAssertion" in base64.b64decode(minted.stdout)
    file = where / "minted.b64"
    file.write_text(minted.stdout, "utf-8")
    judged = ["inspect", str(file), "--config", str(where / "sp-2.toml"), "--org", "acme", "--binding-secret", secret]
    told = CliRunner().invoke(main, [*judged, "--json"])
    assert told.exit_code == 0, told.stdout
    assert '"shell@acme.example"' in told.stdout
