"""Unusual but honest: what the standards let other software write, and a strict verifier must still accept."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from lxml import etree

from bridge.identity import NO_EVIDENCE, ExternalIdentity, IdentityKey
from bridge.saml import names
from bridge.saml.xml import MAX_XML_BYTES
from tests.saml.forge import Edit, Element, add, all_of, attribute, cut, drop, one, put, write
from tests.saml.variety import (
    SAML,
    XSI,
    chunks,
    extra_attribute,
    nested_name_id,
    reversed_attributes,
    typed,
)
from tests.vectors.recipes.case import Case
from tests.vectors.world import World, key, padded

NAME = "//a:Attribute[@Name='name']/a:AttributeValue"
VALUE = ">Dana Hill<"
SAMLP = f"{{{names.SAMLP}}}"
DS = f"{{{names.DS}}}"
RSA_KEY_VALUE = (
    f'<KeyValue xmlns="{names.DS}"><RSAKeyValue><Modulus>AQAB</Modulus><Exponent>AQAB</Exponent></RSAKeyValue></KeyValue>'
)


def _case(name: str, because: str, build: Callable[[World], bytes], **more: Any) -> Case:
    return Case(name=name, because=because, build=build, **more)


def _edited(name: str, because: str, edit: Edit, **more: Any) -> Case:
    return _case(name, because, lambda world: world.signed(edit), **more)


def _signed(name: str, because: str, *, edit: Edit = lambda _root: None, wanted: str = "response", **recipe: Any) -> Case:
    return _case(name, because, lambda world: world.signed(edit, **recipe), signed=wanted)


def _spelled(name: str, because: str, *changes: tuple[str, str], edit: Edit = lambda _root: None) -> Case:
    return _case(name, because, lambda world: world.respelled(*changes, edit=edit))


def _timed(name: str, because: str, edit: Callable[[World], Edit]) -> Case:
    return _case(name, because, lambda world: world.signed(edit(world)))


def _form(name: str, because: str, body: Callable[[str], bytes]) -> Case:
    return _case(name, because, lambda world: body(base64.b64encode(world.signed()).decode()), body="form")


def _renamed(*changes: tuple[str, str]) -> Callable[[World], bytes]:
    """Return the build that writes other prefixes before it signs."""

    def build(world: World) -> bytes:
        text = etree.tostring(world.tree(), encoding="unicode")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return etree.tostring(world.sign(etree.fromstring(text)))

    return build


def _wrapped_value(signature: Element) -> None:
    value = one(signature, "d:SignatureValue")
    value.text = "\n" + "\n".join(chunks(value.text)) + "\n"


def _other_signature_prefix(world: World) -> bytes:
    text = world.signed(lambda root: root.insert(0, root[0])).decode()
    assert 'xmlns:ds="' in text
    return text.encode()


def _many_attributes(root: Element) -> None:
    for number in range(200):
        extra_attribute(f"urn:extra:{number}", "x")(root)


def _deep(root: Element) -> None:
    code = one(root, "//p:StatusCode")
    for number in range(21):
        code = etree.SubElement(code, f"{SAMLP}StatusCode", Value=f"urn:example:{number}")


def _no_email(world: World) -> bytes:
    nobody = ExternalIdentity(key=IdentityKey("google_oauth2", "10820"), email=None, evidence=NO_EVIDENCE, name="Dana Hill")
    return etree.tostring(world.sign(world.tree(identity=nobody)))


def _key_names(signature: Element) -> None:
    info = one(signature, "d:KeyInfo")
    name = etree.Element(f"{DS}KeyName")
    name.text = "2026"
    info.insert(0, name)
    info.insert(1, etree.fromstring(RSA_KEY_VALUE))


_SENDERS = [
    _case("as-minted", "This is what our own legacy cell mints.", lambda world: world.minted()),
    _case(
        "as-minted-assertion",
        "Our own legacy cell signs the assertion, for a trust that wants that.",
        lambda world: world.minted(),
        signed="assertion",
    ),
    _case("as-minted-both", "Our own legacy cell signs both.", lambda world: world.minted(), signed="both"),
    _signed("indented", "White space between elements is part of what was signed."),
    _signed("assertion-signed", "The trust wants the assertion signed, and it is.", wanted="assertion"),
    _signed("both-signed", "The trust wants both signed, and they are.", wanted="both"),
    _signed("both-signed-response-wanted", "A second, good signature does no harm.", parts="both"),
    _signed("both-signed-assertion-wanted", "A second, good signature does no harm.", wanted="assertion", parts="both"),
]

_NAMES = [
    _case(
        "other-prefixes",
        "A name is its namespace and local part, whatever the prefix.",
        _renamed(("samlp:", "p2:"), ("xmlns:samlp", "xmlns:p2"), ("saml:", "x.-y:"), ("xmlns:saml", "xmlns:x.-y")),
    ),
    _case(
        "default-namespaces",
        "An assertion in the default namespace has the same names.",
        _renamed(("<saml:", "<"), ("</saml:", "</"), ("xmlns:saml=", "xmlns=")),
    ),
    _case(
        "unused-declarations",
        "A namespace that is declared and not used means nothing.",
        _renamed(("<samlp:Response", '<samlp:Response xmlns:unused="urn:unused" xmlns="urn:default"')),
    ),
    _edited("order-of-attributes", "The contract knows no order of its attributes.", reversed_attributes),
    _edited(
        "name-format-left-out",
        "NameFormat may be left out (core 2.7.3.1).",
        lambda root: [each.attrib.pop("NameFormat") for each in root.iter(names.ATTRIBUTE)],
    ),
    _edited("typed-values", "Values may say that they are xs:string.", typed),
    _edited(
        "typed-status-code",
        "A StatusCode may say its type, before its Value or after it.",
        put("//p:StatusCode", f"{XSI}type", "samlp:StatusCodeType"),
    ),
    _edited(
        "unknown-attributes",
        "What the contract does not know is not read.",
        all_of(extra_attribute("urn:oid:0.9.2342", "x"), extra_attribute("groups", "a", "b"), extra_attribute("nothing")),
    ),
    _edited(
        "unknown-attribute-twice",
        "Only what is read must stand once.",
        all_of(extra_attribute("groups", "a"), extra_attribute("groups", "b")),
    ),
    _edited(
        "unknown-value-with-markup",
        "A value may hold spaces, quotes and markup, escaped.",
        extra_attribute("note", '  <b> & "q" \' ]]> '),
    ),
    _edited(
        "friendly-name-repeated",
        "FriendlyName is for people and may repeat.",
        all_of(extra_attribute("urn:a", "1", friendly="email"), extra_attribute("urn:b", "2", friendly="email")),
    ),
    _edited("name-id-in-a-value", "eduPersonTargetedID has an element for its value.", nested_name_id),
]

_SPELLINGS = [
    _spelled(
        "tabs-and-crlf",
        "CR LF in the bytes is LF to every parser (XML 1.0 2.11).",
        ("\n  <saml:Issuer", "\r\n  <saml:Issuer"),
        ("\n    <samlp:StatusCode", "\r\n    <samlp:StatusCode"),
    ),
    _edited(
        "carriage-return-signed",
        "A CR written as a character reference is content and was signed.",
        extra_attribute("note", "a\rb"),
    ),
    _spelled("single-quotes", "Quotes of either kind are one attribute.", ('Version="2.0"', "Version='2.0'")),
    _spelled(
        "double-quote-in-single-quotes",
        "A value may hold the other quote.",
        ('Name="note&quot;"', "Name='note\"'"),
        edit=extra_attribute('note"', "x"),
    ),
    _spelled("cdata", "CDATA is text in another spelling.", (VALUE, "><![CDATA[Dana Hill]]><")),
    _spelled("cdata-in-part", "Text and CDATA beside each other are one value.", (VALUE, ">Da<![CDATA[na H]]>ill<")),
    _spelled("cdata-empty", "An empty CDATA section is nothing.", (VALUE, ">Dana<![CDATA[]]> Hill<")),
    _spelled(
        "cdata-with-markup",
        "What looks like a comment in CDATA is text.",
        ("a &lt;!-- b", "<![CDATA[a <!-- b]]>"),
        edit=extra_attribute("note", "a <!-- b"),
    ),
    _spelled(
        "character-references",
        "Decimal and hexadecimal references are the characters that they name.",
        (VALUE, ">D&#97;na&#x20;Hi&#x006C;l<"),
    ),
    _spelled(
        "character-reference-in-an-attribute", "References mean the same in attributes.", ('Name="email"', 'Name="&#101;mail"')
    ),
    _spelled(
        "white-space-in-tags", "White space between attributes means nothing.", (' Version="2.0"', ' \n Version = "2.0"\n ')
    ),
    _spelled(
        "empty-element-tag",
        "An element without content has two spellings.",
        ("<saml:OneTimeUse/>", "<saml:OneTimeUse></saml:OneTimeUse>"),
    ),
    _spelled(
        "order-of-xml-attributes",
        "XML attributes have no order.",
        (' Version="2.0">', ">"),
        ("Destination=", 'Version="2.0" Destination='),
    ),
    _spelled(
        "declaration",
        "An XML declaration may stand first.",
        ("<samlp:Response", '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<samlp:Response'),
    ),
    _spelled(
        "declaration-in-single-quotes",
        "Its quotes and letter case are free.",
        ("<samlp:Response", "<?xml version='1.0' encoding='utf-8'?>\r\n<samlp:Response"),
    ),
    _case("trailing-line-end", "A line end may follow the root.", lambda world: world.signed() + b"\n"),
    _case(
        "utf-8",
        "Letters beyond ASCII stand as themselves in UTF-8.",
        lambda world: etree.tostring(
            etree.fromstring(world.signed(write(NAME, "Дана \u5c71 Ünal 👩"))), encoding="utf-8", xml_declaration=False
        ),
    ),
    _edited(
        "name-in-many-scripts",
        "A name may be written in any script, and with markup.",
        write(NAME, "Дана \u5c71 Ünal 👩 & <co>"),
    ),
]

_KEYS = [
    _signed("rsa-sha384", "SHA-384 is as good as SHA-256.", method=names.RSA_SHA384, digest=names.SHA384),
    _signed("rsa-sha512", "SHA-512 is as good as SHA-256.", method=names.RSA_SHA512, digest=names.SHA512),
    _signed("mixed-hashes", "Signature and digest may use two hashes.", method=names.RSA_SHA512, digest=names.SHA256),
    _signed("rsa-3072", "A longer RSA key.", key=key("rsa-3072")),
    _signed("ecdsa-p256", "ECDSA on P-256.", key=key("ec-p256"), method=names.ECDSA_SHA256),
    _signed("ecdsa-p256-sha512", "ECDSA with a hash wider than the curve.", key=key("ec-p256"), method=names.ECDSA_SHA512),
    _signed("ecdsa-p384", "ECDSA on P-384.", key=key("ec-p384"), method=names.ECDSA_SHA384, digest=names.SHA384),
    _signed("prefix-list", "Exclusive c14n may name prefixes to keep.", edit=typed, prefixes=("xs", "#default")),
    _signed("key-info-left-out", "KeyInfo is optional, and nobody reads it.", key_info=False),
    _signed("key-info-with-key-value", "What KeyInfo says of a key is not read, right or wrong.", spoil=_key_names),
    _signed("signature-value-wrapped", "Base64 in lines of 64 characters.", spoil=_wrapped_value),
    _signed("signature-with-an-id", "A Signature may have an Id of its own.", spoil=lambda made: made.set("Id", "_sig")),
]

_PROFILE = [
    _edited(
        "name-id-email",
        "NameID may be the address, if it is the same.",
        all_of(put("//a:NameID", "Format", names.EMAIL_ADDRESS), write("//a:NameID", "dana@acme.example")),
    ),
    _edited(
        "name-id-transient", "NameID may be transient; it identifies nobody here.", put("//a:NameID", "Format", names.TRANSIENT)
    ),
    _edited("name-id-without-format", "The format of a NameID may be left out.", drop("//a:NameID", "Format")),
    _edited(
        "name-id-qualified",
        "NameID may say for whom it is meant, if that is us.",
        put("//a:NameID", "SPNameQualifier", "https://cells.example/o/acme/auth/saml/metadata"),
    ),
    _edited(
        "issuer-is-an-entity", "An Issuer may say that it is an entity.", put("/p:Response/a:Issuer", "Format", names.ENTITY)
    ),
    _edited("response-without-issuer", "The Response's own Issuer is optional.", cut("/p:Response/a:Issuer")),
    _edited(
        "consent",
        "A Response may speak of consent.",
        put("/p:Response", "Consent", "urn:oasis:names:tc:SAML:2.0:consent:unspecified"),
    ),
    _edited("status-message", "Success may come with a message.", add("//p:Status", f"{SAMLP}StatusMessage", text="ok")),
    _edited("one-time-use-left-out", "OneTimeUse changes nothing: every handoff is used once.", cut("//a:OneTimeUse")),
    _edited(
        "one-time-use-first",
        "Conditions have no order.",
        lambda root: one(root, "//a:Conditions").insert(0, one(root, "//a:OneTimeUse")),
    ),
    _edited(
        "session-index-and-locality",
        "An AuthnStatement may name a session and an address.",
        all_of(
            put("//a:AuthnStatement", "SessionIndex", "_s"),
            add("//a:AuthnStatement", f"{SAML}SubjectLocality", {"Address": "192.0.2.1"}, at=0),
        ),
    ),
    _edited(
        "confirmation-address",
        "The confirmation may name an address.",
        put("//a:SubjectConfirmationData", "Address", "192.0.2.1"),
    ),
    _edited(
        "authenticating-authority",
        "The context may name who authenticated.",
        add("//a:AuthnContext", f"{SAML}AuthenticatingAuthority", text="https://idp.example"),
    ),
    _edited(
        "email-in-capitals",
        "An address keeps its letter case.",
        lambda root: setattr(attribute(root, "email"), "text", "Dana@ACME.example"),
    ),
    _case("without-email", "A provider may give no address; a known identity signs in all the same.", _no_email),
]

_TIMES = [
    _timed(
        "skew-on-not-before",
        "Conditions begin in the near future, within the skew.",
        lambda world: put("//a:Conditions", "NotBefore", world.time(25)),
    ),
    _timed(
        "skew-on-not-on-or-after",
        "Conditions ended a moment ago, within the skew.",
        lambda world: all_of(
            put("//a:Conditions", "NotOnOrAfter", world.time(-20)),
            put("//a:Conditions", "NotBefore", world.time(-80)),
            put("/p:Response/a:Assertion", "IssueInstant", world.time(-80)),
            put("/p:Response", "IssueInstant", world.time(-80)),
            put("//a:AuthnStatement", "AuthnInstant", world.time(-80)),
        ),
    ),
    _timed(
        "skew-on-the-confirmation",
        "The confirmation ended a moment ago, within the skew.",
        lambda world: all_of(
            put("//a:SubjectConfirmationData", "NotOnOrAfter", world.time(-20)),
            put("//a:Conditions", "NotBefore", world.time(-80)),
            put("/p:Response/a:Assertion", "IssueInstant", world.time(-80)),
            put("/p:Response", "IssueInstant", world.time(-80)),
            put("//a:AuthnStatement", "AuthnInstant", world.time(-80)),
        ),
    ),
    _timed(
        "issued-in-the-near-future",
        "The sender's clock is ahead, within the skew.",
        lambda world: all_of(
            put("/p:Response/a:Assertion", "IssueInstant", world.time(25)),
            put("/p:Response", "IssueInstant", world.time(25)),
            put("//a:AuthnStatement", "AuthnInstant", world.time(25)),
            put("//a:Conditions", "NotBefore", world.time(25)),
        ),
    ),
    _timed(
        "fractions-of-seconds",
        "Times may have fractions.",
        lambda world: all_of(
            put("//a:Conditions", "NotBefore", world.time(-1).replace("Z", ".123456Z")),
            put("//a:Conditions", "NotOnOrAfter", world.time(50).replace("Z", ".5Z")),
        ),
    ),
    _timed(
        "the-longest-life",
        "Five minutes are as long as a handoff may live.",
        lambda world: all_of(
            put("//a:Conditions", "NotOnOrAfter", world.time(300)),
            put("//a:SubjectConfirmationData", "NotOnOrAfter", world.time(300)),
        ),
    ),
    _timed("without-not-before", "NotBefore may be left out.", lambda _world: drop("//a:Conditions", "NotBefore")),
    _timed(
        "signed-in-long-ago",
        "The person may have signed in at the provider hours ago.",
        lambda world: put("//a:AuthnStatement", "AuthnInstant", world.time(-7200)),
    ),
]

_SIZES = [
    _edited("many-attributes", "Two hundred attributes that nobody reads.", _many_attributes, body="bzip2"),
    _edited("as-deep-as-allowed", "As many levels as are allowed, in nested status codes.", _deep),
    _case("as-large-as-allowed", "Not one byte more than is allowed.", padded(MAX_XML_BYTES), body="bzip2"),
]

_FORMS = [
    _form(
        "form-with-relay-state",
        "A RelayState comes along and is not read.",
        lambda response: urlencode({"SAMLResponse": response, "RelayState": "https://evil.example/"}).encode(),
    ),
    _form(
        "form-with-other-fields",
        "Fields that nobody knows are not read.",
        lambda response: urlencode({"submit": "Continue", "SAMLResponse": response}).encode(),
    ),
    _form(
        "form-with-mime-lines",
        "Base64 may be broken into lines (bindings 3.5.4).",
        lambda response: urlencode(
            {"SAMLResponse": base64.encodebytes(base64.b64decode(response)).decode().replace("\n", "\r\n")}
        ).encode(),
    ),
    _form(
        "form-percent-encoded",
        "Any character of a form may be percent-encoded.",
        lambda response: b"SAMLResponse=" + "".join(f"%{ord(character):02x}" for character in response).encode(),
    ),
]

CASES = [*_SENDERS, *_NAMES, *_SPELLINGS, *_KEYS, *_PROFILE, *_TIMES, *_SIZES, *_FORMS]
