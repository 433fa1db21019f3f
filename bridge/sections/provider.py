"""One `[[provider]]`: a client registered at a provider, and what the provider's file needs to know of the place.

The law: no client secret has a default, and what is dangerous is spelled `unsafe_...`.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from bridge.secret_file import read_secret
from bridge.section import FilePath, HttpUrl, Section

ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
MailDomain = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$")]
Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
FieldPath = Annotated[str, Field(pattern=r"^[A-Za-z0-9_:/@-]+(\.[A-Za-z0-9_:/@-]+)*$", max_length=200)]
FOREIGN_PREFIX = "saml_"
"""Begins the provider name of every foreign issuer, and of nothing else: who one of them vouches for is nobody of another's."""

_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TenantId = Annotated[str, Field(pattern=rf"^{_GUID}$")]
Tenant = Annotated[str, Field(pattern=rf"^(?:{_GUID}|common|organizations|consumers)$")]


def _no_query(value: str) -> str:
    if "?" in value or "#" in value:
        raise ValueError("must not hold a query or a fragment")
    return value


Endpoint = Annotated[HttpUrl, AfterValidator(_no_query)]


class IdentityFields(Section):
    """`fields` of an `oauth2` provider: where its userinfo document holds what; dots lead into objects."""

    uid: FieldPath
    email: FieldPath | None = None
    email_verified: FieldPath | None = None
    name: FieldPath | None = None
    username: FieldPath | None = None
    avatar_url: FieldPath | None = None

    @model_validator(mode="after")
    def _evidence_of_an_address(self) -> Self:
        if self.email_verified and not self.email:
            raise ValueError("email_verified vouches for an address, and email is not given")
        return self


class ProviderConfig(Section):
    """One `[[provider]]`. `kind` names the provider's file where `name` is another (two GitLabs)."""

    name: ProviderName
    kind: str = Field(default="", pattern=r"^[a-z][a-z0-9_]{0,62}$|^$")
    label: str = Field(default="", max_length=60)
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: SecretStr | None = None
    client_secret_file: FilePath | None = None
    client_auth: Literal["client_secret_basic", "client_secret_post", "private_key_jwt"] | None = None
    private_key_file: FilePath | None = None
    private_key_id: str | None = Field(default=None, pattern=r"^[\x21-\x7e]{1,200}$")
    base_url: HttpUrl | None = None
    unsafe_base_url: HttpUrl | None = None
    issuer: HttpUrl | None = None
    authorization_url: Endpoint | None = None
    token_url: Endpoint | None = None
    userinfo_url: Endpoint | None = None
    fields: IdentityFields | None = None
    tenant: Tenant | None = None
    allowed_tenants: tuple[TenantId, ...] = ()
    application: Slug | None = None
    hosted_domains: tuple[MailDomain, ...] = ()
    scopes: tuple[str, ...] = ()
    email_evidence: Literal["rule", "never"] = "rule"
    email_verified_as_text: bool = False
    unsafe_email_verified: bool = False

    @field_validator("name")
    @classmethod
    def _no_issuers(cls, value: str) -> str:
        if value.startswith(FOREIGN_PREFIX):
            raise ValueError(f"must not begin with {FOREIGN_PREFIX}: so do the foreign issuers of the owning cells")
        return value

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        secrets = [key for key in ("client_secret", "client_secret_file") if getattr(self, key) is not None]
        if self.client_auth == "private_key_jwt":
            if secrets or self.private_key_file is None:
                raise ValueError("client_auth = private_key_jwt goes with private_key_file, and with no client secret")
        elif len(secrets) != 1:
            raise ValueError("give exactly one of client_secret and client_secret_file")
        elif self.private_key_file or self.private_key_id:
            raise ValueError("private_key_file and private_key_id go with client_auth = private_key_jwt")
        return self

    @model_validator(mode="after")
    def _whose_word_counts(self) -> Self:
        if self.tenant in ("common", "organizations") and not self.allowed_tenants:
            raise ValueError(
                f"tenant = {self.tenant} lets every directory of the world in: list those of yours in allowed_tenants"
            )
        if self.allowed_tenants and self.tenant not in ("common", "organizations"):
            raise ValueError("allowed_tenants goes with tenant = common or organizations")
        if self.unsafe_email_verified and self.email_evidence == "never":
            raise ValueError("unsafe_email_verified contradicts email_evidence = never")
        return self

    @property
    def provider_kind(self) -> str:
        """The name of the provider's file: `kind`, or else `name`."""
        return self.kind or self.name

    @property
    def unsafe_keys(self) -> tuple[str, ...]:
        """The dangerous settings that are made."""
        return tuple(key for key in type(self).model_fields if key.startswith("unsafe_") and getattr(self, key))

    def secret(self) -> str:
        """Return the client secret, "" where a private key takes its place; raises `ValueError` for an unreadable file."""
        if self.client_secret is not None:
            return self.client_secret.get_secret_value()
        if self.client_secret_file is not None:
            return read_secret(self.client_secret_file).get_secret_value()
        return ""

    def private_key(self) -> str:
        """Return the private key in PEM; raises `ValueError` for a file that cannot be read."""
        return read_secret(self.private_key_file or Path()).get_secret_value()
