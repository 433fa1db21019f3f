"""The list of checks as data: numbers, codes, sources, and its two readers."""

import contextlib
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge import errors
from bridge.saml import checks
from bridge.saml.checks import CHECKS, Check
from bridge.saml.verify import Question, walk
from tests.saml.forge import ENDPOINT, ISSUER, NOW, SECRET, Element, Forge, attribute, one


def test_eighteen_checks_in_order() -> None:
    """The numbers are the positions, and every check says what it is, where its rule comes from and what to do."""
    assert [check.number for check in CHECKS] == list(range(1, 19))
    for check in CHECKS:
        assert check.title
        assert check.source
        assert check.hint
        assert check.code.startswith("handoff.")


def test_every_refusal_of_a_handoff_has_a_check() -> None:
    """No code of the tree is orphaned, and none stands for two kinds of check but the two that bound a document's form."""
    listed = {refusal for check in CHECKS for refusal in check.refusals}
    concrete = {one_ for one_ in all_subclasses(errors.HandoffError) if "code" in vars(one_)}
    assert listed == concrete


def all_subclasses(parent: type[Any]) -> set[type[Any]]:
    """Return every class below *parent*."""
    children: list[type[Any]] = parent.__subclasses__()
    return {below for child in children for below in (child, *all_subclasses(child))}


def test_the_last_check_is_the_stores() -> None:
    """A handoff is spent in the transaction of the sign-in: asking the list to judge it is a programming error."""
    with pytest.raises(NotImplementedError):
        checks.UNSPENT.judge(None)


class Halted(Exception):
    """Raised if a check that opens something refused."""


@dataclass
class Inspecting:
    """A reader that runs all that can still run, as an inspector does."""

    failed: dict[int, str] = field(default_factory=dict)
    ran: list[int] = field(default_factory=list)

    def __call__(self, check: Check[Any, Any], given: Any, /) -> Any:
        """Judge and remember; end the walk where there is nothing left to read."""
        self.ran.append(check.number)
        try:
            return check.judge(given)
        except errors.HandoffError as refusal:
            self.failed[check.number] = refusal.code if type(refusal) in check.refusals else f"{refusal.code} is not listed"
            if check.number in (7, 12, 14):
                raise Halted from refusal
            return None


def inspect(forge: Forge, raw: bytes) -> Inspecting:
    """Return what a second reader of the same list sees in *raw*."""
    trusted = forge.trusted()
    question = Question(
        trust={ISSUER: trusted}, endpoint=ENDPOINT, now=NOW, binding_secret=SECRET, second_opinion=forge.second_opinion
    )
    reader = Inspecting()
    with contextlib.suppress(Halted):
        walk(checks.XML.judge(raw), question, reader)
    return reader


def test_a_second_reader_passes_what_the_endpoint_accepts(forge: Forge) -> None:
    """On an honest document both readers run checks 3 to 17 and find nothing."""
    seen = inspect(forge, forge.minted())
    assert seen.ran == list(range(3, 18))
    assert seen.failed == {}


def test_a_second_reader_sees_every_failure(forge: Forge) -> None:
    """Where the endpoint stops at the first refusal, another reader goes on and finds them all."""

    def edit(root: Element) -> None:
        root.set("Destination", "https://elsewhere.example")
        one(root, "//a:Audience").text = "https://elsewhere.example"
        one(root, "//a:SubjectConfirmationData").set("InResponseTo", "_x")
        attribute(root, "organization_id").text = "43"

    raw = forge.changed(edit)
    seen = inspect(forge, raw)
    assert {number: seen.failed[number] for number in (9, 10, 11, 15)} == {
        9: "handoff.destination",
        10: "handoff.audience",
        11: "handoff.solicited",
        15: "handoff.org",
    }
    with pytest.raises(errors.HandoffDestination):
        forge.judge(raw)


def test_a_second_reader_stops_where_nothing_was_opened(forge: Forge) -> None:
    """Without a signature that verifies there is no signed tree to read."""
    seen = inspect(forge, forge.minted(key=forge.stranger))
    assert seen.failed == {7: "handoff.signature"}
    assert seen.ran == [3, 4, 5, 6, 7]


def test_checks_raise_only_what_they_list(forge: Forge) -> None:
    """Whatever a document lacks, each check that runs on it refuses in its own name."""
    honest = forge.tree()
    paths = [honest.getroottree().getpath(element) for element in honest.iter() if element is not honest]
    for path in paths:
        root = forge.tree()
        found = root.xpath(
            path, namespaces={"samlp": "urn:oasis:names:tc:SAML:2.0:protocol", "saml": "urn:oasis:names:tc:SAML:2.0:assertion"}
        )
        assert isinstance(found, list)
        element = found[0]
        assert isinstance(element, Element)
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
        assert not [code for code in inspect(forge, forge.signed(root)).failed.values() if "not listed" in code]
