"""The keys of an organization that open what is encrypted to it: a folder of pairs, as the legacy cell's.

The law: every pair of the folder opens, whatever its state, so that no moment of a rotation locks anybody out; the metadata
shows the active one, to encrypt to.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from bridge.errors import KeyRingError
from bridge.keys import KeyRing
from bridge.saml.trust import DecryptionKey


@dataclass(frozen=True)
class EncryptionKeys:
    """The certificate to encrypt to, None where nothing can be decrypted, and the keys that open, the active one first."""

    certificate: x509.Certificate | None = None
    keys: tuple[DecryptionKey, ...] = ()


def encryption_keys(directory: Path | None) -> EncryptionKeys:
    """Return the keys in *directory*; raises `KeyRingError` for a folder that cannot be used or a key that is not RSA."""
    if directory is None:
        return EncryptionKeys()
    ring = KeyRing.load(directory)
    found = []
    for pair in sorted(ring.keys, key=lambda pair: pair.state != "active"):
        if not isinstance(pair.private_key, RSAPrivateKey):
            raise KeyRingError(reason=f"{directory}: {pair.name} is no RSA key, and only those decrypt")
        found.append(DecryptionKey(pair.private_key))
    return EncryptionKeys(ring.active.certificate, tuple(found))
