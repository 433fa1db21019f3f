"""Encrypt an Assertion to an organization's key: AES-256-GCM under RSA-OAEP (XML Encryption 1.1, 5.2.4 and 5.5.2).

The law: one cipher and one key transport, both hash functions of it SHA-256; nothing is chosen by a message. The text is
canonical by construction, as everything that is minted.
"""

import base64
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge.saml import names
from bridge.saml.trust import usable_public_key

KEY_BYTES = 32
NONCE_BYTES = 12
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
_ENCRYPTED_ASSERTION = (
    f'<saml:EncryptedAssertion xmlns:saml="{names.SAML}">'
    f'<xenc:EncryptedData xmlns:xenc="{names.XENC}" Type="{names.XENC_ELEMENT}">'
    f'<xenc:EncryptionMethod Algorithm="{names.AES256_GCM}"></xenc:EncryptionMethod>'
    f'<ds:KeyInfo xmlns:ds="{names.DS}"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{names.RSA_OAEP}">'
    f'<ds:DigestMethod Algorithm="{names.SHA256}"></ds:DigestMethod>'
    f'<xenc11:MGF xmlns:xenc11="{names.XENC11}" Algorithm="{names.MGF1_SHA256}"></xenc11:MGF></xenc:EncryptionMethod>'
    "<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>"
    "<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData>"
    "</xenc:EncryptedData></saml:EncryptedAssertion>"
)


def encryption_key(certificate: x509.Certificate) -> RSAPublicKey:
    """Return the public key of *certificate* if it can be encrypted to: RSA of 2048 bits or more; raises `ValueError`."""
    key = usable_public_key(certificate)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("only an RSA key can be encrypted to")
    return key


def encrypt_assertion(assertion: str, public_key: RSAPublicKey, *, random_bytes: Callable[[int], bytes]) -> str:
    """Return the EncryptedAssertion that holds the text of *assertion*, to be read by the holder of the private key."""
    content_key, nonce = random_bytes(KEY_BYTES), random_bytes(NONCE_BYTES)
    ciphertext = nonce + AESGCM(content_key).encrypt(nonce, assertion.encode("utf-8"), None)
    wrapped = public_key.encrypt(content_key, OAEP)
    return _ENCRYPTED_ASSERTION % (base64.b64encode(wrapped).decode("ascii"), base64.b64encode(ciphertext).decode("ascii"))
