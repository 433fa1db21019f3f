"""The directory file: TOML in, a checked `Directory` or the list of every problem out.

The law: one id, one path, one address, one domain, one session prefix, each in one place; whatever could be read in two ways
is a problem, and all problems are told at once.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from bridge.errors import ConfigInvalid
from bridge.handoff import MAX_ORG_NAME_CHARS, check_org_path
from bridge.identity import Email, plain_text
from bridge.section import HttpUrl, Section
from bridge.topology.directory import MAX_SESSION_PREFIX_CHARS, Cell, Directory, Organization

MAX_ID = 2**53 - 1  # the largest whole number that every JSON reader keeps exact (RFC 8259 section 6)
MAX_FILE_BYTES = 16 * 1024 * 1024

_Id = Annotated[int, Field(ge=1, le=MAX_ID, strict=True)]
_ADDRESS = r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?):[1-9]\d{0,4}$"


class _CellTable(Section):
    id: _Id
    address: str = Field(pattern=_ADDRESS)
    session_prefix: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=MAX_SESSION_PREFIX_CHARS)
    legacy: bool = Field(default=False, strict=True)

    @field_validator("address")
    @classmethod
    def _port(cls, value: str) -> str:
        if int(value.rpartition(":")[2]) > 65535:
            raise ValueError("names a port above 65535")
        return value


class _OrganizationTable(Section):
    id: _Id
    path: str
    cell: _Id
    domains: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    acs_url: HttpUrl | None = None
    sp_entity_id: str | None = Field(default=None, min_length=1, max_length=1024)
    name: str | None = None

    @field_validator("path")
    @classmethod
    def _path(cls, value: str) -> str:
        return check_org_path(value)

    @field_validator("name")
    @classmethod
    def _name(cls, value: str | None) -> str | None:
        return None if value is None else plain_text(value, field="name", max_chars=MAX_ORG_NAME_CHARS)

    @field_validator("emails")
    @classmethod
    def _emails(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(Email.from_provider(email).folded for email in value)

    @field_validator("domains")
    @classmethod
    def _domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("@" in domain for domain in value):
            raise ValueError("holds an address; write the domain alone, such as acme.example")
        return tuple(Email.from_provider(f"a@{domain}").domain for domain in value)

    @model_validator(mode="after")
    def _foreign_end(self) -> Self:
        if (self.acs_url is None) != (self.sp_entity_id is None):
            raise ValueError("give both acs_url and sp_entity_id, or neither")
        return self


def load_directory(path: Path) -> Directory:
    """Return the directory in the TOML file at *path*; raises `ConfigInvalid` with every problem."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigInvalid(source=str(path), problems=(f"cannot be read: {error.strerror}",)) from error
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigInvalid(source=str(path), problems=(f"is larger than {MAX_FILE_BYTES} bytes",))
    try:
        return parse_directory(raw.decode("utf-8"), source=str(path))
    except UnicodeDecodeError as error:
        raise ConfigInvalid(source=str(path), problems=("is not UTF-8",)) from error


def parse_directory(text: str, *, source: str) -> Directory:
    """Return the directory that *text* (TOML) describes; raises `ConfigInvalid` with every problem, under the name *source*."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(source=source, problems=(f"is not TOML: {error}",)) from error
    problems = [
        f"{key}: is not a key that exists; write [[cell]] and [[organization]]" for key in sorted(tables.keys() - _KEYS)
    ]
    cells = _read(_CellTable, tables, "cell", problems)
    orgs = _read(_OrganizationTable, tables, "organization", problems)
    if not cells and not problems:
        problems.append("cell: is missing; write at least one [[cell]]")
    # A cell that could not be read must not make its organizations look homeless as well.
    unread = any(problem.startswith("cell") for problem in problems)
    known_cells = {org.cell for org in orgs} if unread else {table.id for table in cells}
    problems += [*_cell_problems(cells), *_org_problems(orgs, known_cells)]
    if problems:
        raise ConfigInvalid(source=source, problems=tuple(problems))
    by_id = {table.id: Cell(table.id, table.address, table.session_prefix) for table in cells}
    legacy = next((table.id for table in cells if table.legacy), min(by_id))
    return Directory.of(by_id.values(), (_organization(table, by_id) for table in orgs), legacy_cell=by_id[legacy])


_KEYS = {"cell", "organization"}
_Table = TypeVar("_Table", _CellTable, _OrganizationTable)


def _organization(table: _OrganizationTable, cells: Mapping[int, Cell]) -> Organization:
    return Organization(
        id=table.id,
        path=table.path,
        cell=cells[table.cell],
        domains=table.domains,
        emails=table.emails,
        acs_url=table.acs_url,
        sp_entity_id=table.sp_entity_id,
        name=table.name,
    )


def _read(kind: type[_Table], tables: Mapping[str, Any], key: str, problems: list[str]) -> list[_Table]:
    found = tables.get(key, [])
    if not isinstance(found, list):
        problems.append(f"{key}: is not a list; write [[{key}]]")
        return []
    read = []
    for index, table in enumerate(found):
        try:
            read.append(kind.model_validate(table))
        except ValidationError as error:
            problems += _sentences(error, f"{key}.{index}")
    return read


def _sentences(error: ValidationError, place: str) -> list[str]:
    details: list[ErrorDetails] = error.errors(include_input=False, include_url=False)
    return [
        f"{'.'.join(map(str, (place, *detail['loc'])))}: "
        f"{_SENTENCES.get(detail['type']) or detail['msg'].removeprefix('Value error, ')}"
        for detail in details
    ]


_SENTENCES = {"extra_forbidden": "is not a key that exists", "missing": "is missing"}


def _cell_problems(cells: Iterable[_CellTable]) -> Iterator[str]:
    cells = list(cells)
    yield from _twice("cell id", (cell.id for cell in cells))
    yield from _twice("session_prefix", (cell.session_prefix for cell in cells))
    if sum(cell.legacy for cell in cells) > 1:
        yield "cell: more than one is marked legacy"
    # A session cookie of `cell-1` could otherwise be read as one of `cell`.
    prefixes = {cell.session_prefix for cell in cells}
    for prefix in sorted(prefixes):
        for longer in sorted(prefixes):
            if longer.startswith(f"{prefix}-"):
                yield f"session_prefix {prefix} is the beginning of {longer}"


def _org_problems(orgs: Iterable[_OrganizationTable], cell_ids: set[int]) -> Iterator[str]:
    orgs = list(orgs)
    yield from _twice("organization id", (org.id for org in orgs))
    yield from _twice("path", (org.path for org in orgs))
    yield from _twice("email", (email for org in orgs for email in org.emails))
    yield from _twice("domain", (domain for org in orgs for domain in org.domains))
    yield from (f"organization {org.path}: cell {org.cell} is not in this file" for org in orgs if org.cell not in cell_ids)


def _twice(what: str, values: Iterable[object]) -> Iterator[str]:
    return (f"{what} {value} stands more than once" for value, count in Counter(values).items() if count > 1)
