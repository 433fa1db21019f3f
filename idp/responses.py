"""How the legacy cell writes a handoff down: what is signed, and for which organizations the assertion is encrypted.

The law: an organization that stands under `[[encrypt]]` never gets an assertion in clear.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from bridge.config import IdpConfig
from bridge.errors import KeyRingError
from bridge.handoff import Handoff
from bridge.keys import SigningKey, load_certificates
from bridge.saml.encrypt import encrypt_assertion, encryption_key
from bridge.saml.render import render
from bridge.saml.sign import SignedResponse, sign
from bridge.saml.trust import Signed


@dataclass(frozen=True)
class Responses:
    """What to sign, and the keys to encrypt to, by organization path."""

    signed: Signed
    recipients: Mapping[str, RSAPublicKey]

    @classmethod
    def configured(cls, config: IdpConfig) -> Self:
        """Return what *config* says; raises `KeyRingError` for a certificate that cannot be encrypted to."""
        return cls(config.saml.signed, {encrypt.org: _recipient(encrypt.certificate) for encrypt in config.encrypt})

    def write(self, handoff: Handoff, key: SigningKey, *, random_bytes: Callable[[int], bytes]) -> SignedResponse:
        """Return the signed response for *handoff*; raises `MalformedValue` for a value that XML cannot carry."""
        recipient = self.recipients.get(handoff.route.org_path)
        if recipient is None:
            return sign(render(handoff), key, signed=self.signed)

        def encrypt(assertion: str) -> str:
            return encrypt_assertion(assertion, recipient, random_bytes=random_bytes)

        return sign(render(handoff), key, signed=self.signed, encrypt=encrypt)


def _recipient(path: Path) -> RSAPublicKey:
    certificates = load_certificates([path])
    if len(certificates) != 1:
        raise KeyRingError(reason=f"{path}: holds {len(certificates)} certificates, and one key reads an assertion")
    try:
        return encryption_key(certificates[0])
    except ValueError as error:
        raise KeyRingError(reason=f"{path}: cannot be encrypted to: {error}") from error
