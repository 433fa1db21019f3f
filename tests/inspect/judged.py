"""Documents of the corpus, and what the inspector says about them with a configuration and without."""

from bridge.inspect.inspection import Inspection, inspect
from bridge.inspect.source import Source
from bridge.inspect.untrusted import nobodys_question
from tests.vectors.judges import Bench
from tests.vectors.vector import Vector
from tests.vectors.world import AT, FOLDER


def vector(name: str) -> Vector:
    """Return a vector of the corpus by its name."""
    folder = "attacks" if (FOLDER / "attacks" / f"{name}.vector").exists() else "honest"
    return Vector.read(FOLDER / folder / f"{name}.vector")


def for_acme(bench: Bench, raw_xml: bytes, *, name: str = "as-minted") -> Inspection:
    """Return what the corpus's cell says about *raw_xml* for the organization and the time of the vector called *name*."""
    question = bench.question(vector(name))
    return inspect(Source("document", None, raw_xml), question, ask_binding=True)


def by_itself(raw_xml: bytes) -> Inspection:
    """Return what is said about *raw_xml* where nobody said whom to trust."""
    question = nobodys_question(AT)
    return inspect(Source("document", None, raw_xml), question, ask_binding=False)
