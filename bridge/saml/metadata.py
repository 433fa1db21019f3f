"""SAML metadata of both ends: what the legacy cell signs with, where an organization receives (SAML metadata 2.4).

The law: what is published is what is used: the active certificate first, then the next one.
"""

import base64
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bridge.saml import names
from bridge.saml.render import attribute, text

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_KEY = (
    f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{names.DS}"><ds:X509Data><ds:X509Certificate>%s'
    "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
)


def idp_metadata(*, entity_id: str, sso_url: str, certificates: Iterable[x509.Certificate]) -> bytes:
    """Return the metadata of a legacy cell with all its published *certificates*, the active one first.

    *sso_url* is the sign-in page: the schema demands a SingleSignOnService, though no AuthnRequest is answered there.
    """
    keys = "".join(_KEY % base64.b64encode(one.public_bytes(Encoding.DER)).decode("ascii") for one in certificates)
    return (
        f'{_HEAD}<md:EntityDescriptor xmlns:md="{names.MD}" entityID="{attribute(entity_id)}">'
        f'<md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{names.PROTOCOL}">{keys}'
        f"<md:NameIDFormat>{names.PERSISTENT}</md:NameIDFormat>"
        f'<md:SingleSignOnService Binding="{names.HTTP_POST}" Location="{attribute(sso_url)}"/>'
        "</md:IDPSSODescriptor></md:EntityDescriptor>\n"
    ).encode()


def sp_metadata(*, entity_id: str, acs_url: str) -> bytes:
    """Return the metadata of one organization's endpoint."""
    return (
        f'{_HEAD}<md:EntityDescriptor xmlns:md="{names.MD}" entityID="{attribute(entity_id)}">'
        '<md:SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="false" '
        f'protocolSupportEnumeration="{names.PROTOCOL}">'
        f"<md:NameIDFormat>{text(names.PERSISTENT)}</md:NameIDFormat>"
        f'<md:AssertionConsumerService Binding="{names.HTTP_POST}" Location="{attribute(acs_url)}" index="0" isDefault="true"/>'
        "</md:SPSSODescriptor></md:EntityDescriptor>\n"
    ).encode()
