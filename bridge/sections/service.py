"""What every service has: where it listens, where its rows are, who it is, and how long sessions last.

The law: no database is guessed, and no secret has a default.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bridge.section import FilePath, HostPort, Section
from bridge.urls import origin


class Listen(Section):
    """Where a service listens and with how many processes and threads."""

    bind: HostPort = "127.0.0.1:8000"
    workers: int = Field(default=2, ge=1, le=64)
    threads: int = Field(default=4, ge=1, le=64)
    graceful_seconds: int = Field(default=20, ge=1, le=300)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    database_url: SecretStr

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        try:
            url = make_url(value.get_secret_value())
        except ArgumentError as error:
            raise ValueError("must be a database URL, such as sqlite:///idp.db") from error
        backend = url.get_backend_name()
        if backend not in ("sqlite", "postgresql"):
            raise ValueError("must be sqlite:///... or postgresql://...")
        if backend == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        elif not url.database or url.database == ":memory:":
            raise ValueError("must name a file: an in-memory database is not shared by the workers")
        else:
            base: Path = info.context["base"] if info.context else Path()
            url = url.set(database=str(base / url.database))
        return SecretStr(url.render_as_string(hide_password=False))


class Service(Listen):
    """The table `[service]` of a cell."""

    public_url: Annotated[str, BeforeValidator(lambda value: origin(value) if isinstance(value, str) else value)]
    secret_files: tuple[FilePath, ...] = Field(min_length=1)
    trusted_proxy_hops: int = Field(default=1, ge=0, le=5)
    tries_per_minute: int = Field(default=120, ge=1, le=1_000_000)

    @property
    def secure(self) -> bool:
        """Whether browsers come over https, so that cookies are Secure and carry the `__Host-` prefix."""
        return self.public_url.startswith("https:")

    def cookie_name(self, name: str) -> str:
        """Return the cookie's full name: with the `__Host-` prefix on https, without on loopback http."""
        return f"__Host-{name}" if self.secure else name


class Cell(Section):
    """The table `[cell]`."""

    id: int = Field(ge=1)
    session_prefix: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")


class Sessions(Section):
    """The table `[sessions]`: lifetimes, and how often each worker removes what has ended, in seconds."""

    idle_seconds: int = Field(default=8 * 3600, ge=60, le=30 * 86400)
    absolute_seconds: int = Field(default=24 * 3600, ge=60, le=90 * 86400)
    purge_seconds: int = Field(default=300, ge=1, le=86400)


class Audit(Section):
    """The table `[audit]`: how long the trail is kept."""

    keep_days: int = Field(default=400, ge=1, le=36500)
