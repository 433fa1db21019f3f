"""The table of docs/security.md, of our verdicts and those of python3-saml alone: `python -m tests.vectors.table` writes it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.vectors.classes import CLASSES, FOR_THE_APPLICATION
from tests.vectors.generate import CASES, path_of
from tests.vectors.python3_saml import ACCEPTS, FORGES, HANGS, MODES, REFUSES, opinions
from tests.vectors.recipes.case import Case
from tests.vectors.vector import ACCEPTED
from tests.vectors.world import FOLDER

PAGE = FOLDER.parents[1] / "docs" / "security.md"
BEGIN, END = "<!-- begin: python -m tests.vectors.table -->\n", "<!-- end -->\n"
Opinions = Mapping[str, Mapping[Path, str]]


def table() -> str:
    """Return the text between the marks of the page, as of the vectors on disk."""
    said: Opinions = {mode: opinions([path_of(case) for case in CASES], mode) for mode in MODES}
    attacks = [case for case in CASES if case.expect != ACCEPTED]
    honest = [case for case in CASES if case.expect == ACCEPTED]
    lines = [
        "| class of attack | vectors | our refusals | python3-saml, as shipped | python3-saml, everything on |",
        "|---|---|---|---|---|",
        *(_row(number, [case for case in attacks if case.threat == number], said) for number in CLASSES),
        _line("**all attacks**", attacks, "all refused", (_all(attacks, said[mode]) for mode in MODES)),
        _line("**honest documents**", honest, "all accepted", (_of_honest(honest, said[mode]) for mode in MODES)),
        "",
        f"Let through by python3-saml with {MODES[1]}, by class; the names are those of the files in `tests/vectors/attacks/`:",
        "",
        *(_names(number, attacks, said[MODES[1]]) for number in CLASSES if _passed(number, attacks, said[MODES[1]])),
        "",
        f"Let through {MODES[0]} only: {_only_as_shipped(attacks, said)}.",
        "",
        f"Honest documents that it refuses, with {MODES[1]}: {_refused(honest, said[MODES[1]])}.",
    ]
    return "\n".join(lines) + "\n"


def _row(number: int, cases: list[Case], said: Opinions) -> str:
    codes = ", ".join(f"`{code.removeprefix('handoff.')}`" for code in dict.fromkeys(sorted(case.expect for case in cases)))
    cells = (_of_attacks(number, cases, said[mode]) for mode in MODES)
    return _line(f"{number} {CLASSES[number]}", cases, codes, cells)


def _line(title: str, cases: list[Case], ours: str, theirs: Iterable[str]) -> str:
    return f"| {' | '.join((title, str(len(cases)), ours, *theirs))} |"


def _of_attacks(number: int, cases: list[Case], said: Mapping[Path, str]) -> str:
    verdicts = [said[path_of(case)] for case in cases]
    passed = sum(verdict in (ACCEPTS, FORGES) for verdict in verdicts)
    if not passed and HANGS not in verdicts:
        return "refuses all"
    parts = [f"lets {'all' if passed == len(cases) else passed} through"] if passed else []
    parts += [f"{count} of them forged" for count in (verdicts.count(FORGES),) if count]
    parts += [f"hangs at {count}" for count in (verdicts.count(HANGS),) if count]
    return ", ".join(parts) + (" (left to the application)" if number in FOR_THE_APPLICATION else "")


def _all(cases: list[Case], said: Mapping[Path, str]) -> str:
    document = [case for case in cases if case.threat not in FOR_THE_APPLICATION]
    passed = sum(said[path_of(case)] in (ACCEPTS, FORGES) for case in cases)
    of_documents = sum(said[path_of(case)] in (ACCEPTS, FORGES) for case in document)
    return f"lets {passed} through, {of_documents} of them not left to the application"


def _of_honest(cases: list[Case], said: Mapping[Path, str]) -> str:
    refused = sum(said[path_of(case)] != ACCEPTS for case in cases)
    return f"refuses {refused}" if refused else "accepts all"


def _passed(number: int, cases: list[Case], said: Mapping[Path, str]) -> list[Case]:
    return [case for case in cases if case.threat == number and said[path_of(case)] != REFUSES]


def _names(number: int, cases: list[Case], said: Mapping[Path, str]) -> str:
    marks = {ACCEPTS: "", FORGES: " (**forged**)", HANGS: " (**hangs**)"}
    names = ", ".join(f"`{case.name}`{marks[said[path_of(case)]]}" for case in _passed(number, cases, said))
    return f"- {number} {CLASSES[number]}: {names}"


def _only_as_shipped(cases: list[Case], said: Opinions) -> str:
    return ", ".join(
        f"`{case.name}`"
        for case in cases
        if said[MODES[0]][path_of(case)] != REFUSES and said[MODES[1]][path_of(case)] == REFUSES
    )


def _refused(cases: list[Case], said: Mapping[Path, str]) -> str:
    return ", ".join(f"`{case.name}`" for case in cases if said[path_of(case)] != ACCEPTS)


def between_marks(page: str) -> tuple[str, str, str]:
    """Return what stands before, between and after the marks of *page*."""
    before, begin, rest = page.partition(BEGIN)
    between, end, after = rest.partition(END)
    assert begin
    assert end
    return before + begin, between, end + after


if __name__ == "__main__":
    before, _between, after = between_marks(PAGE.read_text("utf-8"))
    PAGE.write_text(before + table() + after, "utf-8")
