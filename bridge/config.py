"""Configuration: a TOML file and `CELLBRIDGE_...` variables become one frozen value, or a list of every problem at once.

The law: unknown keys are errors, and a problem names its key path, what is wrong, and what to write instead.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from bridge.errors import ConfigInvalid
from bridge.section import AcsPath, HttpUrl, Section
from bridge.sections import (
    Audit,
    Cell,
    Encrypt,
    OrgConfig,
    ProviderConfig,
    Saml,
    Service,
    Sessions,
    Topology,
    TopologyService,
    Trust,
)
from bridge.urls import DEFAULT_ACS_PATH, is_loopback

ENVIRONMENT_PREFIX = "CELLBRIDGE_"


def _unique(values: list[Any], what: str) -> None:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{what} {', '.join(twice)} stands more than once")


def _check_providers(providers: tuple[ProviderConfig, ...], service: Service) -> None:
    _unique([provider.name for provider in providers], "provider name")
    for provider in providers:
        if provider.unsafe_keys and not is_loopback(service.public_url):
            keys = ", ".join(provider.unsafe_keys)
            raise ValueError(f"provider {provider.name}: {keys} is refused unless service.public_url is loopback")


class IdpConfig(Section):
    """`idp.toml`: the legacy cell."""

    service: Service
    cell: Cell
    topology: Topology
    saml: Saml
    provider: tuple[ProviderConfig, ...] = Field(min_length=1)
    encrypt: tuple[Encrypt, ...] = ()
    sessions: Sessions = Sessions()
    audit: Audit = Audit()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _check_providers(self.provider, self.service)
        _unique([encrypt.org for encrypt in self.encrypt], "encrypt org")
        if self.encrypt and self.saml.signed == "assertion":
            raise ValueError("encrypt needs saml.signed = response or both: nobody opens what an unknown sender encrypted")
        return self


class SpConfig(Section):
    """`sp.toml`: an owning cell."""

    service: Service
    cell: Cell
    topology: Topology
    trust: tuple[Trust, ...] = Field(min_length=1)
    org: tuple[OrgConfig, ...] = Field(min_length=1)
    provider: tuple[ProviderConfig, ...] = ()
    sessions: Sessions = Sessions()
    audit: Audit = Audit()
    second_opinion: bool = True
    acs_path: AcsPath = DEFAULT_ACS_PATH
    sign_in_url: HttpUrl | None = None

    @property
    def sign_in_page(self) -> str:
        """Where people start: `sign_in_url` where the legacy cell is on another site, else the page of our own origin."""
        return self.sign_in_url or "/users/sign_in"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _check_providers(self.provider, self.service)
        _unique([org.id for org in self.org], "org id")
        _unique([org.path for org in self.org], "org path")
        _unique([trust.entity_id for trust in self.trust], "trust entity_id")
        _unique([trust.provider for trust in self.trust if trust.provider], "trust provider")
        issuers = {trust.provider for trust in self.trust if trust.provider}
        for org in self.org:
            if org.binding == "unsafe_unbound" and not is_loopback(self.service.public_url):
                raise ValueError(f"org {org.path}: unsafe_unbound is refused unless service.public_url is loopback")
            if org.binding == "bound" and (foreign := sorted(issuers & set(org.providers))):
                raise ValueError(f"org {org.path}: {foreign[0]} cannot bind its handoffs to a browser, and binding is bound")
        return self


class TopologyConfig(Section):
    """`topology.toml`: the stand-in Topology Service."""

    service: TopologyService


ConfigT = TypeVar("ConfigT", bound=Section)


def load(kind: type[ConfigT], path: Path, environment: Mapping[str, str] = os.environ) -> ConfigT:
    """Return the configuration in the TOML file at *path*, overridden by `CELLBRIDGE_SECTION__KEY` variables.

    Relative paths start at the file's own directory. Raises `ConfigInvalid` with all problems at once.
    """
    return validate(kind, read_overridden(path, environment), path)


def validate(kind: type[ConfigT], tables: Mapping[str, Any], path: Path) -> ConfigT:
    """Return the configuration that *tables* of the file at *path* make; raises `ConfigInvalid` with all problems at once.

    No file that it names is opened here: see `bridge.config_check`.
    """
    try:
        return kind.model_validate(tables, context={"base": path.parent.resolve()})
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        # A list whose entries are all spoiled is also "too short": that would send the operator to the wrong place.
        lists_with_bad_entries = {problem["loc"][:depth] for problem in found for depth in range(len(problem["loc"]))}
        problems = tuple(
            f"{'.'.join(str(part) for part in problem['loc']) or 'file'}: {_sentence(problem)}"
            for problem in found
            if not (problem["type"] == "too_short" and problem["loc"] in lists_with_bad_entries)
        )
        raise ConfigInvalid(source=str(path), problems=problems) from error


def read_tables(path: Path) -> dict[str, Any]:
    """Return the tables of the TOML file at *path* as they stand; raises `ConfigInvalid`."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigInvalid(source=str(path), problems=(f"cannot be read: {error.strerror}",)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigInvalid(source=str(path), problems=(f"is not TOML: {error}",)) from error


def read_overridden(path: Path, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the tables of the TOML file at *path*, overridden by variables; raises `ConfigInvalid`."""
    tables = read_tables(path)
    _override(tables, environment)
    return tables


def kind_of(path: Path) -> type[IdpConfig | SpConfig | TopologyConfig]:
    """Return whose the file at *path* is: `[saml]` is the legacy cell's, `[[org]]` an owning cell's; raises `ConfigInvalid`."""
    tables = read_tables(path)
    if "saml" in tables:
        return IdpConfig
    return SpConfig if "org" in tables else TopologyConfig


def _sentence(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return "is not a key that exists; see docs/configuration.md"
    if problem["type"] == "missing":
        return "is missing"
    return str(problem["msg"]).removeprefix("Value error, ")


def _override(tables: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Put `CELLBRIDGE_SERVICE__DATABASE_URL=...` into its table; a list (`[[org]]`) is not overridden by variables."""
    for name in sorted(environment):
        if not name.startswith(ENVIRONMENT_PREFIX) or "__" not in name:
            continue
        *sections, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        table: Any = tables
        for section in sections:
            table = table.setdefault(section, {}) if isinstance(table, dict) else None
        if not isinstance(table, dict):
            raise ConfigInvalid(source=name, problems=("names a list; lists are set in the file",))
        raw = environment[name]
        table[key] = [part for part in raw.split(",") if part] if key == "secret_files" else raw
