"""What python3-saml alone says about the corpus, and that docs/security.md tells it."""

from tests.vectors.classes import CLASSES
from tests.vectors.python3_saml import FORGES, HANGS, MODES, REFUSES, opinions
from tests.vectors.table import PAGE, between_marks, table
from tests.vectors.world import FOLDER


def test_the_page_tells_the_verdicts_of_today() -> None:
    """The table is made from the vectors and from the python3-saml that is installed: `python -m tests.vectors.table`."""
    _before, between, _after = between_marks(PAGE.read_text("utf-8"))
    assert between == table()
    assert all(f"\n| {number} {title} |" in between for number, title in CLASSES.items())


def test_a_document_that_hangs_the_judge_is_told_from_the_next() -> None:
    """The process that a document hangs is ended, and whatever was not judged yet is judged by another."""
    paths = [FOLDER / "attacks" / f"{name}.vector" for name in ("transform-xslt-slow", "unsigned", "transform-xslt")]
    assert opinions(paths, MODES[1]) == dict(zip(paths, (HANGS, REFUSES, FORGES), strict=True))
