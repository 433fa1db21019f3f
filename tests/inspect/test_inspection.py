"""What an inspection says besides the endpoint's refusal: places, certificates, times, what is signed, what a document is."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from bridge.inspect.explained import EXPLAINED
from bridge.inspect.fields import Field
from bridge.inspect.inspection import Inspection, inspect
from bridge.inspect.places import Places, paths_of
from bridge.inspect.report import Report
from bridge.inspect.source import Source
from bridge.saml import names
from bridge.saml.checks import CHECKS
from bridge.saml.metadata import idp_metadata, sp_metadata
from bridge.saml.xml import local_name
from tests.inspect.judged import by_itself, for_acme, vector
from tests.vectors.generate import CASES
from tests.vectors.judges import Bench
from tests.vectors.world import World, key


def outcome_codes(found: Inspection) -> dict[int, str]:
    """Return number -> code or outcome of each check."""
    return {outcome.check.number: outcome.code or outcome.outcome for outcome in found.outcomes}


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_first_failure_points_at_the_node_that_the_vector_names(bench: Bench, name: str) -> None:
    """Code, node and line are the header's; at line and column stands the start tag of that very element."""
    filed = vector(name)
    found = inspect(Source("vector", filed.form, None), bench.question(filed), ask_binding=True)
    failed = found.first_failure
    if filed.check is None or filed.check in (0, 18):
        assert failed is None
        return
    assert failed is not None
    assert (failed.check.number, failed.code, failed.node, failed.line) == (filed.check, filed.expect, filed.node, filed.line)
    assert (failed.column is None) == (failed.line is None)
    if failed.line is not None and failed.column is not None and failed.node:
        at = Places.of(found.raw_xml).lines[failed.line - 1][failed.column - 1 :]
        element = failed.node.rpartition("/")[2].partition("[")[0]
        assert at.startswith("<")
        assert at[1:].split(">")[0].split()[0].rstrip("/").rpartition(":")[2] == element


@pytest.mark.parametrize(
    "name", ["as-minted", "tabs-and-crlf", "white-space-in-tags", "cdata-with-markup", "indented", "typed-values"]
)
def test_rows_are_the_document(name: str) -> None:
    """Every element has its row at its true place, in order; joined, the rows are the document but for white space."""
    raw = vector(name).raw
    root = etree.fromstring(raw)
    places = Places.of(raw)
    rows = list(places.rows())
    starts = [row for row in rows if row.element is not None]
    assert [row.element for row in starts] == list(range(len(paths_of(root))))
    for row, (_path, element), position in zip(starts, paths_of(root), places.elements(), strict=True):
        assert row.tag[1:].split(">")[0].split()[0].rstrip("/").rpartition(":")[2] == local_name(element)
        assert (row.line, row.column) == position
        assert row.line == element.sourceline
    shown = "".join(row.tag + row.text + row.end for row in rows)
    assert "".join(shown.split()) == "".join(raw.decode().split())


@pytest.mark.parametrize(
    ("raw", "line", "column"),
    [
        (b"<a>\n <b></a>", 2, 9),
        (b"<a>\n  <!-- x --></a>", 2, 3),
        (b"<a><b/>\n<?x y?></a>", 2, 1),
        (b"<!DOCTYPE a><a/>", 1, 1),
        (b"<?xml version='1.1'?><a/>", 1, 1),
        (b"<a><![CDATA[<!--]]>\n<!--x--></a>", 2, 1),
    ],
)
def test_what_cannot_be_parsed_points_at_the_character(raw: bytes, line: int, column: int) -> None:
    """A refusal of the text says where in it."""
    failed = by_itself(raw).first_failure
    assert failed is not None
    assert (failed.code, failed.line, failed.column) == ("handoff.malformed", line, column)


def test_a_refusal_by_the_schema_points_at_the_element_in_a_document_of_one_line(bench: Bench, world: World) -> None:
    """The validator names a line, which is no help where everything stands on one."""
    raw = world.minted().replace(b'<saml:AuthnStatement AuthnInstant="', b'<saml:AuthnStatement AuthnInstant="x')
    failed = for_acme(bench, raw).first_failure
    assert failed is not None
    assert (failed.code, failed.line) == ("handoff.schema", 1)
    assert raw.decode()[(failed.column or 0) - 1 :].startswith("<saml:AuthnStatement ")


class TestVouched:
    """What is called signed."""

    @staticmethod
    def vouched(found: Inspection) -> dict[str, str]:
        """Return name -> who vouches."""
        return {field.name: field.vouched for field in found.fields}

    def test_everything_in_a_signed_response_is_signed(self, bench: Bench, world: World) -> None:
        """The signature covers the Response with all that is in it but the signature itself, whose parts are no values."""
        found = for_acme(bench, world.minted())
        assert set(self.vouched(found).values()) == {"signed"}
        assert not [field for field in found.fields if "Signature" in field.node]
        node = "Response/Assertion/AttributeStatement/Attribute[2]/AttributeValue"
        assert Field("email", node, "dana@acme.example", "signed", is_claim=True) in found.fields

    def test_around_a_signed_assertion_nothing_is_signed(self, bench: Bench) -> None:
        """The envelope of an assertion that alone is signed can be anybody's."""
        vouched = self.vouched(for_acme(bench, vector("as-minted-assertion").raw, name="as-minted-assertion"))
        assert vouched["email"] == vouched["Response/Assertion/Issuer"] == vouched["Response/Assertion/@ID"] == "signed"
        assert vouched["Response/@Destination"] == vouched["Response/Status/StatusCode/@Value"] == "unsigned"

    def test_a_broken_signature_vouches_for_nothing(self, bench: Bench, world: World) -> None:
        """Values of a changed document are shown, and called unsigned."""
        found = for_acme(bench, world.minted().replace(b"dana@", b"evil@"))
        assert set(self.vouched(found).values()) == {"unsigned"}
        assert found.handoff is None

    def test_an_unknown_key_vouches_for_nothing_either(self, bench: Bench) -> None:
        """A signature by a stranger's key is called not trusted, the checks go on, and nothing is called the handoff."""
        found = for_acme(bench, vector("strangers-certificate").raw)
        assert set(self.vouched(found).values()) == {"not trusted"}
        assert (found.handoff, found.trusted, found.accepted) == (None, False, False)
        assert outcome_codes(found)[7] == "handoff.signature"
        assert outcome_codes(found)[14] == "pass"
        assert any("Not verified against a trusted key" in note for note in found.notes)


class TestByItself:
    """A document without a configuration."""

    def test_structure_and_signature_are_judged_and_nothing_is_accepted(self, world: World) -> None:
        """The signature fits the document's own certificate, which is said, and is no trust."""
        found = by_itself(world.minted())
        codes = outcome_codes(found)
        assert codes[7] == "handoff.signature"
        assert [codes[number] for number in (2, 3, 4, 5, 6, 12, 13, 14)] == ["pass"] * 8
        assert [codes[number] for number in (8, 9, 10, 11, 15, 16, 17, 18)] == ["not_run"] * 8
        assert not found.accepted
        assert found.handoff is None
        assert Report("-", found).sentence.startswith("Not verified against a trusted key")

    def test_a_changed_document_does_not_fit_its_own_certificate(self, world: World) -> None:
        """Then the digest is what is wrong, and not that nobody is trusted."""
        failed = by_itself(world.minted().replace(b"dana@", b"evil@")).first_failure
        assert failed is not None
        assert (failed.code, failed.received) == ("handoff.signature", "another digest")

    def test_a_document_without_a_certificate_says_so(self) -> None:
        """Without a key nothing can be said of the signature."""
        found = by_itself(vector("key-info-left-out").raw)
        assert found.signed is None
        assert outcome_codes(found)[12] == "not_run"


def test_certificates_are_told_with_trust_and_expiry(bench: Bench, world: World) -> None:
    """The document's own first; each with its fingerprint, its end, and for whom it is trusted."""
    found = for_acme(bench, world.minted()).certificates
    (own,) = [one for one in found if one.in_document]
    assert found[0] == own
    assert own.fingerprint == key("rsa-2048").fingerprint
    assert own.trusted
    assert "https://cells.example/saml/metadata" in own.issuers
    stranger = for_acme(bench, vector("strangers-certificate").raw).certificates[0]
    assert (stranger.in_document, stranger.trusted, stranger.fingerprint) == (True, False, key("stranger").fingerprint)
    expired = next(one for one in found if one.fingerprint == key("expired").fingerprint)
    assert expired.ends < world.now


def test_times_are_those_of_check_12(bench: Bench) -> None:
    """Start, end, skew and where now lies between them; also where the check refused."""
    times = Report("-", for_acme(bench, vector("as-minted").raw)).times
    assert times is not None
    assert (times.state, times.ends - times.starts, times.skew) == ("now", timedelta(seconds=60), timedelta(seconds=30))
    report = Report("-", for_acme(bench, vector("time-expired").raw))
    assert report.times is not None
    assert report.times.state == "expired"
    assert report.sentence.endswith("; it ended 1 minute ago.")


@pytest.mark.parametrize(
    ("raw", "name", "says"),
    [
        (b'<p:AuthnRequest xmlns:p="%b" ID="_1"/>' % names.SAMLP.encode(), "authn_request", "asks for a sign-in"),
        (b'<p:LogoutRequest xmlns:p="%b" ID="_1"/>' % names.SAMLP.encode(), "logout_request", "ends sessions"),
        (idp_metadata(entity_id="urn:idp", sso_url="https://a.example", certificates=[]), "metadata", "an identity provider"),
        (sp_metadata(entity_id="urn:sp", acs_url="https://a.example"), "metadata", "metadata of urn:sp, a service provider"),
        (b"<!-- by hand --><md:EntityDescriptor entityID='x'/>", "metadata", "metadata"),
        (b"<html></html>", "xml", "the root html"),
        (b"<Assertion xmlns='urn:oasis:names:tc:SAML:2.0:assertion'/>", "assertion", "without the Response"),
    ],
)
def test_another_document_is_named(raw: bytes, name: str, says: str) -> None:
    """A request or metadata in the wrong place is the commonest mistake; the first sentence says which it is."""
    found = by_itself(raw)
    assert found.kind.name == name
    assert says in found.kind.sentence
    assert "This is " in Report("-", found).sentence
    assert not found.accepted


def test_metadata_shows_its_certificates() -> None:
    """Whose key is in the metadata can be compared with a response's."""
    raw = idp_metadata(entity_id="urn:idp", sso_url="https://a.example", certificates=[key("rsa-3072").certificate])
    assert [one.fingerprint for one in by_itself(raw).certificates] == [key("rsa-3072").fingerprint]


def test_the_page_has_a_section_for_each_check() -> None:
    """The address that a report gives for a check leads to its section, which is what the page of the inspector says."""
    page = (Path(__file__).parents[2] / "docs/inspector.md").read_text("utf-8")
    sections = {int(number): text for number, text in re.findall(r"(?ms)^### Check (\d+)\n\n(.+?)(?:\n\n|\Z)", page)}
    assert {number: " ".join(text.split()) for number, text in sections.items()} == EXPLAINED
    assert list(EXPLAINED) == [check.number for check in CHECKS]
    for check in CHECKS:
        assert EXPLAINED[check.number].startswith((f"{check.title}.", f"{check.title}:"))
