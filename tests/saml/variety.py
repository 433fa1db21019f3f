"""What honest senders do differently, each as an edit of the tree before it is signed."""

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Edit, Element, one

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
SAML = f"{{{names.SAML}}}"


def extra_attribute(name: str, *values: str, friendly: str | None = None) -> Edit:
    """Return the edit that adds a SAML attribute that the contract does not know."""

    def edit(root: Element) -> None:
        added = etree.SubElement(one(root, "//a:AttributeStatement"), f"{SAML}Attribute", Name=name)
        if friendly:
            added.set("FriendlyName", friendly)
        for value in values:
            etree.SubElement(added, f"{SAML}AttributeValue").text = value

    return edit


def typed(root: Element) -> None:
    """Give every value an xsi:type of xs:string."""
    for value in root.iter(names.ATTRIBUTE_VALUE):
        typed_value = etree.Element(value.tag, {f"{XSI}type": "xs:string"}, nsmap={"xs": "http://www.w3.org/2001/XMLSchema"})
        typed_value.text = value.text
        parent = value.getparent()
        assert parent is not None
        parent.replace(value, typed_value)


def indented(root: Element) -> None:
    """Indent the whole document, with the line ends of another system in between."""
    etree.indent(root, space="\t")


def reversed_attributes(root: Element) -> None:
    """Write the SAML attributes in the opposite order."""
    statement = one(root, "//a:AttributeStatement")
    statement[:] = list(reversed(list(statement)))


def nested_name_id(root: Element) -> None:
    """Add eduPersonTargetedID, whose value is an element."""
    extra_attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.10", "")(root)
    etree.SubElement(root.findall(f".//{names.ATTRIBUTE_VALUE}")[-1], f"{SAML}NameID").text = "x"


def chunks(text: str | None) -> list[str]:
    """Return *text* in lines of 64 characters."""
    return [(text or "")[start : start + 64] for start in range(0, len(text or ""), 64)]
