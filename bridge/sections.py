"""The tables of a configuration file, each a frozen model that checks itself.

The law: no secret has a default, paths start at the file's own directory, and what is dangerous is spelled `unsafe_...`.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bridge.handoff import check_org_path
from bridge.urls import DEFAULT_ACS_PATH, http_url, origin


def _relative_to_file(value: Path, info: ValidationInfo) -> Path:
    base: Path = info.context["base"] if info.context else Path()
    return value if value.is_absolute() else base / value


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


def _read_secret(path: Path) -> SecretStr:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {path}: {type(error).__name__}") from error
    if not text:
        raise ValueError(f"{path} is empty")
    return SecretStr(text)


def _one_secret(given: SecretStr | None, file: Path | None, *, key: str) -> SecretStr:
    if (given is None) == (file is None):
        raise ValueError(f"give exactly one of {key} and {key}_file")
    return given if given is not None else _read_secret(file)  # type: ignore[arg-type]


class Listen(Section):
    """Where a service listens and with how many processes and threads."""

    bind: str = Field(default="127.0.0.1:8000", pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$")
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
            raise ValueError("must be sqlite:///... or postgresql+psycopg://...")
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


class Topology(Section):
    """The table `[topology]`: a service's URL (plain http is for private networks) or a directory file. Times in seconds."""

    url: str | None = Field(default=None, pattern=r"^https?://[A-Za-z0-9.\[\]:-]+$", max_length=500)
    file: FilePath | None = None
    token: SecretStr | None = None
    token_file: FilePath | None = None
    timeout_seconds: float = Field(default=2.0, gt=0, le=30)
    cache_seconds: int = Field(default=30, ge=0, le=3600)
    negative_cache_seconds: int = Field(default=3, ge=0, le=600)
    stale_seconds: int = Field(default=300, ge=0, le=86400)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.url is None) == (self.file is None):
            raise ValueError("give exactly one of url and file")
        if self.token is not None and self.token_file is not None:
            raise ValueError("give at most one of token and token_file")
        return self

    def bearer_token(self) -> SecretStr | None:
        """Return the token for the service's API, or None where none is configured."""
        return self.token if self.token_file is None else _read_secret(self.token_file)


class Saml(Section):
    """The table `[saml]` of the legacy cell."""

    entity_id: str = Field(min_length=1, max_length=1024)
    keys: FilePath
    lifetime_seconds: int = Field(default=60, ge=10, le=300)
    acs_path: str = DEFAULT_ACS_PATH

    @field_validator("acs_path")
    @classmethod
    def _template(cls, value: str) -> str:
        return acs_template(value)


def acs_template(value: str) -> str:
    """Return *value* if it is a path template for assertion consumer services; raises `ValueError`."""
    if not value.startswith("/o/{org}/") or value.count("{") != 1:
        raise ValueError("must begin with /o/{org}/ and hold no other placeholder")
    return value


class ProviderConfig(Section):
    """One `[[provider]]`. `kind` names the provider's file where `name` is another (two GitLabs)."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    kind: str = Field(default="", pattern=r"^[a-z][a-z0-9_]{0,62}$|^$")
    label: str = Field(default="", max_length=60)
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: SecretStr | None = None
    client_secret_file: FilePath | None = None
    base_url: HttpUrl | None = None
    unsafe_base_url: HttpUrl | None = None
    issuer: HttpUrl | None = None
    scopes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_client_secret(self) -> Self:
        _one_secret(self.client_secret, self.client_secret_file, key="client_secret")
        return self

    @property
    def provider_kind(self) -> str:
        """The name of the provider's file: `kind`, or else `name`."""
        return self.kind or self.name

    def secret(self) -> str:
        """Return the client secret."""
        return _one_secret(self.client_secret, self.client_secret_file, key="client_secret").get_secret_value()


class Trust(Section):
    """One `[[trust]]`: a legacy cell whose handoffs count."""

    entity_id: str = Field(min_length=1, max_length=1024)
    certificates: tuple[FilePath, ...] = Field(min_length=1)
    skew_seconds: int = Field(default=30, ge=0, le=120)
    max_lifetime_seconds: int = Field(default=300, ge=10, le=300)
    signed: Literal["response", "assertion", "both"] = "response"


class OrgConfig(Section):
    """One `[[org]]` of an owning cell, with its policies."""

    id: int = Field(ge=1)
    path: str
    name: str = Field(min_length=1, max_length=100)
    binding: Literal["bound", "confirm", "unsafe_unbound"] = "bound"
    signup: Literal["open", "approval", "closed"] = "closed"
    read_only: bool = False
    link_by_email: tuple[str, ...] = ()
    providers: tuple[str, ...] = Field(min_length=1)
    new_account: dict[str, str | int | bool] = Field(default_factory=dict)

    @field_validator("path")
    @classmethod
    def _path(cls, value: str) -> str:
        return check_org_path(value)

    @model_validator(mode="after")
    def _linking_providers_are_allowed(self) -> Self:
        stray = sorted(set(self.link_by_email) - set(self.providers))
        if stray:
            raise ValueError(f"link_by_email names {', '.join(stray)}, which providers does not allow")
        return self


class Sessions(Section):
    """The table `[sessions]`: lifetimes, and how often each worker removes what has ended, in seconds."""

    idle_seconds: int = Field(default=8 * 3600, ge=60, le=30 * 86400)
    absolute_seconds: int = Field(default=24 * 3600, ge=60, le=90 * 86400)
    purge_seconds: int = Field(default=300, ge=1, le=86400)


class TopologyService(Listen):
    """The table `[service]` of the stand-in topology."""

    directory_file: FilePath
    token: SecretStr | None = None
    token_file: FilePath | None = None

    def bearer_token(self) -> SecretStr | None:
        """Return the token that callers must show, or None where none is configured."""
        return self.token if self.token_file is None else _read_secret(self.token_file)
