"""The page of every sign-in and its outcome says what the code does."""

import pytest

from tests.accounts.decision_table import PAGE, TABLES, combinations, committed, page


def test_the_page_is_what_the_program_writes() -> None:
    """The committed tables are reviewed: whoever changes a rule makes them again and sees in the difference what changed."""
    text = PAGE.read_text("utf-8")
    assert text == page(text), "run python -m tests.accounts.decision_table"


@pytest.mark.parametrize(("heading", "size"), [("Whose account", 93312), ("Name and address", 672)])
def test_every_combination_stands_in_exactly_one_row_and_ends_as_it_says(heading: str, size: int) -> None:
    """Read back from the page: no combination is without an outcome, none has two, and each is the code's own."""
    _, dimensions, possible, say = TABLES[heading]
    rows = [
        ([(name, cell.split(", ")) for name, cell in zip(dimensions, cells, strict=False) if cell != "*"], cells[-1])
        for cells in committed(PAGE.read_text("utf-8"), heading)
    ]
    cases = list(combinations(dimensions, possible))
    assert len(cases) == size
    unreached = set(range(len(rows)))
    for case in cases:
        told = [number for number, (wanted, _) in enumerate(rows) if all(case[name] in values for name, values in wanted)]
        assert len(told) == 1, case
        assert rows[told[0]][1] == say(case), case
        unreached.discard(told[0])
    assert unreached == set(), "rows that no combination reaches"
