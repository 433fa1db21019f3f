"""Check 7: the signatures of a document, and the tree that they vouch for.

The law: what is hashed is what is read. SignedInfo and the signed element are made canonical once, the signature and the digest
are verified over exactly those bytes, and only the re-parsed bytes leave this module. Nothing of KeyInfo is read; only pinned
keys are tried. What is encrypted is opened after its Response is verified.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from bridge.errors import HandoffMalformed, HandoffSignature
from bridge.saml import names
from bridge.saml.decrypt import open_response
from bridge.saml.minted import Minted
from bridge.saml.shape import NAMESPACES, SIGNATURE_PLACE
from bridge.saml.signed_info import METHODS, from_base64, hashed, prefixes_of, read_signed_info
from bridge.saml.trust import DecryptionKey, Endpoint, PinnedKey, TrustedIssuer
from bridge.saml.xml import Document, canonical, canonical_without, only, parse, path_of, text_of

_PKCS1 = padding.PKCS1v15()
_RESPONSE = "Response"
_RESPONSE_SIGNATURE = "Response/Signature"
_ASSERTION = "Response/Assertion"
_SIGNATURE_SHAPES = (
    [names.SIGNED_INFO, names.SIGNATURE_VALUE],
    [names.SIGNED_INFO, names.SIGNATURE_VALUE, names.KEY_INFO],
)
_ALL_AT_THEIR_PLACE = etree.XPath(
    f"count(/p:Response/{SIGNATURE_PLACE} | /p:Response/a:Assertion/{SIGNATURE_PLACE}) = count(//d:Signature)",
    namespaces=NAMESPACES,
)


class Received(NamedTuple):
    """What check 7 judges: a document, whom we trust, the time (aware, UTC), the endpoint with its keys."""

    document: Document
    trust: Mapping[str, TrustedIssuer]
    now: datetime
    endpoint: Endpoint


class SignedHandoff(NamedTuple):
    """What was signed, re-parsed from the signed bytes.

    `response` is None where only the assertion is signed. `signer` is the trusted issuer whose key verified, `opened_by` the
    key that decrypted the assertion if it was encrypted.
    """

    assertion: etree._Element
    response: etree._Element | None
    signer: TrustedIssuer
    document: Document
    opened_by: DecryptionKey | None = None

    @property
    def message(self) -> etree._Element:
        """The signed Response; where the assertion alone is signed the unverified one, to refuse by and never to decide."""
        return self.document.root if self.response is None else self.response


class _Delivered(NamedTuple):
    """What the signature of the Response says: the signed tree, or None where there is no signature.

    The assertion is then unverified. `candidates` may have signed it: the signer alone where the Response is signed.
    """

    response: etree._Element | None
    assertion: etree._Element
    candidates: tuple[TrustedIssuer, ...]
    is_encrypted: bool = False
    opened_by: DecryptionKey | None = None


def check_signature(received: Received) -> SignedHandoff:
    """Check 7: return what a trusted key signed; every signature in the document must verify.

    An encrypted assertion is opened where a verified Response holds it, and nowhere else: nobody without a trusted key makes us
    decrypt anything. Raises `HandoffSignature`, `HandoffAlgorithm`, and `HandoffMalformed` for an assertion that does not open.
    """
    minted = received.document.minted
    response, assertion, candidates, is_encrypted, opened_by = (
        _delivered(received) if minted is None else _delivered_as_minted(received, minted)
    )
    if received.endpoint.require_encryption and not is_encrypted:
        raise HandoffMalformed(expected="an encrypted assertion", received="one in clear", node=_ASSERTION)
    signer = None if response is None else candidates[0]
    if (signature := next(assertion.iterchildren(names.SIGNATURE), None)) is not None:
        signer, assertion = _verified(assertion, signature, candidates, received.now)
    if signer is None:
        raise HandoffSignature(expected="a signature", received="none", node=_RESPONSE)
    if signer.signed in ("response", "both") and response is None:
        raise HandoffSignature(expected="a signature of the Response", received="of the Assertion only", node=_RESPONSE)
    if signer.signed in ("assertion", "both") and signature is None:
        node = _RESPONSE if is_encrypted else _ASSERTION
        raise HandoffSignature(expected="a signature of the Assertion", received="of the Response only", node=node)
    return SignedHandoff(assertion, response, signer, received.document, opened_by)


def _delivered_as_minted(received: Received, minted: Minted) -> _Delivered:
    """The Response of a document that is in canonical form already: its text is hashed as it stands."""
    candidates = _candidates(minted.unverified_issuer, received.trust)
    method, value, info_bytes = minted.signature_method, minted.signature_value, minted.signed_info
    signer = _signer(method, value, info_bytes, candidates, received.now, _RESPONSE_SIGNATURE)
    response = _digested(minted.signed_response, names.SHA256, minted.digest, _RESPONSE_SIGNATURE)
    return _Delivered(response, only(response, names.ASSERTION, HandoffSignature), (signer,))


def _delivered(received: Received) -> _Delivered:
    """The Response of any other document, in whatever form it came."""
    root = received.document.root
    is_encrypted = next(root.iterchildren(names.ENCRYPTED_ASSERTION), None) is not None
    unverified = root if is_encrypted else only(root, names.ASSERTION, HandoffSignature)
    _refuse_misplaced(received.document)
    candidates = _candidates(only(unverified, names.ISSUER, HandoffSignature).text, received.trust)
    if (signature := next(root.iterchildren(names.SIGNATURE), None)) is None:
        if is_encrypted:
            raise HandoffSignature(expected="a signature around an encrypted assertion", received="none", node=_RESPONSE)
        return _Delivered(None, unverified, candidates)
    signer, response = _verified(root, signature, candidates, received.now)
    opened_by = None
    if is_encrypted:
        opened, opened_by = open_response(response, received.endpoint.decryption_keys)
        _refuse_misplaced(opened)
    return _Delivered(response, only(response, names.ASSERTION, HandoffSignature), (signer,), is_encrypted, opened_by)


def _refuse_misplaced(document: Document) -> None:
    if document.has_duplicate_ids:
        raise HandoffSignature(expected="every ID once", received="one ID twice", node=path_of(document.root))
    if not _ALL_AT_THEIR_PLACE(document.root):
        expected = "a Signature right after the Issuer of the Response or the Assertion"
        raise HandoffSignature(expected=expected, received="a Signature elsewhere", node=path_of(document.root))


def _candidates(unverified_issuer: str | None, trust: Mapping[str, TrustedIssuer]) -> tuple[TrustedIssuer, ...]:
    """Return whose keys may verify: the named issuer's, or everybody's where nobody trusted is named (check 8 refuses then)."""
    named = trust.get(unverified_issuer or "")
    return (named,) if named else tuple(trust.values())


def _verified(
    parent: etree._Element, signature: etree._Element, candidates: tuple[TrustedIssuer, ...], now: datetime
) -> tuple[TrustedIssuer, etree._Element]:
    """Return the issuer whose key made *signature* over *parent*, and *parent* as it was signed, re-parsed."""
    node = path_of(signature)
    if [child.tag for child in signature] not in _SIGNATURE_SHAPES:
        raise HandoffSignature(expected="SignedInfo, SignatureValue, KeyInfo", received="another Signature", node=node)
    try:
        method = next(signature[0].iterchildren(names.CANONICALIZATION_METHOD), None)
        info_bytes = canonical(signature[0], prefixes_of(method, signature))
        reference = read_signed_info(parse(info_bytes), parent.get("ID"), signature)
        value = from_base64(text_of(signature[1], HandoffSignature), signature)
        signer = _signer(reference.signature_method, value, info_bytes, candidates, now, node)
        signed_bytes = canonical_without(parent, signature, reference.prefixes)
        return signer, _digested(signed_bytes, reference.digest_method, reference.digest, node)
    except (etree.C14NError, HandoffMalformed) as error:
        raise HandoffSignature(expected="a canonical form", received="none", node=node) from error


def _digested(signed_bytes: bytes, digest_method: str, digest: bytes, node: str) -> etree._Element:
    """Return the tree of *signed_bytes* if they have the signed digest: what is read is what was hashed."""
    if not hmac.compare_digest(hashed(signed_bytes, digest_method), digest):
        raise HandoffSignature(expected="the digest of the signed element", received="another digest", node=node)
    return parse(signed_bytes)


def _signer(
    method: str, value: bytes, message: bytes, candidates: tuple[TrustedIssuer, ...], now: datetime, node: str
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
    raise HandoffSignature(expected="a signature by a pinned certificate of the issuer", received=received, node=node)


def _verifies(pinned: PinnedKey, method: str, value: bytes, message: bytes) -> bool:
    kind, algorithm = METHODS[method]
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
