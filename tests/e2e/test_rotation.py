"""Rolling the signing key of a running pair whose owning cells know the legacy cell by its metadata alone."""

import base64
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from lxml import etree

from bridge.cli import main
from bridge.harness.browser import Browser
from bridge.harness.mint import Mint
from bridge.harness.pair import Options, Pair
from bridge.harness.processes import wait_until
from bridge.harness.walk import Walk
from bridge.harness.world import OWNING_CELLS, Addresses
from bridge.keys import KeyRing, create_key
from bridge.rotation import OVERLAP, retire
from bridge.saml.render import render
from bridge.saml.sign import sign

pytestmark = pytest.mark.e2e
TAKEN_UP_SECONDS = 20.0
SECRET = secrets.token_urlsafe(32)


def _by_metadata_alone(directory: Path, _at: Addresses) -> None:
    """Let the only certificate that owning cells have as a file be one that has expired."""
    expired = create_key(directory / "expired", now=datetime.now(UTC) - timedelta(days=10), days=5, algorithm="ec-p256")
    for cell in OWNING_CELLS:
        path = directory / f"sp-{cell}.toml"
        text = path.read_text("utf-8")
        assert '"certs/idp.crt"' in text
        path.write_text(text.replace('"certs/idp.crt"', f'"expired/{expired.name}.crt"'), "utf-8")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair of its own: its keys roll."""
    with Pair(tmp_path_factory.mktemp("rolling"), Options(edit=_by_metadata_alone)) as running:
        yield running


class Keys:
    """The commands of an administrator on the running pair's key ring, and what the cells say about it."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.directory = pair.directory / "certs" / "idp"
        self.issuer = f"{pair.public_url}/saml/metadata"

    def run(self, *arguments: object) -> Result:
        """Run `cellbridge keys ...` as the shell would."""
        return CliRunner().invoke(main, ["keys", *(str(argument) for argument in arguments)])

    def new(self, algorithm: str) -> str:
        """Make the next key and return its fingerprint."""
        done = self.run("new", "--dir", self.directory, "--algorithm", algorithm, "--json")
        assert done.exit_code == 0, done.stderr
        made = json.loads(done.stdout)
        assert made["state"] == "next"
        return str(made["fingerprint"])

    def promote(self) -> Result:
        """Promote with nothing but the legacy cell's own configuration."""
        return self.run("promote", "--config", self.pair.directory / "idp.toml")

    def active(self) -> str:
        """Return the fingerprint of the key that signs, as the ring says."""
        return KeyRing.load(self.directory).active.fingerprint

    def trusted_by(self, cell: int) -> list[str]:
        """Return the fingerprints that a cell's readiness lists for the legacy cell."""
        answer = requests.get(f"http://{self.pair.at.owning[cell]}/-/readyz", timeout=10)
        return list(answer.json()["trust"][self.issuer])

    def wait_trusted(self, fingerprint: str, *, cells: tuple[int, ...] = OWNING_CELLS, trusted: bool = True) -> None:
        """Wait until every worker of *cells* trusts *fingerprint*, or until none does; any of them may answer."""
        wait_until(
            lambda: all((fingerprint in self.trusted_by(cell)) is trusted for cell in cells for _ in range(12)),
            seconds=TAKEN_UP_SECONDS,
            what=f"cells {cells} to {'trust' if trusted else 'forget'} {fingerprint[:16]}",
        )

    def published(self) -> list[str]:
        """Return the fingerprints in the metadata, over a connection of its own: any worker may answer."""
        answer = requests.get(f"http://{self.pair.at.legacy}/saml/metadata", timeout=10)
        shown = etree.fromstring(answer.content).iterfind(".//{*}X509Certificate")
        return [_fingerprint(one.text or "") for one in shown]

    def wait_published(self, *expected: str) -> None:
        """Wait until every worker of the legacy cell publishes exactly *expected*, in this order."""
        wait_until(
            lambda: all(self.published() == list(expected) for _ in range(12)),
            seconds=TAKEN_UP_SECONDS,
            what=f"the metadata to show {[one[:16] for one in expected]}",
        )

    def signer(self) -> str:
        """Sign in as far as the response, and return the fingerprint of the certificate in it."""
        form = Walk(self.pair.public_url, Browser()).response_form("github", "newton")
        response = etree.fromstring(base64.b64decode(form.field("SAMLResponse")))
        return _fingerprint(response.findtext(".//{*}X509Certificate") or "")


def _fingerprint(certificate: str) -> str:
    return x509.load_der_x509_certificate(base64.b64decode(certificate)).fingerprint(hashes.SHA256()).hex()


@pytest.fixture
def keys(pair: Pair) -> Keys:
    """The key ring of the running pair."""
    return Keys(pair)


class Load:
    """People who sign in all the time, one after the other in each of several threads."""

    def __init__(self, public_url: str, personas: list[str]) -> None:
        self.failures: list[str] = []
        self.rounds = dict.fromkeys(personas, 0)
        self._public_url = public_url
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._sign_in, args=(persona,)) for persona in personas]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_rounds(self, more: int) -> None:
        """Wait until each thread has finished *more* sign-ins, so that what was on its way before has arrived."""
        goals = {persona: done + more for persona, done in self.rounds.items()}
        wait_until(
            lambda: bool(self.failures) or all(self.rounds[persona] >= goal for persona, goal in goals.items()),
            seconds=60,
            what=f"{more} more sign-ins in each thread",
        )
        assert not self.failures, self.failures[:3]

    def _sign_in(self, persona: str) -> None:
        while not self._over.is_set():
            wanted = f"/o/acme/round/{self.rounds[persona]}"
            try:
                page = Walk(self._public_url, Browser()).sign_in("github", persona, wanted)
                if (page.status, page.url) != (200, self._public_url + wanted):
                    self.failures.append(f"{page.status} {page.url}: {page.sentence()}")
            except (LookupError, requests.RequestException) as error:
                self.failures.append(repr(error))
            self.rounds[persona] += 1


def test_two_rotations_under_load_fail_no_sign_in(pair: Pair, keys: Keys, new_person: Callable[..., str]) -> None:
    """Twice through new, fetch, promote and retire, no process restarted, while people sign in: not one of them is refused."""
    before = {name: process.pid for name, process in pair.processes.items()}
    with Load(pair.public_url, [new_person() for _ in range(3)]) as load:
        load.wait_rounds(2)
        for algorithm in ("ec-p256", "rsa-2048"):
            old = keys.active()
            new = keys.new(algorithm)
            keys.wait_trusted(new)
            assert keys.signer() == old
            done = keys.promote()
            assert done.exit_code == 0, done.stderr
            keys.wait_published(new, old)
            assert keys.signer() == new
            load.wait_rounds(2)
            early = keys.run("retire", "--dir", keys.directory)
            assert (early.exit_code, "not before" in early.stderr) == (1, True)
            retire(keys.directory, now=datetime.now(UTC) + OVERLAP)
            keys.wait_published(new)
            keys.wait_trusted(old, trusted=False)
            load.wait_rounds(2)
    assert load.failures == []
    assert sum(load.rounds.values()) >= 18
    assert {name: process.pid for name, process in pair.processes.items()} == before


def test_promote_waits_for_every_cell(pair: Pair, keys: Keys) -> None:
    """A cell that has not fetched the certificate, or cannot be asked, stops the promotion; afterwards it is allowed."""
    old = keys.active()
    pair.processes["idp"].kill()  # nobody can fetch
    new = keys.new("ec-p256")
    refused = keys.promote()
    assert refused.exit_code == 1
    for cell in OWNING_CELLS:
        assert f"http://{pair.at.owning[cell]}: does not trust {new[:16]} yet" in refused.stderr
    pair.processes["sp-3"].kill()
    pair.restart("idp")
    keys.wait_trusted(new, cells=(2,))
    refused = keys.promote()
    assert refused.exit_code == 1
    assert f"http://{pair.at.owning[3]}: cannot be asked" in refused.stderr
    assert f"http://{pair.at.owning[2]}" not in refused.stderr
    assert keys.active() == old
    pair.restart("sp-3")
    keys.wait_trusted(new)
    done = keys.promote()
    assert done.exit_code == 0, done.stderr
    assert keys.active() == new


def test_expired_certificate_is_refused_with_its_own_sentence(
    pair: Pair, mint: Mint, assert_refused: Callable[..., None], nothing_written: None
) -> None:
    """A trusted certificate counts until it expires; then the log says just that, and the metric is below zero."""
    key = KeyRing.load(pair.directory / "expired").active
    response = sign(render(mint.handoff(binding_secret=SECRET)), key).base64
    page = mint.post(response, binding_secret=SECRET)
    assert_refused(page, "handoff.signature", status=403, public_code="handoff.rejected")
    (event,) = (event for event in pair.events("sp-2") if event.get("reference") == page.reference and "evidence" in event)
    evidence = event["evidence"]
    assert isinstance(evidence, dict)
    assert evidence["received"] == "a signature by a certificate that has expired"
    metrics = requests.get(f"http://{pair.at.owning[2]}/-/metrics", timeout=10).text
    (line,) = (line for line in metrics.splitlines() if key.fingerprint[:16] in line)
    assert line.startswith("cellbridge_certificate_expires_seconds{")
    assert float(line.rpartition(" ")[2]) < 0
    assert any(event.get("event") == "certificate.expired" for event in pair.events("sp-2"))


def test_trust_outlives_the_metadata(pair: Pair, keys: Keys, mint: Mint) -> None:
    """While nobody answers at the metadata URL, handoffs are accepted, also by a cell that has been restarted meanwhile."""
    keys.wait_trusted(keys.active())

    def accepted() -> bool:
        return mint.post(mint.sign(mint.handoff(binding_secret=SECRET)), binding_secret=SECRET).status == 303

    def failures() -> int:
        return sum(event.get("event") == "trust.refresh_failed" for event in pair.events("sp-2"))

    assert accepted()
    pair.processes["idp"].kill()
    try:
        so_far = failures()
        wait_until(lambda: failures() > so_far, seconds=TAKEN_UP_SECONDS, what="a failed fetch")
        assert accepted()
        pair.restart("sp-2")
        assert accepted()
        keys.wait_trusted(keys.active(), cells=(2,))
    finally:
        pair.restart("idp")
