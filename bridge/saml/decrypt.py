"""Open an EncryptedAssertion inside a Response whose signature is verified: AES-256-GCM under RSA-OAEP with SHA-256.

The law: it is given only what was re-parsed from signed bytes, so that nobody without a trusted key can ask it anything; a key
that does not fit and a cipher that does not open are one refusal; and what it opens is as unproven in its shape as any document
that arrives: the same gate and the same checks of shape judge it.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from bridge.errors import HandoffAlgorithm, HandoffError, HandoffMalformed
from bridge.saml import names, shape
from bridge.saml.encrypt import KEY_BYTES, NONCE_BYTES, OAEP
from bridge.saml.trust import DecryptionKey
from bridge.saml.xml import Document, only, path_of, read_document, text_of

_SHAPE = (shape.check_root, shape.check_schema, shape.check_assertion_count)


class Opened(NamedTuple):
    """A signed Response with its assertion in clear, as a document like any other, and the key that opened it."""

    document: Document
    key: DecryptionKey


class _Envelope(NamedTuple):
    wrapped_key: bytes
    ciphertext: bytes


def open_response(signed_response: etree._Element, keys: Sequence[DecryptionKey]) -> Opened:
    """Put the Assertion in the place of its EncryptedAssertion in *signed_response*, a tree re-parsed from signed bytes.

    Raises `HandoffAlgorithm` for any other way to encrypt, and `HandoffMalformed` for what no key opens and for what is not
    one Assertion of the profile.
    """
    encrypted = only(signed_response, names.ENCRYPTED_ASSERTION, HandoffMalformed)
    place = path_of(encrypted)
    plaintext, key = _opened(_envelope(encrypted), keys, place)
    try:
        if plaintext.startswith(b"<?"):  # it is an element (XML Encryption 3.1); python3-saml cannot read it as a document
            raise HandoffMalformed(expected="an Assertion inside", received="a document with a declaration")
        assertion = read_document(plaintext).root
        if assertion.tag != names.ASSERTION:
            raise HandoffMalformed(expected="an Assertion inside", received=str(assertion.tag))
        signed_response.replace(encrypted, assertion)
        document = Document(raw=plaintext, root=signed_response)
        for check in _SHAPE:
            check(document)
    except HandoffError as refusal:
        # A line of what was inside is no line of what was posted.
        raise HandoffMalformed(expected=refusal.expected, received=refusal.received, node=refusal.node or place) from refusal
    return Opened(document, key)


def _envelope(encrypted: etree._Element) -> _Envelope:
    """Return what *encrypted* holds, if it says that it was made in the one way that we know."""
    data = only(encrypted, names.ENCRYPTED_DATA, HandoffMalformed)
    if data.get("Type") != names.XENC_ELEMENT or not set(data.keys()) <= {"Type", "Id"}:
        raise HandoffMalformed(expected="an encrypted element", received="another Type or Encoding", node=path_of(data))
    key = only(only(data, names.KEY_INFO, HandoffMalformed), names.ENCRYPTED_KEY, HandoffMalformed)
    transport = only(key, names.ENCRYPTION_METHOD, HandoffMalformed)
    for parent, tag, algorithm in (
        (data, names.ENCRYPTION_METHOD, names.AES256_GCM),
        (key, names.ENCRYPTION_METHOD, names.RSA_OAEP),
        (transport, names.DIGEST_METHOD, names.SHA256),
        (transport, names.MGF, names.MGF1_SHA256),
    ):
        element = only(parent, tag, HandoffMalformed)
        if element.get("Algorithm") != algorithm:
            raise HandoffAlgorithm(expected=algorithm, received=element.get("Algorithm", "none"), node=path_of(element))
    return _Envelope(wrapped_key=_cipher_value(key), ciphertext=_cipher_value(data))


def _cipher_value(parent: etree._Element) -> bytes:
    value = only(only(parent, names.CIPHER_DATA, HandoffMalformed), names.CIPHER_VALUE, HandoffMalformed)
    try:
        return base64.b64decode("".join(text_of(value, HandoffMalformed).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise HandoffMalformed(expected="base64", received="other characters", node=path_of(value)) from error


def _opened(envelope: _Envelope, keys: Sequence[DecryptionKey], node: str) -> tuple[bytes, DecryptionKey]:
    nonce, sealed = envelope.ciphertext[:NONCE_BYTES], envelope.ciphertext[NONCE_BYTES:]
    for key in keys:
        try:
            content_key = key.private_key.decrypt(envelope.wrapped_key, OAEP)
            if len(content_key) == KEY_BYTES:
                return AESGCM(content_key).decrypt(nonce, sealed, None), key
        except (ValueError, InvalidTag):
            continue
    raise HandoffMalformed(
        expected="an assertion encrypted to a key of this organization", received="one that none of its keys opens", node=node
    )
