"""Metadata of both ends."""

import base64

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser

from bridge.saml import names
from bridge.saml.metadata import idp_metadata, sp_metadata
from bridge.saml.schema import compile_schema
from tests.saml.forge import ENDPOINT, ISSUER, Forge

MD = f"{{{names.MD}}}"


def test_the_idp_metadata_shows_every_published_certificate(forge: Forge) -> None:
    """The active certificate comes first and the next one after it, so that receivers learn it before it signs."""
    raw = idp_metadata(
        entity_id=ISSUER,
        sso_url="https://cells.example/users/sign_in",
        certificates=(forge.key.certificate, forge.p256.certificate),
    )
    root = etree.fromstring(raw)
    assert compile_schema("saml-schema-metadata-2.0.xsd").validate(root)
    assert root.get("entityID") == ISSUER
    shown = [base64.b64decode(one.text or "") for one in root.iter(f"{{{names.DS}}}X509Certificate")]
    assert shown == [key.certificate.public_bytes(Encoding.DER) for key in (forge.key, forge.p256)]


def test_another_implementation_reads_it(forge: Forge) -> None:
    """python3-saml's parser finds the entity ID and the certificates."""
    raw = idp_metadata(entity_id=ISSUER, sso_url="https://cells.example/users/sign_in", certificates=(forge.key.certificate,))
    read = OneLogin_Saml2_IdPMetadataParser.parse(raw, required_sso_binding=names.HTTP_POST)
    assert read["idp"]["entityId"] == ISSUER
    assert read["idp"]["x509cert"] == forge.key.certificate_base64


def test_the_sp_metadata_names_the_endpoint() -> None:
    """An organization's metadata holds its entity ID and its one assertion consumer service."""
    root = etree.fromstring(sp_metadata(entity_id=ENDPOINT.sp_entity_id, acs_url=ENDPOINT.acs_url))
    assert compile_schema("saml-schema-metadata-2.0.xsd").validate(root)
    assert root.get("entityID") == ENDPOINT.sp_entity_id
    (service,) = root.iter(f"{MD}AssertionConsumerService")
    assert (service.get("Location"), service.get("Binding")) == (ENDPOINT.acs_url, names.HTTP_POST)


def test_values_are_escaped() -> None:
    """A URL with an ampersand stays one attribute."""
    url = 'https://cells.example/?a=1&b="2"'
    root = etree.fromstring(sp_metadata(entity_id=url, acs_url=url))
    assert root.get("entityID") == url
