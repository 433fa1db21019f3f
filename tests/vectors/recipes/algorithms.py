"""Signatures by algorithms and keys that do not count."""

import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from bridge.saml import names
from tests.saml.forge import Element, one
from tests.vectors.recipes.signing import ALGORITHM, DS, INCLUSIVE, MORE, TO_EVIL, signed_by
from tests.vectors.recipes.transforms import XSLT
from tests.vectors.world import key

SHA1 = names.DS + "sha1"


_ALGORITHMS = [
    signed_by("rsa-sha1", "SHA-1 collides; it is on no list.", 15, ALGORITHM, method=names.DS + "rsa-sha1", digest=SHA1),
    signed_by(
        "rsa-sha1-over-sha256",
        "The signature is over SHA-1, though the digest is not.",
        15,
        ALGORITHM,
        method=names.DS + "rsa-sha1",
    ),
    signed_by("sha1-digest", "The digest is SHA-1, though the signature is not.", 15, ALGORITHM, digest=SHA1),
    signed_by("rsa-md5", "MD5 is broken; deny-lists forget it.", 15, ALGORITHM, method=MORE + "rsa-md5"),
    signed_by("md5-digest", "An MD5 digest lets two documents have one signature.", 15, ALGORITHM, digest=MORE + "md5"),
    signed_by("ecdsa-sha1", "ECDSA over SHA-1.", 15, ALGORITHM, key=key("ec-p256"), method=MORE + "ecdsa-sha1"),
    signed_by("no-such-method", "An algorithm that nobody knows.", 15, ALGORITHM, method="urn:none"),
    signed_by("empty-method", "An algorithm without a name.", 15, ALGORITHM, method=""),
    signed_by("method-with-a-space", "A name that is almost an allowed one.", 15, ALGORITHM, method=names.RSA_SHA256 + " "),
    signed_by(
        "rsa-method-for-ecdsa-key",
        "The method does not fit the key that signed.",
        15,
        key=key("ec-p256"),
        method=names.RSA_SHA256,
    ),
    signed_by(
        "inclusive-c14n-of-signed-info",
        "Inclusive canonical form takes in namespaces from around.",
        15,
        ALGORITHM,
        canonicalization=INCLUSIVE,
    ),
    signed_by(
        "c14n-of-signed-info-with-comments",
        "A canonical form that keeps comments.",
        15,
        ALGORITHM,
        canonicalization=names.EXCLUSIVE_C14N + "WithComments",
    ),
]


def _hmac(secret: bytes, hash_name: str = "sha256") -> Callable[[bytes], bytes]:
    return lambda message: hmac.digest(secret, message, hash_name)


_PEM = key("rsa-2048").certificate.public_bytes(Encoding.PEM)
_DER = key("rsa-2048").certificate.public_bytes(Encoding.DER)


def _output_length(info: Element) -> None:
    etree.SubElement(one(info, "d:SignatureMethod"), f"{DS}HMACOutputLength").text = "8"


_SYMMETRIC = [
    signed_by(
        "hmac-with-the-certificate",
        "HMAC with the public certificate as its key (CVE-2009-0217's cousin).",
        16,
        ALGORITHM,
        before=TO_EVIL,
        method=MORE + "hmac-sha256",
        value=_hmac(_PEM),
    ),
    signed_by(
        "hmac-with-the-certificate-in-der",
        "HMAC with the bytes of the certificate as its key.",
        16,
        ALGORITHM,
        before=TO_EVIL,
        method=MORE + "hmac-sha256",
        value=_hmac(_DER),
    ),
    signed_by(
        "hmac-sha1-with-the-certificate",
        "HMAC-SHA1, which the standard makes everybody implement.",
        16,
        ALGORITHM,
        before=TO_EVIL,
        method=names.DS + "hmac-sha1",
        value=_hmac(_PEM, "sha1"),
    ),
    signed_by(
        "hmac-output-length",
        "HMACOutputLength cuts the value down to what can be guessed (CVE-2009-0217).",
        16,
        ALGORITHM,
        before=TO_EVIL,
        method=MORE + "hmac-sha256",
        value=lambda message: _hmac(b"")(message)[:1],
        edit=_output_length,
    ),
    signed_by(
        "hmac-output-length-under-rsa", "A parameter of SignatureMethod that RSA does not have.", 16, edit=_output_length
    ),
]


def _brought_key(signature: Element) -> None:
    """Put a bare key of the stranger's into KeyInfo, beside the certificate."""
    info = one(signature, "d:KeyInfo")
    value = etree.SubElement(etree.SubElement(info, f"{DS}KeyValue"), f"{DS}RSAKeyValue")
    etree.SubElement(value, f"{DS}Modulus").text = "AQAB"
    etree.SubElement(value, f"{DS}Exponent").text = "AQAB"


def _retrieval(signature: Element) -> None:
    method = etree.Element(f"{DS}RetrievalMethod", URI="file:///etc/passwd")
    transforms = etree.SubElement(method, f"{DS}Transforms")
    etree.SubElement(transforms, f"{DS}Transform", Algorithm=XSLT)
    one(signature, "d:KeyInfo").insert(0, method)


def _trusted_certificate(signature: Element) -> None:
    one(signature, ".//d:X509Certificate").text = key("rsa-2048").certificate_base64


def _both_certificates(signature: Element) -> None:
    data = one(signature, ".//d:X509Data")
    etree.SubElement(data, f"{DS}X509Certificate").text = key("rsa-2048").certificate_base64


_KEYS = [
    signed_by("strangers-certificate", "Signed by a key that the message brings along itself.", 17, key=key("stranger")),
    signed_by(
        "strangers-ecdsa", "Signed by a stranger's elliptic curve.", 17, key=key("stranger-ec"), method=names.ECDSA_SHA256
    ),
    signed_by("strangers-key-value", "KeyInfo brings a bare key.", 17, key=key("stranger"), spoil=_brought_key),
    signed_by(
        "strangers-key-info-left-out", "Signed by a stranger who does not say so.", 17, key=key("stranger"), key_info=False
    ),
    signed_by(
        "strangers-under-our-certificate",
        "KeyInfo shows the trusted certificate, but another key signed.",
        17,
        key=key("stranger"),
        spoil=_trusted_certificate,
    ),
    signed_by(
        "strangers-beside-our-certificate",
        "KeyInfo shows both certificates, and the stranger signed.",
        17,
        key=key("stranger"),
        spoil=_both_certificates,
    ),
    signed_by(
        "retrieval-method",
        "KeyInfo names a file and a stylesheet to get the key with.",
        17,
        key=key("stranger"),
        spoil=_retrieval,
    ),
    signed_by(
        "key-of-another-issuer",
        "The key of one trusted issuer says nothing in the name of another.",
        17,
        key=key("other-issuer"),
    ),
    signed_by("expired-certificate", "The pinned certificate of this key has expired.", 17, key=key("expired")),
    signed_by(
        "strangers-assertion",
        "The assertion is signed by a stranger.",
        17,
        key=key("stranger"),
        wanted="assertion",
        node="Response/Assertion/Signature",
    ),
]

CASES = [*_ALGORITHMS, *_SYMMETRIC, *_KEYS]
