"""The legacy cell's key ring: pairs `<name>.key` and `<name>.crt` in a directory, and `ring.json` with the state of each.

The law: at most one key is active; a private key that others can read is refused; the ring file is replaced as a whole, after
the pair is on disk, so that a crash leaves the old ring. A pair that the ring file does not name does not count.
"""

import base64
import fcntl
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Self, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from bridge.errors import KeyRingError
from bridge.saml.trust import usable_public_key

Algorithm = Literal["rsa-2048", "rsa-3072", "ec-p256", "ec-p384"]
State = Literal["active", "next", "retired"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

RING_FILE = "ring.json"
DEFAULT_DAYS = 730
_READABLE_BY_OTHERS = 0o007
_CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair of the ring. `fingerprint` is the SHA-256 of the certificate in DER, 64 hex digits."""

    name: str
    certificate: x509.Certificate
    private_key: PrivateKey
    state: State
    fingerprint: str = field(init=False)
    certificate_base64: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        der = self.certificate.public_bytes(Encoding.DER)
        object.__setattr__(self, "fingerprint", self.certificate.fingerprint(hashes.SHA256()).hex())
        object.__setattr__(self, "certificate_base64", base64.b64encode(der).decode("ascii"))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of a directory, oldest first."""

    keys: tuple[SigningKey, ...]

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Return the ring in *directory*, each key loaded and warmed once; raises `KeyRingError`.

        OpenSSL prepares a key at its first signature; doing that here keeps it off the first sign-in.
        """
        keys = tuple(_load_pair(directory, name, state) for name, state in sorted(_read_states(directory).items()))
        active = [key.name for key in keys if key.state == "active"]
        if len(active) != 1:
            found = ", ".join(active) or "none"
            raise KeyRingError(reason=f"{directory}: exactly one key must be active, found {found}; run cellbridge keys new")
        for key in keys:
            _warm(key)
        return cls(keys)

    @property
    def active(self) -> SigningKey:
        """The one key that signs."""
        return next(key for key in self.keys if key.state == "active")

    @property
    def published(self) -> tuple[x509.Certificate, ...]:
        """The certificates that the metadata shows: the active one first, then those to come."""
        return tuple(key.certificate for state in ("active", "next") for key in self.keys if key.state == state)


def create_key(
    directory: Path, *, now: datetime, algorithm: Algorithm = "rsa-2048", days: int = DEFAULT_DAYS, state: State | None = None
) -> SigningKey:
    """Make a key pair with a self-signed certificate in *directory*, valid from *now* (aware) for *days*, and return it.

    Without *state*, the first key of a ring becomes active and every later one next. Raises `KeyRingError`.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_writer(directory):
        states = _read_states(directory) if (directory / RING_FILE).exists() else {}
        if state is None:
            state = "next" if "active" in states.values() else "active"
        if state == "active" and "active" in states.values():
            raise KeyRingError(reason=f"{directory}: another key is active already")
        private_key = _generate(algorithm)
        certificate = _self_signed(private_key, now=now, days=days)
        name = f"{now:%Y-%m-%d}-{certificate.fingerprint(hashes.SHA256()).hex()[:8]}"
        secret = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(directory / f"{name}.key", secret, mode=0o600)
        _write(directory / f"{name}.crt", certificate.public_bytes(Encoding.PEM), mode=0o644)
        ring = json.dumps({"keys": {**states, name: state}}, indent=2) + "\n"
        _write(directory / RING_FILE, ring.encode("utf-8"), mode=0o644)
    return SigningKey(name=name, certificate=certificate, private_key=private_key, state=state)


def load_certificates(paths: Iterable[Path]) -> tuple[x509.Certificate, ...]:
    """Return every certificate in the PEM files at *paths*, in order; raises `KeyRingError` for a file or a key not usable."""
    found: list[x509.Certificate] = []
    for path in paths:
        try:
            certificates = x509.load_pem_x509_certificates(path.read_bytes())
            for certificate in certificates:
                usable_public_key(certificate)
        except OSError as error:
            raise KeyRingError(reason=f"{path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise KeyRingError(reason=f"{path}: is not a usable certificate in PEM: {error}") from error
        found.extend(certificates)
    return tuple(found)


def _read_states(directory: Path) -> dict[str, State]:
    path = directory / RING_FILE
    try:
        states: dict[str, State] = json.loads(path.read_text("utf-8"))["keys"]
        good = isinstance(states, dict) and all(state in get_args(State) for state in states.values())
    except OSError as error:
        raise KeyRingError(reason=f"{path}: cannot be read ({error.strerror}); run cellbridge keys new") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeyRingError(reason=f"{path}: is not a ring file") from error
    if not good or any(Path(name).name != name for name in states):
        raise KeyRingError(reason=f"{path}: must name pairs of this directory as active, next or retired")
    return states


def _load_pair(directory: Path, name: str, state: State) -> SigningKey:
    path = directory / f"{name}.key"
    (certificate,) = load_certificates([directory / f"{name}.crt"])
    try:
        if path.stat().st_mode & _READABLE_BY_OTHERS:
            raise KeyRingError(reason=f"{path}: others may read this private key; run chmod 600")
        private_key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise KeyRingError(reason=f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise KeyRingError(reason=f"{path}: is not an unencrypted private key in PEM") from error
    if not isinstance(private_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyRingError(reason=f"{path}: is neither an RSA nor an ECDSA key")
    if private_key.public_key() != certificate.public_key():
        raise KeyRingError(reason=f"{path}: is not the key of {name}.crt")
    return SigningKey(name=name, certificate=certificate, private_key=private_key, state=state)


def _warm(key: SigningKey) -> None:
    if isinstance(key.private_key, rsa.RSAPrivateKey):
        key.private_key.sign(b"", padding.PKCS1v15(), hashes.SHA256())
    else:
        key.private_key.sign(b"", ec.ECDSA(hashes.SHA256()))


def _generate(algorithm: Algorithm) -> PrivateKey:
    match algorithm:
        case "rsa-2048" | "rsa-3072":
            return rsa.generate_private_key(public_exponent=65537, key_size=int(algorithm.removeprefix("rsa-")))
        case "ec-p256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ec-p384":
            return ec.generate_private_key(ec.SECP384R1())
    raise KeyRingError(reason=f"{algorithm}: choose one of {', '.join(get_args(Algorithm))}")


def _self_signed(private_key: PrivateKey, *, now: datetime, days: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cellbridge signing key")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_TOLERANCE)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private_key, hashes.SHA256())
    )


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Replace *path* by *content* as a whole: the new file has its mode before it has its name."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def _only_writer(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
