"""One `[[provider]]`: a client registered at a provider, and what the provider's file needs to know of the place.

The law: no client secret has a default, and what is dangerous is spelled `unsafe_...`.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from bridge.secret_file import read_secret
from bridge.section import FilePath, HttpUrl, Section

ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
MailDomain = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$")]
FOREIGN_PREFIX = "saml_"
"""Begins the provider name of every foreign issuer, and of nothing else: who one of them vouches for is nobody of another's."""


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
