"""How a cell reaches the topology, and the stand-in service's own table.

The law: there is one source, and its token comes from a file or the environment, never from a default.
"""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from bridge.secret_file import read_secret
from bridge.section import CellUrl, FilePath, Section
from bridge.sections.service import Listen


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


class TopologyService(Listen):
    """The table `[service]` of the stand-in topology."""

    directory_file: FilePath
    token: SecretStr | None = None
    token_file: FilePath | None = None

    def bearer_token(self) -> SecretStr | None:
        """Return the token that callers must show, or None where none is configured; raises `ValueError` for its file."""
        return self.token if self.token_file is None else read_secret(self.token_file)
