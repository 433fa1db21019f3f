"""Other features of XML and its schemas, and too much of what is allowed."""

import base64

from lxml import etree

from bridge.saml import names
from bridge.saml.xml import MAX_XML_BYTES
from tests.saml.forge import Edit, Element, add, one, put
from tests.saml.variety import XSI, extra_attribute
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.plain_xml import ROOT, SCHEMA, malformed
from tests.vectors.world import World, padded


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
    malformed("too-large", "One byte more than the largest document.", 25, padded(MAX_XML_BYTES + 1), check=1, body="bzip2"),
    malformed(
        "field-too-long",
        "A field longer than any allowed document needs, refused before it is decoded.",
        25,
        lambda world: b"SAMLResponse=" + base64.b64encode(b" " * MAX_XML_BYTES + world.signed()).replace(b"+", b"%2B"),
        check=1,
        body="form-bzip2",
    ),
    malformed("too-deep", "One level more than the deepest document.", 25, lambda world: world.signed(_nested_status(22))),
    malformed("very-deep", "Hundreds of levels.", 25, lambda world: world.signed(_nested_status(250)), body="bzip2"),
    malformed(
        "too-many-elements", "More elements than anybody needs.", 25, lambda world: world.signed(_many_elements), body="bzip2"
    ),
    malformed(
        "too-many-attributes",
        "More XML attributes than anybody needs.",
        25,
        lambda world: world.signed(_many_xml_attributes),
        body="bzip2",
    ),
    malformed(
        "too-many-namespaces", "Declarations that every element below would have to carry.", 25, _many_namespaces, body="bzip2"
    ),
]

CASES = [*_FEATURES, *_SIZES]
