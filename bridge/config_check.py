"""What a configuration points to, looked at before anything starts: secrets, keys, certificates, directories, databases.

The law: every problem at once, those of the file and those of what it names, each with its key path. A file is read by the very
reader that the service uses, nothing is written, and nothing stays open.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from bridge.accounts.unusable import missing_folder
from bridge.config import ConfigT, read_overridden, validate
from bridge.errors import ConfigInvalid, KeyRingError
from bridge.keys import RING_FILE, KeyRing, load_certificates
from bridge.oauth import providers
from bridge.seal import read_sealing_secret
from bridge.secret_file import MAKE_ONE, read_secret
from bridge.section import Section
from bridge.sections import Listen, ProviderConfig, Saml, Trust
from bridge.topology.directory_file import load_directory


@dataclass(frozen=True)
class Reader:
    """How the file of a key is read, which file of a folder that is, and what to do where it is missing (`{path}`)."""

    read: Callable[[Path], object] = lambda _: None
    advice: str = ""
    inside: str = ""


READERS = {
    "secret_files": Reader(read_sealing_secret, MAKE_ONE),
    "token_file": Reader(read_secret, MAKE_ONE),
    "client_secret_file": Reader(read_secret, "put there what the provider gave together with the client id"),
    "file": Reader(load_directory),
    "directory_file": Reader(load_directory),
    "keys": Reader(KeyRing.load, "make the first key with cellbridge keys new --dir {path}", RING_FILE),
    "private_key_file": Reader(),
    "certificate_file": Reader(),
    "encryption_keys": Reader(KeyRing.load, "make the first key with cellbridge keys new --dir {path}", RING_FILE),
    "certificate": Reader(lambda path: load_certificates([path]), "put there the certificate that the organization gave"),
    "certificates": Reader(lambda path: load_certificates([path]), "put the issuer's certificate there"),
}
"""By key; any other path has to be there."""


def check(kind: type[ConfigT], path: Path, environment: Mapping[str, str] = os.environ) -> ConfigT:
    """Return the configuration in the file at *path* as `load` does, if all that it names can be used.

    Raises `ConfigInvalid` with the problems of the file and of everything that its sound tables name.
    """
    tables = read_overridden(path, environment)
    problems: list[str] = []
    config = None
    try:
        config = validate(kind, tables, path)
    except ConfigInvalid as error:
        problems += error.problems
    for place, section in _sound_sections(kind, tables, path):
        problems += (f"{place}.{problem}" for problem in _unusable(section))
    if config is None or problems:
        raise ConfigInvalid(source=str(path), problems=tuple(problems))
    return config


def _sound_sections(kind: type[Section], tables: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Section]]:
    """Yield place and value of every table that is sound by itself, so that one spoiled table hides no other's files."""
    for name, field in kind.model_fields.items():
        inside = [part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type)]
        section = next((part for part in inside if issubclass(part, Section)), None)
        found = tables.get(name)
        if section is None or found is None:
            continue
        placed = (
            [(f"{name}.{index}", table) for index, table in enumerate(found)] if isinstance(found, list) else [(name, found)]
        )
        for place, table in placed:
            try:
                yield place, section.model_validate(table, context={"base": path.parent.resolve()})
            except ValidationError:
                continue


def _unusable(section: Section) -> Iterator[str]:
    for key in type(section).model_fields:
        value = getattr(section, key)
        if isinstance(value, Path) and key != "metadata_file":
            yield from _problem(key, value, READERS.get(key, Reader()))
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, Path):
                    yield from _problem(f"{key}.{index}", item, READERS.get(key, Reader()))
    yield from _more(section)


def _more(section: Section) -> Iterator[str]:
    """Yield what no single path shows."""
    if isinstance(section, Listen) and (problem := missing_folder(section.database_url.get_secret_value())):
        yield f"database_url: {problem}"
    if isinstance(section, Trust) and section.metadata_file is not None:
        folder = section.metadata_file.parent
        if not os.access(folder, os.W_OK | os.X_OK):
            yield f"metadata_file: cannot write to {folder}: fetched metadata goes there"
    if isinstance(section, ProviderConfig):
        yield from providers.problems_of(section)
    if isinstance(section, Saml) and section.keys is None:
        pair = [path for path in (section.private_key_file, section.certificate_file) if path is not None]
        if all(os.access(path, os.R_OK) for path in pair):
            yield from _refused("private_key", partial(KeyRing.configured, section))


def _problem(key: str, path: Path, reader: Reader) -> Iterator[str]:
    opened = path / reader.inside
    advice = f"; {reader.advice.format(path=path)}" if reader.advice else ""
    try:
        os.close(os.open(opened, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as error:
        yield f"{key}: cannot read {opened}: {error.strerror}{advice}"
        return
    yield from _refused(key, partial(reader.read, path))


def _refused(key: str, read: Callable[[], object]) -> Iterator[str]:
    try:
        read()
    except KeyRingError as error:
        yield f"{key}: {error.reason}"
    except ConfigInvalid as error:
        yield from (f"{key}: {error.source}: {problem}" for problem in error.problems)
    except ValueError as error:
        yield f"{key}: {error}"
