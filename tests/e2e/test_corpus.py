"""Every vector goes through the verifier, the inspector and the endpoint of a running owning cell: one loop, one verdict."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from bridge.saml.checks import CHECKS, UNSPENT, XML
from tests.vectors.generate import CASES, path_of
from tests.vectors.judges import Bench, Cell, Verdict, fresh_salt
from tests.vectors.recipes.case import Case
from tests.vectors.vector import ACCEPTED, Vector

pytestmark = pytest.mark.e2e
BY_NAME = {case.name: case for case in CASES}


@pytest.fixture(scope="module")
def bench() -> Bench:
    """The verifier and the inspector."""
    return Bench()


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    """The owning cell that the vectors are posted to."""
    with Cell(tmp_path_factory.mktemp("cell")).running() as running:
        yield running


def canonical_form(vector: Vector) -> Vector | None:
    """Return *vector* with its document in canonical form, None where that is no other document or none at all."""
    if vector.is_form or (vector.check is not None and vector.check <= XML.number):
        return None
    canonical = etree.tostring(etree.fromstring(vector.raw), method="c14n")
    return replace(vector, raw=canonical, body="base64", line=None)


def said_by_the_document(vector: Vector) -> Verdict:
    """Return what the checks of a document must say: replays and the account rules are not theirs to judge."""
    if vector.check in (0, UNSPENT.number):
        return Verdict(ACCEPTED)
    return Verdict(vector.expect, vector.node, vector.line)


def judge_by_document(bench: Bench, vector: Vector, *, same_lines: bool = True) -> None:
    """Assert that verifier and inspector say what the header says, and point where it points."""
    expected = said_by_the_document(vector)
    verdict = bench.verifier(vector)
    assert (verdict if same_lines else replace(verdict, line=None)) == expected
    outcomes = bench.inspector(vector)
    assert [outcome.check.number for outcome in outcomes] == [check.number for check in CHECKS]
    failed = [outcome for outcome in outcomes if outcome.outcome == "fail"]
    if expected.code == ACCEPTED:
        assert not failed
        assert all(outcome.outcome == "pass" for outcome in outcomes if outcome.check is not UNSPENT)
    else:
        assert failed[0].check.number == vector.check
        assert failed[0].code == expected.code
        assert not same_lines or failed[0].line == expected.line
        assert failed[0].check.hint


def judge_by_endpoint(cell: Cell, vector: Vector) -> None:
    """Assert that the running cell answers with the very code, and that a refusal writes no row into any table."""
    before = cell.tables()
    verdict = cell.endpoint(vector)
    assert verdict.code == vector.expect
    if vector.check:
        assert verdict.node == vector.node
        assert cell.tables() == before, "a refusal wrote"
    elif vector.check == 0:
        after = cell.tables()
        assert {**after, "audit_events": []} == {**before, "audit_events": []}, "a refusal by the account rules wrote"


@pytest.mark.parametrize("path", [path_of(case) for case in CASES], ids=lambda path: path.stem)
def test_vector(path: Path, bench: Bench, cell: Cell) -> None:
    """The file, its canonical form and the same document made for this moment get the one verdict, everywhere."""
    filed = Vector.read(path)
    judge_by_document(bench, filed)
    if (other_form := canonical_form(filed)) is not None:
        judge_by_document(bench, other_form, same_lines=False)

    case, salt = BY_NAME[path.stem], fresh_salt()
    for_now = case.vector(now=_now(), salt=salt)
    assert replace(for_now, at=filed.at, raw=b"", line=None) == replace(filed, raw=b"", line=None)
    if case.replays:
        judge_by_endpoint(cell, BY_NAME[case.replays].vector(now=for_now.at, salt=salt))
    judge_by_endpoint(cell, for_now)
    if filed.expect == ACCEPTED:
        _judge_other_form_by_endpoint(cell, case)


def _judge_other_form_by_endpoint(cell: Cell, case: Case) -> None:
    other_form = canonical_form(case.vector(now=_now(), salt=fresh_salt()))
    if other_form is not None:
        judge_by_endpoint(cell, other_form)


def _now() -> datetime:
    # A whole second that has begun: nothing is issued in the future unless a vector says so.
    return datetime.now(UTC).replace(microsecond=0)
