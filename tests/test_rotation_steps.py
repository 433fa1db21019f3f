"""The steps of a key rotation: what each does to the ring, and what stops it."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.errors import KeyRingError, RotationRefused
from bridge.keys import RING_FILE, KeyRing, SigningKey, create_key
from bridge.rotation import OVERLAP, promote, retire
from bridge.sections import Saml, Trust
from tests.oauth.loopback import Answer, LoopbackProvider, json_answer

NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
ISSUER = "https://cells.example/saml/metadata"


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """A folder with an active and a next key."""
    for _ in range(2):
        create_key(tmp_path / "ring", now=NOW, algorithm="ec-p256")
    return tmp_path / "ring"


@pytest.fixture
def cell() -> Iterator[LoopbackProvider]:
    """An owning cell's own port."""
    running = LoopbackProvider()
    yield running
    running.stop()


def in_state(directory: Path, state: str) -> SigningKey:
    """Return the one key in *state*."""
    (found,) = (key for key in KeyRing.load(directory).keys if key.state == state)
    return found


def trusts(cell: LoopbackProvider, *fingerprints: str, issuer: str = ISSUER, status: int = 200) -> None:
    """Let the cell say that it trusts *fingerprints*."""
    cell.on("GET", "/-/readyz", json_answer({"status": "ready", "trust": {issuer: list(fingerprints)}}, status))


def promoted(ring: Path, *cells: str, **options: object) -> object:
    """Promote as of `NOW`."""
    return promote(ring, issuer=ISSUER, cells=cells, clock=lambda: NOW, **options)  # type: ignore[arg-type]


def test_promote_swaps_and_keeps_both_published(ring: Path, cell: LoopbackProvider) -> None:
    """Next becomes active; what was active retires, and stays in the metadata behind it."""
    old, new = in_state(ring, "active"), in_state(ring, "next")
    trusts(cell, old.fingerprint, new.fingerprint, status=503)  # trust is what counts, not whether its database is up
    promoted(ring, cell.url)
    assert KeyRing.load(ring).active.fingerprint == new.fingerprint
    assert KeyRing.load(ring).published == (new.certificate, old.certificate)
    assert in_state(ring, "retired").signed_until == NOW


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (json_answer({"trust": {ISSUER: []}}), "does not trust"),
        (json_answer({"trust": {ISSUER: ["0" * 64]}}), "does not trust"),
        (json_answer({"trust": {"https://other.example": ["FINGERPRINT"]}}), "does not trust"),
        (json_answer({"trust": {}}), "does not trust"),
        (json_answer({"trust": {ISSUER: "FINGERPRINT"}}), "is no owning cell"),
        (json_answer({"trust": ["FINGERPRINT"]}), "is no owning cell"),
        (json_answer({"status": "ready"}), "is no owning cell"),
        (json_answer(["FINGERPRINT"]), "is no owning cell"),
        (Answer(b"FINGERPRINT", 200), "is no owning cell"),
        (Answer(b"[" * 100_000, 200), "is no owning cell"),
        (Answer(b'"' + b"x" * 300_000 + b'"', 200), "cannot be asked"),
    ],
)
def test_a_cell_that_does_not_trust_the_next_key_stops_it(
    ring: Path, cell: LoopbackProvider, answer: Answer, sentence: str
) -> None:
    """The very fingerprint must stand in a list under the very issuer; anything else refuses, and the ring stays as it is."""
    fingerprint = in_state(ring, "next").fingerprint.encode()
    cell.on("GET", "/-/readyz", Answer(answer.body.replace(b"FINGERPRINT", fingerprint), answer.status, answer.headers))
    before = (ring / RING_FILE).read_bytes()
    with pytest.raises(RotationRefused, match=sentence):
        promoted(ring, cell.url)
    assert (ring / RING_FILE).read_bytes() == before


def test_a_redirect_is_no_answer(ring: Path, cell: LoopbackProvider) -> None:
    """A cell speaks for itself."""
    trusts(cell, in_state(ring, "next").fingerprint)
    cell.on("GET", "/-/readyz", Answer(b"", 302, {"Location": f"{cell.url}/elsewhere"}))
    cell.on("GET", "/elsewhere", json_answer({"trust": {ISSUER: [in_state(ring, "next").fingerprint]}}))
    with pytest.raises(RotationRefused):
        promoted(ring, cell.url)
    assert cell.asked("GET", "/elsewhere") == []


def test_every_cell_is_asked_and_named(ring: Path, cell: LoopbackProvider) -> None:
    """One trusting cell is not enough; each objection is told, an unreachable cell's too."""
    gone = LoopbackProvider()
    gone.stop()
    trusts(cell, in_state(ring, "next").fingerprint)
    with pytest.raises(RotationRefused) as refused:
        promoted(ring, gone.url, cell.url, f"{gone.url}/")
    assert [reason.split(": ")[0] for reason in refused.value.reasons] == [gone.url, f"{gone.url}/"]


def test_no_cell_is_no_consent(ring: Path) -> None:
    """Where nobody is named, nobody has agreed."""
    with pytest.raises(RotationRefused, match="owning_cells"):
        promoted(ring)


def test_force_promotes_and_says_over_what(ring: Path) -> None:
    """Danger is named: what was overridden comes back."""
    gone = LoopbackProvider()
    gone.stop()
    new = in_state(ring, "next")
    done = promote(ring, issuer=ISSUER, cells=[gone.url], clock=lambda: NOW, unsafe_force=True)
    assert [reason.split(": ")[0] for reason in done.overridden] == [gone.url]
    assert KeyRing.load(ring).active.fingerprint == new.fingerprint == done.active.fingerprint


def test_an_expired_key_is_never_promoted(tmp_path: Path) -> None:
    """Every cell would refuse what it signs, so force does not help."""
    create_key(tmp_path, now=NOW, algorithm="ec-p256")
    create_key(tmp_path, now=NOW - timedelta(days=2), days=1, algorithm="ec-p256")
    with pytest.raises(RotationRefused, match="expired"):
        promoted(tmp_path, unsafe_force=True)


def test_which_of_several_next_keys_is_said(ring: Path) -> None:
    """None and two are both refusals; the beginning of a fingerprint chooses."""
    create_key(ring, now=NOW, algorithm="ec-p256")
    chosen, other = (key for key in KeyRing.load(ring).keys if key.state == "next")
    with pytest.raises(RotationRefused, match="--key"):
        promoted(ring, unsafe_force=True)
    promoted(ring, unsafe_force=True, key=chosen.fingerprint[:12])
    assert KeyRing.load(ring).active.fingerprint == chosen.fingerprint
    promoted(ring, unsafe_force=True)
    assert KeyRing.load(ring).active.fingerprint == other.fingerprint
    with pytest.raises(RotationRefused, match="keys new"):
        promoted(ring, unsafe_force=True)


def test_retire_waits_for_the_last_handoff(ring: Path) -> None:
    """Until nothing that the old key signed can be accepted, nothing changes; then the pair is gone, from the disk, too."""
    old = in_state(ring, "active")
    with pytest.raises(RotationRefused, match="no key is retired"):
        retire(ring, now=NOW)
    promoted(ring, unsafe_force=True)
    before = (ring / RING_FILE).read_bytes()
    with pytest.raises(RotationRefused, match="not before 2026-07-01T12:07:02Z"):
        retire(ring, now=NOW + OVERLAP - timedelta(seconds=1))
    assert (ring / RING_FILE).read_bytes() == before
    assert [key.fingerprint for key in retire(ring, now=NOW + OVERLAP)] == [old.fingerprint]
    assert KeyRing.load(ring).published == (KeyRing.load(ring).active.certificate,)
    assert not list(ring.glob(f"{old.name}.*"))


def test_the_overlap_covers_every_configuration() -> None:
    """The longest life of a handoff and the widest skew that the configuration allows."""
    longest = max(one.le for one in Saml.model_fields["lifetime_seconds"].metadata if hasattr(one, "le"))
    widest = max(one.le for one in Trust.model_fields["skew_seconds"].metadata if hasattr(one, "le"))
    assert timedelta(seconds=longest + widest) < OVERLAP


def test_a_reader_always_finds_a_whole_ring(tmp_path: Path) -> None:
    """Whoever loads the ring while it is rolled gets one that can sign, again and again."""
    create_key(tmp_path, now=NOW, algorithm="ec-p256")
    over, broken = threading.Event(), list[Exception]()

    def read() -> None:
        while not over.is_set():
            try:
                assert KeyRing.load(tmp_path).active.state == "active"
            except (KeyRingError, AssertionError) as error:
                broken.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(10):
        create_key(tmp_path, now=NOW, algorithm="ec-p256")
        promoted(tmp_path, unsafe_force=True)
    over.set()
    reader.join()
    assert broken == []


@pytest.mark.parametrize(
    "extra",
    [
        {"signed_until": []},
        {"signed_until": {"ACTIVE": "2026-07-01T12:00:00+00:00"}},
        {"signed_until": {"nobody": "2026-07-01T12:00:00+00:00"}},
        {"signed_until": {"RETIRED": "2026-07-01T12:00:00"}},
        {"signed_until": {"RETIRED": "yesterday"}},
        {"signed_until": {"RETIRED": 7}},
    ],
)
def test_a_ring_with_times_that_make_no_sense_is_refused(ring: Path, extra: dict[str, object]) -> None:
    """Only a retired pair has a time, with its zone: a wrong one would end an overlap too soon."""
    promoted(ring, unsafe_force=True)
    text = json.dumps({**json.loads((ring / RING_FILE).read_text()), **extra})
    for state in ("active", "retired"):
        text = text.replace(state.upper(), in_state(ring, state).name)
    (ring / RING_FILE).write_text(text)
    with pytest.raises(KeyRingError, match=RING_FILE):
        KeyRing.load(ring)


class TestCommands:
    """`cellbridge keys promote` and `keys retire`."""

    @staticmethod
    def run(*arguments: object) -> Result:
        """Run `cellbridge keys ...` as the shell would."""
        return CliRunner().invoke(main, ["keys", *(str(argument) for argument in arguments)])

    def test_without_a_configuration_issuer_and_cells_are_told(self, ring: Path, cell: LoopbackProvider) -> None:
        """`--dir`, `--issuer` and `--cell` are enough; with `--json` stdout is JSON alone."""
        new = in_state(ring, "next")
        trusts(cell, new.fingerprint)
        assert self.run("promote", "--dir", ring).exit_code == 2
        done = self.run("promote", "--dir", ring, "--issuer", ISSUER, "--cell", cell.url, "--json")
        assert done.exit_code == 0, done.stderr
        active, retired = (json.loads(line) for line in done.stdout.splitlines())
        assert (active["state"], active["fingerprint"], active["forced_over"]) == ("active", new.fingerprint, [])
        assert (retired["state"], "retire_from" in retired) == ("retired", True)
        early = self.run("retire", "--dir", ring)
        assert (early.exit_code, early.stdout, "not before" in early.stderr) == (1, "", True)

    def test_force_is_told_on_stderr(self, ring: Path) -> None:
        """Whoever reads the terminal sees what was overridden."""
        done = self.run("promote", "--dir", ring, "--issuer", ISSUER, "--unsafe-force")
        assert done.exit_code == 0
        assert done.stderr.startswith("forced over: no owning cell is named")
        assert "is active" in done.stdout

    def test_refusal_is_told_without_a_trace(self, ring: Path) -> None:
        """One line a reason, exit code 1."""
        done = self.run("promote", "--dir", ring, "--issuer", ISSUER)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("cellbridge: the keys stay as they are\n")

    def test_list_tells_from_when_a_retired_key_may_go(self, ring: Path) -> None:
        """What `keys retire` waits for can be seen."""
        promoted(ring, unsafe_force=True)
        assert "retired" in self.run("list", "--dir", ring).stdout
        assert "may go from 2026-07-01T12:07:02Z on" in self.run("list", "--dir", ring).stdout
