"""Minting: text that is canonical by construction, signed by keys of every kind."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bridge.contract import to_attributes
from bridge.identity import ExternalIdentity, MalformedValue
from bridge.saml import names
from bridge.saml.render import attribute, render, text
from bridge.saml.sign import sign
from bridge.saml.trust import Signed
from tests.saml.forge import DANA, HANDOFF, ROUTE, Forge, exclusive, one

CARRIED = st.text(st.characters(codec="utf-8").filter(lambda one_: one_.isprintable()), min_size=1, max_size=40)
XML_TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\t\n\r<>&\"'")), max_size=40)


def carriable(value: str) -> bool:
    """Whether XML 1.0 can carry *value* (2.2 Char)."""
    return all(
        one_ in "\t\n\r" or 0x20 <= ord(one_) <= 0xD7FF or 0xE000 <= ord(one_) <= 0xFFFD or ord(one_) >= 0x10000
        for one_ in value
    )


@given(name=CARRIED, username=CARRIED, issuer=XML_TEXT, audience=XML_TEXT, acs=XML_TEXT, context=XML_TEXT)
def test_the_text_is_its_own_canonical_form(
    name: str, username: str, issuer: str, audience: str, acs: str, context: str
) -> None:
    """Whatever the values, the text equals the exclusive canonical form of its own parse, and carries them unchanged."""
    if not all(carriable(value) for value in (issuer, audience, acs, context)):
        return
    name, username = name.strip() or "x", username.strip() or "x"
    handoff = replace(
        HANDOFF,
        identity=replace(DANA, name=name, username=username),
        issuer=issuer,
        route=replace(ROUTE, acs_url=acs, sp_entity_id=audience),
        authn_context=context,
    )
    xml = render(handoff).xml
    root = etree.fromstring(xml)
    assert exclusive(root) == xml.encode()
    assert root.get("Destination") == acs
    assert one(root, "//a:Audience").text in (audience, None)
    values = {one_.get("Name"): one_.findtext(f"{{{names.SAML}}}AttributeValue") for one_ in root.iter(names.ATTRIBUTE)}
    assert values == dict(to_attributes(handoff))


@given(XML_TEXT)
def test_values_are_escaped_as_canonical_form_escapes(value: str) -> None:
    """Text and attribute values come back as they were, in the canonical spelling; the rest is refused."""
    if not carriable(value):
        for escape in (text, attribute):
            with pytest.raises(MalformedValue):
                escape(value)
        return
    xml = f'<a b="{attribute(value)}">{text(value)}</a>'
    root = etree.fromstring(xml)
    assert (root.get("b"), root.text or "") == (value, value)
    assert exclusive(root) == xml.encode()


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_what_xml_cannot_carry_is_refused(character: str) -> None:
    """A character without a spelling in XML is refused at minting, not found out by the receiver."""
    with pytest.raises(MalformedValue):
        render(replace(HANDOFF, issuer=f"https://cells.example/{character}"))


@pytest.mark.parametrize("evil", ["</saml:AttributeValue><saml:AttributeValue>x", "<!--", "]]>", "&amp;amp;", '" ID="_x'])
def test_values_stay_values(forge: Forge, evil: str) -> None:
    """Markup in a name stays text: one assertion, one value, the very name (SAML XML injection)."""
    handoff = replace(HANDOFF, identity=replace(DANA, name=evil))
    root = etree.fromstring(render(handoff).xml)
    assert len(list(root.iter(names.ASSERTION))) == 1
    assert one(root, "//a:Attribute[@Name='name']/a:AttributeValue").text == evil
    assert forge.judge(sign(render(handoff), forge.key).xml).claims.identity.name == evil


def test_what_is_unknown_is_left_out() -> None:
    """No attribute is sent empty."""
    unknown = ExternalIdentity(key=DANA.key, email=None, evidence=replace(DANA.evidence, verified=False))
    root = etree.fromstring(render(replace(HANDOFF, identity=unknown)).xml)
    sent = {one_.get("Name") for one_ in root.iter(names.ATTRIBUTE)}
    assert sent.isdisjoint({"email", "name", "username"})


def test_the_document_is_what_the_contract_says() -> None:
    """Every place of the contract holds its value; nothing answers a request."""
    root = etree.fromstring(render(HANDOFF).xml)
    assert root.get("ID") == HANDOFF.response_id
    assert one(root, "a:Assertion").get("ID") == HANDOFF.id
    assert one(root, "//a:Conditions").get("NotOnOrAfter") == "2026-07-01T12:01:00Z"
    assert one(root, "//a:SubjectConfirmationData").get("Recipient") == ROUTE.acs_url
    assert one(root, "//a:NameID").text == "google_oauth2:10820"
    assert one(root, "//a:NameID").get("Format") == names.PERSISTENT
    assert one(root, "//a:AuthnStatement").get("SessionNotOnOrAfter") == "2026-07-02T12:00:00Z"
    assert one(root, "//a:OneTimeUse") is not None
    assert not root.xpath("//@InResponseTo")


@pytest.mark.parametrize("algorithm", ["key", "p256", "p384"])
@pytest.mark.parametrize("signed", ["response", "assertion", "both"])
def test_xmlsec_verifies_every_sample(forge: Forge, algorithm: str, signed: Signed) -> None:
    """An implementation that is not ours accepts each signature, and the signed text is canonical too."""
    key = getattr(forge, algorithm)
    made = sign(render(HANDOFF), key, signed=signed)
    root = etree.fromstring(made.xml)
    assert exclusive(root) == made.xml
    assert base64.b64decode(made.base64) == made.xml
    xmlsec.tree.add_ids(root, ["ID"])
    signatures = list(root.iter(names.SIGNATURE))
    assert len(signatures) == (2 if signed == "both" else 1)
    for signature in signatures:
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(key.certificate.public_bytes(Encoding.PEM), xmlsec.constants.KeyDataFormatCertPem)
        context.verify(signature)


def test_the_method_follows_the_key(forge: Forge) -> None:
    """RSA keys sign RSA-SHA256, curves sign ECDSA-SHA256, and the certificate comes along for foreign receivers."""
    for key, method in ((forge.key, names.RSA_SHA256), (forge.p256, names.ECDSA_SHA256), (forge.p384, names.ECDSA_SHA256)):
        root = etree.fromstring(forge.minted(key=key))
        assert one(root, "//d:SignatureMethod").get("Algorithm") == method
        assert one(root, "//d:X509Certificate").text == key.certificate_base64


def test_the_lifetime_is_the_handoffs(forge: Forge) -> None:
    """What the legacy cell was configured with is what the receiver measures."""
    handoff = replace(HANDOFF, expires_at=HANDOFF.issued_at + timedelta(seconds=10))
    assert forge.judge(sign(render(handoff), forge.key).xml).spent_until == handoff.expires_at + timedelta(seconds=30)
