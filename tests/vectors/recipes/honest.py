"""Unusual but honest: what the standards let other software write in names, spellings, keys and forms."""

import base64
from collections.abc import Callable
from urllib.parse import urlencode

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Edit, Element, all_of, one, put, write
from tests.saml.variety import (
    XSI,
    chunks,
    extra_attribute,
    nested_name_id,
    reversed_attributes,
    typed,
)
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.honesty import NAME, built, edited, signed_by
from tests.vectors.world import World, key

VALUE = ">Dana Hill<"
DS = f"{{{names.DS}}}"
RSA_KEY_VALUE = (
    f'<KeyValue xmlns="{names.DS}"><RSAKeyValue><Modulus>AQAB</Modulus><Exponent>AQAB</Exponent></RSAKeyValue></KeyValue>'
)


def _spelled(name: str, because: str, *changes: tuple[str, str], edit: Edit = lambda _root: None) -> Case:
    return built(name, because, lambda world: world.respelled(*changes, edit=edit))


def _form(name: str, because: str, body: Callable[[str], bytes]) -> Case:
    return built(name, because, lambda world: body(base64.b64encode(world.signed()).decode()), body="form")


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


def _key_names(signature: Element) -> None:
    info = one(signature, "d:KeyInfo")
    name = etree.Element(f"{DS}KeyName")
    name.text = "2026"
    info.insert(0, name)
    info.insert(1, etree.fromstring(RSA_KEY_VALUE))


_SENDERS = [
    built("as-minted", "This is what our own legacy cell mints.", lambda world: world.minted()),
    built(
        "as-minted-assertion",
        "Our own legacy cell signs the assertion, for a trust that wants that.",
        lambda world: world.minted(),
        signed="assertion",
    ),
    built("as-minted-both", "Our own legacy cell signs both.", lambda world: world.minted(), signed="both"),
    signed_by("indented", "White space between elements is part of what was signed."),
    signed_by("assertion-signed", "The trust wants the assertion signed, and it is.", wanted="assertion"),
    signed_by("both-signed", "The trust wants both signed, and they are.", wanted="both"),
    signed_by("both-signed-response-wanted", "A second, good signature does no harm.", parts="both"),
    signed_by("both-signed-assertion-wanted", "A second, good signature does no harm.", wanted="assertion", parts="both"),
]


_NAMES = [
    built(
        "other-prefixes",
        "A name is its namespace and local part, whatever the prefix.",
        _renamed(("samlp:", "p2:"), ("xmlns:samlp", "xmlns:p2"), ("saml:", "x.-y:"), ("xmlns:saml", "xmlns:x.-y")),
    ),
    built(
        "default-namespaces",
        "An assertion in the default namespace has the same names.",
        _renamed(("<saml:", "<"), ("</saml:", "</"), ("xmlns:saml=", "xmlns=")),
    ),
    built(
        "unused-declarations",
        "A namespace that is declared and not used means nothing.",
        _renamed(("<samlp:Response", '<samlp:Response xmlns:unused="urn:unused" xmlns="urn:default"')),
    ),
    edited("order-of-attributes", "The contract knows no order of its attributes.", reversed_attributes),
    edited(
        "name-format-left-out",
        "NameFormat may be left out (core 2.7.3.1).",
        lambda root: [each.attrib.pop("NameFormat") for each in root.iter(names.ATTRIBUTE)],
    ),
    edited("typed-values", "Values may say that they are xs:string.", typed),
    edited(
        "typed-status-code",
        "A StatusCode may say its type, before its Value or after it.",
        put("//p:StatusCode", f"{XSI}type", "samlp:StatusCodeType"),
    ),
    edited(
        "unknown-attributes",
        "What the contract does not know is not read.",
        all_of(extra_attribute("urn:oid:0.9.2342", "x"), extra_attribute("groups", "a", "b"), extra_attribute("nothing")),
    ),
    edited(
        "unknown-attribute-twice",
        "Only what is read must stand once.",
        all_of(extra_attribute("groups", "a"), extra_attribute("groups", "b")),
    ),
    edited(
        "unknown-value-with-markup",
        "A value may hold spaces, quotes and markup, escaped.",
        extra_attribute("note", '  <b> & "q" \' ]]> '),
    ),
    edited(
        "friendly-name-repeated",
        "FriendlyName is for people and may repeat.",
        all_of(extra_attribute("urn:a", "1", friendly="email"), extra_attribute("urn:b", "2", friendly="email")),
    ),
    edited("name-id-in-a-value", "eduPersonTargetedID has an element for its value.", nested_name_id),
]


_SPELLINGS = [
    _spelled(
        "tabs-and-crlf",
        "CR LF in the bytes is LF to every parser (XML 1.0 2.11).",
        ("\n  <saml:Issuer", "\r\n  <saml:Issuer"),
        ("\n    <samlp:StatusCode", "\r\n    <samlp:StatusCode"),
    ),
    edited(
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
    built("trailing-line-end", "A line end may follow the root.", lambda world: world.signed() + b"\n"),
    built(
        "utf-8",
        "Letters beyond ASCII stand as themselves in UTF-8.",
        lambda world: etree.tostring(
            etree.fromstring(world.signed(write(NAME, "Дана \u5c71 Ünal 👩"))), encoding="utf-8", xml_declaration=False
        ),
    ),
    edited(
        "name-in-many-scripts",
        "A name may be written in any script, and with markup.",
        write(NAME, "Дана \u5c71 Ünal 👩 & <co>"),
    ),
]


_KEYS = [
    signed_by("rsa-sha384", "SHA-384 is as good as SHA-256.", method=names.RSA_SHA384, digest=names.SHA384),
    signed_by("rsa-sha512", "SHA-512 is as good as SHA-256.", method=names.RSA_SHA512, digest=names.SHA512),
    signed_by("mixed-hashes", "Signature and digest may use two hashes.", method=names.RSA_SHA512, digest=names.SHA256),
    signed_by("rsa-3072", "A longer RSA key.", key=key("rsa-3072")),
    signed_by("ecdsa-p256", "ECDSA on P-256.", key=key("ec-p256"), method=names.ECDSA_SHA256),
    signed_by("ecdsa-p256-sha512", "ECDSA with a hash wider than the curve.", key=key("ec-p256"), method=names.ECDSA_SHA512),
    signed_by("ecdsa-p384", "ECDSA on P-384.", key=key("ec-p384"), method=names.ECDSA_SHA384, digest=names.SHA384),
    signed_by("prefix-list", "Exclusive c14n may name prefixes to keep.", edit=typed, prefixes=("xs", "#default")),
    built(
        "prefix-list-default",
        "The token #default keeps a default namespace that no name uses, as exclusive c14n says.",
        lambda world: etree.tostring(
            world.sign(
                etree.fromstring(etree.tostring(world.tree()).replace(b" ", b' xmlns="urn:example" ', 1)),
                prefixes=("#default",),
            )
        ),
    ),
    signed_by("key-info-left-out", "KeyInfo is optional, and nobody reads it.", key_info=False),
    signed_by("key-info-with-key-value", "What KeyInfo says of a key is not read, right or wrong.", spoil=_key_names),
    signed_by("signature-value-wrapped", "Base64 in lines of 64 characters.", spoil=_wrapped_value),
    signed_by("signature-with-an-id", "A Signature may have an Id of its own.", spoil=lambda made: made.set("Id", "_sig")),
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

CASES = [*_SENDERS, *_NAMES, *_SPELLINGS, *_KEYS, *_FORMS]
