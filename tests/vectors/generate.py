"""Write every vector again: `python -m tests.vectors.generate`. Keys stay as they are; every byte comes out the same."""

from pathlib import Path

from tests.vectors.recipes import (
    addresses,
    algorithms,
    claims,
    donors,
    encodings,
    encrypted_content,
    encryption,
    encryption_shapes,
    foreign,
    foreign_documents,
    form,
    honest,
    honest_encryption,
    honest_foreign,
    honest_profile,
    identifiers,
    markup,
    placement,
    profile,
    references,
    replays,
    sizes,
    times,
    transforms,
    values,
    wrapping,
)
from tests.vectors.recipes.case import Case
from tests.vectors.vector import ACCEPTED
from tests.vectors.world import FOLDER

PARTS = (
    *(honest, honest_profile, honest_encryption, honest_foreign, wrapping, donors, algorithms),
    *(references, transforms, placement, identifiers, markup),
    *(encodings, sizes, form, addresses, profile),
    *(times, values, claims, replays),
    *(encryption, encryption_shapes, encrypted_content, foreign, foreign_documents),
)
CASES: tuple[Case, ...] = tuple(case for part in PARTS for case in part.CASES)


def path_of(case: Case) -> Path:
    """Return the file of *case*."""
    return FOLDER / ("honest" if case.expect == ACCEPTED else "attacks") / f"{case.name}.vector"


def main() -> None:
    """Write the files, and remove those that no case makes any more."""
    wanted = {path_of(case): case.vector().encode() for case in CASES}
    for folder in ("honest", "attacks"):
        (FOLDER / folder).mkdir(exist_ok=True)
        for stale in set((FOLDER / folder).iterdir()) - set(wanted):
            stale.unlink()
    for path, content in wanted.items():
        path.write_bytes(content)


if __name__ == "__main__":
    main()
