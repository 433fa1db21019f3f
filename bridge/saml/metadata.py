"""SAML metadata of both ends: what the legacy cell signs with, where an organization receives (SAML metadata 2.4).

The law: what is published is what is used: the active certificate first, then the next one. What is read is a document about
the very entity that was asked for, through the same hardened parser as a handoff.
"""

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from bridge.errors import HandoffError, HandoffMalformed, KeyRingError
from bridge.saml import names
from bridge.saml.render import attribute, text
from bridge.saml.trust import usable_public_key
from bridge.saml.xml import read_document, text_of

MAX_CERTIFICATES = 16

_ENTITY, _IDP, _KEY_DESCRIPTOR = (f"{{{names.MD}}}{name}" for name in ("EntityDescriptor", "IDPSSODescriptor", "KeyDescriptor"))
_CERTIFICATE = etree.XPath("ds:KeyInfo/ds:X509Data/ds:X509Certificate", namespaces={"ds": names.DS})

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_KEY = (
    f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{names.DS}"><ds:X509Data><ds:X509Certificate>%s'
    "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
)
_ENCRYPTION_KEY = _KEY.replace('use="signing"', 'use="encryption"').replace(
    "</md:KeyDescriptor>",
    f'<md:EncryptionMethod Algorithm="{names.AES256_GCM}"/><md:EncryptionMethod Algorithm="{names.RSA_OAEP}">'
    f'<ds:DigestMethod xmlns:ds="{names.DS}" Algorithm="{names.SHA256}"/>'
    f'<xenc11:MGF xmlns:xenc11="{names.XENC11}" Algorithm="{names.MGF1_SHA256}"/></md:EncryptionMethod></md:KeyDescriptor>',
)


def _base64(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


def idp_metadata(*, entity_id: str, sso_url: str, certificates: Iterable[x509.Certificate]) -> bytes:
    """Return the metadata of a legacy cell with all its published *certificates*, the active one first.

    *sso_url* is the sign-in page: the schema demands a SingleSignOnService, though no AuthnRequest is answered there.
    """
    keys = "".join(_KEY % _base64(one) for one in certificates)
    return (
        f'{_HEAD}<md:EntityDescriptor xmlns:md="{names.MD}" entityID="{attribute(entity_id)}">'
        f'<md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{names.PROTOCOL}">{keys}'
        f"<md:NameIDFormat>{names.PERSISTENT}</md:NameIDFormat>"
        f'<md:SingleSignOnService Binding="{names.HTTP_POST}" Location="{attribute(sso_url)}"/>'
        "</md:IDPSSODescriptor></md:EntityDescriptor>\n"
    ).encode()


def sp_metadata(*, entity_id: str, acs_url: str, encryption_certificate: x509.Certificate | None = None) -> bytes:
    """Return the metadata of one organization's endpoint, with what to encrypt to and how if it can decrypt."""
    key = "" if encryption_certificate is None else _ENCRYPTION_KEY % _base64(encryption_certificate)
    return (
        f'{_HEAD}<md:EntityDescriptor xmlns:md="{names.MD}" entityID="{attribute(entity_id)}">'
        '<md:SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="false" '
        f'protocolSupportEnumeration="{names.PROTOCOL}">{key}'
        f"<md:NameIDFormat>{text(names.PERSISTENT)}</md:NameIDFormat>"
        f'<md:AssertionConsumerService Binding="{names.HTTP_POST}" Location="{attribute(acs_url)}" index="0" isDefault="true"/>'
        "</md:SPSSODescriptor></md:EntityDescriptor>\n"
    ).encode()


def read_idp_metadata(raw: bytes, *, entity_id: str, now: datetime | None) -> tuple[x509.Certificate, ...]:
    """Return the certificates that the metadata *raw* gives the IdP *entity_id* to sign with, each once, in their order.

    A certificate whose key is too weak or of an unknown kind is left out: one bad key must not hide the others. Raises
    `KeyRingError` for anything but the descriptor of this one entity with a usable certificate, and for one whose validUntil
    (SAML metadata 2.3.2) is before *now*; None does not look at that. A signature of the document is not read: who sent it is
    known by https.
    """
    try:
        found = _signing_certificates(raw, entity_id, now)
    except (HandoffError, ValueError, TypeError) as error:  # TypeError: a validUntil without a time zone
        raise KeyRingError(reason=f"the metadata of {entity_id} is not usable: {error}") from error
    usable = tuple(dict.fromkeys(one for one in found if _is_usable(one)))
    if not 0 < len(usable) <= MAX_CERTIFICATES:
        reason = f"the metadata of {entity_id} has {len(usable)} usable certificates, not 1 to {MAX_CERTIFICATES}"
        raise KeyRingError(reason=reason)
    return usable


def _signing_certificates(raw: bytes, entity_id: str, now: datetime | None) -> list[x509.Certificate]:
    root = read_document(raw).root
    if root.tag != _ENTITY or root.get("entityID") != entity_id:
        raise ValueError("it is not the EntityDescriptor of this entity ID")
    until = root.get("validUntil")
    if now is not None and until is not None and datetime.fromisoformat(until) <= now:
        raise ValueError("its validUntil has passed, and whoever publishes it has to renew it")
    roles = [role for role in root.iterchildren(_IDP) if names.PROTOCOL in role.get("protocolSupportEnumeration", "").split()]
    if len(roles) != 1:
        raise ValueError(f"it has {len(roles)} IDPSSODescriptors of SAML 2.0, not one")
    return [
        _read_certificate(text_of(element, HandoffMalformed))
        for key in roles[0].iterchildren(_KEY_DESCRIPTOR)
        if key.get("use", "signing") == "signing"
        for element in _CERTIFICATE(key)
    ]


def _read_certificate(text_of_it: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(base64.b64decode("".join(text_of_it.split()), validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError("a certificate in it cannot be read") from error


def _is_usable(certificate: x509.Certificate) -> bool:
    try:
        usable_public_key(certificate)
    except ValueError:
        return False
    return True
