"""The owning cell of `sp.toml`, put where it can run: a copy whose private keys nobody else may read.

The law: what judges is the product's own reading of the configuration; a checkout of the repository cannot keep a key private.
"""

import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bridge.config import SpConfig, load
from bridge.saml.trust import Endpoint, TrustedIssuer
from sp.orgs import organizations
from sp.trust import trusted_issuers
from tests.vectors.world import FOLDER


class OwningCell(NamedTuple):
    """Whom the cell trusts, by entity ID, and the endpoint of each organization, by path."""

    trust: Mapping[str, TrustedIssuer]
    endpoints: Mapping[str, Endpoint]


def deploy(directory: Path) -> Path:
    """Copy the owning cell into *directory*, and return its configuration."""
    shutil.copytree(FOLDER / "keys", directory / "keys")
    for key in (directory / "keys").rglob("*.key"):
        key.chmod(0o600)
    shutil.copy(FOLDER / "directory.toml", directory)
    return Path(shutil.copy(FOLDER / "sp.toml", directory))


@cache
def owning_cell() -> OwningCell:
    """Return what the owning cell holds in memory."""
    with tempfile.TemporaryDirectory() as directory:
        config = load(SpConfig, deploy(Path(directory)), {})
        endpoints = {path: org.default_endpoint for path, org in organizations(config).items()}
        return OwningCell(trusted_issuers(config), endpoints)
