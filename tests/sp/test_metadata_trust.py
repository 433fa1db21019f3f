"""Trust that follows files and fetched metadata: what comes in, and that nothing bad ever takes anything out."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding

from bridge.config import SpConfig, load
from bridge.errors import ConfigInvalid, KeyRingError
from bridge.fetch import FetchFailed
from bridge.files import replace_file
from bridge.harness.processes import wait_until
from bridge.keys import SigningKey, create_key
from bridge.saml.metadata import idp_metadata
from bridge.saml.xml import MAX_XML_BYTES
from bridge.web.expiry import CertificateLife
from bridge.web.metrics import Metrics
from sp.metadata_refresh import Metadata, Refresher
from sp.trust import fingerprints, lifetimes, live_trust, require_trust, trusted_issuers, warn_of_expiry
from tests.oauth.loopback import Answer, LoopbackProvider, Received

NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
ISSUER = "https://cells.example/saml/metadata"
CONFIG = """
[service]
public_url = "https://cells.example"
database_url = "sqlite:///sp.db"
secret_files = ["seal.key"]
[cell]
id = 2
session_prefix = "cell-2"
[topology]
file = "directory.toml"
[[trust]]
entity_id = "https://cells.example/saml/metadata"
{trust}
[[org]]
id = 42
path = "acme"
name = "Acme"
providers = ["github"]
"""


@pytest.fixture(scope="module")
def pens(tmp_path_factory: pytest.TempPathFactory) -> list[SigningKey]:
    """Three signing keys."""
    return [create_key(tmp_path_factory.mktemp("pen"), now=NOW, algorithm="ec-p256") for _ in range(3)]


@pytest.fixture
def legacy() -> Iterator[LoopbackProvider]:
    """The legacy cell's metadata address."""
    running = LoopbackProvider()
    yield running
    running.stop()


@pytest.fixture
def config(tmp_path: Path, legacy: LoopbackProvider) -> SpConfig:
    """An owning cell that knows its one issuer by metadata alone."""
    return configured(tmp_path, f'metadata_url = "{legacy.url}/metadata"\nmetadata_file = "kept.xml"\n')


def configured(folder: Path, trust: str) -> SpConfig:
    """Return an owning cell's configuration with *trust* in its one table."""
    (folder / "sp.toml").write_text(CONFIG.format(trust=trust), "utf-8")
    return load(SpConfig, folder / "sp.toml", {})


def document(*pens: SigningKey, entity_id: str = ISSUER) -> bytes:
    """Return metadata with the certificates of *pens*."""
    return idp_metadata(entity_id=entity_id, sso_url="https://x.example/", certificates=[pen.certificate for pen in pens])


def metadata(config: SpConfig) -> Metadata:
    """Return the one source of metadata."""
    return Metadata(config.trust[0], clock=lambda: NOW)


def trusted(config: SpConfig) -> list[str]:
    """Return the fingerprints that the files say are trusted."""
    found = trusted_issuers(config)
    return [CertificateLife.of("", one, NOW).fingerprint for one in found[ISSUER].certificates] if found else []


def short(*pens: SigningKey) -> list[str]:
    """Return the beginnings of the fingerprints of *pens*."""
    return [pen.fingerprint[:16] for pen in pens]


@pytest.mark.parametrize(("line", "asserted"), [("", ["github", "gitlab"]), ('providers = ["github"]\n', ["github"])])
def test_the_table_says_whom_an_issuer_speaks_for(
    tmp_path: Path, pens: list[SigningKey], line: str, asserted: list[str]
) -> None:
    """Every provider unless told otherwise, and never a foreign issuer's people."""
    (tmp_path / "idp.crt").write_bytes(pens[0].certificate.public_bytes(Encoding.PEM))
    issuer = trusted_issuers(configured(tmp_path, f'certificates = ["idp.crt"]\n{line}'))[ISSUER]
    assert [name for name in ("github", "gitlab", "saml_partner") if issuer.may_assert(name)] == asserted


def test_a_good_document_is_kept_and_replaced(config: SpConfig, legacy: LoopbackProvider, pens: list[SigningKey]) -> None:
    """What the issuer publishes is trusted: more certificates, and then fewer."""
    source = metadata(config)
    for published in (pens[:1], pens[:2], pens[1:2]):
        legacy.on("GET", "/metadata", Answer(document(*published)))
        source.refresh()
        assert trusted(config) == short(*published)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"GOOD", 500),
        Answer(b"GOOD", 404),
        Answer(b"GOOD", 203),
        Answer(b"", 304),
        Answer(b"", 200),
        Answer(b"<html>", 200),
        Answer(b"OTHER", 200),
        Answer(b"NONE", 200),
        Answer(b" " * (MAX_XML_BYTES + 1), 200),
        Answer(b"", 302, {"Location": "/good"}),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:8]!r}",
)
def test_whatever_else_comes_changes_nothing(
    config: SpConfig, legacy: LoopbackProvider, pens: list[SigningKey], answer: Answer
) -> None:
    """An error, a redirect, an empty, oversized or unusable document leaves the kept one, byte for byte."""
    source, kept = metadata(config), config.trust[0].metadata_file
    assert kept is not None
    legacy.on("GET", "/metadata", Answer(document(*pens[:2])))
    source.refresh()
    before = kept.read_bytes()
    bodies = {b"GOOD": document(pens[2]), b"OTHER": document(pens[2], entity_id="https://x.example/"), b"NONE": document()}
    legacy.on("GET", "/good", Answer(bodies[b"GOOD"]))
    legacy.on("GET", "/metadata", Answer(bodies.get(answer.body, answer.body), answer.status, answer.headers))
    with pytest.raises((FetchFailed, KeyRingError)):
        source.refresh()
    assert kept.read_bytes() == before
    assert trusted(config) == short(*pens[:2])
    assert legacy.asked("GET", "/good") == []


def test_an_unchanged_document_is_not_sent_again(config: SpConfig, legacy: LoopbackProvider, pens: list[SigningKey]) -> None:
    """The ETag comes along once the document is kept, and no longer when the kept file is another."""

    def answer(received: Received) -> Answer:
        same = received.headers.get("if-none-match") == '"one"'
        return Answer(b"" if same else document(pens[0]), 304 if same else 200, {"ETag": '"one"'})

    legacy.on("GET", "/metadata", answer)
    source, kept = metadata(config), config.trust[0].metadata_file
    assert kept is not None
    for _ in range(3):
        source.refresh()
    assert [one.headers.get("if-none-match") for one in legacy.asked("GET", "/metadata")] == [None, '"one"', '"one"']
    kept.unlink()
    source.refresh()
    assert trusted(config) == short(pens[0])


def test_nobody_who_answers_slowly_holds_the_thread(config: SpConfig, legacy: LoopbackProvider) -> None:
    """A failed try says when to come again: soon, then later, and never later than the usual time."""
    legacy.on("GET", "/metadata", Answer(b"", 500))
    source = metadata(config)
    assert [source.tend() for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_of_all_workers_one_asks(config: SpConfig, legacy: LoopbackProvider, pens: list[SigningKey]) -> None:
    """Answers then follow one another: no worker puts an older document over a newer one."""
    legacy.on("GET", "/metadata", Answer(document(pens[0])))
    first = metadata(config)
    first.refresh()
    program = f"""
import sys
from pathlib import Path
from bridge.config import SpConfig, load
from sp.metadata_refresh import Metadata
source = Metadata(load(SpConfig, Path({str(config.trust[0].metadata_file)!r}).with_name("sp.toml"), {{}}).trust[0], clock=None)
source.refresh()
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ, timeout=60)
    assert len(legacy.asked("GET", "/metadata")) == 1
    first.refresh()
    assert len(legacy.asked("GET", "/metadata")) == 2


def test_the_thread_fetches_and_a_running_cell_follows(
    config: SpConfig, legacy: LoopbackProvider, pens: list[SigningKey]
) -> None:
    """From nobody trusted, which is not ready, to a key that has just been published, without a restart."""
    trust = live_trust(config)
    with pytest.raises(KeyRingError):
        require_trust(trust, NOW)
    assert fingerprints(config, trust) == {ISSUER: []}
    legacy.on("GET", "/metadata", Answer(document(pens[0])))
    thread = Refresher(config.trust, clock=lambda: NOW)
    thread.start()
    try:
        wait_until(
            lambda: fingerprints(config, trust) == {ISSUER: [pens[0].fingerprint]}, seconds=10, what="the certificate's trust"
        )
    finally:
        thread.stop()
    require_trust(trust, NOW)


def test_one_broken_job_does_not_stop_the_others(config: SpConfig, legacy: LoopbackProvider, pens: list[SigningKey]) -> None:
    """The thread outlives whatever one of its jobs meets."""

    def broken() -> float:
        raise RuntimeError

    legacy.on("GET", "/metadata", Answer(document(pens[0])))
    thread = Refresher(config.trust, chores=[broken], clock=lambda: NOW)
    thread.start()
    try:
        wait_until(lambda: trusted(config) == short(pens[0]), seconds=10, what="the certificate")
    finally:
        thread.stop()


@pytest.mark.parametrize("spoil", [b"", b"spoiled", None])
def test_a_spoiled_cache_takes_nothing_away(config: SpConfig, pens: list[SigningKey], spoil: bytes | None) -> None:
    """A running cell keeps what it trusted when the kept file is emptied, spoiled or deleted; a new start has to fetch."""
    kept = config.trust[0].metadata_file
    assert kept is not None
    replace_file(kept, document(pens[0]), mode=0o600)
    passed = [0.0]
    trust = live_trust(config, monotonic=lambda: passed[0])
    if spoil is None:
        kept.unlink()
    else:
        kept.write_bytes(spoil)
    passed[0] += 1
    assert [CertificateLife.of("", one, NOW).fingerprint for one in trust.current().issuers[ISSUER].certificates] == short(
        pens[0]
    )
    assert trusted(config) == []


def test_files_and_metadata_count_together(tmp_path: Path, pens: list[SigningKey]) -> None:
    """Each certificate once, files first; a certificate file that changes is followed, a broken one changes nothing."""
    pem = tmp_path / "own.crt"
    config = configured(
        tmp_path, 'certificates = ["own.crt"]\nmetadata_url = "https://x.example/m"\nmetadata_file = "kept.xml"\n'
    )
    replace_file(pem, _pem(pens[0]), mode=0o600)
    replace_file(tmp_path / "kept.xml", document(*pens[:2]), mode=0o600)
    passed = [0.0]
    trust = live_trust(config, monotonic=lambda: passed[0])
    assert trusted(config) == short(*pens[:2])
    for content, expected in (
        (_pem(pens[2]), [pens[2], *pens[:2]]),
        (b"broken", [pens[2], *pens[:2]]),
        (_pem(pens[1]), [pens[1], pens[0]]),
    ):
        replace_file(pem, content, mode=0o600)
        passed[0] += 1
        assert [life.fingerprint for life in lifetimes(trust, NOW)] == short(*expected)


def test_a_cell_that_trusts_only_what_has_expired_is_not_ready(tmp_path: Path, pens: list[SigningKey]) -> None:
    """It would refuse everybody."""
    replace_file(tmp_path / "own.crt", _pem(pens[0]), mode=0o600)
    trust = live_trust(configured(tmp_path, 'certificates = ["own.crt"]'))
    ends = pens[0].certificate.not_valid_after_utc
    require_trust(trust, ends - timedelta(seconds=1))
    with pytest.raises(KeyRingError):
        require_trust(trust, ends)


def _pem(pen: SigningKey) -> bytes:
    return pen.certificate.public_bytes(Encoding.PEM)


def test_a_folder_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    """Otherwise nothing that is fetched would ever count."""
    config = configured(tmp_path, 'metadata_url = "https://x.example/m"\nmetadata_file = "nowhere/kept.xml"\n')
    with pytest.raises(KeyRingError, match="nowhere"):
        live_trust(config)


@pytest.mark.parametrize(
    ("trust", "problem"),
    [
        ("", "trust.0.certificates: give certificates, metadata_url, or both"),
        ('metadata_url = "https://x.example/m"', "trust.0.metadata_file: goes together with metadata_url"),
        ('certificates = ["a.crt"]\nmetadata_file = "kept.xml"', "trust.0.metadata_file: goes together with metadata_url"),
        ('metadata_url = "http://x.example/m"\nmetadata_file = "kept.xml"', "trust.0.metadata_url: must be https"),
        ('metadata_url = "https://u:p@x.example/m"\nmetadata_file = "kept.xml"', "trust.0.metadata_url: must not hold"),
        ('metadata_url = "https://x.example/m"\nmetadata_file = "kept.xml"\nrefresh_seconds = 1', "trust.0.refresh_seconds"),
    ],
)
def test_where_certificates_come_from_has_rules(tmp_path: Path, trust: str, problem: str) -> None:
    """Somewhere, by https or from this machine, and kept on disk."""
    with pytest.raises(ConfigInvalid, match=problem.replace(".", r"\.")):
        configured(tmp_path, trust)


@pytest.mark.parametrize(
    ("days", "event"),
    [
        (31, None),
        (30, "certificate.expires_soon"),
        (1, "certificate.expires_soon"),
        (0, "certificate.expired"),
        (-1, "certificate.expired"),
    ],
)
def test_the_end_of_a_certificate_is_told_a_month_ahead(
    tmp_path: Path, pens: list[SigningKey], days: int, event: str | None
) -> None:
    """A warning from 30 days before the end, another one after it, and the gauge at any time."""
    replace_file(tmp_path / "own.crt", _pem(pens[0]), mode=0o600)
    trust = live_trust(configured(tmp_path, 'certificates = ["own.crt"]'))
    now = pens[0].certificate.not_valid_after_utc - timedelta(days=days)
    with structlog.testing.capture_logs() as logged:
        assert warn_of_expiry(trust, now) == 86400
    assert [line["event"] for line in logged] == ([event] if event else [])
    assert all(line["fingerprint"] == pens[0].fingerprint[:16] for line in logged)
    metrics = Metrics("sp")
    metrics.watch_certificates(lambda: lifetimes(trust, now))
    (line,) = (line for line in metrics.render().decode().splitlines() if line.startswith("cellbridge_certificate_expires"))
    assert f'fingerprint="{pens[0].fingerprint[:16]}",issuer="{ISSUER}",service="sp"' in line
    assert float(line.split()[-1]) == days * 86400
