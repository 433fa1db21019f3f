"""The tables of a configuration file, each a frozen model that checks itself.

The law: no secret has a default, and what is dangerous is spelled `unsafe_...`.
"""

from bridge.sections.org import OrgConfig
from bridge.sections.provider import FOREIGN_PREFIX, ProviderConfig
from bridge.sections.saml import Encrypt, Saml, Trust, TrustAttributes
from bridge.sections.service import Audit, Cell, Listen, Service, Sessions
from bridge.sections.topology import Topology, TopologyService

__all__ = [
    "FOREIGN_PREFIX",
    "Audit",
    "Cell",
    "Encrypt",
    "Listen",
    "OrgConfig",
    "ProviderConfig",
    "Saml",
    "Service",
    "Sessions",
    "Topology",
    "TopologyService",
    "Trust",
    "TrustAttributes",
]
