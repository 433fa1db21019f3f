"""Check 7: the signatures of a document, and the tree that they vouch for.

The law: what is hashed is what is read. SignedInfo and the signed element are made canonical once, the signature and the digest
are verified over exactly those bytes, and only the re-parsed bytes leave this module. Nothing of KeyInfo is read; only pinned
keys are tried; an algorithm that is not listed here does not exist. What is encrypted is opened after its Response is verified.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Literal, NamedTuple, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from bridge.errors import HandoffAlgorithm, HandoffMalformed, HandoffSignature
from bridge.saml import names
from bridge.saml.decrypt import open_response
from bridge.saml.shape import NAMESPACES, SIGNATURE_PLACE
from bridge.saml.trust import DecryptionKey, Endpoint, PinnedKey, TrustedIssuer
from bridge.saml.xml import Document, canonical, canonical_without, only, parse, path_of, text_of

# RFC 6931 2.3 and xmldsig-core1 6.4: method -> (key type, hash). An allow-list: HMAC, SHA-1 and MD5 are not on it.
_METHODS: dict[str, tuple[Literal["rsa", "ecdsa"], hashes.HashAlgorithm]] = {
    names.RSA_SHA256: ("rsa", hashes.SHA256()),
    names.RSA_SHA384: ("rsa", hashes.SHA384()),
    names.RSA_SHA512: ("rsa", hashes.SHA512()),
    names.ECDSA_SHA256: ("ecdsa", hashes.SHA256()),
    names.ECDSA_SHA384: ("ecdsa", hashes.SHA384()),
    names.ECDSA_SHA512: ("ecdsa", hashes.SHA512()),
}
_DIGESTS = {names.SHA256: hashlib.sha256, names.SHA384: hashlib.sha384, names.SHA512: hashlib.sha512}
_PKCS1 = padding.PKCS1v15()
_CANONICALIZATIONS = (names.EXCLUSIVE_C14N,)
_TRANSFORMS = (names.ENVELOPED, names.EXCLUSIVE_C14N)
_SIGNATURE_SHAPES = (
    [names.SIGNED_INFO, names.SIGNATURE_VALUE],
    [names.SIGNED_INFO, names.SIGNATURE_VALUE, names.KEY_INFO],
)
_INFO_SHAPE = [names.CANONICALIZATION_METHOD, names.SIGNATURE_METHOD, names.REFERENCE]
_REFERENCE_SHAPE = [names.TRANSFORMS, names.DIGEST_METHOD, names.DIGEST_VALUE]
_MAX_PREFIXES = 16
_ALL_AT_THEIR_PLACE = etree.XPath(
    f"count(/p:Response/{SIGNATURE_PLACE} | /p:Response/a:Assertion/{SIGNATURE_PLACE}) = count(//d:Signature)",
    namespaces=NAMESPACES,
)
_PREFIX = re.compile(r"#default|[A-Za-z_][A-Za-z0-9_.-]*")


class Received(NamedTuple):
    """What check 7 judges: a document, whom we trust, the time (aware, UTC), the endpoint with its keys."""

    document: Document
    trust: Mapping[str, TrustedIssuer]
    now: datetime
    endpoint: Endpoint


class SignedHandoff(NamedTuple):
    """What was signed, re-parsed from the signed bytes.

    `response` is None where only the assertion is signed; `unverified_response` may then be read to refuse, never to decide.
    `signer` is the trusted issuer whose key verified, `opened_by` the key that decrypted the assertion if it was encrypted.
    """

    assertion: etree._Element
    response: etree._Element | None
    unverified_response: etree._Element
    signer: TrustedIssuer
    document: Document
    opened_by: DecryptionKey | None = None

    @property
    def message(self) -> etree._Element:
        """The signed Response, or the unverified one where the assertion alone is signed."""
        return self.unverified_response if self.response is None else self.response


def check_signature(received: Received) -> SignedHandoff:
    """Check 7: return what a trusted key signed; every signature in the document must verify.

    An encrypted assertion is opened where a verified Response holds it, and nowhere else: nobody without a trusted key makes us
    decrypt anything. Raises `HandoffSignature`, `HandoffAlgorithm`, and `HandoffMalformed` for an assertion that does not open.
    """
    document = received.document
    root = document.root
    is_encrypted = next(root.iterchildren(names.ENCRYPTED_ASSERTION), None) is not None
    unverified = root if is_encrypted else only(root, names.ASSERTION, HandoffSignature)
    _refuse_misplaced(document)
    candidates = _candidates(unverified, received.trust)
    signer = response = opened_by = None
    assertion = unverified
    if (signature := next(root.iterchildren(names.SIGNATURE), None)) is not None:
        signer, response = _verified(root, signature, candidates, received.now)
        if is_encrypted:
            opened, opened_by = open_response(response, received.endpoint.decryption_keys)
            _refuse_misplaced(opened)
        assertion = only(response, names.ASSERTION, HandoffSignature)
        candidates = (signer,)
    elif is_encrypted:
        raise HandoffSignature(expected="a signature around an encrypted assertion", received="none", node=path_of(root))
    if received.endpoint.require_encryption and not is_encrypted:
        raise HandoffMalformed(expected="an encrypted assertion", received="one in clear", node=path_of(unverified))
    assertion_is_signed = (signature := next(assertion.iterchildren(names.SIGNATURE), None)) is not None
    if signature is not None:
        signer, assertion = _verified(assertion, signature, candidates, received.now)
    if signer is None:
        raise HandoffSignature(expected="a signature", received="none", node=path_of(root))
    if signer.signed in ("response", "both") and response is None:
        raise HandoffSignature(expected="a signature of the Response", received="of the Assertion only", node=path_of(root))
    if signer.signed in ("assertion", "both") and not assertion_is_signed:
        node = path_of(unverified)
        raise HandoffSignature(expected="a signature of the Assertion", received="of the Response only", node=node)
    return SignedHandoff(assertion, response, root, signer, document, opened_by)


def _refuse_misplaced(document: Document) -> None:
    if document.has_duplicate_ids:
        raise HandoffSignature(expected="every ID once", received="one ID twice", node=path_of(document.root))
    if not _ALL_AT_THEIR_PLACE(document.root):
        expected = "a Signature right after the Issuer of the Response or the Assertion"
        raise HandoffSignature(expected=expected, received="a Signature elsewhere", node=path_of(document.root))


def _candidates(unverified_assertion: etree._Element, trust: Mapping[str, TrustedIssuer]) -> tuple[TrustedIssuer, ...]:
    """Return whose keys may verify: the named issuer's, or everybody's where nobody trusted is named (check 8 refuses then)."""
    unverified_issuer = only(unverified_assertion, names.ISSUER, HandoffSignature).text
    named = trust.get(unverified_issuer or "")
    return (named,) if named else tuple(trust.values())


def _verified(
    parent: etree._Element, signature: etree._Element, candidates: tuple[TrustedIssuer, ...], now: datetime
) -> tuple[TrustedIssuer, etree._Element]:
    """Return the issuer whose key made *signature* over *parent*, and *parent* as it was signed, re-parsed."""
    children = [child.tag for child in signature]
    if children not in _SIGNATURE_SHAPES:
        raise HandoffSignature(
            expected="SignedInfo, SignatureValue, KeyInfo", received="another Signature", node=path_of(signature)
        )
    try:
        method = next(signature[0].iterchildren(names.CANONICALIZATION_METHOD), None)
        info_bytes = canonical(signature[0], _prefixes(method, signature))
        info = parse(info_bytes)
        reference = _read_signed_info(info, parent.get("ID"), signature)
        value = _base64(text_of(signature[1], HandoffSignature), signature)
        signer = _signer(reference.signature_method, value, info_bytes, candidates, now, signature)
        signed_bytes = canonical_without(parent, signature, reference.prefixes)
        if not hmac.compare_digest(reference.hash(signed_bytes).digest(), reference.digest):
            raise HandoffSignature(
                expected="the digest of the signed element", received="another digest", node=path_of(signature)
            )
        return signer, parse(signed_bytes)
    except (etree.C14NError, HandoffMalformed) as error:
        raise HandoffSignature(expected="a canonical form", received="none", node=path_of(signature)) from error


class _Reference(NamedTuple):
    signature_method: str
    hash: Callable[[bytes], "hashlib._Hash"]
    digest: bytes
    prefixes: list[str]


def _read_signed_info(info: etree._Element, parent_id: str | None, signature: etree._Element) -> _Reference:
    """Return what the one Reference says about its parent, from the re-parsed SignedInfo; its shape is fixed."""
    tags = [child.tag for child in info]
    if tags != _INFO_SHAPE:
        raise HandoffSignature(
            expected="exactly one Reference", received=f"{tags.count(names.REFERENCE)}", node=path_of(signature)
        )
    method, signature_method, reference = info
    _allowed(method, _CANONICALIZATIONS, signature)
    signature_algorithm = _allowed(signature_method, _METHODS, signature)
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
    return _Reference(
        signature_method=signature_algorithm,
        hash=_DIGESTS[digest_algorithm],
        digest=_base64(text_of(digest_value, HandoffSignature), signature),
        prefixes=_prefixes(transforms[1], signature),
    )


def _allowed(element: etree._Element, algorithms: Collection[str], signature: etree._Element) -> str:
    algorithm = element.get("Algorithm", "none")
    if algorithm not in algorithms:
        raise HandoffAlgorithm(expected=" or ".join(algorithms), received=algorithm, node=path_of(signature))
    return algorithm


def _prefixes(method: etree._Element | None, signature: etree._Element) -> list[str]:
    """Return the PrefixList of an exclusive c14n *method* (xml-exc-c14n 4), its only parameter."""
    if method is None or not len(method):
        return []
    parameter = method[0]
    prefixes = parameter.get("PrefixList", "").split()
    plain = len(prefixes) <= _MAX_PREFIXES and all(_PREFIX.fullmatch(prefix) for prefix in prefixes)
    alone = len(method) == 1 and not len(parameter) and parameter.keys() == ["PrefixList"]
    if not plain or not alone or parameter.tag != names.INCLUSIVE_NAMESPACES:
        raise HandoffSignature(expected="at most a short PrefixList", received="other parameters", node=path_of(signature))
    return prefixes


def _base64(text: str, signature: etree._Element) -> bytes:
    joined = "".join(text.split())
    try:
        return base64.b64decode(joined, validate=True)
    except (binascii.Error, ValueError) as error:
        raise HandoffSignature(expected="base64", received="other characters", node=path_of(signature)) from error


def _signer(
    method: str, value: bytes, message: bytes, candidates: tuple[TrustedIssuer, ...], now: datetime, signature: etree._Element
) -> TrustedIssuer:
    expired = False
    for issuer in candidates:
        for pinned in issuer.keys:
            if not _verifies(pinned, method, value, message):
                continue
            if now - issuer.skew < pinned.expires_at:
                return issuer
            expired = True
    received = "a signature by a certificate that has expired" if expired else "a signature by no pinned key"
    raise HandoffSignature(
        expected="a signature by a pinned certificate of the issuer", received=received, node=path_of(signature)
    )


def _verifies(pinned: PinnedKey, method: str, value: bytes, message: bytes) -> bool:
    kind, algorithm = _METHODS[method]
    if kind != pinned.kind:
        return False
    try:
        if kind == "rsa":
            cast("RSAPublicKey", pinned.key).verify(value, message, _PKCS1, algorithm)
        else:
            key = cast("EllipticCurvePublicKey", pinned.key)
            key.verify(_der(value, (key.key_size + 7) // 8), message, ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True


def _der(value: bytes, size: int) -> bytes:
    """Return an ECDSA signature of XML Signature (r and s of *size* bytes each, xmldsig-core1 6.4.3) in DER."""
    if len(value) != 2 * size:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big"))
