"""Check 2 and the ground under every check: the parser, its gate, canonical bytes, places."""

import threading
import time
from contextlib import suppress

import pytest
from lxml import etree

from bridge.errors import HandoffAudience, HandoffMalformed
from bridge.saml.xml import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_NAMESPACES,
    MAX_XML_BYTES,
    canonical,
    canonical_without,
    local_name,
    only,
    parse,
    path_of,
    read_document,
    text_of,
)
from tests.saml.forge import Forge

BILLION_LAUGHS = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'


@pytest.mark.parametrize(
    "raw",
    [
        b"<a/>",
        b"<a/>\n",
        b'<?xml version="1.0"?><a/>',
        b"<?xml version='1.0' encoding='utf-8'?>\n<a/>",
        b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><a/>',
        b"<a><![CDATA[ a < b & c ]]></a>",
        b"<a><![CDATA[<!-- no comment --> <?no?> <!DOCTYPE no>]]><![CDATA[<!]]></a>",
        b"<a>caf\xc3\xa9 &#233; &amp; &lt;</a>",
        b'<a xmlns="urn:x" xmlns:b="https://x.example/b"><b:c xmlns=""/></a>',
        b"<a>is it &lt;?php or &lt;!-- this?</a>",
        b"<a>xmlns='x' in a sentence</a>",
    ],
)
def test_plain_xml_is_read(raw: bytes) -> None:
    """Declarations, CDATA, character references and any absolute namespace are plain XML."""
    assert local_name(read_document(raw).root) == "a"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text",
        b"<a>",
        b"<a/><b/>",
        b"<a/>tail",
        b"<a b='1' b='2'/>",
        b"<a>&nbsp;</a>",
        b"<a>\x00</a>",
        b"<a>&#0;</a>",
        b"<p:a/>",
        b"<a>\xff</a>",
        b"\xef\xbb\xbf<a/>",
        "<a/>".encode("utf-16"),
        "<a/>".encode("utf-16-le"),
        "<a/>".encode("utf-32"),
        b'<?xml version="1.0" encoding="UTF-7"?><a/>',
        b'<?xml version="1.0" encoding="iso-8859-1"?><a>\xc3\xa9</a>',
        b'<?xml version="1.1"?><a/>',
        b' <?xml version="1.0"?><a/>',
        b"<?xml-stylesheet href='x'?><a/>",
        b"<a><?php x?></a>",
        b"<a>x<?y?>z</a>",
        b"<a><!-- c --></a>",
        b"<a/><!-- c -->",
        b"<a><![CDATA[x]]><!-- c --></a>",
        b"<a><!-- <![CDATA[ --></a><!-- ]]> -->",
        b"<a><?x <![CDATA[ ?></a><!-- ]]> -->",
        b"<a><![CDATA[x</a>",
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        BILLION_LAUGHS,
        b"<a xmlns:b='relative'/>",
        b"<a xmlns='relative'/>",
        b"<a xmlns:b='&#x72;elative'/>",
        b'<a xmlns:b  =  "../up"/>',
    ],
)
def test_what_is_not_plain_is_refused(raw: bytes) -> None:
    """No DTD, comment, processing instruction, other encoding, relative namespace URI, second root or tail."""
    with pytest.raises(HandoffMalformed):
        read_document(raw)


@pytest.mark.parametrize(
    ("largest", "too_large"),
    [
        (b"<a>" + b" " * (MAX_XML_BYTES - 7) + b"</a>", b"<a>" + b" " * (MAX_XML_BYTES - 6) + b"</a>"),
        (b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH, b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1)),
        (b"<a>" + b"<b></b>" * (MAX_ELEMENTS - 1) + b"</a>", b"<a>" + b"<b></b>" * MAX_ELEMENTS + b"</a>"),
        (
            b"<a " + b" ".join(b"a%d='1'" % n for n in range(MAX_ATTRIBUTES)) + b"/>",
            b"<a " + b" ".join(b"a%d='1'" % n for n in range(MAX_ATTRIBUTES + 1)) + b"/>",
        ),
        (
            b"<a>" + b"<b xmlns='u:'/>" * MAX_NAMESPACES + b"</a>",
            b"<a>" + b"<b xmlns='u:'/>" * (MAX_NAMESPACES + 1) + b"</a>",
        ),
    ],
    ids=["bytes", "depth", "elements", "attributes", "namespaces"],
)
def test_the_caps(largest: bytes, too_large: bytes) -> None:
    """The largest document is read, one more of anything is refused, and neither takes long."""
    start = time.process_time()
    read_document(largest)
    with pytest.raises(HandoffMalformed):
        read_document(too_large)
    assert time.process_time() - start < 0.2


@pytest.mark.parametrize(
    "raw",
    [
        b"<a>" + b"xmlns:" * 24_900 + b"</a>",
        b"<a>" + b"xmlns " * MAX_NAMESPACES + b" " * 140_000 + b"</a>",
        b"<a>" + b"xmlns:" + b"x" * 140_000 + b"</a>",
        b"<a>" + b"xmlns='" * MAX_NAMESPACES + b"</a>",
        b"<a " + b" ".join(b"xmlns:p%d='a:b'" % n for n in range(490)) + b" xmlns:q='urn:&amp;'>" + b"<b/>" * 990 + b"</a>",
        b"<?xml version" + b" " * 140_000 + b"<a/>",
        b"<a>" + b"<![CDATA[" * 900 + b"</a>",
    ],
    ids=["prefixes", "spaces", "one long prefix", "open quotes", "scopes", "declaration", "sections"],
)
def test_the_gate_costs_no_more_than_its_input(raw: bytes) -> None:
    """Anybody may post: text that only looks like markup must not cost more than in proportion (it once cost half a minute)."""
    start = time.process_time()
    with suppress(HandoffMalformed):
        read_document(raw)
    assert time.process_time() - start < 0.2


def test_the_refusal_names_the_line() -> None:
    """Whoever has to mend a document is told where."""
    for raw in (b"<a>\n\n<?php x?></a>", b"<a>\n\n<!-- c --></a>", b"<a>\n\n</b>"):
        with pytest.raises(HandoffMalformed) as caught:
            read_document(raw)
        assert caught.value.line == 3


def test_every_thread_has_its_own_parser() -> None:
    """Threads that parse at once do not disturb each other."""
    found: list[bytes] = []

    def work(number: int) -> None:
        found.extend(canonical(parse(b"<a>%d</a>" % number)) for _ in range(200))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(b"<a>%d</a>" % number for number in range(4) for _ in range(200))


@pytest.mark.parametrize(
    "xml",
    [
        b"<r>one<s/>two<t/>three</r>",
        b"<r><s/>two</r>",
        b"<r><t/>one<s/></r>",
        b"<r><t/><s/>after<u/></r>",
        b'<r xmlns:x="urn:x"><t/>a<s><x:y/></s>b</r>',
    ],
)
def test_the_enveloped_signature_leaves_no_trace(xml: bytes) -> None:
    """Without the signature the text around it stays, as the transform demands, and the tree is as it was afterwards."""
    root = parse(xml)
    (child,) = root.iterchildren("s")
    expected = parse(xml.replace(b"<s/>", b"").replace(b"<s><x:y/></s>", b""))
    assert canonical_without(root, child) == canonical(expected)
    assert canonical(root) == canonical(parse(xml))


def test_canonical_form_keeps_what_a_prefix_list_names() -> None:
    """An inclusive prefix declared on an ancestor is rendered at the element that is made canonical (xml-exc-c14n 4)."""
    root = parse(b'<r xmlns:xs="urn:xs"><a/></r>')
    assert canonical(root[0]) == b"<a></a>"
    assert canonical(root[0], ["xs"]) == b'<a xmlns:xs="urn:xs"></a>'


def test_a_canonical_form_that_fails_is_an_error() -> None:
    """A relative namespace URI ends in an exception, never in empty bytes that digest to something known."""
    with pytest.raises(etree.C14NError):
        canonical(etree.fromstring(b'<r xmlns:x="relative"/>'))


def test_exactly_one_child() -> None:
    """Zero and two are both refusals, and only direct children count."""
    root = parse(b"<r><a/><b/><b/><c><d/></c></r>")
    assert only(root, "a", HandoffAudience) is root[0]
    for tag in ("b", "d"):
        with pytest.raises(HandoffAudience):
            only(root, tag, HandoffAudience)


def test_a_value_is_text_only() -> None:
    """A value that a child cuts in two is refused; CDATA and character references are one text."""
    assert text_of(parse(b"<r>a<![CDATA[b]]>&#99;</r>"), HandoffAudience) == "abc"
    with pytest.raises(HandoffAudience):
        text_of(parse(b"<r>a<b/>c</r>"), HandoffAudience)


def test_paths_lead_back_to_elements(forge: Forge) -> None:
    """The place of any element, as told in a refusal, is found again in the document."""
    document = read_document(forge.minted())
    for element in document.root.iter():
        refusal = HandoffAudience(node=path_of(element))
        document.annotate(refusal)
        assert refusal.line == element.sourceline
    lost = HandoffAudience(node="Response/Nowhere[4]/Else")
    document.annotate(lost)
    assert lost.line is None
