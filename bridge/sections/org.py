"""One `[[org]]` of an owning cell, with its policies.

The law: absence is never consent: who is not allowed in by a key stays out.
"""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

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
