"""What XML can do beyond elements and text: comments, entities, encodings, other features, size."""

import base64
import codecs
from collections.abc import Callable
from typing import Any

from lxml import etree

from bridge.saml import names
from bridge.saml.xml import MAX_XML_BYTES
from tests.saml.forge import Edit, Element, add, attribute, one, put
from tests.saml.variety import XSI, extra_attribute
from tests.vectors.recipes.case import Case
from tests.vectors.world import World, padded

MALFORMED, SCHEMA, ATTRIBUTE = "handoff.malformed", "handoff.schema", "handoff.attribute"
EMAIL = ">dana@acme.example<"
ROOT = "<samlp:Response"
VALUE = "Response/Assertion/AttributeStatement/Attribute[{}]/AttributeValue"


def _malformed(
    name: str, because: str, threat: int, build: Callable[[World], bytes], *, mark: bytes = b"", **more: Any
) -> Case:
    return Case(name=name, because=because, build=build, threat=threat, expect=MALFORMED, mark=mark, **more)


def _text(name: str, because: str, threat: int, *changes: tuple[str, str], mark: bytes = b"", **more: Any) -> Case:
    """Return the case of a signed handoff with pieces of its text replaced."""
    return _malformed(name, because, threat, lambda world: world.respelled(*changes), mark=mark, **more)


def _with_comment(path: str, at: str) -> Callable[[World], bytes]:
    """Return the build that signs a document with a comment in a value; canonical form leaves comments out."""

    def build(world: World) -> bytes:
        def edit(root: Element) -> None:
            element = one(root, path)
            before, found, after = (element.text or "").partition(at)
            assert found
            comment = etree.Comment("")
            element.text, comment.tail = before + at, after
            element.append(comment)

        return world.signed(edit)

    return build


_COMMENTS = [
    _malformed(
        "comment-in-the-email",
        "The address reads dana@acme.example or dana@acme.example.evil.example (CVE-2017-11427).",
        18,
        lambda world: world.respelled((".example<", ".example<!---->.evil.example<")),
        mark=b"<!--",
    ),
    _malformed(
        "comment-in-a-signed-email",
        "The issuer signed an address that a comment cuts in two.",
        18,
        _with_comment("//a:Attribute[@Name='email']/a:AttributeValue", "dana@acme"),
        mark=b"<!--",
    ),
    _malformed(
        "comment-in-the-name-id",
        "A comment cuts NameID in two (VU#475445).",
        18,
        _with_comment("//a:NameID", "google"),
        mark=b"<!--",
    ),
    _malformed(
        "comment-in-the-audience",
        "A comment cuts the audience in two.",
        18,
        _with_comment("//a:Audience", "https://"),
        mark=b"<!--",
    ),
    _malformed(
        "comment-in-the-issuer",
        "A comment cuts the issuer in two.",
        18,
        _with_comment("/p:Response/a:Issuer", "https://"),
        mark=b"<!--",
    ),
    _text("comment-before-the-root", "A comment stands before the root.", 18, (ROOT, "<!-- x -->\n" + ROOT), mark=b"<!--"),
    _text(
        "comment-after-the-root",
        "A comment stands after the root.",
        18,
        ("</samlp:Response>", "</samlp:Response>\n<!-- x -->"),
        mark=b"<!--",
    ),
    _text(
        "comment-that-looks-like-cdata",
        "A comment pretends to be a CDATA section.",
        18,
        (EMAIL, "><!--<![CDATA[-->dana@acme.example<!--]]>--><"),
        mark=b"<!--",
    ),
]

_NODES = [
    _text(
        "instruction-in-the-email",
        "A processing instruction cuts the address in two; python3-saml drops it before it verifies.",
        19,
        (EMAIL, ">dana@acme<?x?>.example<"),
        mark=b"<?x?>",
    ),
    _text(
        "instruction-in-the-name-id",
        "A processing instruction cuts NameID in two.",
        19,
        (":10820<", ":10<?x y?>820<"),
        mark=b"<?x",
    ),
    _text(
        "instruction-stylesheet",
        "A stylesheet is asked for.",
        26,
        (ROOT, '<?xml-stylesheet href="http://127.0.0.1/"?>\n' + ROOT),
        mark=b"<?xml-stylesheet",
    ),
    Case(
        name="element-in-the-email",
        because="An element parts the address: some read what is before it, others all.",
        build=lambda world: world.signed(lambda root: _parted(attribute(root, "email"))),
        threat=19,
        expect=SCHEMA,
        node=VALUE.format(2) + "/b",
    ),
    Case(
        name="name-id-in-the-email",
        because="The address stands in a NameID of its own, as eduPersonTargetedID would.",
        build=lambda world: world.signed(lambda root: _nested(attribute(root, "email"))),
        threat=19,
        expect=ATTRIBUTE,
        node=VALUE.format(2),
    ),
    Case(
        name="element-in-the-name-id",
        because="An element parts the NameID.",
        build=lambda world: world.signed(add("//a:NameID", "{urn:x}b")),
        threat=19,
        expect=SCHEMA,
        node="Response/Assertion/Subject/NameID/b",
    ),
]


def _parted(value: Element) -> None:
    value.text = "dana@acme"
    etree.SubElement(value, "{urn:x}b").tail = ".example"


def _nested(value: Element) -> None:
    address, value.text = value.text, None
    etree.SubElement(value, names.NAME_ID).text = address


def _doctype(name: str, because: str, doctype: str, *more: tuple[str, str], threat: int = 20) -> Case:
    return _text(name, because, threat, (ROOT, doctype + "\n" + ROOT), *more, mark=b"<!DOCTYPE")


_LAUGHS = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10))

_DTD = [
    _doctype("doctype-empty", "A DOCTYPE, even an empty one, is refused.", "<!DOCTYPE samlp:Response>"),
    _doctype("doctype-external", "A DTD is to be fetched from elsewhere.", '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'),
    _doctype("doctype-public", "A DTD is to be fetched by its public name.", '<!DOCTYPE x PUBLIC "-//x" "file:///etc/passwd">'),
    _doctype(
        "entity-internal",
        "An entity is declared and used in a value.",
        '<!DOCTYPE x [<!ENTITY who "evil">]>',
        (EMAIL, ">&who;@acme.example<"),
    ),
    _doctype(
        "entity-external",
        "An entity reads a file (XXE).",
        '<!DOCTYPE x [<!ENTITY who SYSTEM "file:///etc/passwd">]>',
        (EMAIL, ">&who;<"),
    ),
    _doctype(
        "entity-parameter",
        "A parameter entity reads a DTD from a server.",
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]>',
    ),
    _doctype(
        "entity-bomb",
        "Entities that grow ten times at each step (billion laughs).",
        f'<!DOCTYPE x [<!ENTITY l0 "ha">{_LAUGHS}]>',
        (EMAIL, ">&l9;<"),
    ),
    _doctype(
        "entity-quadratic",
        "One long entity, used often.",
        f'<!DOCTYPE x [<!ENTITY a "{"a" * 5000}">]>',
        (EMAIL, f">{'&a;' * 5000}<"),
    ),
    _doctype(
        "attribute-default",
        "A DTD gives every StatusCode the value Success.",
        f'<!DOCTYPE x [<!ATTLIST samlp:StatusCode Value CDATA "{names.SUCCESS}">]>',
    ),
    _doctype(
        "attribute-id",
        "A DTD makes another attribute an ID.",
        "<!DOCTYPE x [<!ATTLIST saml:Attribute Name ID #IMPLIED>]>",
        threat=9,
    ),
    _doctype(
        "doctype-quotes",
        "Quotes in a DOCTYPE that two parsers end in two places (CVE-2025-25291).",
        "<!DOCTYPE x [<!ENTITY a '\">]><!--' > <!-- x -->]>",
        threat=6,
    ),
    _text(
        "doctype-in-small-letters",
        "A lenient parser takes this for a DOCTYPE.",
        6,
        (ROOT, "<!doctype x>\n" + ROOT),
        mark=b"<!doctype",
    ),
    _text("entity-undeclared", "An entity that nobody declared.", 20, (EMAIL, ">dana&nbsp;@acme.example<"), mark=b"&nbsp;"),
    _text(
        "entity-in-an-attribute",
        "An entity that nobody declared, in an attribute.",
        20,
        ('Name="email"', 'Name="&who;"'),
        mark=b"&who;",
    ),
]


def _encoded(codec: str, *, bom: bytes = b"", declared: str = "") -> Callable[[World], bytes]:
    """Return the build that writes the signed document in another encoding."""

    def build(world: World) -> bytes:
        text = world.signed().decode("ascii")
        declaration = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
        return bom + (declaration + text).encode(codec)

    return build


def _utf_7(world: World) -> bytes:
    """Return a document whose comment shows only to who reads UTF-7."""
    declaration = b'<?xml version="1.0" encoding="UTF-7"?>\n'
    return declaration + world.respelled((EMAIL, ">dana@acme.example+ADwAIQAtAC0-<"))


_ENCODINGS = [
    _malformed(
        "utf-16-le",
        "In UTF-16 a search for markup finds nothing (CVE-2024-52806).",
        21,
        _encoded("utf-16-le", bom=codecs.BOM_UTF16_LE),
        body="base64",
    ),
    _malformed(
        "utf-16-be", "UTF-16 in the other order of bytes.", 21, _encoded("utf-16-be", bom=codecs.BOM_UTF16_BE), body="base64"
    ),
    _malformed(
        "utf-16-without-bom",
        "UTF-16 that only its zero bytes give away.",
        21,
        _encoded("utf-16-le", declared="UTF-16"),
        body="base64",
        line=1,
    ),
    _malformed("utf-32", "UTF-32.", 21, _encoded("utf-32-le", bom=codecs.BOM_UTF32_LE), body="base64"),
    _malformed("utf-7", "UTF-7 spells markup in letters.", 21, _utf_7, mark=b"UTF-7"),
    _malformed("ebcdic", "EBCDIC has other bytes for every letter.", 21, _encoded("cp037", declared="IBM037"), body="base64"),
    _malformed(
        "latin-1-declared",
        "Declared as ISO-8859-1, the same bytes are other letters.",
        21,
        _encoded("ascii", declared="ISO-8859-1"),
        mark=b"ISO-8859-1",
    ),
    _malformed(
        "utf-8-bom",
        "A byte order mark before the document.",
        21,
        lambda world: codecs.BOM_UTF8 + world.signed(),
        mark=b"<samlp:Response",
    ),
    _malformed(
        "invalid-utf-8",
        "A byte that is no UTF-8.",
        21,
        lambda world: world.signed().replace(b"Dana Hill", b"Dana \xe9Hill"),
        body="base64",
    ),
    _malformed(
        "overlong-utf-8",
        "An overlong spelling of < in UTF-8.",
        21,
        lambda world: world.signed().replace(b"Dana Hill", b"Dana \xc0\xbcHill"),
        body="base64",
    ),
    _malformed(
        "surrogates-in-utf-8",
        "Half a pair of surrogates.",
        21,
        lambda world: world.signed().replace(b"Dana Hill", b"Dana \xed\xa0\x80Hill"),
        body="base64",
    ),
    _malformed(
        "zero-byte",
        "A zero byte ends the text for readers in C.",
        21,
        lambda world: world.signed().replace(b"Dana Hill", b"Dana\0Hill"),
        body="base64",
        mark=b"Dana\0",
    ),
    _text(
        "reference-to-zero",
        "A reference to a character that XML does not have.",
        21,
        (">Dana Hill<", ">Dana&#0;Hill<"),
        mark=b"&#0;",
    ),
    _text(
        "xml-1.1", "XML 1.1 allows other characters and line ends.", 26, (ROOT, '<?xml version="1.1"?>\n' + ROOT), mark=b'"1.1"'
    ),
    _text(
        "declaration-late",
        "A declaration after white space is an instruction.",
        22,
        (ROOT, '\n<?xml version="1.0"?>\n' + ROOT),
        mark=b"<?xml",
    ),
    _text(
        "declaration-twice",
        "Two declarations.",
        22,
        (ROOT, '<?xml version="1.0"?>\n<?xml version="1.0"?>\n' + ROOT),
        mark=b"<?xml",
    ),
]

_END = "</samlp:Response>"
_BROKEN = [
    _text("second-root", "A second document follows the first.", 22, (_END, _END + "\n<evil/>"), mark=b"<evil/>"),
    _text("text-after-the-root", "Text follows the root.", 22, (_END, _END + "\nevil"), mark=b"evil"),
    _text("text-before-the-root", "Text stands before the root.", 22, (ROOT, "evil" + ROOT), mark=b"evil"),
    _text("truncated", "The end is missing.", 22, (_END, "the end"), mark=b"the end"),
    _text("tag-not-closed", "Two tags do not fit.", 22, ("</saml:Subject>", "</saml:Issuer>"), mark=b"</saml:Issuer>"),
    _text(
        "prefix-not-declared", "A prefix that nobody declared.", 6, ("<saml:OneTimeUse/>", "<evil:OneTimeUse/>"), mark=b"<evil:"
    ),
    _text("bare-ampersand", "An ampersand that begins nothing.", 22, (">Dana Hill<", ">Dana & Hill<"), mark=b"Dana & Hill"),
    _malformed("empty-document", "Nothing but white space.", 22, lambda _world: b" \t ", mark=b" "),
    _malformed("no-xml", "No XML at all.", 22, lambda _world: b"SAMLResponse\n", mark=b"SAML"),
]

_VOID = [
    _text(
        "namespace-relative",
        "A relative namespace URI makes canonical form fail, and the digest that of nothing (Fragile Lock).",
        7,
        (ROOT, ROOT + ' xmlns:evil="relative"'),
    ),
    _text(
        "namespace-relative-in-the-assertion",
        "A relative namespace URI on the assertion.",
        7,
        ("<saml:Subject>", '<saml:Subject xmlns:evil="../up">'),
    ),
    _text(
        "namespace-relative-by-reference",
        "A relative namespace URI, its first letter as a reference.",
        7,
        (ROOT, ROOT + ' xmlns:evil="&#x72;elative"'),
    ),
    _text(
        "namespace-relative-in-signed-info",
        "A relative namespace URI on SignedInfo.",
        7,
        ("<ds:SignedInfo>", '<ds:SignedInfo xmlns:evil="relative">'),
    ),
    _text(
        "namespace-with-a-space",
        "A namespace URI with a space in it.",
        7,
        (ROOT, ROOT + ' xmlns:evil="urn:x y"'),
        mark=b"urn:x y",
    ),
]


def _features(name: str, because: str, edit: Edit, node: str = "", *, mark: bytes = b"") -> Case:
    return Case(
        name=name, because=because, build=lambda world: world.signed(edit), threat=26, expect=SCHEMA, node=node, mark=mark
    )


_FEATURES = [
    _features(
        "xinclude",
        "XInclude would read a file into the document.",
        add("/p:Response", "{http://www.w3.org/2001/XInclude}include", {"href": "file:///etc/passwd", "parse": "text"}),
        "Response/include",
    ),
    _features(
        "schema-location",
        "A schema is to be read from a file that never ends.",
        put("/p:Response", f"{XSI}schemaLocation", "urn:x file:///dev/zero"),
        "Response",
    ),
    _features(
        "schema-location-with-success",
        "python3-saml takes the first XML attribute of StatusCode for its Value.",
        lambda root: _status_of_location(one(root, "//p:StatusCode")),
        "Response/Status/StatusCode",
    ),
    _features(
        "xsi-type-of-another",
        "xsi:type makes Conditions something else.",
        put("//a:Conditions", f"{XSI}type", "saml:AssertionType"),
        mark=b"<saml:Conditions",
    ),
    _features(
        "xsi-nil-on-a-value",
        "A value says that it is nil, and is not.",
        put("//a:Attribute[@Name='email']/a:AttributeValue", f"{XSI}nil", "true"),
        mark=b":nil=",
    ),
    _features(
        "xml-base",
        "xml:base changes what references mean.",
        put("//a:Attribute[@Name='name']", "{http://www.w3.org/XML/1998/namespace}base", "http://127.0.0.1/"),
        "Response/Assertion/AttributeStatement/Attribute[3]",
    ),
]


def _status_of_location(code: Element) -> None:
    code.attrib.pop("Value")
    code.set(f"{XSI}noNamespaceSchemaLocation", names.SUCCESS)
    code.set("Value", "urn:oasis:names:tc:SAML:2.0:status:Requester")


def _nested_status(levels: int) -> Edit:
    def edit(root: Element) -> None:
        code = one(root, "//p:StatusCode")
        for number in range(levels):
            code = etree.SubElement(code, f"{{{names.SAMLP}}}StatusCode", Value=f"urn:example:{number}")

    return edit


def _many_elements(root: Element) -> None:
    for number in range(1000):
        extra_attribute(f"urn:{number}", "x")(root)


def _many_xml_attributes(root: Element) -> None:
    value = one(root, "//a:Attribute[@Name='name']/a:AttributeValue")
    for number in range(2001):
        value.set(f"{{urn:x}}a{number}", "1")


def _many_namespaces(world: World) -> bytes:
    declared = " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(1990))
    return world.respelled((ROOT, f"{ROOT} {declared}"))


_SIZES = [
    _malformed("too-large", "One byte more than the largest document.", 25, padded(MAX_XML_BYTES + 1), check=1, body="bzip2"),
    _malformed(
        "field-too-long",
        "A field longer than any allowed document needs, refused before it is decoded.",
        25,
        lambda world: b"SAMLResponse=" + base64.b64encode(b" " * MAX_XML_BYTES + world.signed()).replace(b"+", b"%2B"),
        check=1,
        body="form-bzip2",
    ),
    _malformed("too-deep", "One level more than the deepest document.", 25, lambda world: world.signed(_nested_status(22))),
    _malformed("very-deep", "Hundreds of levels.", 25, lambda world: world.signed(_nested_status(250)), body="bzip2"),
    _malformed(
        "too-many-elements", "More elements than anybody needs.", 25, lambda world: world.signed(_many_elements), body="bzip2"
    ),
    _malformed(
        "too-many-attributes",
        "More XML attributes than anybody needs.",
        25,
        lambda world: world.signed(_many_xml_attributes),
        body="bzip2",
    ),
    _malformed(
        "too-many-namespaces", "Declarations that every element below would have to carry.", 25, _many_namespaces, body="bzip2"
    ),
]

CASES = [*_COMMENTS, *_NODES, *_DTD, *_ENCODINGS, *_BROKEN, *_VOID, *_FEATURES, *_SIZES]
