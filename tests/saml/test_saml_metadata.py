"""Metadata of both ends."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser

from bridge.errors import KeyRingError
from bridge.keys import SigningKey
from bridge.saml import names
from bridge.saml.metadata import MAX_CERTIFICATES, idp_metadata, read_idp_metadata, sp_metadata
from bridge.saml.schema import compile_schema
from tests.saml.forge import ENDPOINT, ISSUER, NOW, Forge

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


def published(forge: Forge, *keys: SigningKey) -> bytes:
    """Return the metadata of our issuer with the certificates of *keys*, of two unless given."""
    shown = keys or (forge.key, forge.p256)
    return idp_metadata(entity_id=ISSUER, sso_url="https://cells.example/", certificates=[key.certificate for key in shown])


def test_what_is_published_is_what_is_read(forge: Forge) -> None:
    """Each certificate once, in its order; a key for encryption alone is none that signs, and no use means both."""
    both = (forge.key.certificate, forge.p256.certificate)
    assert read_idp_metadata(published(forge), entity_id=ISSUER, now=NOW) == both
    twice = published(forge, forge.key, forge.key)
    assert read_idp_metadata(twice, entity_id=ISSUER, now=NOW) == both[:1]
    for_encryption = published(forge).replace(b'use="signing"', b'use="encryption"', 1)
    assert read_idp_metadata(for_encryption, entity_id=ISSUER, now=NOW) == both[1:]
    for_both = published(forge).replace(b' use="signing"', b"")
    assert read_idp_metadata(for_both, entity_id=ISSUER, now=NOW) == both


def test_a_weak_key_does_not_hide_a_good_one(forge: Forge) -> None:
    """It is left out; alone, it makes the document unusable."""
    weak = _certificate(ec.generate_private_key(ec.SECP256K1()))
    raw = idp_metadata(entity_id=ISSUER, sso_url="https://x.example/", certificates=[weak, forge.key.certificate])
    assert read_idp_metadata(raw, entity_id=ISSUER, now=NOW) == (forge.key.certificate,)
    with pytest.raises(KeyRingError, match="0 usable"):
        read_idp_metadata(
            idp_metadata(entity_id=ISSUER, sso_url="https://x.example/", certificates=[weak]), entity_id=ISSUER, now=NOW
        )


def test_more_certificates_than_a_rotation_needs_are_refused() -> None:
    """Each is tried for a forged signature, so their number is capped."""
    many = [_certificate(ec.generate_private_key(ec.SECP256R1())) for _ in range(MAX_CERTIFICATES + 1)]
    raw = idp_metadata(entity_id=ISSUER, sso_url="https://x.example/", certificates=many)
    with pytest.raises(KeyRingError, match="17 usable"):
        read_idp_metadata(raw, entity_id=ISSUER, now=NOW)
    fewer = idp_metadata(entity_id=ISSUER, sso_url="https://x.example/", certificates=many[1:])
    assert len(read_idp_metadata(fewer, entity_id=ISSUER, now=NOW)) == MAX_CERTIFICATES


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    return builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1)).sign(key, hashes.SHA256())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ISSUER, ISSUER.upper()),
        (ISSUER, "https://other.example/"),
        ("entityID=", "entityId="),
        ("entityID=", 'validUntil="2026-06-30T00:00:00Z" entityID='),
        ("entityID=", 'validUntil="2036-06-30T00:00:00" entityID='),
        ("entityID=", 'validUntil="never" entityID='),
        ("IDPSSODescriptor", "SPSSODescriptor"),
        ("urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:1.1:protocol"),
        ("EntityDescriptor", "EntitiesDescriptor"),
        ("urn:oasis:names:tc:SAML:2.0:metadata", "urn:oasis:names:tc:SAML:3.0:metadata"),
        ("</ds:X509Certificate>", "A</ds:X509Certificate>"),
        ("</ds:X509Certificate>", "<b/></ds:X509Certificate>"),
        ("<ds:X509Certificate>", "<ds:X509Certificate>!"),
        ("<ds:X509Certificate>", "<ds:X509Certificate>AAAA"),
        ("<md:NameIDFormat>", "<!-- --><md:NameIDFormat>"),
        ("<md:NameIDFormat>", "<?x?><md:NameIDFormat>"),
        ("<md:EntityDescriptor", "<!DOCTYPE x><md:EntityDescriptor"),
        ("</md:EntityDescriptor>", ""),
    ],
)
def test_a_document_that_is_not_plainly_the_issuers_is_refused(forge: Forge, old: str, new: str) -> None:
    """One entity, one role of SAML 2.0, not over, every certificate readable, through the hardened parser."""
    text = published(forge).decode("utf-8")
    assert old in text
    with pytest.raises(KeyRingError, match="the metadata of"):
        read_idp_metadata(text.replace(old, new).encode("utf-8"), entity_id=ISSUER, now=NOW)


def test_two_roles_are_refused(forge: Forge) -> None:
    """Which of them would sign is nobody's guess."""
    text = published(forge).decode("utf-8")
    start, end = text.index("<md:IDPSSODescriptor"), text.index("</md:EntityDescriptor>")
    with pytest.raises(KeyRingError, match="2 IDPSSODescriptors"):
        read_idp_metadata((text[:end] + text[start:]).encode("utf-8"), entity_id=ISSUER, now=NOW)


def test_a_kept_document_outlives_its_validity(forge: Forge) -> None:
    """validUntil is judged when a document arrives; a restart without the network must not lose the certificates."""
    over = published(forge).replace(b"entityID=", b'validUntil="2026-06-30T00:00:00Z" entityID=')
    assert len(read_idp_metadata(over, entity_id=ISSUER, now=None)) == 2
