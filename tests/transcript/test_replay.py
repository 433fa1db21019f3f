"""Transcripts: recorded, given away, judged again."""

import json
import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.inspect.source import Source
from bridge.keys import create_key
from bridge.saml.render import render
from bridge.saml.sign import sign
from bridge.transcript.masking import Mask
from bridge.transcript.model import JudgedDocument, Transcript, Verdict, verdict_of
from bridge.transcript.record import recorded_document
from bridge.transcript.replay import replay
from tests.vectors.judges import Bench
from tests.vectors.vector import ACCEPTED, Vector
from tests.vectors.world import AT, FOLDER, World

BENCH = Bench()
PEOPLE = ("dana@", "Dana Field")


def recorded(vector: Vector) -> JudgedDocument:
    """Return the record of what the corpus's cell judged."""
    source = Source("posted", vector.form, None)
    unspent: Verdict = "fail" if vector.replays else "pass"
    return recorded_document(source, BENCH.question(vector), mask=Mask(secrets.token_bytes), unspent=unspent)


def named(name: str) -> Vector:
    """Return a vector of the corpus."""
    (path,) = FOLDER.glob(f"*/{name}.vector")
    return Vector.read(path)


def transcript(document: JudgedDocument | None) -> Transcript:
    """Return a transcript of *document*."""
    return Transcript(made_at=AT, reference="7KQ2M-4XD9R", hops=(), document=document)


def run(path: Path, *words: object) -> Result:
    """Replay a file."""
    return CliRunner().invoke(main, ["replay", str(path), *map(str, words)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The transcript of an honest handoff."""
    transcript(recorded(named("as-minted"))).write(tmp_path / "honest.json")
    return tmp_path / "honest.json"


def test_every_vector_gets_its_recorded_verdict_again() -> None:
    """Each document of the corpus: the expected verdict, the same again, and nobody's address or name."""
    for file in FOLDER.glob("*/*.vector"):
        vector = Vector.read(file)
        document = recorded(vector)
        expected = vector.expect if vector.check != 0 else ACCEPTED
        assert verdict_of(document.checks) == expected, file.stem
        assert replay(document) == document.checks, file.stem
        assert not [word for word in PEOPLE if word in document.model_dump_json()], file.stem


def test_what_the_mask_took_away_is_never_said_to_have_been_asked_again() -> None:
    """Form, signature, cookie, second opinion and store are repeated; the other thirteen are the endpoint's own, asked anew."""
    lines = recorded(named("as-minted")).checks
    assert [line.number for line in lines if line.judged == "recorded"] == [1, 7, 16, 17, 18]
    encrypted = recorded(named("encrypted-as-minted")).checks
    assert {line.number for line in encrypted if line.judged == "again"} == {2, 3, 4, 5, 6}


def test_the_checks_are_really_asked(path: Path) -> None:
    """A document that was changed in the file does not get the recorded verdict, though the record says it passed."""
    said = json.loads(path.read_text("utf-8"))
    said["document"]["masked_xml"] = said["document"]["masked_xml"].replace("/o/acme/auth/saml/metadata", "/o/other/auth")
    path.write_text(json.dumps(said), "utf-8")
    again = run(path)
    assert again.exit_code == 1
    assert "recorded accepted, now handoff.audience" in again.stdout
    assert "FAIL again     Audience is this organization: handoff.audience" in again.stdout


@pytest.mark.parametrize(
    ("later", "verdict"),
    [(0, "accepted"), (600, "handoff.expired"), (-600, "handoff.not_yet_valid"), (2e11, "handoff.signature")],
)
def test_another_time_is_judged_by_the_same_rules(path: Path, later: float, verdict: str) -> None:
    """Windows and skew are the document's and the cell's; long after, the certificate counts no more."""
    said = run(path, "--at", (AT + timedelta(seconds=later)).isoformat(), "--json")
    answer = json.loads(said.stdout)
    assert (answer["verdict"], answer["recorded"], answer["same"]) == (verdict, "accepted", verdict == "accepted")
    assert said.exit_code == (0 if verdict == "accepted" else 1)


def test_other_trust_is_judged_by_whose_key_signed(tmp_path: Path, path: Path) -> None:
    """The certificate that signed is enough; another one is refused, and the refusal names the one that signed."""
    stranger = tmp_path / "keys"
    create_key(stranger, now=AT - timedelta(days=1))
    document = json.loads(path.read_text("utf-8"))["document"]
    signer = tmp_path / "signer.crt"
    signer.write_text("".join(document["signer"]["certificates"]), "utf-8")
    assert run(path, "--trust", signer).exit_code == 0
    (other,) = stranger.glob("*.crt")
    refused = run(path, "--trust", other)
    assert refused.exit_code == 1
    assert "now handoff.signature" in refused.stdout
    assert document["signed_by"][0] in refused.stdout


def test_a_wrong_certificate_is_told_by_replaying_with_the_right_one(tmp_path: Path) -> None:
    """The cell trusted the wrong key: with the certificate that is in the document, the rest is read and nothing refuses."""
    ring = tmp_path / "keys"
    key = create_key(ring, now=AT - timedelta(days=1))
    raw = sign(render(World("stranger", "response").handoff), key).xml
    source = Source("posted", None, raw)
    document = recorded_document(source, BENCH.question(named("as-minted")), mask=Mask(secrets.token_bytes), unspent="not_run")
    transcript(document).write(tmp_path / "refused.json")
    assert verdict_of(document.checks) == "handoff.signature"
    assert run(tmp_path / "refused.json").exit_code == 0
    (certificate,) = ring.glob("*.crt")
    said = run(tmp_path / "refused.json", "--trust", certificate)
    assert "recorded handoff.signature, now" in said.stdout
    assert "FAIL again" not in said.stdout


def test_a_sign_in_that_never_came_to_a_document_has_no_verdict(tmp_path: Path) -> None:
    """The way is told all the same."""
    transcript(None).write(tmp_path / "short.json")
    said = run(tmp_path / "short.json")
    assert (said.exit_code, "never came to a document" in said.stdout) == (0, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"{}", b"\xff", b'{"format": "cellbridge-transcript/2"}', b" " * 2_000_001,
    ],
)  # fmt: skip
def test_what_is_no_transcript_is_refused_in_a_sentence(tmp_path: Path, raw: bytes) -> None:
    """A file from a stranger is read strictly."""
    (tmp_path / "x.json").write_bytes(raw)
    said = run(tmp_path / "x.json")
    assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (2, "", 1)
    assert run(tmp_path / "missing.json").exit_code == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"judged":"again"', '"judged":"trusted"'),
        ('"reference":', '"command":"x","reference":'),
        ("-----BEGIN CERTIFICATE-----", "-----BEGIN NONSENSE-----"),
        ('"number":18', '"number":17'),
        ('"number":18', '"number":19'),
        ('"entity_id":"http', '"entity_id":"","x":"'),
    ],
)
def test_a_transcript_that_was_bent_is_refused(path: Path, old: str, new: str) -> None:
    """Unknown fields, other words, certificates that are none, checks that stand twice."""
    text = json.dumps(json.loads(path.read_text("utf-8")), separators=(",", ":"))
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    assert run(path).exit_code == 2
