"""The key ring: making, loading and refusing signing keys."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from pydantic import SecretStr, ValidationError

from bridge.errors import KeyRingError
from bridge.keys import RING_FILE, Algorithm, KeyRing, SigningKey, create_key, load_certificates, ring_files
from bridge.sections import Saml

NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("algorithm", "kind", "size"),
    [
        ("rsa-2048", rsa.RSAPrivateKey, 2048),
        ("rsa-3072", rsa.RSAPrivateKey, 3072),
        ("ec-p256", ec.EllipticCurvePrivateKey, 256),
        ("ec-p384", ec.EllipticCurvePrivateKey, 384),
    ],
)
def test_every_algorithm_makes_a_pair_that_loads(tmp_path: Path, algorithm: Algorithm, kind: type, size: int) -> None:
    """A made key comes back from disk as it was made."""
    made = create_key(tmp_path, now=NOW, algorithm=algorithm)
    loaded = KeyRing.load(tmp_path).active
    assert loaded.fingerprint == made.fingerprint == made.certificate.fingerprint(hashes.SHA256()).hex()
    assert isinstance(loaded.private_key, kind)
    assert loaded.private_key.key_size == size


def test_another_algorithm_is_refused(tmp_path: Path) -> None:
    """A name that is not on the list makes no key."""
    with pytest.raises(KeyRingError):
        create_key(tmp_path, now=NOW, algorithm="rsa-1024")  # type: ignore[arg-type]
    assert not (tmp_path / RING_FILE).exists()


def test_the_first_key_is_active_and_later_ones_are_next(tmp_path: Path) -> None:
    """A new key never starts to sign by itself: receivers have to learn it first."""
    first = create_key(tmp_path, now=NOW, algorithm="ec-p256")
    second = create_key(tmp_path, now=NOW, algorithm="ec-p256")
    assert (first.state, second.state) == ("active", "next")
    ring = KeyRing.load(tmp_path)
    assert ring.active.fingerprint == first.fingerprint
    assert ring.published == (first.certificate, second.certificate)


def test_the_active_certificate_is_published_first(tmp_path: Path) -> None:
    """Also where the next key sorts before it; a retired one is not published."""
    for state in ("retired", "next", "active"):
        create_key(tmp_path, now=NOW, algorithm="ec-p256", state=state)
    ring = KeyRing.load(tmp_path)
    assert [key.certificate for key in ring.keys if key.state == "active"] == [ring.published[0]]
    assert len(ring.published) == 2


def test_a_second_active_key_is_refused(tmp_path: Path) -> None:
    """At most one key signs."""
    create_key(tmp_path, now=NOW, algorithm="ec-p256")
    with pytest.raises(KeyRingError):
        create_key(tmp_path, now=NOW, algorithm="ec-p256", state="active")


def test_the_certificate_is_valid_for_the_days_asked(tmp_path: Path) -> None:
    """It begins a little before now, for receivers whose clock is behind, and is no authority."""
    certificate = create_key(tmp_path, now=NOW, days=10, algorithm="ec-p256").certificate
    assert certificate.not_valid_before_utc < NOW
    assert certificate.not_valid_after_utc == NOW + timedelta(days=10)
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_private_keys_are_private(tmp_path: Path) -> None:
    """A private key is written with mode 0600, and refused once others may read it."""
    key = create_key(tmp_path / "ring", now=NOW, algorithm="ec-p256")
    path = tmp_path / "ring" / f"{key.name}.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ring").stat().st_mode & 0o777 == 0o700
    path.chmod(0o644)
    with pytest.raises(KeyRingError, match="chmod 600"):
        KeyRing.load(tmp_path / "ring")


def test_nothing_is_left_over(tmp_path: Path) -> None:
    """After making a key there is the pair and the ring file, and no temporary file."""
    name = create_key(tmp_path, now=NOW, algorithm="ec-p256").name
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"{name}.key", f"{name}.crt", RING_FILE])


def test_a_pair_that_the_ring_does_not_name_does_not_count(tmp_path: Path) -> None:
    """A crash between the pair and the ring file leaves the old ring, and the stray pair harms nobody."""
    kept = create_key(tmp_path, now=NOW, algorithm="ec-p256")
    ring = (tmp_path / RING_FILE).read_text()
    create_key(tmp_path, now=NOW, algorithm="ec-p256")
    (tmp_path / RING_FILE).write_text(ring)
    assert [key.fingerprint for key in KeyRing.load(tmp_path).keys] == [kept.fingerprint]


def test_two_makers_at_once_lose_no_key(tmp_path: Path) -> None:
    """Writers take turns: every key made is in the ring, and one is active."""
    threads = [
        threading.Thread(target=create_key, args=(tmp_path,), kwargs={"now": NOW, "algorithm": "ec-p256"}) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [key.state for key in KeyRing.load(tmp_path).keys].count("active") == 1
    assert len(KeyRing.load(tmp_path).keys) == 8


@pytest.mark.parametrize(
    "ring",
    [
        "not json",
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": {"a": "current"}}',
        '{"keys": {"a": ["active"]}}',
        '{"keys": {"../a": "active"}}',
        '{"keys": {}}',
        '{"keys": {"missing": "active"}}',
    ],
)
def test_a_ring_file_that_is_none_is_refused(tmp_path: Path, ring: str) -> None:
    """An unreadable ring stops the start with a sentence; it is never taken for an empty one."""
    (tmp_path / RING_FILE).write_text(ring)
    with pytest.raises(KeyRingError):
        KeyRing.load(tmp_path)


def test_no_ring_is_refused(tmp_path: Path) -> None:
    """Without keys the legacy cell does not start, and the sentence says what to run."""
    with pytest.raises(KeyRingError, match="cellbridge keys new"):
        KeyRing.load(tmp_path)


def test_no_active_key_and_two_are_refused(tmp_path: Path) -> None:
    """Exactly one key must be active."""
    names = [create_key(tmp_path, now=NOW, algorithm="ec-p256").name for _ in range(2)]
    for state in ("next", "active"):
        (tmp_path / RING_FILE).write_text(json.dumps({"keys": dict.fromkeys(names, state)}))
        with pytest.raises(KeyRingError, match="exactly one"):
            KeyRing.load(tmp_path)


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    """A pair that does not belong together would sign what nobody can verify."""
    first, second = (create_key(tmp_path, now=NOW, algorithm="ec-p256").name for _ in range(2))
    (tmp_path / f"{first}.key").write_bytes((tmp_path / f"{second}.key").read_bytes())
    with pytest.raises(KeyRingError, match="is not the key of"):
        KeyRing.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"])
def test_a_broken_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """The sentence names the file and not what is in it."""
    name = create_key(tmp_path, now=NOW, algorithm="ec-p256").name
    (tmp_path / f"{name}.key").write_bytes(content)
    with pytest.raises(KeyRingError, match=name):
        KeyRing.load(tmp_path)


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    """There is nobody to type a passphrase."""
    key = create_key(tmp_path, now=NOW, algorithm="ec-p256")
    sealed = key.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    (tmp_path / f"{key.name}.key").write_bytes(sealed)
    with pytest.raises(KeyRingError):
        KeyRing.load(tmp_path)


def test_certificates_are_loaded_in_order(tmp_path: Path) -> None:
    """Several files, and several certificates in one file, come out in the order they were named."""
    first, second, third = (create_key(tmp_path, now=NOW, algorithm="ec-p256") for _ in range(3))
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes(b"".join((tmp_path / f"{key.name}.crt").read_bytes() for key in (third, first)))
    found = load_certificates([bundle, tmp_path / f"{second.name}.crt"])
    assert found == (third.certificate, first.certificate, second.certificate)


def weak(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """Return a self-signed certificate of *key* in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "weak")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        weak(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505 - to be refused
        weak(ec.generate_private_key(ec.SECP256K1())),
        weak(ed25519.Ed25519PrivateKey.generate()),
    ],
    ids=["empty", "junk", "RSA-1024", "another curve", "another kind"],
)
def test_a_certificate_that_is_no_good_is_refused(tmp_path: Path, content: bytes) -> None:
    """A trusted certificate must exist, parse, and hold a key that is strong and of a kind that signs handoffs."""
    path = tmp_path / "trusted.crt"
    path.write_bytes(content)
    with pytest.raises(KeyRingError, match=r"trusted\.crt"):
        load_certificates([path])
    with pytest.raises(KeyRingError, match=r"missing\.crt"):
        load_certificates([tmp_path / "missing.crt"])


class TestSingleKey:
    """A signing key from files or variables instead of a folder."""

    @staticmethod
    def pem(key: SigningKey) -> tuple[bytes, bytes]:
        """Return private key and certificate of *key* in PEM."""
        secret = key.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return secret, key.certificate.public_bytes(serialization.Encoding.PEM)

    @pytest.mark.parametrize("algorithm", ["rsa-3072", "ec-p384"])
    def test_key_and_certificate_as_text(self, tmp_path: Path, algorithm: Algorithm) -> None:
        """What a secret store puts into variables signs like a folder's key."""
        made = create_key(tmp_path, now=NOW, algorithm=algorithm)
        secret, certificate = self.pem(made)
        ring = KeyRing.configured(Saml(entity_id="x", private_key=SecretStr(secret.decode()), certificate=certificate.decode()))
        assert (ring.active.fingerprint, ring.published) == (made.fingerprint, (made.certificate,))

    def test_key_and_certificates_as_files(self, tmp_path: Path) -> None:
        """The first certificate is the key's own; the others are published besides, and both files are followed."""
        made, following = (create_key(tmp_path / name, now=NOW, algorithm="ec-p256") for name in "ab")
        (tmp_path / "key.pem").write_bytes(self.pem(made)[0])
        (tmp_path / "key.pem").chmod(0o600)
        (tmp_path / "crt.pem").write_bytes(self.pem(made)[1] + self.pem(following)[1])
        saml = Saml(entity_id="x", private_key_file=tmp_path / "key.pem", certificate_file=tmp_path / "crt.pem")
        assert KeyRing.configured(saml).published == (made.certificate, following.certificate)
        assert ring_files(saml) == (tmp_path / "key.pem", tmp_path / "crt.pem")
        (tmp_path / "key.pem").chmod(0o644)
        with pytest.raises(KeyRingError, match="chmod 600"):
            KeyRing.configured(saml)

    def test_a_folder(self, tmp_path: Path) -> None:
        """The ring file is replaced last, so it alone is followed."""
        made = create_key(tmp_path, now=NOW, algorithm="ec-p256")
        saml = Saml(entity_id="x", keys=tmp_path)
        assert KeyRing.configured(saml).active.fingerprint == made.fingerprint
        assert ring_files(saml) == (tmp_path / RING_FILE,)

    @pytest.mark.parametrize("spoil", ["key", "certificate", "both swapped"])
    def test_what_does_not_belong_together_is_refused(self, tmp_path: Path, spoil: str) -> None:
        """The sentence names the setting and repeats nothing of the key."""
        made, other = (create_key(tmp_path / name, now=NOW, algorithm="ec-p256") for name in "ab")
        secret, certificate = (part.decode() for part in self.pem(made))
        if spoil == "key":
            secret = secret[:60]
        elif spoil == "certificate":
            certificate = "junk"
        else:
            certificate = self.pem(other)[1].decode()
        with pytest.raises(KeyRingError, match=r"saml\.(private_key|certificate)") as refused:
            KeyRing.configured(Saml(entity_id="x", private_key=SecretStr(secret), certificate=certificate))
        assert secret[40:80] not in str(refused.value)

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"private_key": "x"},
            {"certificate": "x"},
            {"private_key": "x", "private_key_file": "x", "certificate": "x"},
            {"private_key": "x", "certificate": "x", "certificate_file": "x"},
            {"keys": "x", "private_key": "x", "certificate": "x"},
            {"keys": "x", "certificate_file": "x"},
        ],
    )
    def test_one_source_is_given(self, given: dict[str, str]) -> None:
        """A folder or a pair; two sources could name two keys."""
        with pytest.raises(ValidationError, match="keys"):
            Saml.model_validate({"entity_id": "x", **given})
