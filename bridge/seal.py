"""Sealing and authenticating what a browser keeps for us: cookies and form tokens.

The law: the first secret seals, all of them open, and every purpose has a key of its own (HKDF, RFC 5869), so that a value
sealed for one purpose never opens for another.
"""

import base64
import hmac
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.errors import ConfigInvalid
from bridge.secret_file import others_may_read, read_secret

MIN_SECRET_CHARS = 32


class SealBroken(ValueError):
    """Raised if a sealed value was made for another purpose, by another secret, or was changed."""


def read_sealing_secret(path: Path) -> str:
    """Return the sealing secret in the file at *path*.

    Raises `ValueError` where it cannot be read, is too short, or others may read it, who could then forge every cookie.
    """
    secret = read_secret(path).get_secret_value()
    if len(secret) < MIN_SECRET_CHARS:
        raise ValueError(f"{path} holds fewer than {MIN_SECRET_CHARS} characters")
    if others_may_read(path):
        raise ValueError(f"others may read {path}; run chmod 600")
    return secret


class Seal:
    """Seals bytes into cookie-safe text under the secrets of this deployment."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets or min(len(secret) for secret in secrets) < MIN_SECRET_CHARS:
            raise ValueError(f"every sealing secret needs at least {MIN_SECRET_CHARS} characters")
        self._secrets = [secret.encode("utf-8") for secret in secrets]
        self._fernets: dict[str, MultiFernet] = {}

    @classmethod
    def from_files(cls, paths: Sequence[Path]) -> "Seal":
        """Return the seal of the secrets in *paths*, newest first; raises `ConfigInvalid` with every unusable file."""
        secrets: list[str] = []
        problems: list[str] = []
        for path in paths:
            try:
                secrets.append(read_sealing_secret(path))
            except ValueError as error:
                problems.append(f"service.secret_files: {error}")
        if problems:
            raise ConfigInvalid(source="secret files", problems=tuple(problems))
        return cls(secrets)

    def seal(self, payload: bytes, *, purpose: str) -> str:
        """Return *payload* encrypted and authenticated, as URL-safe text."""
        return self._fernet(purpose).encrypt(payload).decode("ascii")

    def open(self, sealed: str, *, purpose: str) -> bytes:
        """Return what was sealed for *purpose*; raises `SealBroken`. Age is judged by the payload's own time."""
        try:
            return self._fernet(purpose).decrypt(sealed.encode("utf-8", "replace"))
        except InvalidToken as error:
            raise SealBroken(purpose) from error

    def mac(self, message: str, *, purpose: str) -> str:
        """Return a keyed digest of *message*, 64 hex digits, under the first secret."""
        return self._mac(self._secrets[0], message, purpose)

    def mac_matches(self, digest: str, message: str, *, purpose: str) -> bool:
        """Whether *digest* is a keyed digest of *message* under any secret; constant time for each."""
        given = digest.encode("utf-8", "replace")
        matches = [hmac.compare_digest(given, self._mac(secret, message, purpose).encode()) for secret in self._secrets]
        return any(matches)

    def _fernet(self, purpose: str) -> MultiFernet:
        if purpose not in self._fernets:
            keys = [base64.urlsafe_b64encode(_derive(secret, f"seal:{purpose}")) for secret in self._secrets]
            self._fernets[purpose] = MultiFernet([Fernet(key) for key in keys])
        return self._fernets[purpose]

    @staticmethod
    def _mac(secret: bytes, message: str, purpose: str) -> str:
        return hmac.new(_derive(secret, f"mac:{purpose}"), message.encode("utf-8"), sha256).hexdigest()


def _derive(secret: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info.encode("utf-8")).derive(secret)
