"""Change a posted form as an attacker would: structure, parts of the signature, encoding; the rest is `tests.fuzz.spelling`.

The law: a mutation depends on its source and its random numbers alone, so a seed and a number make it again.
"""

import base64
import binascii
import contextlib
import copy
import random
from collections.abc import Callable
from dataclasses import replace

from lxml import etree

from bridge.saml import names
from tests.fuzz.sources import Case
from tests.fuzz.spelling import corrupted, grown, reposted, respelled
from tests.fuzz.truth import assertions_told
from tests.saml.forge import Element, Recipe, sign_element
from tests.vectors.world import key

TEXTS = (
    *("", " ", "\n", "\t", "0", "-1", "true", "TRUE", "1", "evil@acme.example", "dana@acme.example ", "Dana@acme.example"),
    *("https://evil.example/", "https://cells.example/o/acme/auth/saml/callback/", "https://cells.example/saml/metadata"),
    *("2026-07-01T12:00:30Z", "2026-07-01T12:00:30.5Z", "2026-07-01T12:00:30+02:00"),
    *("9999-12-31T23:59:59Z", "0000-00-00T24:00:00Z"),
    *("#", "#_evil", "_" + "a" * 32, "cellbridge/1", "cellbridge/2", "42", "42 ", "\u0664\u0662", "1e400", "9" * 5000),
    *("/o/acme/", "/o/acme/../globex", "//evil.example", "/\\evil.example", "xn--a", "\u00e9@\u00e9.example"),
    *("a\u0300", "\u202e", "\ufffd", "\ue000", "\U0010ffff", "]]>", "&", "<", "x" * 300, "AAAA", "====", "%00", "\r\n"),
    *(names.RSA_SHA256, names.ECDSA_SHA256, names.SHA256, names.SHA512, names.EXCLUSIVE_C14N, names.ENVELOPED),
    *("http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2000/09/xmldsig#hmac-sha1", "http://www.w3.org/TR/1999/REC-xpath-19991116"),
    *("http://www.w3.org/2001/10/xml-exc-c14n#WithComments", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
    *(names.SAML, names.SAMLP, names.DS, "relative", "urn:x", "urn:oasis:names:tc:SAML:2.0:status:Requester"),
)  # fmt: skip
ATTRIBUTES = (
    *("ID", "Id", "id", "URI", "Algorithm", "Name", "NameFormat", "Version", "IssueInstant", "InResponseTo", "Destination"),
    *("Recipient", "NotBefore", "NotOnOrAfter", "Method", "Format", "SPNameQualifier", "PrefixList", "{urn:x}y"),
    *("{http://www.w3.org/XML/1998/namespace}id", "{http://www.w3.org/XML/1998/namespace}space"),
    "{http://www.w3.org/2001/XMLSchema-instance}type",
    "{http://www.w3.org/2001/XMLSchema-instance}nil",
    "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation",
)
Operation = Callable[[random.Random, Element], None]


def mutate(rng: random.Random, case: Case, other: Case) -> Case:
    """Return *case* changed in one or more ways.

    Pieces of *other* may be put in, so that what was signed there may then be told too.
    """
    field = next((index for index, (name, _value) in enumerate(case.form) if name == "SAMLResponse"), None)
    if field is None:
        return replace(case, form=reposted(rng, case.form))
    value, told = case.form[field][1], case.told
    try:
        xml = base64.b64decode(value)
    except (binascii.Error, ValueError):
        return replace(case, form=reposted(rng, case.form))
    kind = rng.choices(("tree", "text", "form", "size"), (72, 18, 8.5, 1.5))[0]
    if kind == "tree" and (root := _tree(xml)) is not None:
        donor = _donor(other)
        told |= other.told if donor is not None else frozenset()
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
            _change(rng, root, donor)
        if rng.random() < 0.2:
            with contextlib.suppress(etree.Error, ValueError):  # what cannot be made canonical cannot be signed
                root = _signed_again(root)
                told |= assertions_told(root)
        xml = _written(rng, root)
    elif kind == "size":
        xml = grown(rng, xml)
    if kind == "text" or rng.random() < 0.05:
        for _ in range(rng.choice((1, 1, 2, 4))):
            xml = respelled(rng, xml) if rng.random() < 0.7 else corrupted(rng, xml)
    posted = (*case.form[:field], ("SAMLResponse", base64.b64encode(xml).decode("ascii")), *case.form[field + 1 :])
    return replace(case, form=reposted(rng, posted) if kind == "form" else posted, told=told)


_PARSER = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)


def _tree(xml: bytes) -> Element | None:
    try:
        return etree.fromstring(xml, _PARSER)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _donor(other: Case) -> Element | None:
    try:
        return _tree(base64.b64decode(dict(other.form)["SAMLResponse"]))
    except (KeyError, binascii.Error, ValueError):
        return None


def _elements(root: Element) -> list[Element]:
    return [element for element in root.iter() if isinstance(element.tag, str)]


def _any(rng: random.Random, root: Element) -> Element:
    """Return an element, as often a part of the signature or of what is read as any other."""
    elements = _elements(root)
    if rng.random() < 0.35:
        name = rng.choice(("SignedInfo", "Reference", "Transforms", "Transform", "Signature", "SignatureValue", "Assertion"))
        elements = [element for element in elements if str(element.tag).endswith("}" + name)] or elements
    return rng.choice(elements)


def _inside(rng: random.Random, root: Element) -> Element | None:
    element = _any(rng, root)
    return None if element.getparent() is None else element


def _put(rng: random.Random, element: Element, into: Element) -> None:
    into.insert(rng.randint(0, len(into)), element)


def _change(rng: random.Random, root: Element, donor: Element | None) -> None:
    operation = rng.choice(_OPERATIONS)
    if operation is _spliced and donor is not None:
        _put(rng, copy.deepcopy(_any(rng, donor)), _any(rng, root))
    else:
        operation(rng, root)


def _spliced(rng: random.Random, root: Element) -> None:
    _put(rng, copy.deepcopy(_any(rng, root)), _any(rng, root))


def _doubled(rng: random.Random, root: Element) -> None:
    if (element := _inside(rng, root)) is not None:
        copied = copy.deepcopy(element)
        if rng.random() < 0.5:
            _revalued(rng, copied)
        (element.addnext if rng.random() < 0.5 else element.addprevious)(copied)


def _moved(rng: random.Random, root: Element) -> None:
    element, into = _inside(rng, root), _any(rng, root)
    if element is not None and into is not element and element not in list(into.iterancestors()):
        _put(rng, element, into)


def _removed(rng: random.Random, root: Element) -> None:
    element = _inside(rng, root)
    parent = None if element is None else element.getparent()
    if element is not None and parent is not None:
        parent.remove(element)


def _renamed(rng: random.Random, root: Element) -> None:
    space = rng.choice((names.SAML, names.SAMLP, names.DS, "urn:x", ""))
    local = etree.QName(rng.choice(_elements(root))).localname
    _any(rng, root).tag = f"{{{space}}}{local}" if space else local


def _wrapped(rng: random.Random, root: Element) -> None:
    element = _inside(rng, root)
    parent = None if element is None else element.getparent()
    if element is not None and parent is not None:
        around = etree.Element(str(_any(rng, root).tag), dict(element.attrib) if rng.random() < 0.3 else {})
        parent.replace(element, around)
        around.append(element)


def _nested(rng: random.Random, root: Element) -> None:
    """Put a copy of the whole document into one of its elements, as wrapping does."""
    copied = copy.deepcopy(root)
    _revalued(rng, root if rng.random() < 0.5 else copied)
    _put(rng, copied, _any(rng, root))


def _forged(rng: random.Random, root: Element) -> None:
    """Put a changed copy of an assertion beside, around or before it."""
    found = root.findall(f".//{names.ASSERTION}")
    if found:
        assertion = rng.choice(found)
        copied = copy.deepcopy(assertion)
        _revalued(rng, copied)
        if rng.random() < 0.5:
            copied.set("ID", rng.choice(("_evil", assertion.get("ID") or "_evil")))
        _put(rng, copied, rng.choice((root, assertion, _any(rng, root))))


def _revalued(rng: random.Random, root: Element) -> None:
    found = root.findall(f".//{names.ATTRIBUTE_VALUE}")
    if found:
        rng.choice(found).text = rng.choice(TEXTS)


def _reordered(rng: random.Random, root: Element) -> None:
    element = _any(rng, root)
    children = list(element)
    rng.shuffle(children)
    element[:] = children


def _texted(rng: random.Random, root: Element) -> None:
    element = _any(rng, root)
    if rng.random() < 0.3:
        element.tail = rng.choice(TEXTS)
    elif rng.random() < 0.5 and element.text:
        place = rng.randrange(len(element.text) + 1)
        element.text = element.text[:place] + rng.choice(TEXTS) + element.text[place:]
    else:
        element.text = rng.choice(TEXTS)


def _swapped(rng: random.Random, root: Element) -> None:
    one, two = _any(rng, root), _any(rng, root)
    one.text, two.text = two.text, one.text


def _noted(rng: random.Random, root: Element) -> None:
    """Cut a text in two by a comment, a processing instruction, an entity or an element."""
    element = _any(rng, root)
    text = element.text or ""
    place = rng.randint(0, len(text))
    made = (etree.Comment("x"), etree.ProcessingInstruction("x", "y"), etree.Entity("x"), etree.Element("{urn:x}y"))
    node = rng.choice(made)
    element.text = text[:place]
    element.insert(0, node)
    node.tail = text[place:]


def _cdata(rng: random.Random, root: Element) -> None:
    element = _any(rng, root)
    if element.text and "]]>" not in element.text:
        element.text = etree.CDATA(element.text)


def _set_attribute(rng: random.Random, root: Element) -> None:
    element = _any(rng, root)
    name = rng.choice([*element.keys(), *ATTRIBUTES]) if rng.random() < 0.5 else rng.choice(element.keys() or ATTRIBUTES)
    held = [value for each in _elements(root) for value in each.values()]
    element.set(name, rng.choice(held) if held and rng.random() < 0.5 else rng.choice(TEXTS))


def _unset_attribute(rng: random.Random, root: Element) -> None:
    element = _any(rng, root)
    if element.keys():
        value = element.attrib.pop(rng.choice(element.keys()))
        if rng.random() < 0.5:
            element.set(rng.choice(ATTRIBUTES), value)


def _algorithm(rng: random.Random, root: Element) -> None:
    found = [element for element in _elements(root) if element.get("Algorithm") is not None]
    if found:
        rng.choice(found).set("Algorithm", rng.choice(TEXTS[-19:]))


def _declared(rng: random.Random, root: Element) -> None:
    """Build an element again with other namespace declarations."""
    element = _any(rng, root)
    uri = rng.choice((names.SAML, names.SAMLP, names.DS, "urn:x", "http://www.w3.org/2001/XMLSchema"))
    prefix = rng.choice(("x", "saml", "samlp", "ds", None))
    made = etree.Element(str(element.tag), dict(element.attrib), nsmap={prefix: uri})
    made.text, made.tail = element.text, element.tail
    parent = element.getparent()
    if parent is not None:
        made.extend(list(element))
        parent.replace(element, made)


_OPERATIONS: tuple[Operation, ...] = (
    *(_spliced, _doubled, _moved, _removed, _renamed, _wrapped, _nested, _forged, _forged, _revalued, _reordered, _texted),
    *(_texted, _swapped, _noted, _cdata, _set_attribute, _set_attribute, _unset_attribute, _algorithm, _declared),
)


def _signed_again(root: Element) -> Element:
    """Sign *root* with a trusted key where it was signed, so that what was changed reaches the checks behind the signature."""
    root = copy.deepcopy(root)
    signed = [tag for tag, place in _places(root) if place.find(names.SIGNATURE) is not None]
    for _tag, place in _places(root):
        for signature in place.findall(names.SIGNATURE):
            place.remove(signature)
    root = etree.fromstring(etree.tostring(root), _PARSER)
    for tag, place in _places(root):
        if tag in signed:
            sign_element(place, Recipe(key=key("ec-p256"), method=names.ECDSA_SHA256))
    return root


def _places(root: Element) -> list[tuple[str, Element]]:
    return [(str(place.tag), place) for place in (root.find(names.ASSERTION), root) if place is not None]


def _written(rng: random.Random, root: Element) -> bytes:
    way = rng.random()
    if way < 0.8:
        return etree.tostring(root)
    if way < 0.88:
        with contextlib.suppress(etree.C14NError):
            return etree.tostring(root, method="c14n")
        return etree.tostring(root)
    encoding = rng.choice(("utf-8", "utf-16", "utf-16le", "iso-8859-1", "us-ascii", "utf-8"))
    return etree.tostring(root, xml_declaration=rng.random() < 0.7, encoding=encoding)
