"""The directory of cells and organizations, and every question that it answers. Pure.

The law: a lookup is exact and answers None for what it does not know; a single address counts before its domain.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self, TypeAlias

from bridge.handoff import check_org_path
from bridge.identity import Email, IdentityKey

MAX_SESSION_PREFIX_CHARS = 32

Subject: TypeAlias = Email | IdentityKey  # what a claim holds


@dataclass(frozen=True, slots=True)
class OrgPath:
    """An organization asked for by its own path."""

    path: str

    def __post_init__(self) -> None:
        check_org_path(self.path)


Question: TypeAlias = Subject | OrgPath  # what a lookup asks about


class ClaimHeld(Exception):
    """Raised if another organization holds the claim. It does not say which: that is nobody's business but the operator's."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: `address` is host:port as the router reaches it, `session_prefix` begins the value of its session cookies."""

    id: int
    address: str
    session_prefix: str


@dataclass(frozen=True, slots=True)
class Organization:
    """One organization. Domains and addresses are lower-case A-labels.

    `acs_url` and `sp_entity_id` are both set where the receiving end is not ours, otherwise both None. `name` is for people.
    """

    id: int
    path: str
    cell: Cell
    domains: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    acs_url: str | None = None
    sp_entity_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """All cells and organizations; built once from a checked file (`bridge.topology.directory_file`)."""

    cells: tuple[Cell, ...]
    organizations: tuple[Organization, ...]
    legacy_cell: Cell
    _cells_by_id: Mapping[int, Cell]
    _cells_by_prefix: Mapping[str, Cell]
    _by_id: Mapping[int, Organization]
    _by_path: Mapping[str, Organization]
    _by_email: Mapping[str, Organization]
    _by_domain: Mapping[str, Organization]

    @classmethod
    def of(cls, cells: Iterable[Cell], organizations: Iterable[Organization], *, legacy_cell: Cell) -> Self:
        """Return the directory of *cells* and *organizations*, whose ids, paths, domains and addresses are unique."""
        cells, organizations = tuple(cells), tuple(organizations)
        return cls(
            cells=cells,
            organizations=organizations,
            legacy_cell=legacy_cell,
            _cells_by_id=MappingProxyType({cell.id: cell for cell in cells}),
            _cells_by_prefix=MappingProxyType({cell.session_prefix: cell for cell in cells}),
            _by_id=MappingProxyType({org.id: org for org in organizations}),
            _by_path=MappingProxyType({org.path: org for org in organizations}),
            _by_email=MappingProxyType({email: org for org in organizations for email in org.emails}),
            _by_domain=MappingProxyType({domain: org for org in organizations for domain in org.domains}),
        )

    def cell(self, cell_id: int) -> Cell | None:
        """Return the cell with this id."""
        return self._cells_by_id.get(cell_id)

    def cell_of_prefix(self, session_prefix: str) -> Cell | None:
        """Return the cell whose session prefix is exactly this."""
        return self._cells_by_prefix.get(session_prefix)

    def cell_of_session(self, token: str) -> Cell | None:
        """Return the cell that opened the session of *token*, which reads `<session prefix>-<random>`."""
        head = token[: MAX_SESSION_PREFIX_CHARS + 1]
        cuts = (head[:end] for end, letter in enumerate(head) if letter == "-")
        return next((self._cells_by_prefix[cut] for cut in cuts if cut in self._cells_by_prefix), None)

    def org(self, org_id: int) -> Organization | None:
        """Return the organization with this id."""
        return self._by_id.get(org_id)

    def org_at(self, path: str) -> Organization | None:
        """Return the organization at this path, compared exactly."""
        return self._by_path.get(path)

    def org_of_address(self, email: Email) -> Organization | None:
        """Return the organization that lists this single address."""
        return self._by_email.get(email.folded)

    def org_of_domain(self, email: Email) -> Organization | None:
        """Return the organization that owns the domain of *email*; a subdomain is another domain."""
        return self._by_domain.get(email.domain)

    def org_of_email(self, email: Email) -> Organization | None:
        """Return the organization that owns *email*: by the single address, else by its domain."""
        return self.org_of_address(email) or self.org_of_domain(email)
