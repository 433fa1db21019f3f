"""Signatures whose transforms change what is digested, cost time, or reach out."""

import copy

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Edit, Element, exclusive, one
from tests.saml.wraps import assertion_of
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.signing import ALGORITHM, DS, HERE, INCLUSIVE, SCHEMA, SIGNATURE, TO_EVIL, signed_by, within
from tests.vectors.world import key

XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XPATH_FILTER = "http://www.w3.org/2002/06/xmldsig-filter2"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"


def _without_attributes(element: Element) -> bytes:
    """Return the canonical form of *element* without its attributes, as the filter leaves it: the text around them stays."""
    cut_down = copy.deepcopy(element)
    statement = one(cut_down, "//a:AttributeStatement")
    before = statement.getprevious()
    assert before is not None
    before.tail = (before.tail or "") + (statement.tail or "")
    assertion_of(cut_down).remove(statement)
    return exclusive(cut_down)


def _parameter(tag: str, text: str, **attributes: str) -> Edit:
    """Return the edit that gives the second Transform a parameter."""

    def edit(info: Element) -> None:
        transform = one(info, "d:Reference/d:Transforms/d:Transform[2]")
        child = etree.SubElement(transform, tag, attributes, nsmap={"saml": names.SAML})
        child.text = text

    return edit


def _stylesheet(body: str) -> Edit:
    """Return the edit that gives the second Transform a stylesheet with *body*."""

    def edit(info: Element) -> None:
        one(info, "d:Reference/d:Transforms/d:Transform[2]").append(
            etree.fromstring(
                '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:output method="text"/>'
                f'<xsl:template match="/">{body}</xsl:template></xsl:stylesheet>'
            )
        )

    return edit


_NOT_ATTRIBUTES = "not(ancestor-or-self::saml:AttributeStatement)"
_LOOP = (
    '<xsl:for-each select="//. | //@*"><xsl:for-each select="//. | //@*"><xsl:for-each select="//. | //@*">'
    '<xsl:if test="count(//. | //@*) = 0">x</xsl:if></xsl:for-each></xsl:for-each></xsl:for-each>'
)


_TRANSFORMS = [
    signed_by(
        "transform-xpath",
        "An XPath transform leaves the attributes out of the digest.",
        14,
        ALGORITHM,
        then=TO_EVIL,
        transforms=(names.ENVELOPED, XPATH, names.EXCLUSIVE_C14N),
        edit=_parameter(f"{DS}XPath", _NOT_ATTRIBUTES),
        digested=_without_attributes,
    ),
    signed_by(
        "transform-xpath-filter",
        "An XPath filter takes the attributes out of the digest.",
        14,
        ALGORITHM,
        then=TO_EVIL,
        transforms=(names.ENVELOPED, XPATH_FILTER, names.EXCLUSIVE_C14N),
        edit=_parameter(f"{{{XPATH_FILTER}}}XPath", "//saml:AttributeStatement", Filter="subtract"),
        digested=_without_attributes,
    ),
    signed_by(
        "transform-xslt",
        "A stylesheet replaces what is digested by a constant.",
        14,
        ALGORITHM,
        then=TO_EVIL,
        transforms=(names.ENVELOPED, XSLT),
        edit=_stylesheet("x"),
        digested=lambda _element: b"x",
    ),
    signed_by(
        "transform-xslt-slow",
        "A stylesheet burns time before any key is checked.",
        14,
        ALGORITHM,
        key=key("stranger"),
        transforms=(names.ENVELOPED, XSLT),
        edit=_stylesheet(_LOOP),
        digested=lambda _element: b"x",
    ),
    signed_by(
        "transform-xslt-reads-a-file",
        "A stylesheet reads a file of the machine.",
        14,
        ALGORITHM,
        key=key("stranger"),
        transforms=(names.ENVELOPED, XSLT),
        edit=_stylesheet("<xsl:copy-of select=\"document('file:///etc/passwd')\"/>"),
    ),
    signed_by(
        "transform-base64",
        "Base64 digests the text without the markup.",
        14,
        ALGORITHM,
        transforms=(names.ENVELOPED, names.DS + "base64"),
    ),
    signed_by(
        "transform-inclusive-c14n",
        "Inclusive canonical form is not on the list.",
        14,
        ALGORITHM,
        transforms=(names.ENVELOPED, INCLUSIVE),
        digested=lambda element: etree.tostring(element, method="c14n"),
    ),
    signed_by(
        "transform-enveloped-only", "Without canonical form, any spelling is digested.", 14, transforms=(names.ENVELOPED,)
    ),
    signed_by(
        "transform-c14n-only",
        "Without the enveloped transform, the signature signs itself.",
        14,
        transforms=(names.EXCLUSIVE_C14N,),
    ),
    signed_by(
        "transform-wrong-order",
        "Canonical form first leaves bytes to take a signature out of.",
        14,
        transforms=(names.EXCLUSIVE_C14N, names.ENVELOPED),
    ),
    signed_by(
        "transform-twice",
        "A transform more than needed.",
        14,
        transforms=(names.ENVELOPED, names.ENVELOPED, names.EXCLUSIVE_C14N),
    ),
    signed_by(
        "transform-none",
        "An empty list of transforms is against the schema.",
        14,
        SCHEMA,
        node="",
        mark=b"<ds:Transforms/>",
        transforms=(),
    ),
    signed_by(
        "transform-parameter", "Exclusive c14n with a parameter that it does not have.", 14, edit=_parameter(f"{DS}XPath", "1")
    ),
    signed_by(
        "transform-prefix-list-with-id",
        "InclusiveNamespaces with an ID that somebody may look up.",
        14,
        prefixes=("xs",),
        edit=within(".//*[local-name()='InclusiveNamespaces']", lambda listed: listed.set("ID", "_x")),
    ),
    Case(
        name="transform-prefix-list-default",
        because="A default namespace that was declared after signing, where #default is in the PrefixList.",
        build=lambda world: world.signed(prefixes=("xs", "#default")).replace(
            b"<saml:Conditions ", b'<saml:Conditions xmlns="urn:example" '
        ),
        threat=14,
        expect=SIGNATURE,
        node=HERE,
    ),
    signed_by(
        "transform-long-prefix-list",
        "A long list of prefixes costs time at each element.",
        25,
        prefixes=tuple(f"p{number}" for number in range(17)),
    ),
]

CASES = [*_TRANSFORMS]
