"""Markup beyond elements and text: comments, instructions, DTD and entities."""

from collections.abc import Callable

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Element, add, attribute, one
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.plain_xml import ATTRIBUTE, EMAIL, ROOT, SCHEMA, malformed, respelled
from tests.vectors.world import World

VALUE = "Response/Assertion/AttributeStatement/Attribute[{}]/AttributeValue"


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
    malformed(
        "comment-in-the-email",
        "The address reads dana@acme.example or dana@acme.example.evil.example (CVE-2017-11427).",
        18,
        lambda world: world.respelled((".example<", ".example<!---->.evil.example<")),
        mark=b"<!--",
    ),
    malformed(
        "comment-in-a-signed-email",
        "The issuer signed an address that a comment cuts in two.",
        18,
        _with_comment("//a:Attribute[@Name='email']/a:AttributeValue", "dana@acme"),
        mark=b"<!--",
    ),
    malformed(
        "comment-in-the-name-id",
        "A comment cuts NameID in two (VU#475445).",
        18,
        _with_comment("//a:NameID", "google"),
        mark=b"<!--",
    ),
    malformed(
        "comment-in-the-audience",
        "A comment cuts the audience in two.",
        18,
        _with_comment("//a:Audience", "https://"),
        mark=b"<!--",
    ),
    malformed(
        "comment-in-the-issuer",
        "A comment cuts the issuer in two.",
        18,
        _with_comment("/p:Response/a:Issuer", "https://"),
        mark=b"<!--",
    ),
    respelled("comment-before-the-root", "A comment stands before the root.", 18, (ROOT, "<!-- x -->\n" + ROOT), mark=b"<!--"),
    respelled(
        "comment-after-the-root",
        "A comment stands after the root.",
        18,
        ("</samlp:Response>", "</samlp:Response>\n<!-- x -->"),
        mark=b"<!--",
    ),
    respelled(
        "comment-that-looks-like-cdata",
        "A comment pretends to be a CDATA section.",
        18,
        (EMAIL, "><!--<![CDATA[-->dana@acme.example<!--]]>--><"),
        mark=b"<!--",
    ),
]


_NODES = [
    respelled(
        "instruction-in-the-email",
        "A processing instruction cuts the address in two; python3-saml drops it before it verifies.",
        19,
        (EMAIL, ">dana@acme<?x?>.example<"),
        mark=b"<?x?>",
    ),
    respelled(
        "instruction-in-the-name-id",
        "A processing instruction cuts NameID in two.",
        19,
        (":10820<", ":10<?x y?>820<"),
        mark=b"<?x",
    ),
    respelled(
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
    return respelled(name, because, threat, (ROOT, doctype + "\n" + ROOT), *more, mark=b"<!DOCTYPE")


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
    respelled(
        "doctype-in-small-letters",
        "A lenient parser takes this for a DOCTYPE.",
        6,
        (ROOT, "<!doctype x>\n" + ROOT),
        mark=b"<!doctype",
    ),
    respelled("entity-undeclared", "An entity that nobody declared.", 20, (EMAIL, ">dana&nbsp;@acme.example<"), mark=b"&nbsp;"),
    respelled(
        "entity-in-an-attribute",
        "An entity that nobody declared, in an attribute.",
        20,
        ('Name="email"', 'Name="&who;"'),
        mark=b"&who;",
    ),
]

CASES = [*_COMMENTS, *_NODES, *_DTD]
