"""Every value of a document under its name, and whether a signature vouches for it. Pure.

The law: `signed` is said only of what check 7 accepted. A signature by a key that nobody named as trusted is called just that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from bridge.inspect.places import paths_of
from bridge.saml import names
from bridge.saml.signature import SignedHandoff

Vouched = Literal["signed", "not trusted", "unsigned"]
_NAMED_ELSEWHERE = {names.ATTRIBUTE: ("Name", "NameFormat", "FriendlyName")}


@dataclass(frozen=True, slots=True)
class Field:
    """One value: `name` is the exact Name of an attribute of the contract, otherwise where it stands; `node` is its element."""

    name: str
    node: str
    value: str
    vouched: Vouched
    is_claim: bool = False


def fields_of(root: etree._Element, signed: SignedHandoff | None, *, trusted: bool) -> Iterator[Field]:
    """Yield the values of the document under *root*, but for what signatures and ciphers consist of.

    *signed* is what a signature covers, None if none was verified; *trusted* says whether check 7 accepted it.
    """
    covered: Vouched = "signed" if trusted else "not trusted"
    whole = signed is not None and signed.response is not None
    passed_over: str | None = None
    for node, element in paths_of(root):
        if passed_over is not None and node.startswith(passed_over):
            continue
        passed_over = None
        if element.tag in (names.SIGNATURE, names.ENCRYPTED_DATA, names.KEY_INFO):
            passed_over = f"{node}/"
            continue
        vouched: Vouched = covered if whole or (signed is not None and _in_the_assertion(node)) else "unsigned"
        for name, value in element.attrib.items():
            if name not in _NAMED_ELSEWHERE.get(str(element.tag), ()) and name not in (names.XSI_TYPE, names.XSI_NIL):
                yield Field(f"{node}/@{name.rpartition('}')[2]}", node, str(value), vouched)
        parent = element.getparent()
        if element.tag == names.ATTRIBUTE_VALUE and parent is not None:
            yield Field(parent.get("Name", ""), node, "".join(element.itertext()), vouched, is_claim=True)
        elif element.text is not None and element.text.strip() and "/AttributeValue" not in node:
            yield Field(node, node, element.text, vouched)


def _in_the_assertion(node: str) -> bool:
    return node == "Response/Assertion" or node.startswith("Response/Assertion/")
