"""Who signs handoffs and whose handoffs count: the legacy cell's side, and the owning cell's.

The law: a foreign issuer speaks for its own provider alone.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from bridge.contract import MAX_LIFETIME_SECONDS
from bridge.handoff import check_org_path
from bridge.section import AcsPath, CellUrl, FilePath, HttpUrl, Section
from bridge.sections.provider import FOREIGN_PREFIX, MailDomain, ProviderName
from bridge.urls import DEFAULT_ACS_PATH

AttributeName = Annotated[str, Field(min_length=1, max_length=256)]


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
