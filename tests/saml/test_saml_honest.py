"""What honest software writes and a strict verifier must still accept, as it came and in canonical form."""

from typing import Any

import pytest
from lxml import etree

from bridge.saml import names
from bridge.saml.trust import Signed
from bridge.saml.xml import canonical, parse
from tests.saml.forge import HANDOFF, ROUTE, Edit, Forge, add, all_of, cut, drop, one, put, write
from tests.saml.variety import SAML, XSI, chunks, extra_attribute, indented, nested_name_id, reversed_attributes, typed

HONEST: dict[str, Edit] = {
    "as minted": lambda _root: None,
    "indented": indented,
    "typed values": typed,
    "attributes in another order": reversed_attributes,
    "unknown attributes": extra_attribute("urn:oid:0.9.2342", "x"),
    "an unknown attribute with two values": extra_attribute("groups", "a", "b"),
    "an unknown attribute without values": extra_attribute("nothing"),
    "an unknown attribute twice": all_of(extra_attribute("groups", "a"), extra_attribute("groups", "b")),
    "an unknown attribute with a space and markup": extra_attribute("note", '  <b> & "q"  '),
    "a repeated FriendlyName": all_of(
        extra_attribute("urn:a", "1", friendly="mail"), extra_attribute("urn:b", "2", friendly="mail")
    ),
    "a NameID in a value": nested_name_id,
    "no NameFormat": lambda root: [one_.attrib.pop("NameFormat") for one_ in root.iter(names.ATTRIBUTE)],
    "NameID of the email": all_of(put("//a:NameID", "Format", names.EMAIL_ADDRESS), write("//a:NameID", "dana@acme.example")),
    "NameID transient": put("//a:NameID", "Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
    "NameID of no format": drop("//a:NameID", "Format"),
    "NameID with our qualifier": put("//a:NameID", "SPNameQualifier", ROUTE.sp_entity_id),
    "xsi:type on the status code": put("//p:StatusCode", f"{XSI}type", "samlp:StatusCodeType"),
    "a status message": add("//p:Status", f"{{{names.SAMLP}}}StatusMessage", text="ok"),
    "no OneTimeUse": cut("//a:OneTimeUse"),
    "OneTimeUse first": lambda root: one(root, "//a:Conditions").insert(0, one(root, "//a:OneTimeUse")),
    "a session index and an address": all_of(
        put("//a:AuthnStatement", "SessionIndex", "_s"),
        add("//a:AuthnStatement", f"{SAML}SubjectLocality", {"Address": "192.0.2.1"}, at=0),
    ),
    "an address in the confirmation": put("//a:SubjectConfirmationData", "Address", "192.0.2.1"),
    "an authenticating authority": add("//a:AuthnContext", f"{SAML}AuthenticatingAuthority", text="https://idp.example"),
    "a name in many scripts": write("//a:Attribute[@Name='name']/a:AttributeValue", "Дана \u5c71 Ünal 👩 & <co>"),
    "skew on the conditions": put("//a:Conditions", "NotBefore", "2026-07-01T12:00:30Z"),
    "skew on the confirmation": put("//a:SubjectConfirmationData", "NotOnOrAfter", "2026-07-01T12:00:31Z"),
    "a consent": put("/p:Response", "Consent", "urn:oasis:names:tc:SAML:2.0:consent:unspecified"),
}
SIGNATURES: dict[str, dict[str, Any]] = {
    "SHA-384": {"method": names.RSA_SHA384, "digest": names.SHA384},
    "SHA-512": {"method": names.RSA_SHA512, "digest": names.SHA512},
    "mixed hashes": {"method": names.RSA_SHA512, "digest": names.SHA256},
    "a prefix list": {"prefixes": ("xs", "#default")},
    "no KeyInfo": {"key_info": False},
    "wrapped base64": {
        "spoil": lambda made: setattr(
            one(made, "d:SignatureValue"), "text", "\n" + "\n ".join(chunks(one(made, "d:SignatureValue").text)) + "\n"
        )
    },
}


def accepted(forge: Forge, raw: bytes, **trusted: Any) -> None:
    """Assert that *raw* and its canonical form are accepted, also by python3-saml."""
    for form in (raw, etree.tostring(etree.fromstring(raw), method="c14n")):
        assert forge.judge(form, trusted=forge.trusted(**trusted)).handoff_id == HANDOFF.id


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("parts", ["response", "assertion", "both"])
def test_honest_documents_are_accepted(forge: Forge, name: str, parts: Signed) -> None:
    """Whatever the standard lets honest software write, both implementations accept."""
    accepted(forge, forge.changed(HONEST[name], parts=parts), signed=parts)


@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize("parts", ["response", "assertion", "both"])
def test_honest_signatures_are_accepted(forge: Forge, name: str, parts: Signed) -> None:
    """Every listed algorithm, with and without what may be left out."""
    accepted(forge, forge.changed(typed, parts=parts, **SIGNATURES[name]), signed=parts)


@pytest.mark.parametrize(
    ("key", "method"), [("p256", names.ECDSA_SHA256), ("p256", names.ECDSA_SHA512), ("p384", names.ECDSA_SHA384)]
)
def test_ecdsa_is_accepted(forge: Forge, key: str, method: str) -> None:
    """ECDSA on both curves, with any of the listed hashes."""
    signing_key = getattr(forge, key)
    accepted(forge, forge.signed(forge.tree(), key=signing_key, method=method), certificates=(signing_key.certificate,))


OTHER_SPELLINGS: dict[str, tuple[tuple[str, str], ...]] = {
    "other prefixes": (("samlp:", "p2:"), ("xmlns:samlp", "xmlns:p2"), ("saml:", "x.-y:"), ("xmlns:saml", "xmlns:x.-y")),
    "default namespaces": (("<saml:", "<"), ("</saml:", "</"), ("xmlns:saml=", "xmlns=")),
    "unused declarations": (("<samlp:Response", '<samlp:Response xmlns:unused="urn:unused" xmlns="urn:default"'),),
}


@pytest.mark.parametrize("name", OTHER_SPELLINGS)
def test_other_prefixes_are_the_same_names(forge: Forge, name: str) -> None:
    """A name is its namespace and local part: prefixes, default namespaces and unused declarations mean nothing."""
    text = etree.tostring(forge.tree(), encoding="unicode")
    for old, new in OTHER_SPELLINGS[name]:
        assert old in text
        text = text.replace(old, new)
    accepted(forge, forge.signed(etree.fromstring(text)))


AFTER_SIGNING: dict[str, tuple[str, str]] = {
    "single quotes": (
        'Destination="https://cells.example/o/acme/auth/saml/callback"',
        "Destination='https://cells.example/o/acme/auth/saml/callback'",
    ),
    "CDATA": (">Dana Hill<", "><![CDATA[Dana Hill]]><"),
    "CDATA in part": (">Dana Hill<", ">Da<![CDATA[na H]]>ill<"),
    "character references": (">Dana Hill<", ">D&#97;na&#x20;Hill<"),
    "references in an attribute": ('Name="email"', 'Name="&#101;mail"'),
    "white space in tags": ('Version="2.0"', ' Version = "2.0"\n '),
    "empty-element tags": ("<saml:OneTimeUse></saml:OneTimeUse>", "<saml:OneTimeUse />"),
    "another order of XML attributes": ("Destination=", 'Version="2.0" Destination='),
    "an XML declaration": ("<samlp:Response", '<?xml version="1.0" encoding="UTF-8"?>\n<samlp:Response'),
}


@pytest.mark.parametrize("name", AFTER_SIGNING)
def test_what_canonical_form_levels_may_vary(forge: Forge, name: str) -> None:
    """Spellings with one canonical form are one document: a signature survives them."""
    old, new = AFTER_SIGNING[name]
    text = forge.minted().decode()
    assert old in text
    text = text.replace(old, new, 1)
    if name.startswith("another order"):
        text = text.replace(' Version="2.0">', ">", 1)
    accepted(forge, text.encode())


def test_line_ends_before_signing(forge: Forge) -> None:
    """CR LF in the bytes is LF to every parser, so it may be there or not (XML 1.0 2.11)."""
    root = forge.tree()
    indented(root)
    raw = forge.signed(root)
    assert b"\n" in raw
    accepted(forge, raw.replace(b"\n", b"\r\n"))


def test_a_carriage_return_that_was_signed(forge: Forge) -> None:
    """A CR written as a character reference is content and stays so through canonical form."""
    root = forge.tree()
    extra_attribute("note", "a\rb")(root)
    raw = forge.signed(root)
    assert b"&#13;" in raw
    accepted(forge, raw)


def test_the_canonical_form_of_what_we_mint_is_what_we_mint(forge: Forge) -> None:
    """No fast path hides from the corpus: minted documents are in canonical form already."""
    raw = forge.minted()
    assert canonical(parse(raw)) == raw
