"""One `[[org]]` of an owning cell, with its policies.

The law: absence is never consent: who is not allowed in by a key stays out.
"""

from typing import Literal, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from bridge.handoff import check_org_path
from bridge.section import FilePath, Section
from bridge.sections.provider import ProviderName


class OrgConfig(Section):
    """One `[[org]]` of an owning cell, with its policies."""

    id: int = Field(ge=1)
    path: str
    name: str = Field(min_length=1, max_length=100)
    binding: Literal["bound", "confirm", "unsafe_unbound"] = "bound"
    signup: Literal["open", "approval", "closed"] = "closed"
    signup_by_provider: dict[ProviderName, Literal["open", "approval", "closed"]] = Field(default_factory=dict)
    read_only: bool = False
    link_by_email: tuple[ProviderName, ...] = ()
    providers: tuple[ProviderName, ...] = Field(min_length=1)
    disabled_providers: tuple[ProviderName, ...] = ()
    external_providers: tuple[ProviderName, ...] = ()
    signup_without_email: tuple[ProviderName, ...] = ()
    sync_profile_from: tuple[ProviderName, ...] = ()
    sync_profile_attributes: tuple[Literal["name", "email"], ...] = ("email",)
    new_account: dict[str, str | int | bool] = Field(default_factory=dict)
    encryption_keys: FilePath | None = None
    require_encryption: bool = False
    record_until: AwareDatetime | None = None
    record_folder: FilePath | None = None

    @field_validator("path")
    @classmethod
    def _path(cls, value: str) -> str:
        return check_org_path(value)

    @model_validator(mode="after")
    def _policies_are_about_allowed_providers(self) -> Self:
        stray = {
            key: sorted(set(named) - set(self.providers))
            for key, named in {
                "link_by_email": self.link_by_email,
                "signup_by_provider": self.signup_by_provider,
                "disabled_providers": self.disabled_providers,
                "external_providers": self.external_providers,
                "signup_without_email": self.signup_without_email,
                "sync_profile_from": self.sync_profile_from,
            }.items()
        }
        problems = [f"{key} names {', '.join(names)}, which providers does not allow" for key, names in stray.items() if names]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _keys_where_encryption_is_required(self) -> Self:
        if self.require_encryption and self.encryption_keys is None:
            raise ValueError("require_encryption needs encryption_keys: nothing could be read")
        return self

    @model_validator(mode="after")
    def _recording_has_an_end_and_a_folder(self) -> Self:
        if (self.record_until is None) != (self.record_folder is None):
            raise ValueError("record_until and record_folder go together")
        return self
