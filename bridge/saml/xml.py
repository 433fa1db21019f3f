"""Bytes to trees and trees to canonical bytes: the hardened parser, the gate before and after it, exclusive c14n.

The law: bytes are refused before they are parsed wherever text alone can tell, and a tree is only read through `only` and
`text_of`, for which zero and two are both refusals.
"""

import re
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from lxml import etree

from bridge.errors import HandoffError, HandoffMalformed
from bridge.handoff import is_reference
from bridge.saml.minted import Minted, recognize
from bridge.saml.names import ATTRIBUTE, ATTRIBUTE_VALUE

MAX_XML_BYTES = 150_000
MAX_ELEMENTS = 1_000
MAX_ATTRIBUTES = 2_000
MAX_NAMESPACES = 500
MAX_DEPTH = 24

_DECLARATION = re.compile(
    r"""<\?xml\s+version\s*=\s*(?:"1\.0"|'1\.0')(?:\s+encoding\s*=\s*(?:"utf-8"|'utf-8'))?"""
    r"""(?:\s+standalone\s*=\s*(?:"(?:yes|no)"|'(?:yes|no)'))?\s*\?>""",
    re.IGNORECASE,
)
# What looks like markup inside a CDATA section is text; the alternatives are tried from the left, so none can hide in one.
_MARKUP = re.compile(r"<!\[CDATA\[.*?\]\]>|(<[!?])", re.DOTALL)
# Bounded, so that a text full of "xmlns" costs no more than its length; what it misses is looked up in the tree.
_NAMESPACE = re.compile(r"""xmlns(?::[^\s=]{1,64})?=("[^"]*"|'[^']*')""")
_ABSOLUTE = re.compile(r"""["']?(?:[A-Za-z][A-Za-z0-9+.-]*:[^\s&]*)?["']?""")
_TOO_DEEP = etree.XPath("boolean(" + "/*" * (MAX_DEPTH + 1) + ")")
_IDS = etree.XPath("//@ID | //@Id", smart_strings=False)
_CAPS = (("<", 2 * MAX_ELEMENTS, "tags"), ("=", MAX_ATTRIBUTES, "attributes"), ("xmlns", MAX_NAMESPACES, "namespaces"))
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


class Document:
    """A document that came from outside and passed the gate; nothing in it is verified.

    `root` is as parsed whenever nobody is computing on it. A document that our minter may have written is judged by its text
    (`minted`), and becomes a tree only when somebody asks.
    """

    def __init__(self, raw: bytes, root: etree._Element | None = None, *, minted: Minted | None = None) -> None:
        self.raw = raw
        self.minted = minted
        self._root = root

    @property
    def root(self) -> etree._Element:
        """The root of the tree."""
        if self._root is None:
            self._root = parse(self.raw)
        return self._root

    @property
    def has_duplicate_ids(self) -> bool:
        """Whether two elements have one ID, so that a reference to it could mean either of them."""
        ids = _IDS(self.root)
        return len(set(ids)) != len(ids)

    def annotate(self, refusal: HandoffError) -> None:
        """Fill in where *refusal* happened in this document and the reference that the document claims to have."""
        root = local_name(self.root)
        if refusal.node and refusal.node.partition("/")[0] != root:
            refusal.node = f"{root}/{refusal.node}"  # an assertion that was parsed again by itself stands in the response
        if refusal.line is None and refusal.node:
            element = self._find(refusal.node)
            refusal.line = element.sourceline if element is not None else None
        if not refusal.unverified_reference:
            refusal.unverified_reference = self._unverified_reference()

    def _find(self, path: str) -> etree._Element | None:
        found: etree._Element | None = self.root
        for step in path.split("/")[1:]:
            match = _STEP.fullmatch(step)
            if found is None or match is None:
                return None
            alike = [child for child in found if local_name(child) == match[1]]
            found = alike[int(match[2] or 1) - 1] if len(alike) >= int(match[2] or 1) else None
        return found

    def _unverified_reference(self) -> str:
        for element in self.root.iter(ATTRIBUTE):
            if element.get("Name") == "reference":
                value = element.findtext(ATTRIBUTE_VALUE)
                return value if value is not None and is_reference(value) else ""
        return ""


class _Parsers(threading.local):
    """One parser a thread: a shared one would make threads wait for each other."""

    def __init__(self) -> None:
        self.parser = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            load_dtd=False,
            dtd_validation=False,
            attribute_defaults=False,
            no_network=True,
            huge_tree=False,
            recover=False,
            remove_comments=False,
            remove_pis=False,
            collect_ids=False,
        )
        # lxml drops from a PrefixList what no document of the thread has named; #default is a token (exc-c14n 4) that none can.
        etree.fromstring(b'<x xmlns:y="#default"/>', self.parser)


_parsers = _Parsers()


def read_document(raw_xml: bytes) -> Document:
    """Return the document in *raw_xml*: UTF-8, at most `MAX_XML_BYTES`, elements and text only, within the caps.

    Raises `HandoffMalformed`.
    """
    if len(raw_xml) > MAX_XML_BYTES:
        raise HandoffMalformed(expected=f"at most {MAX_XML_BYTES} bytes", received=f"{len(raw_xml)} bytes")
    unverified_text = _decoded(raw_xml)
    minted = recognize(unverified_text)
    if minted is None:
        _gate_markup(unverified_text)
    # Every element has a "<", every XML attribute a "=", every declaration an "xmlns": caps before anything is built.
    for sign, most, what in _CAPS:
        if unverified_text.count(sign) > most:
            raise HandoffMalformed(expected=f"at most {most} {what}", received=f"{unverified_text.count(sign)}")
    if minted is not None:
        return Document(raw_xml, minted=minted)
    root = parse(raw_xml)
    _gate_namespaces(unverified_text, root)
    if _TOO_DEEP(root):
        raise HandoffMalformed(expected=f"at most {MAX_DEPTH} levels", received="a deeper document")
    return Document(raw_xml, root)


def _decoded(raw_xml: bytes) -> str:
    # Decoded before anything is searched: in UTF-16 or UTF-7 a search for "<!" finds nothing (CVE-2024-52806).
    try:
        return raw_xml.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HandoffMalformed(expected="UTF-8", received=f"another encoding at byte {error.start}") from error


def _gate_markup(text: str) -> None:
    declaration = _DECLARATION.match(text)
    markup_from = declaration.end() if declaration else 0
    if text.startswith("\ufeff"):
        raise HandoffMalformed(expected="UTF-8 without a byte order mark", received="a byte order mark", line=1)
    if "<!" in text or text.find("<?", markup_from) >= 0:
        _refuse_markup(text, markup_from)


def _refuse_markup(text: str, start: int) -> None:
    for markup in _MARKUP.finditer(text, start):
        if markup[1]:
            instruction = "a processing instruction, or a declaration other than XML 1.0 in UTF-8"
            received = instruction if markup[1] == "<?" else "a DOCTYPE, an entity or a comment"
            line = text.count("\n", 0, markup.start()) + 1
            raise HandoffMalformed(expected="elements and text only", received=received, line=line)


def _gate_namespaces(text: str, root: etree._Element) -> None:
    # A relative namespace URI makes canonicalisation fail, and a caller that goes on digests nothing ("Fragile Lock").
    declared = _NAMESPACE.findall(text)
    if len(declared) == text.count("xmlns") and all(map(_ABSOLUTE.fullmatch, set(declared))):
        return
    walk: Iterable[tuple[str, Any]] = etree.iterwalk(root, events=("start-ns",))  # each declaration once, not once a scope
    for _event, (_prefix, uri) in walk:
        if not _ABSOLUTE.fullmatch(uri):
            raise HandoffMalformed(expected="absolute namespace URIs", received=uri)


def parse(xml: bytes) -> etree._Element:
    """Return the root of *xml*, read by the hardened parser of this thread; raises `HandoffMalformed`."""
    try:
        return etree.fromstring(xml, _parsers.parser)
    except etree.XMLSyntaxError as error:
        raise HandoffMalformed(expected="well-formed XML", received=error.msg or "", line=error.lineno) from error


def canonical(element: etree._Element, inclusive_prefixes: Sequence[str] = ()) -> bytes:
    """Return *element* in Exclusive XML Canonicalization 1.0 without comments; raises `lxml.etree.C14NError`."""
    prefixes = list(inclusive_prefixes) or None
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes)


def canonical_without(element: etree._Element, child: etree._Element, inclusive_prefixes: Sequence[str] = ()) -> bytes:
    """Return *element* in canonical form as if *child* were not there (the enveloped-signature transform).

    The text after *child* belongs to *element* and stays. The tree is as before on return.
    """
    index = element.index(child)
    tail = child.tail
    before = element[index - 1] if index else None
    kept = element.text if before is None else before.tail
    joined = (kept or "") + (tail or "") or None
    element.remove(child)
    _set_text(element, before, joined)
    try:
        return canonical(element, inclusive_prefixes)
    finally:
        _set_text(element, before, kept)
        element.insert(index, child)
        child.tail = tail


def _set_text(element: etree._Element, before: etree._Element | None, text: str | None) -> None:
    if before is None:
        element.text = text
    else:
        before.tail = text


def local_name(element: etree._Element) -> str:
    """Return the local name of *element*."""
    return str(element.tag).rpartition("}")[2]


def path_of(element: etree._Element) -> str:
    """Return where *element* stands, such as `Response/Assertion/AttributeStatement/Attribute[3]`."""
    steps = []
    while (parent := element.getparent()) is not None:
        alike = [child for child in parent if local_name(child) == local_name(element)]
        steps.append(local_name(element) + (f"[{alike.index(element) + 1}]" if len(alike) > 1 else ""))
        element = parent
    return "/".join((local_name(element), *reversed(steps)))


def only(parent: etree._Element, tag: str, refusal: type[HandoffError]) -> etree._Element:
    """Return the one child of *parent* called *tag*; raises *refusal* for zero and for two."""
    found = list(parent.iterchildren(tag))
    if len(found) != 1:
        name = tag.rpartition("}")[2]
        raise refusal(expected=f"exactly one {name}", received=str(len(found)), node=path_of(parent))
    return found[0]


def text_of(element: etree._Element, refusal: type[HandoffError]) -> str:
    """Return the whole text of *element*, empty if there is none; raises *refusal* if it has child nodes.

    A value that is cut in two by a child or a comment is read in part by some and in full by others (CVE-2017-11427).
    """
    if len(element):
        raise refusal(expected="text only", received=f"{len(element)} child nodes", node=path_of(element))
    return element.text or ""
