"""The legacy cell's key ring: pairs `<name>.key` and `<name>.crt` in a directory, and `ring.json` with the state of each.

The law: at most one key is active; a private key that others can read is refused; the ring file is replaced as a whole, after
the pair is on disk, so that a crash leaves the old ring. A pair that the ring file does not name does not count.
"""

import base64
import json
from collections.abc import Iterable
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
from bridge.files import only_writer, replace_file
from bridge.saml.trust import usable_public_key
from bridge.secret_file import others_may_read
from bridge.sections import Saml

Algorithm = Literal["rsa-2048", "rsa-3072", "ec-p256", "ec-p384"]
State = Literal["active", "next", "retired"]  # in the order of publication
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

RING_FILE = "ring.json"
DEFAULT_DAYS = 730
_CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair of the ring. `fingerprint` is the SHA-256 of the certificate in DER, 64 hex digits.

    `signed_until` is when a retired key that is still published stopped to sign (UTC).
    """

    name: str
    certificate: x509.Certificate
    private_key: PrivateKey
    state: State
    signed_until: datetime | None = None
    fingerprint: str = field(init=False)
    certificate_base64: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        der = self.certificate.public_bytes(Encoding.DER)
        object.__setattr__(self, "fingerprint", self.certificate.fingerprint(hashes.SHA256()).hex())
        object.__setattr__(self, "certificate_base64", base64.b64encode(der).decode("ascii"))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of a directory, oldest first; certificates whose keys are elsewhere may be published with them."""

    keys: tuple[SigningKey, ...]
    certificates: tuple[x509.Certificate, ...] = ()

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Return the ring in *directory*, each key loaded and warmed once; raises `KeyRingError`.

        OpenSSL prepares a key at its first signature; doing that here keeps it off the first sign-in.
        """
        states = read_states(directory)
        keys = tuple(
            _load_pair(directory, name, state, states.signed_until.get(name)) for name, state in sorted(states.keys.items())
        )
        active = [key.name for key in keys if key.state == "active"]
        if len(active) != 1:
            found = ", ".join(active) or "none"
            raise KeyRingError(reason=f"{directory}: exactly one key must be active, found {found}; run cellbridge keys new")
        for key in keys:
            _warm(key)
        return cls(keys)

    @classmethod
    def configured(cls, saml: Saml) -> Self:
        """Return the ring of a legacy cell: a directory, or one private key with its certificate. Raises `KeyRingError`.

        The first certificate is the key's own; what follows it is published, and rotation is whoever writes both.
        """
        if saml.keys is not None:
            return cls.load(saml.keys)
        source = "saml.private_key"
        if saml.private_key_file is not None:
            source = str(saml.private_key_file)
            pem = _read_private(saml.private_key_file)
        else:
            pem = saml.private_key.get_secret_value().encode() if saml.private_key else b""
        if saml.certificate_file is not None:
            own, *others = load_certificates([saml.certificate_file])
        else:
            own, *others = read_certificates((saml.certificate or "").encode(), source="saml.certificate")
        key = SigningKey("configured", own, _private_key(pem, own, source=source), "active")
        _warm(key)
        return cls((key,), tuple(others))

    @property
    def active(self) -> SigningKey:
        """The one key that signs."""
        return next(key for key in self.keys if key.state == "active")

    @property
    def published(self) -> tuple[x509.Certificate, ...]:
        """The certificates that the metadata shows: the active one first, then those to come, then those that did sign."""
        shown = [key for key in self.keys if key.state != "retired" or key.signed_until is not None]
        shown.sort(key=lambda key: get_args(State).index(key.state))
        return (*(key.certificate for key in shown), *self.certificates)


def ring_files(saml: Saml) -> tuple[Path, ...]:
    """Return the files whose change means another ring: the ring file, which is replaced last, or key and certificate."""
    if saml.keys is not None:
        return (saml.keys / RING_FILE,)
    return tuple(path for path in (saml.private_key_file, saml.certificate_file) if path is not None)


def create_key(
    directory: Path, *, now: datetime, algorithm: Algorithm = "rsa-2048", days: int = DEFAULT_DAYS, state: State | None = None
) -> SigningKey:
    """Make a key pair with a self-signed certificate in *directory*, valid from *now* (aware) for *days*, and return it.

    Without *state*, the first key of a ring becomes active and every later one next. Raises `KeyRingError`.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_writer(directory):
        states = read_states(directory) if (directory / RING_FILE).exists() else States({}, {})
        if state is None:
            state = "next" if "active" in states.keys.values() else "active"
        if state == "active" and "active" in states.keys.values():
            raise KeyRingError(reason=f"{directory}: another key is active already")
        private_key = _generate(algorithm)
        certificate = _self_signed(private_key, now=now, days=days)
        name = f"{now:%Y-%m-%d}-{certificate.fingerprint(hashes.SHA256()).hex()[:8]}"
        secret = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        replace_file(directory / f"{name}.key", secret, mode=0o600)
        replace_file(directory / f"{name}.crt", certificate.public_bytes(Encoding.PEM), mode=0o644)
        write_states(directory, States({**states.keys, name: state}, states.signed_until))
    return SigningKey(name=name, certificate=certificate, private_key=private_key, state=state)


def load_certificates(paths: Iterable[Path]) -> tuple[x509.Certificate, ...]:
    """Return every certificate in the PEM files at *paths*, in order; raises `KeyRingError` for a file or a key not usable."""
    found: list[x509.Certificate] = []
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise KeyRingError(reason=f"{path}: cannot be read: {error.strerror}") from error
        found.extend(read_certificates(content, source=str(path)))
    return tuple(found)


def read_certificates(pem: bytes, *, source: str) -> list[x509.Certificate]:
    """Return every certificate of *pem*, one at least; *source* names it in the `KeyRingError` for one that is not usable."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
        for certificate in certificates:
            usable_public_key(certificate)
    except ValueError as error:
        raise KeyRingError(reason=f"{source}: is not a usable certificate in PEM: {error}") from error
    return certificates


@dataclass(frozen=True, slots=True)
class States:
    """What the ring file says: the state of each pair, and until when (UTC) those signed that are retired but published."""

    keys: dict[str, State]
    signed_until: dict[str, datetime]


def read_states(directory: Path) -> States:
    """Return what the ring file of *directory* says; raises `KeyRingError`."""
    path = directory / RING_FILE
    try:
        ring = json.loads(path.read_text("utf-8"))
        keys: dict[str, State] = ring["keys"]
        signed_until = {name: datetime.fromisoformat(when) for name, when in ring.get("signed_until", {}).items()}
        good = isinstance(keys, dict) and all(state in get_args(State) for state in keys.values())
        good = good and all(keys.get(name) == "retired" and when.tzinfo for name, when in signed_until.items())
    except OSError as error:
        raise KeyRingError(reason=f"{path}: cannot be read ({error.strerror}); run cellbridge keys new") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyRingError(reason=f"{path}: is not a ring file") from error
    if not good or any(Path(name).name != name for name in keys):
        raise KeyRingError(reason=f"{path}: must name pairs of this directory as active, next or retired")
    return States(keys, signed_until)


def write_states(directory: Path, states: States) -> None:
    """Replace the ring file of *directory*; the caller is its only writer."""
    ring = {"keys": states.keys, "signed_until": {name: when.isoformat() for name, when in states.signed_until.items()}}
    replace_file(directory / RING_FILE, (json.dumps(ring, indent=2) + "\n").encode("utf-8"), mode=0o644)


def _load_pair(directory: Path, name: str, state: State, signed_until: datetime | None) -> SigningKey:
    path = directory / f"{name}.key"
    certificate, *_ = load_certificates([directory / f"{name}.crt"])
    return SigningKey(name, certificate, _private_key(_read_private(path), certificate, source=str(path)), state, signed_until)


def _read_private(path: Path) -> bytes:
    try:
        if others_may_read(path):
            raise KeyRingError(reason=f"{path}: others may read this private key; run chmod 600")
        return path.read_bytes()
    except OSError as error:
        raise KeyRingError(reason=f"{path}: cannot be read: {error.strerror}") from error


def _private_key(pem: bytes, certificate: x509.Certificate, *, source: str) -> PrivateKey:
    try:
        private_key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise KeyRingError(reason=f"{source}: is not an unencrypted private key in PEM") from error
    if not isinstance(private_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyRingError(reason=f"{source}: is neither an RSA nor an ECDSA key")
    if private_key.public_key() != certificate.public_key():
        raise KeyRingError(reason=f"{source}: is not the key of the certificate")
    return private_key


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
