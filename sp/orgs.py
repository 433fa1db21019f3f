"""The organizations that this cell serves, each with its endpoints and policy.

The law: what is not in the configuration is not here; an unknown path is answered alike whether it never existed or moved away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from bridge.accounts.policy import OrgPolicy
from bridge.config import SpConfig
from bridge.errors import OrgNotHere
from bridge.saml.trust import Endpoint
from bridge.urls import acs_url, sp_entity_id
from sp.encryption import encryption_keys

GITLAB_ACS_PATH = "/o/{org}/-/saml/callback"


@dataclass(frozen=True)
class Organization:
    """One organization: `endpoints` maps each path template of its assertion consumer service to what is expected there."""

    id: int
    path: str
    name: str
    policy: OrgPolicy
    endpoints: Mapping[str, Endpoint]
    default_endpoint: Endpoint
    encryption_certificate: x509.Certificate | None
    record_until: datetime | None
    record_folder: Path | None


def acs_paths(config: SpConfig) -> tuple[str, ...]:
    """Return the path templates of the endpoint: the configured one, and the variant that GitLab's documents name."""
    return tuple(dict.fromkeys((config.acs_path, GITLAB_ACS_PATH)))


def organizations(config: SpConfig) -> dict[str, Organization]:
    """Return the organizations of *config* by path. Every expected URL is built from `service.public_url`.

    Raises `KeyRingError` for encryption keys that cannot be used.
    """
    found = {}
    for org in config.org:
        encryption = encryption_keys(org.encryption_keys)
        endpoints = {
            template: Endpoint(
                org_id=org.id,
                org_path=org.path,
                acs_url=acs_url(config.service.public_url, org.path, template),
                sp_entity_id=sp_entity_id(config.service.public_url, org.path),
                binding=org.binding,
                decryption_keys=encryption.keys,
                require_encryption=org.require_encryption,
            )
            for template in acs_paths(config)
        }
        found[org.path] = Organization(
            id=org.id,
            path=org.path,
            name=org.name,
            policy=OrgPolicy.from_config(org),
            endpoints=endpoints,
            default_endpoint=endpoints[config.acs_path],
            encryption_certificate=encryption.certificate,
            record_until=org.record_until,
            record_folder=org.record_folder,
        )
    return found


def org_named(orgs: Mapping[str, Organization], path: str) -> Organization:
    """Return the organization at *path*; raises `OrgNotHere`. Comparison is exact: paths have no upper case."""
    if path not in orgs:
        raise OrgNotHere(org="", reason="no organization of this cell has the path")
    return orgs[path]
