"""SignedInfo, the part of a Signature that the key signs: one Reference, to its own parent, by algorithms of a list.

The law: it is read from the bytes that the key is asked about, its shape is fixed, and an algorithm that is not listed here
does not exist.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Collection
from typing import Literal, NamedTuple

from cryptography.hazmat.primitives import hashes
from lxml import etree

from bridge.errors import HandoffAlgorithm, HandoffSignature
from bridge.saml import names
from bridge.saml.xml import path_of, text_of

# RFC 6931 2.3 and xmldsig-core1 6.4: method -> (key type, hash). An allow-list: HMAC, SHA-1 and MD5 are not on it.
METHODS: dict[str, tuple[Literal["rsa", "ecdsa"], hashes.HashAlgorithm]] = {
    names.RSA_SHA256: ("rsa", hashes.SHA256()),
    names.RSA_SHA384: ("rsa", hashes.SHA384()),
    names.RSA_SHA512: ("rsa", hashes.SHA512()),
    names.ECDSA_SHA256: ("ecdsa", hashes.SHA256()),
    names.ECDSA_SHA384: ("ecdsa", hashes.SHA384()),
    names.ECDSA_SHA512: ("ecdsa", hashes.SHA512()),
}
_DIGESTS = {names.SHA256: hashlib.sha256, names.SHA384: hashlib.sha384, names.SHA512: hashlib.sha512}
_CANONICALIZATIONS = (names.EXCLUSIVE_C14N,)
_TRANSFORMS = (names.ENVELOPED, names.EXCLUSIVE_C14N)
_INFO_SHAPE = [names.CANONICALIZATION_METHOD, names.SIGNATURE_METHOD, names.REFERENCE]
_REFERENCE_SHAPE = [names.TRANSFORMS, names.DIGEST_METHOD, names.DIGEST_VALUE]
_MAX_PREFIXES = 16
_PREFIX = re.compile(r"#default|[A-Za-z_][A-Za-z0-9_.-]*")


class Reference(NamedTuple):
    """What the one Reference says about its parent; `signature_method` is in `METHODS`, `digest_method` for `hashed`."""

    signature_method: str
    digest_method: str
    digest: bytes
    prefixes: list[str]


def read_signed_info(info: etree._Element, parent_id: str | None, signature: etree._Element) -> Reference:
    """Return what *info* says, SignedInfo parsed from its canonical bytes, if it names the parent's ID and nothing else.

    Raises `HandoffSignature`, `HandoffAlgorithm`.
    """
    tags = [child.tag for child in info]
    if tags != _INFO_SHAPE:
        raise HandoffSignature(
            expected="exactly one Reference", received=f"{tags.count(names.REFERENCE)}", node=path_of(signature)
        )
    method, signature_method, reference = info
    _allowed(method, _CANONICALIZATIONS, signature)
    signature_algorithm = _allowed(signature_method, METHODS, signature)
    if len(signature_method):
        raise HandoffSignature(expected="no parameters of SignatureMethod", received="parameters", node=path_of(signature))
    if reference.get("URI") != f"#{parent_id}":
        raise HandoffSignature(expected=f"#{parent_id}", received=reference.get("URI", "none"), node=path_of(signature))
    if [child.tag for child in reference] != _REFERENCE_SHAPE:
        raise HandoffSignature(
            expected="Transforms, DigestMethod, DigestValue", received="another Reference", node=path_of(signature)
        )
    transforms, digest_method, digest_value = reference
    algorithms = [_allowed(transform, _TRANSFORMS, signature) for transform in transforms]
    if tuple(algorithms) != _TRANSFORMS or len(transforms[0]):
        raise HandoffSignature(
            expected="enveloped-signature, then exclusive c14n", received="other transforms", node=path_of(signature)
        )
    digest_algorithm = _allowed(digest_method, _DIGESTS, signature)
    if len(digest_method):
        raise HandoffSignature(expected="no parameters of DigestMethod", received="parameters", node=path_of(signature))
    return Reference(
        signature_method=signature_algorithm,
        digest_method=digest_algorithm,
        digest=from_base64(text_of(digest_value, HandoffSignature), signature),
        prefixes=prefixes_of(transforms[1], signature),
    )


def hashed(data: bytes, digest_method: str) -> bytes:
    """Return the digest of *data* by the algorithm that a `Reference` names."""
    return _DIGESTS[digest_method](data).digest()


def _allowed(element: etree._Element, algorithms: Collection[str], signature: etree._Element) -> str:
    algorithm = element.get("Algorithm", "none")
    if algorithm not in algorithms:
        raise HandoffAlgorithm(expected=" or ".join(algorithms), received=algorithm, node=path_of(signature))
    return algorithm


def prefixes_of(method: etree._Element | None, signature: etree._Element) -> list[str]:
    """Return the PrefixList of an exclusive c14n *method* (xml-exc-c14n 4), its only parameter; raises `HandoffSignature`."""
    if method is None or not len(method):
        return []
    parameter = method[0]
    prefixes = parameter.get("PrefixList", "").split()
    plain = len(prefixes) <= _MAX_PREFIXES and all(_PREFIX.fullmatch(prefix) for prefix in prefixes)
    alone = len(method) == 1 and not len(parameter) and parameter.keys() == ["PrefixList"]
    if not plain or not alone or parameter.tag != names.INCLUSIVE_NAMESPACES:
        raise HandoffSignature(expected="at most a short PrefixList", received="other parameters", node=path_of(signature))
    return prefixes


def from_base64(text: str, signature: etree._Element) -> bytes:
    """Return what *text* encodes, white space apart; raises `HandoffSignature`."""
    joined = "".join(text.split())
    try:
        return base64.b64decode(joined, validate=True)
    except (binascii.Error, ValueError) as error:
        raise HandoffSignature(expected="base64", received="other characters", node=path_of(signature)) from error
