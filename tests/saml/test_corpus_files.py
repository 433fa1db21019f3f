"""The files of the corpus: made again byte for byte, read strictly, and about every class of attack."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.vectors.classes import CLASSES
from tests.vectors.generate import CASES, path_of
from tests.vectors.vector import ACCEPTED, NotAVector, Vector
from tests.vectors.world import FOLDER

FILES = sorted([*(FOLDER / "attacks").iterdir(), *(FOLDER / "honest").iterdir()])


def test_the_files_are_what_the_generator_makes() -> None:
    """Nobody edits a file by hand, and nobody forgets to write it again: `python -m tests.vectors.generate`."""
    assert {path_of(case): case.vector().encode() for case in CASES} == {path: path.read_bytes() for path in FILES}
    assert len({case.name for case in CASES}) == len(CASES)


def test_the_generator_does_not_depend_on_what_it_made_before() -> None:
    """A vector made alone, or twice, or in another order is the same vector."""
    for case in reversed(CASES):
        assert case.vector().encode() == path_of(case).read_bytes(), case.name


def test_every_class_of_attack_has_vectors() -> None:
    """At least 120 attacks over all classes, and 40 honest documents that must be accepted."""
    attacks = [case for case in CASES if case.expect != ACCEPTED]
    assert {case.threat for case in attacks} == set(CLASSES)
    assert len(attacks) >= 120
    assert len(CASES) - len(attacks) >= 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_read_and_written_the_same(path: Path) -> None:
    """The format loses nothing."""
    assert Vector.read(path).encode() == path.read_bytes()


GOOD = next(case for case in CASES if case.name == "wrapping-xsw3").vector().encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"expect: handoff.assertion_count", b"expect: handoff.no_such_code"),
        (b"expect: handoff.assertion_count", b"expect: accepted"),
        (b"check: 6", b"check: 7"),
        (b"check: 6", b"check: 99"),
        (b"check: 6\n", b""),
        (b"class: 1 signature wrapping", b"class: 1 audience"),
        (b"class: 1 signature wrapping", b"class: 99 signature wrapping"),
        (b"class: 1 signature wrapping", b"class: honest and true"),
        (b"at: 2026-07-01T12:00:00Z", b"at: yesterday"),
        (b"org: acme", b"org: Acme!"),
        (b"signed: assertion", b"signed: perhaps"),
        (b"signed: assertion", b"signed: assertion\nsigned: assertion"),
        (b"signed: assertion", b"signed: assertion\nsince: today"),
        (b"signed: assertion\n", b""),
        (b"body: xml", b"body: json"),
        (b"body: xml", b"body: base64"),
        (b"body: xml", b"body:xml"),
        (b"binding: ", b"replays: "),
        (b"line: ", b"line: -"),
        (b".\nnode", b"\nnode"),
        (b"\n\n", b"\n"),
    ],
)
def test_a_header_that_is_not_understood_fails(old: bytes, new: bytes) -> None:
    """An unknown key or value, a missing key, a contradiction: a vector that is misread would pass for nothing."""
    assert old in GOOD
    with pytest.raises(NotAVector):
        Vector.decode(GOOD.replace(old, new, 1))


def test_what_is_accepted_points_nowhere() -> None:
    """An honest vector has no check, no place and no class of attack."""
    honest = next(case for case in CASES if case.expect == ACCEPTED).vector()
    for changes in ({"check": 7}, {"node": "Response"}, {"line": 1}, {"threat": 1}):
        with pytest.raises(NotAVector):
            replace(honest, **changes)
