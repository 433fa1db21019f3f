"""Sign a rendered Response: hash the canonical text, one signature, base64.

The law: nothing is parsed here; the text is canonical by construction, so SignedInfo and the signed element are hashed as
written.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bridge.keys import SigningKey
from bridge.saml import names
from bridge.saml.render import RESPONSE_END, Rendered
from bridge.saml.trust import Signed

DECLARED = f' xmlns:ds="{names.DS}"'
SIGNED_INFO_REST = (
    f'<ds:CanonicalizationMethod Algorithm="{names.EXCLUSIVE_C14N}"></ds:CanonicalizationMethod>'
    '<ds:SignatureMethod Algorithm="%(method)s"></ds:SignatureMethod><ds:Reference URI="#%(element_id)s"><ds:Transforms>'
    f'<ds:Transform Algorithm="{names.ENVELOPED}"></ds:Transform>'
    f'<ds:Transform Algorithm="{names.EXCLUSIVE_C14N}"></ds:Transform></ds:Transforms>'
    f'<ds:DigestMethod Algorithm="{names.SHA256}"></ds:DigestMethod><ds:DigestValue>%(digest)s</ds:DigestValue></ds:Reference>'
    "</ds:SignedInfo>"
)
SIGNATURE = (
    f"<ds:Signature{DECLARED}><ds:SignedInfo>%(info)s<ds:SignatureValue>%(value)s</ds:SignatureValue>"
    "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>%(certificate)s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
)
_SHA256 = hashes.SHA256()
_PKCS1 = padding.PKCS1v15()


@dataclass(frozen=True, slots=True)
class SignedResponse:
    """A signed Response: its XML in UTF-8, itself in canonical form, and the base64 of it that a form carries."""

    xml: bytes
    base64: str


def sign(
    rendered: Rendered, key: SigningKey, *, signed: Signed = "response", encrypt: Callable[[str], str] | None = None
) -> SignedResponse:
    """Return *rendered* signed by *key*, in the Response, the Assertion or both: RSA-SHA256 or ECDSA-SHA256 by key type.

    *encrypt* turns the text of the Assertion into that of an EncryptedAssertion; the Response is signed after that, so that a
    receiver knows the sender before it decrypts. Raises `ValueError` where only the Assertion would be signed then.
    """
    assertion_opening = rendered.assertion_opening
    if signed in ("assertion", "both"):
        assertion = f"{assertion_opening}{rendered.assertion_rest}"
        assertion_opening += _signature(assertion, rendered.assertion_id, key)
    assertion = f"{assertion_opening}{rendered.assertion_rest}"
    if encrypt is not None:
        if signed == "assertion":
            raise ValueError("an encrypted assertion needs a signed Response around it")
        assertion = encrypt(assertion)
    rest = f"{rendered.status}{assertion}{RESPONSE_END}"
    response_opening = rendered.response_opening
    if signed in ("response", "both"):
        response_opening += _signature(f"{response_opening}{rest}", rendered.response_id, key)
    xml = f"{response_opening}{rest}".encode()
    return SignedResponse(xml=xml, base64=base64.b64encode(xml).decode("ascii"))


def _signature(canonical_text: str, element_id: str, key: SigningKey) -> str:
    digest = base64.b64encode(hashlib.sha256(canonical_text.encode("utf-8")).digest()).decode("ascii")
    method = names.RSA_SHA256 if isinstance(key.private_key, RSAPrivateKey) else names.ECDSA_SHA256
    info = SIGNED_INFO_REST % {"method": method, "element_id": element_id, "digest": digest}
    value = base64.b64encode(_sign(f"<ds:SignedInfo{DECLARED}>{info}".encode(), key)).decode("ascii")
    return SIGNATURE % {"info": info, "value": value, "certificate": key.certificate_base64}


def _sign(message: bytes, key: SigningKey) -> bytes:
    private_key = key.private_key
    if isinstance(private_key, RSAPrivateKey):
        return private_key.sign(message, _PKCS1, _SHA256)
    # xmldsig-core1 6.4.3: r and s, each as wide as the curve's order, not DER.
    r, s = decode_dss_signature(private_key.sign(message, ECDSA(_SHA256)))
    width = (private_key.key_size + 7) // 8
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")
