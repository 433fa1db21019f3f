"""What every table of a configuration file is: frozen, closed, its paths relative to the file, its secrets masked.

The law: a key that is not known is an error, and a path starts at the file's own directory.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from bridge.urls import http_url

HttpUrl = Annotated[
    str, Field(max_length=500), BeforeValidator(lambda value: http_url(value) if isinstance(value, str) else value)
]
FilePath = Annotated[Path, Field()]


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


def read_secret(path: Path) -> SecretStr:
    """Return what the file at *path* holds, white space around it removed; raises `ValueError` for none."""
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {path}: {type(error).__name__}") from error
    if not text:
        raise ValueError(f"{path} is empty")
    return SecretStr(text)


def one_secret(given: SecretStr | None, file: Path | None, *, key: str) -> SecretStr:
    """Return the secret that is *given* or stands in *file*; raises `ValueError` for none and for two."""
    if (given is None) == (file is None):
        raise ValueError(f"give exactly one of {key} and {key}_file")
    return given if given is not None else read_secret(file)  # type: ignore[arg-type]
