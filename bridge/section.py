"""What every table of a configuration file is: frozen, closed, its paths relative to the file, its secrets masked.

The law: a key that is not known is an error, and a path starts at the file's own directory.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from bridge.urls import acs_template, http_url, service_url

HttpUrl = Annotated[
    str, Field(max_length=500), BeforeValidator(lambda value: http_url(value) if isinstance(value, str) else value)
]
CellUrl = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9._\[\]:-]+$", max_length=500), AfterValidator(service_url)]
AcsPath = Annotated[str, Field(max_length=200), AfterValidator(acs_template)]
FilePath = Annotated[Path, Field()]


def _port_exists(value: str) -> str:
    if int(value.rpartition(":")[2]) > 65535:
        raise ValueError("names a port above 65535")
    return value


HostPort = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$"), AfterValidator(_port_exists)]


class Section(BaseModel):
    """A table of the file: frozen, and no key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=4096)

    @field_validator("*", mode="after")
    @classmethod
    def _paths_start_at_the_file(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, Path):
            return _relative_to_file(value, info)
        if isinstance(value, tuple) and value and all(isinstance(item, Path) for item in value):
            return tuple(_relative_to_file(item, info) for item in value)
        return value


def _relative_to_file(value: Path, info: ValidationInfo) -> Path:
    base: Path = info.context["base"] if info.context else Path()
    return value if value.is_absolute() else base / value


def masked(value: object) -> object:
    """Return tables, lists and values of a configuration as plain data, every secret in them replaced by stars."""
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, BaseModel):
        return {name: masked(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, tuple):
        return [masked(item) for item in value]
    return value
