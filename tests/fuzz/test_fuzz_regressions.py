"""What the fuzzer ever found stays found: each file is judged again, and a short run of one seed finds nothing new."""

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.saml.verify import read_response, verify
from tests.fuzz import regression
from tests.fuzz.campaign import mutation, run
from tests.fuzz.oracle import judged
from tests.fuzz.sources import Case, Judges
from tests.fuzz.truth import told_by_verdict

JUDGES = Judges()
FOUND = sorted(regression.FOLDER.glob("*.json"))


@pytest.fixture(scope="module")
def sources() -> tuple[Case, ...]:
    """Every source."""
    return JUDGES.sources()


def test_what_was_found_once_is_right_now() -> None:
    """It is refused, or accepted as it was signed, in time."""
    outcomes = {path.name: judged(JUDGES, regression.decode(path.read_text("utf-8"))) for path in FOUND}
    assert {name: outcome.finding for name, outcome in outcomes.items() if outcome.finding} == {}


def test_two_thousand_mutations_find_nothing() -> None:
    """A change that opens the document layer is met before anybody fuzzes for long; both verdicts are reached."""
    figures = run(JUDGES, seed=3, most=2000)
    assert figures.mutations == 2000
    assert [finding for _case, finding in figures.findings.values()] == []
    assert figures.codes["accepted"] > 50
    assert len(figures.codes) > 8


def test_a_mutation_can_be_made_again(sources: tuple[Case, ...]) -> None:
    """Seed and number are enough to see the same document once more, in another run too."""
    assert [mutation(sources, 5, number) for number in range(30)] == [mutation(sources, 5, number) for number in range(30)]
    assert mutation(sources, 5, 1) != mutation(sources, 6, 1)


def test_what_is_accepted_without_change_is_what_was_signed(sources: tuple[Case, ...]) -> None:
    """The second reading and the product's agree on every document that is accepted unchanged."""
    accepted = [case for case in sources if judged(JUDGES, case).code == "accepted"]
    assert len(accepted) > 80
    assert [case.name for case in accepted if judged(JUDGES, case).finding] == []


def test_an_acceptance_of_anything_else_is_a_finding(sources: tuple[Case, ...]) -> None:
    """Whether one claim, the id or a time differs from what was signed: each is told."""
    case, question = sources[0], JUDGES.question(sources[0])
    told = told_by_verdict(
        verify(
            read_response(case.form),
            trust=question.trust,
            endpoint=question.endpoint,
            now=question.now,
            binding_secret=question.binding_secret,
            second_opinion=question.second_opinion,
        )
    )
    for name, value in sorted(told):
        other = (told - {(name, value)}) | {(name, value + "x")}
        outcome = judged(JUDGES, replace(case, told=frozenset({other})))
        assert outcome.finding == f"changed: accepted {[(name, value)]}"
    assert judged(JUDGES, replace(case, told=frozenset())).finding.startswith("changed: ")


def test_any_other_exception_is_a_finding(sources: tuple[Case, ...]) -> None:
    """What is not a refusal would be a 500: here a field that is no text."""
    broken = replace(sources[0], form=(("SAMLResponse", 7),))  # type: ignore[arg-type]
    assert judged(JUDGES, broken).finding.startswith("crash: TypeError in read_response:")


def test_a_finding_is_written_and_read_the_same(sources: tuple[Case, ...], tmp_path: Path) -> None:
    """The file holds all that is needed to judge again, even where the form is no text that could be encoded."""
    case = replace(sources[0], form=(*sources[0].form, ("RelayState", "\ud800\0")))
    path = regression.write(case, "changed: accepted nothing", tmp_path)
    assert path.name.startswith("changed-")
    assert regression.decode(path.read_text("utf-8")) == case
