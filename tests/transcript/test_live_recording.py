"""Recording at a running endpoint: switched on for one organization, until a time."""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from pydantic import ValidationError
from structlog.testing import capture_logs

from bridge.cli import main
from bridge.clock import utc_now
from bridge.harness.browser import Page
from bridge.harness.mint import Mint
from bridge.harness.pair import Pair
from bridge.identity import NO_EVIDENCE
from bridge.sections import OrgConfig
from bridge.transcript.model import read_transcript, verdict_of
from sp.app import create_app
from sp.recording import MAX_FILES

ACS = "/o/acme/auth/saml/callback"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Files, keys and tables of a pair; nothing is started."""
    made = Pair(tmp_path_factory.mktemp("recording"))
    made.prepare()
    return made


def browser(pair: Pair, folder: Path, *, ends_in: timedelta = HOUR) -> FlaskClient:
    """Return a browser at owning cell 2, whose Acme is recorded into *folder* until *ends_in* from now."""
    config = pair.config(2)
    switch = {"record_until": utc_now() + ends_in, "record_folder": folder}
    orgs = tuple(org.model_copy(update=switch) if org.path == "acme" else org for org in config.org)
    return create_app(config.model_copy(update={"org": orgs})).test_client(use_cookies=False)


def post(client: FlaskClient, pair: Pair, **changes: Any) -> Page:
    """Post a good handoff, or one with *changes* to its identity, from the browser that asked for it."""
    mint, secret = Mint(pair), secrets.token_urlsafe(32)
    person = mint.person()
    for name, value in changes.items():
        object.__setattr__(person, name, value)
    response = mint.sign(mint.handoff(binding_secret=secret, identity=person))
    headers = {"Sec-Fetch-Site": "same-origin", "Cookie": f"cb-binding={secret}; evil=1"}
    answer = client.post(ACS, data={"SAMLResponse": response}, headers=headers)
    return Page(pair.public_url + ACS, answer.status_code, dict(answer.headers), answer.text)


def test_an_accepted_handoff_is_recorded_masked_and_replays(pair: Pair, tmp_path: Path) -> None:
    """One file, for its owner alone, with no address, name, cookie or session in it; the verdict is given again."""
    page = post(browser(pair, tmp_path), pair)
    assert page.status == 303
    (path,) = tmp_path.glob("*-acme-*.json")
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text("utf-8")
    assert not [word for word in ("minted-", "Minted", "evil", "cell-2-") if word in text]
    (hop,) = read_transcript(path).hops
    assert (hop.title, hop.status, hop.cookies_held) == ("handoff: accepted", 303, ("cb-binding",))
    said = CliRunner().invoke(main, ["replay", str(path)])
    assert (said.exit_code, "the recorded verdict again, accepted" in said.stdout) == (0, True), said.stdout


def test_a_refusal_is_recorded_under_the_reference_of_its_page(pair: Pair, tmp_path: Path) -> None:
    """By the account rules, which no check of a document tells, and by a check."""
    client = browser(pair, tmp_path)
    refused = post(client, pair, evidence=NO_EVIDENCE)
    assert refused.status == 403
    (path,) = tmp_path.glob(f"*-acme-{refused.reference}-*.json")
    transcript = read_transcript(path)
    assert transcript.hops[0].title == "handoff: account.email_unverified"
    assert transcript.document is not None
    assert verdict_of(transcript.document.checks) == "accepted"
    client.post(ACS, data={"SAMLResponse": "bm90aGluZw=="}, headers={"Sec-Fetch-Site": "same-origin"})
    (forged,) = set(tmp_path.glob("*.json")) - {path}
    assert read_transcript(forged).hops[0].title == "handoff: handoff.malformed"
    assert CliRunner().invoke(main, ["replay", str(forged)]).exit_code == 0


@pytest.mark.parametrize("ends_in", [-HOUR, timedelta(days=8)])
def test_it_is_on_for_the_week_before_its_end_and_no_longer(pair: Pair, tmp_path: Path, ends_in: timedelta) -> None:
    """Nobody forgets to switch it off, and nobody can switch it on for good."""
    assert post(browser(pair, tmp_path, ends_in=ends_in), pair).status == 303
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_so_many_files_and_no_more(pair: Pair, tmp_path: Path) -> None:
    """Strangers can post documents: they fill no disk, and people sign in as before."""
    for number in range(MAX_FILES):
        (tmp_path / f"{number}.json").touch()
    with capture_logs() as logs:
        assert post(browser(pair, tmp_path), pair).status == 303
    assert "recording.full" in [entry["event"] for entry in logs]
    assert len(list(tmp_path.iterdir())) == MAX_FILES


def test_what_cannot_be_recorded_is_in_nobodys_way(pair: Pair, tmp_path: Path) -> None:
    """The folder is gone: the log says so, and the person is signed in."""
    with capture_logs() as logs:
        assert post(browser(pair, tmp_path / "gone"), pair).status == 303
    assert ("recording.failed", "FileNotFoundError") in [(entry["event"], entry.get("kind")) for entry in logs]


@pytest.mark.parametrize(
    "half",
    [
        {"record_until": "2026-11-24T08:00:00Z"},
        {"record_folder": "x"},
        {"record_until": "2026-11-24T08:00:00", "record_folder": "x"},
    ],
)
def test_half_a_switch_is_refused(half: dict[str, str]) -> None:
    """An end without a folder, a folder without an end, a time that could mean two moments."""
    with pytest.raises(ValidationError):
        OrgConfig.model_validate({"id": 42, "path": "acme", "name": "Acme", "providers": ["github"], **half})
