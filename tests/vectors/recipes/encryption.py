"""Assertions that are encrypted in a way that is weak, to somebody else, or so that they do not open."""

import base64
from collections.abc import Callable

from bridge.saml import names
from tests.saml.forge import Edit, Element
from tests.saml.sealer import DATA, KEY, at
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.sealed import ALGORITHM, ENCRYPTED, refused, sealing
from tests.vectors.sealing import AES128_GCM, AES256_CBC, MGF1_SHA1, RSA_1_5, RSA_OAEP_MGF1P, SHA1, Sealing

_DATA = f"{ENCRYPTED}/EncryptedData"
_KEY = f"{_DATA}/KeyInfo/EncryptedKey"
_XENC = f"{{{names.XENC}}}"


def _weak(name: str, because: str, how: Sealing, node: str) -> Case:
    return refused(f"encrypted-{name}", because, sealing(how), ALGORITHM, node=node)


_WEAK = [
    _weak(
        "aes-cbc",
        "CBC protects nothing against a change, and its padding tells the text.",
        Sealing(cipher="cbc", cipher_name=AES256_CBC),
        f"{_DATA}/EncryptionMethod",
    ),
    _weak(
        "aes-128",
        "A cipher that is good, and not the one.",
        Sealing(key_bytes=16, cipher_name=AES128_GCM),
        f"{_DATA}/EncryptionMethod",
    ),
    _weak(
        "cipher-unknown",
        "A cipher that nobody knows.",
        Sealing(cipher_name="urn:example:cipher"),
        f"{_DATA}/EncryptionMethod",
    ),
    _weak(
        "key-rsa-1-5",
        "RSA 1.5 lets whoever asks often enough read the key.",
        Sealing(padding=None, transport_name=RSA_1_5, digest_name=None, mask_name=None),
        f"{_KEY}/EncryptionMethod",
    ),
    _weak(
        "key-oaep-mgf1p",
        "The older OAEP, whose mask is made with SHA-1.",
        Sealing(padding=("sha1", "sha1"), transport_name=RSA_OAEP_MGF1P, digest_name=SHA1, mask_name=None),
        f"{_KEY}/EncryptionMethod",
    ),
    _weak(
        "key-oaep-sha1-digest",
        "OAEP with SHA-1.",
        Sealing(padding=("sha1", "sha256"), digest_name=SHA1),
        f"{_KEY}/EncryptionMethod/DigestMethod",
    ),
    _weak(
        "key-oaep-sha1-mask",
        "OAEP whose mask is made with SHA-1.",
        Sealing(padding=("sha256", "sha1"), mask_name=MGF1_SHA1),
        f"{_KEY}/EncryptionMethod/MGF",
    ),
    refused(
        "encrypted-key-oaep-default-digest",
        "A hash that is left out means SHA-1, and is not guessed.",
        sealing(Sealing(padding=("sha1", "sha256"), digest_name=None)),
        node=f"{_KEY}/EncryptionMethod",
    ),
    refused(
        "encrypted-key-oaep-default-mask",
        "A mask that is left out means SHA-1, and is not guessed.",
        sealing(Sealing(padding=("sha256", "sha1"), mask_name=None)),
        node=f"{_KEY}/EncryptionMethod",
    ),
]


def _changed(path: str, change: Callable[[bytes], bytes]) -> Edit:
    """Return the edit of the bytes that a CipherValue stands for."""

    def edit(root: Element) -> None:
        value = at(root, f"{path}/e:CipherData/e:CipherValue")
        value.text = base64.b64encode(change(base64.b64decode(value.text or ""))).decode("ascii")

    return edit


def _flipped(index: int) -> Callable[[bytes], bytes]:
    def change(raw: bytes) -> bytes:
        changed = bytearray(raw)
        changed[index] ^= 1
        return bytes(changed)

    return change


_UNOPENED = [
    refused("encrypted-cbc-called-gcm", "CBC under the name of GCM has no tag.", sealing(Sealing(cipher="cbc"))),
    refused(
        "encrypted-aes-128-called-256",
        "A short key under the name of a long one.",
        sealing(Sealing(key_bytes=16)),
    ),
    refused("encrypted-rsa-1-5-called-oaep", "RSA 1.5 under the name of OAEP.", sealing(Sealing(padding=None))),
    refused(
        "encrypted-oaep-sha1-called-sha256",
        "SHA-1 under the name of SHA-256.",
        sealing(Sealing(padding=("sha1", "sha1"))),
    ),
    refused("encrypted-to-a-stranger", "Encrypted to somebody else's key.", sealing(Sealing(to="stranger"))),
    refused("encrypted-to-the-signer", "Encrypted to the sender's own key.", sealing(Sealing(to="rsa-2048"))),
    refused(
        "encrypted-where-nobody-decrypts",
        "The organization has no key: nobody there can read it.",
        sealing(org="acme"),
        org="acme",
    ),
    refused("encrypted-tag-cut", "Part of the tag is gone.", sealing(around=_changed(DATA, lambda raw: raw[:-4]))),
    refused("encrypted-tag-gone", "All of the tag is gone.", sealing(around=_changed(DATA, lambda raw: raw[:-16]))),
    refused("encrypted-tag-changed", "One bit of the tag is changed.", sealing(around=_changed(DATA, _flipped(-1)))),
    refused("encrypted-text-changed", "One bit of the text is changed.", sealing(around=_changed(DATA, _flipped(100)))),
    refused("encrypted-nonce-changed", "One bit of the nonce is changed.", sealing(around=_changed(DATA, _flipped(0)))),
    refused("encrypted-nonce-alone", "Nothing but a nonce.", sealing(around=_changed(DATA, lambda raw: raw[:12]))),
    refused("encrypted-nothing", "An empty text.", sealing(around=_changed(DATA, lambda _raw: b""))),
    refused("encrypted-key-changed", "One bit of the key is changed.", sealing(around=_changed(KEY, _flipped(-1)))),
    refused("encrypted-key-cut", "The key is one byte short.", sealing(around=_changed(KEY, lambda raw: raw[:-1]))),
    refused("encrypted-key-gone", "The key is empty.", sealing(around=_changed(KEY, lambda _raw: b""))),
    refused(
        "encrypted-key-too-large",
        "The key is a number beyond the modulus.",
        sealing(around=_changed(KEY, lambda _raw: b"\xff" * 256)),
    ),
]

CASES = [*_WEAK, *_UNOPENED]
