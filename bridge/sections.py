"""The tables of a configuration file, each a frozen model that checks itself.

The law: no secret has a default, and what is dangerous is spelled `unsafe_...`.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bridge.contract import MAX_LIFETIME_SECONDS
from bridge.handoff import check_org_path
from bridge.secret_file import read_secret
from bridge.section import AcsPath, CellUrl, FilePath, HostPort, HttpUrl, Section
from bridge.urls import DEFAULT_ACS_PATH, origin

ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
AttributeName = Annotated[str, Field(min_length=1, max_length=256)]
MailDomain = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$")]
FOREIGN_PREFIX = "saml_"
"""Begins the provider name of every foreign issuer, and of nothing else: who one of them vouches for is nobody of another's."""


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


class Topology(Section):
    """The table `[topology]`: a service's URL (plain http is for private networks) or a directory file. Times in seconds."""

    url: CellUrl | None = None
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
        """Return the token for the service's API, or None where none is configured; raises `ValueError` for its file."""
        return self.token if self.token_file is None else read_secret(self.token_file)


class Saml(Section):
    """The table `[saml]` of the legacy cell: who it is, what it signs with, and which cells must know a key before it signs."""

    entity_id: str = Field(min_length=1, max_length=1024)
    private_key: SecretStr | None = None
    private_key_file: FilePath | None = None
    certificate: str | None = Field(default=None, max_length=65536)
    certificate_file: FilePath | None = None
    keys: FilePath | None = Field(default=None, validate_default=True)
    owning_cells: tuple[CellUrl, ...] = ()
    signed: Literal["response", "assertion", "both"] = "response"
    lifetime_seconds: int = Field(default=60, ge=10, le=MAX_LIFETIME_SECONDS)
    acs_path: AcsPath = DEFAULT_ACS_PATH

    @field_validator("keys")
    @classmethod
    def _one_source_of_keys(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        given = [
            sum(info.data.get(name) is not None for name in (what, f"{what}_file")) for what in ("private_key", "certificate")
        ]
        if given != ([1, 1] if value is None else [0, 0]):
            raise ValueError(
                "is missing; or else give one of private_key and private_key_file, and one of certificate and certificate_file"
                if value is None
                else "leaves no room for private_key and certificate"
            )
        return value


class Encrypt(Section):
    """One `[[encrypt]]`: an organization whose assertions are encrypted, and the certificate of the key that reads them."""

    org: str
    certificate: FilePath

    @field_validator("org")
    @classmethod
    def _path(cls, value: str) -> str:
        return check_org_path(value)


class ProviderConfig(Section):
    """One `[[provider]]`. `kind` names the provider's file where `name` is another (two GitLabs)."""

    name: ProviderName
    kind: str = Field(default="", pattern=r"^[a-z][a-z0-9_]{0,62}$|^$")
    label: str = Field(default="", max_length=60)
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: SecretStr | None = None
    client_secret_file: FilePath | None = None
    base_url: HttpUrl | None = None
    unsafe_base_url: HttpUrl | None = None
    issuer: HttpUrl | None = None
    scopes: tuple[str, ...] = ()

    @field_validator("name")
    @classmethod
    def _no_issuers(cls, value: str) -> str:
        if value.startswith(FOREIGN_PREFIX):
            raise ValueError(f"must not begin with {FOREIGN_PREFIX}: so do the foreign issuers of the owning cells")
        return value

    @model_validator(mode="after")
    def _one_client_secret(self) -> Self:
        if (self.client_secret is None) == (self.client_secret_file is None):
            raise ValueError("give exactly one of client_secret and client_secret_file")
        return self

    @property
    def provider_kind(self) -> str:
        """The name of the provider's file: `kind`, or else `name`."""
        return self.kind or self.name

    def secret(self) -> str:
        """Return the client secret; raises `ValueError` for a file that cannot be read."""
        if self.client_secret is None:
            return read_secret(self.client_secret_file or Path()).get_secret_value()
        return self.client_secret.get_secret_value()


class TrustAttributes(Section):
    """Which attribute of a foreign issuer is which claim: its exact Name, or `NameID` for the subject's name."""

    extern_uid: AttributeName
    email: AttributeName | None = None
    name: AttributeName | None = None
    username: AttributeName | None = None


class Trust(Section):
    """One `[[trust]]`: a legacy cell whose handoffs count, or a foreign issuer, whose attributes are mapped."""

    entity_id: str = Field(min_length=1, max_length=1024)
    metadata_url: HttpUrl | None = None
    metadata_file: FilePath | None = Field(default=None, validate_default=True)
    certificates: tuple[FilePath, ...] = Field(default=(), validate_default=True)
    refresh_seconds: int = Field(default=60, ge=2, le=86400)
    skew_seconds: int = Field(default=30, ge=0, le=120)
    max_lifetime_seconds: int = Field(default=MAX_LIFETIME_SECONDS, ge=10, le=MAX_LIFETIME_SECONDS)
    signed: Literal["response", "assertion", "both"] = "response"
    providers: tuple[ProviderName, ...] | None = Field(default=None, min_length=1)
    provider: str = Field(default="", pattern=rf"^{FOREIGN_PREFIX}[a-z0-9_]{{1,50}}$|^$")
    label: str = Field(default="", max_length=60)
    attributes: TrustAttributes | None = None
    email_verified_domains: tuple[MailDomain, ...] = ()

    @model_validator(mode="after")
    def _foreign_or_not(self) -> Self:
        if (self.attributes is None) != (not self.provider):
            raise ValueError("provider and attributes belong together: both for a foreign issuer, none for a legacy cell")
        if self.providers is not None and (self.provider or any(name.startswith(FOREIGN_PREFIX) for name in self.providers)):
            raise ValueError("providers are a legacy cell's; a foreign issuer is its own one, and nobody else speaks for it")
        if self.email_verified_domains and (self.attributes is None or self.attributes.email is None):
            raise ValueError("email_verified_domains needs attributes.email: without it there is no address to verify")
        return self

    @field_validator("metadata_file")
    @classmethod
    def _kept_somewhere(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if "metadata_url" in info.data and (info.data["metadata_url"] is None) != (value is None):
            raise ValueError("goes together with metadata_url: it keeps the last good document")
        return value

    @field_validator("certificates")
    @classmethod
    def _from_somewhere(cls, value: tuple[Path, ...], info: ValidationInfo) -> tuple[Path, ...]:
        if not value and info.data.get("metadata_url", "") is None:
            raise ValueError("give certificates, metadata_url, or both")
        return value


class OrgConfig(Section):
    """One `[[org]]` of an owning cell, with its policies."""

    id: int = Field(ge=1)
    path: str
    name: str = Field(min_length=1, max_length=100)
    binding: Literal["bound", "confirm", "unsafe_unbound"] = "bound"
    signup: Literal["open", "approval", "closed"] = "closed"
    read_only: bool = False
    link_by_email: tuple[ProviderName, ...] = ()
    providers: tuple[ProviderName, ...] = Field(min_length=1)
    new_account: dict[str, str | int | bool] = Field(default_factory=dict)
    encryption_keys: FilePath | None = None
    require_encryption: bool = False

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

    @model_validator(mode="after")
    def _keys_where_encryption_is_required(self) -> Self:
        if self.require_encryption and self.encryption_keys is None:
            raise ValueError("require_encryption needs encryption_keys: nothing could be read")
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
        """Return the token that callers must show, or None where none is configured; raises `ValueError` for its file."""
        return self.token if self.token_file is None else read_secret(self.token_file)
