"""The grammar of minted documents: what it knows without a tree is true, and both ways through the checks say the same."""

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from bridge.errors import HandoffError
from bridge.saml import names, shape
from bridge.saml.checks import UNSPENT
from bridge.saml.minted import GRAMMAR, recognize
from bridge.saml.render import render
from bridge.saml.signature import Received, check_signature
from bridge.saml.trust import Signed
from bridge.saml.verify import Question, stop_at_first, walk
from bridge.saml.xml import MAX_ATTRIBUTES, MAX_XML_BYTES, Document, canonical, canonical_without, parse, read_document
from tests.saml.forge import DANA, ENDPOINT, HANDOFF, ISSUER, NOW, SECRET, Edit, Element, Forge, Recipe, sign_element
from tests.vectors.generate import CASES
from tests.vectors.judges import Bench
from tests.vectors.vector import ACCEPTED
from tests.vectors.world import World, key

TEXTS = st.from_regex(GRAMMAR, fullmatch=True)
MANY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def the_long_way(document: Document) -> Document:
    """Return the same document as if nobody had recognized it."""
    return Document(document.raw, parse(document.raw))


def verdict(document: Document, question: Question) -> tuple[object, ...]:
    """Return what checks 3 to 17 say of *document*: a code and all evidence, or `accepted` and all that was opened."""
    try:
        signed, window, claims = walk(document, question, stop_at_first)
    except HandoffError as refusal:
        document.annotate(refusal)
        return refusal.code, *vars(refusal).items()
    times = (window.issued_at, window.expires_at, window.session_ends, window.authn_context)
    return ACCEPTED, claims, times, canonical(signed.assertion), canonical(signed.message), signed.signer


@pytest.mark.parametrize("algorithm", ["key", "p256", "p384"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"identity": replace(DANA, email=None, evidence=replace(DANA.evidence, verified=False), name=None, username=None)},
        {"identity": replace(DANA, name="<Däna> & 'Söhne' \"ﷺ\" 😀")},
        {"authn_context": "https://refeds.org/profile/mfa"},
    ],
    ids=["plain", "unknown", "special", "context"],
)
def test_what_is_minted_is_recognized(forge: Forge, algorithm: str, changes: dict[str, Any]) -> None:
    """The common document takes the short way, whatever the key and the values: it is fast in production, too."""
    document = read_document(forge.minted(key=getattr(forge, algorithm), **changes))
    assert document.minted is not None


@pytest.mark.parametrize("signed", ["assertion", "both"])
def test_other_signatures_take_the_long_way(forge: Forge, signed: Signed) -> None:
    """The grammar knows the signature of the Response alone."""
    assert read_document(forge.minted(signed=signed)).minted is None


@MANY
@given(TEXTS)
def test_what_the_grammar_claims_is_true(text: str) -> None:
    """Any text of it passes checks 2 to 6, is canonical, and its slices are what canonicalization would have made."""
    minted = recognize(text)
    assert minted is not None
    document = Document(text.encode(), parse(text.encode()))
    for check in (shape.check_root, shape.check_schema, shape.check_status, shape.check_assertion_count):
        check(document)
    assert not document.has_duplicate_ids
    (signature,) = document.root.iter(names.SIGNATURE)
    assert canonical(document.root) == document.raw
    assert canonical(signature[0]) == minted.signed_info
    assert canonical_without(document.root, signature) == minted.signed_response
    issuers = {issuer.text for issuer in document.root.iter(names.ISSUER)}
    assert issuers == {minted.unverified_issuer}


@MANY
@given(text=TEXTS, is_signed=st.booleans(), is_known=st.booleans())
def test_both_ways_say_the_same(forge: Forge, text: str, is_signed: bool, is_known: bool) -> None:
    """A text of the grammar gets one verdict, with one evidence, whether a trusted key signed it or nobody."""
    root = parse(text.encode())
    if is_signed:
        root.remove(root[1])
        sign_element(root, forge.recipe())
    document = read_document(canonical(root))
    assert document.minted is not None
    entity_id = document.minted.unverified_issuer if is_known else ISSUER
    question = Question(
        trust={entity_id: forge.trusted(entity_id=entity_id)},
        endpoint=ENDPOINT,
        now=NOW,
        binding_secret=SECRET,
        second_opinion=None,
    )
    assert verdict(document, question) == verdict(the_long_way(document), question)


class Compact(World):
    """The world of the corpus without the white space that makes its files readable: minted documents have none."""

    def tree(self, **changes: Any) -> Element:
        """Return the unsigned tree of the honest handoff."""
        return etree.fromstring(render(replace(self.handoff, **changes)).xml)

    def sign(self, root: Element, *, parts: Signed | None = None, **recipe: Any) -> Element:
        """Return *root* signed where its issuer's trust wants it, or in *parts*."""
        root, wanted, by = parse(etree.tostring(root)), parts or self.wanted, Recipe(**{"key": key("rsa-2048"), **recipe})
        if wanted in ("assertion", "both"):
            sign_element(next(root.iterchildren(names.ASSERTION)), by)
        if wanted in ("response", "both"):
            sign_element(root, by)
        return root

    def respelled(self, *changes: tuple[str, str], edit: Edit = lambda _root: None) -> bytes:
        """Return the honest handoff, changed by *edit*, signed, respelled where there is what *changes* replace."""
        text = self.signed(edit).decode()
        for old, new in changes:
            text = text.replace(old, new, 1)
        return text.encode("utf-8", "surrogatepass")


def test_the_corpus_in_the_form_of_minted_documents() -> None:
    """Every vector, made as compact and canonical as the minter writes, gets the very code that its header says, either way."""
    bench, short = Bench(), []
    for case in CASES:
        vector = case.vector()
        if vector.is_form or vector.check in (1, 2):
            continue
        compact = case.build(Compact(case.replays or case.name, case.signed, issuer=case.issuer))
        document = read_document(etree.tostring(etree.fromstring(compact), method="c14n"))
        if document.minted is None:
            continue
        short.append(case.name)
        said = verdict(document, bench.question(vector))
        assert said == verdict(the_long_way(document), bench.question(vector)), case.name
        accepted = vector.check in (None, 0, UNSPENT.number)
        assert said[0] == (ACCEPTED if accepted else vector.expect), case.name
    assert len(short) > 120, short


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Dana Hill", "Dana<!-- --> Hill"),
        ("Dana Hill", "Dana &#72;ill"),
        ("Dana Hill", "Dana > Hill"),
        ("Dana Hill", "Dana\rHill"),
        ("Dana Hill", "Dana\x00Hill"),
        ("Dana Hill", "Dana\uffffHill"),
        ("Dana Hill", "Dana<b></b>Hill"),
        ("Dana Hill", "<![CDATA[Dana Hill]]>"),
        ("></saml:OneTimeUse>", "/>"),
        ("2026-07-01T12:00:00Z", "2026-02-30T12:00:00Z"),
        ("2026-07-01T12:01:00Z", "2026-07-01T12:01:00.5Z"),
        ('ID="_' + "a" * 32, 'ID="_' + "b" * 32),
        ("#_" + "b" * 32, "#_" + "a" * 32),
        ("https://cells.example/o/acme/auth/saml/callback", "https://cells.example:66666666/o"),
        ("https://cells.example/o/acme/auth/saml/metadata", "a relative: one"),
        ("==</ds:SignatureValue>", "=</ds:SignatureValue>"),
        ("<samlp:Status>", "<samlp:Status >"),
        ("<samlp:Response ", "\ufeff<samlp:Response "),
        ("</samlp:Response>", "</samlp:Response>\n"),
        ("rsa-sha256", "hmac-sha256"),
    ],
)
def test_what_is_no_more_canonical_is_not_recognized(forge: Forge, old: str, new: str) -> None:
    """Markup in a value, another spelling, an impossible time, one ID for two: the trees judge those."""
    text = forge.minted().decode()
    assert old in text
    assert recognize(text.replace(old, new)) is None


def test_what_is_hashed_is_what_is_read(forge: Forge) -> None:
    """The tree that leaves check 7 is parsed from the very bytes that have the signed digest."""
    document = read_document(forge.minted())
    assert document.minted is not None
    issuer = forge.trusted()
    signed = check_signature(Received(document, {ISSUER: issuer}, NOW, ENDPOINT))
    assert canonical(signed.message) == document.minted.signed_response
    assert signed.assertion.getparent() is signed.response


def test_the_caps_hold_for_the_grammar_too(forge: Forge) -> None:
    """A minted document with more "=" than attributes are allowed is refused as any other is."""
    with pytest.raises(HandoffError) as caught:
        read_document(forge.minted().replace(b"Dana Hill", b"=" * MAX_ATTRIBUTES))
    assert caught.value.code == "handoff.malformed"


@pytest.mark.parametrize("filling", ["a", "&amp;", "&", "</saml:AttributeValue>", "A", "&lt;&gt;"])
def test_looking_costs_no_more_than_the_text(forge: Forge, filling: str) -> None:
    """Anybody may post: a text that is almost of the grammar is looked at once."""
    text = forge.minted().decode()
    times = (MAX_XML_BYTES - len(text)) // len(filling)
    for place in ("Dana Hill", HANDOFF.reference, "google_oauth2:10820", "==</ds:SignatureValue>"):
        hostile = text.replace(place, filling * times + place).replace("</samlp:Response>", "</samlp:Response >")
        start = time.process_time()
        assert recognize(hostile) is None
        assert time.process_time() - start < 0.05
