"""Encrypt an element as any sender may, well or badly: ciphers and key transports of XML Encryption, with fixed random bytes.

The law: the same text and seed make the same bytes, so the padding of RSA is made here; nothing is shared with
`bridge.saml.encrypt`.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from lxml import etree

from bridge.saml import names
from tests.saml.forge import Element
from tests.vectors.world import key

SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
MGF1_SHA1 = f"{names.XENC11}mgf1sha1"
AES128_GCM = f"{names.XENC11}aes128-gcm"
AES256_CBC = f"{names.XENC}aes256-cbc"
RSA_OAEP_MGF1P = f"{names.XENC}rsa-oaep-mgf1p"
RSA_1_5 = f"{names.XENC}rsa-1_5"
Hash = Literal["sha1", "sha256"]


@dataclass(frozen=True, kw_only=True)
class Sealing:
    """One way to encrypt: what is done, and by default also what is said to be done.

    `transport` None pads the key as PKCS #1 1.5 does; otherwise the hashes of OAEP and of its mask.
    """

    to: str = "encryption/2026"
    cipher: Literal["gcm", "cbc"] = "gcm"
    key_bytes: int = 32
    padding: tuple[Hash, Hash] | None = ("sha256", "sha256")
    cipher_name: str = names.AES256_GCM
    transport_name: str = names.RSA_OAEP
    digest_name: str | None = names.SHA256
    mask_name: str | None = names.MGF1_SHA256


def sealed(text: bytes, how: Sealing, seed: str) -> Element:
    """Return the EncryptedAssertion around *text*; every random byte comes from *seed*."""
    content_key, nonce = _bytes(f"{seed}/key", how.key_bytes), _bytes(f"{seed}/nonce", 12 if how.cipher == "gcm" else 16)
    ciphertext = nonce + (
        AESGCM(content_key).encrypt(nonce, text, None) if how.cipher == "gcm" else _cbc(content_key, nonce, text)
    )
    encrypted = etree.Element(names.ENCRYPTED_ASSERTION, nsmap={"saml": names.SAML})
    data = etree.SubElement(encrypted, names.ENCRYPTED_DATA, Type=names.XENC_ELEMENT, nsmap={"xenc": names.XENC})
    etree.SubElement(data, names.ENCRYPTION_METHOD, Algorithm=how.cipher_name)
    info = etree.SubElement(data, names.KEY_INFO, nsmap={"ds": names.DS})
    wrapped = etree.SubElement(info, names.ENCRYPTED_KEY)
    method = etree.SubElement(wrapped, names.ENCRYPTION_METHOD, Algorithm=how.transport_name)
    if how.digest_name:
        etree.SubElement(method, names.DIGEST_METHOD, Algorithm=how.digest_name)
    if how.mask_name:
        etree.SubElement(method, names.MGF, Algorithm=how.mask_name, nsmap={"xenc11": names.XENC11})
    _put_value(wrapped, _wrapped(content_key, how, f"{seed}/padding"))
    _put_value(data, ciphertext)
    return encrypted


def _put_value(parent: Element, value: bytes) -> None:
    text = base64.b64encode(value).decode("ascii")
    etree.SubElement(etree.SubElement(parent, names.CIPHER_DATA), names.CIPHER_VALUE).text = text


def _bytes(seed: str, count: int) -> bytes:
    return hashlib.shake_256(seed.encode()).digest(count)


def _cbc(content_key: bytes, vector: bytes, text: bytes) -> bytes:
    """Return *text* padded as XML Encryption 5.2 says: the last byte is how many were added."""
    added = 16 - len(text) % 16
    encryptor = Cipher(AES(content_key), CBC(vector)).encryptor()
    return encryptor.update(text + bytes(added - 1) + bytes([added])) + encryptor.finalize()


def _wrapped(content_key: bytes, how: Sealing, seed: str) -> bytes:
    public = key(how.to).certificate.public_key()
    assert isinstance(public, RSAPublicKey)
    size, numbers = public.key_size // 8, public.public_numbers()
    block = _pkcs1(content_key, size, seed) if how.padding is None else _oaep(content_key, size, *how.padding, seed)
    return pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(size, "big")


def _pkcs1(message: bytes, size: int, seed: str) -> bytes:
    """Return the block of RFC 8017 7.2.1."""
    filler = bytes(byte or 1 for byte in _bytes(seed, size - len(message) - 3))
    return b"\0\2" + filler + b"\0" + message


def _oaep(message: bytes, size: int, name: Hash, mask_name: Hash, seed: str) -> bytes:
    """Return the block of RFC 8017 7.1.1, with an empty label."""
    digest = hashlib.new(name, b"").digest()
    block = digest + bytes(size - len(message) - 2 * len(digest) - 2) + b"\1" + message
    salt = _bytes(seed, len(digest))
    masked = _xor(block, _mask(salt, len(block), mask_name))
    return b"\0" + _xor(salt, _mask(masked, len(digest), mask_name)) + masked


def _mask(seed: bytes, length: int, name: Hash) -> bytes:
    blocks = (hashlib.new(name, seed + counter.to_bytes(4, "big")).digest() for counter in range(length // 20 + 1))
    return b"".join(blocks)[:length]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
