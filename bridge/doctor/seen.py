"""What the doctor looks at: the addresses it was given, and every answer that they gave. Looking changes nothing anywhere.

The law: all questions are asked here, once; the checks read the answers and ask nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bridge.doctor.tried import Tried
from bridge.doctor.wire import Answer, Wire
from bridge.files import LOOK_SECONDS
from bridge.rotation import READY_PATH
from bridge.topology.wire import Place, read_answer
from bridge.urls import METADATA_PATH

METRICS_PATH = "/-/metrics"
LEGACY_METADATA_PATH = "/saml/metadata"
SIGN_IN_PATH = "/users/sign_in"
NO_SUCH_ORG = "cellbridge-doctor-no-such-organization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A pair, by its addresses without a trailing slash: the public origin, and the services' own ports where they are known.

    *owning* are the replicas of the one owning cell that serves *orgs*; *issuer* is the legacy cell's entity ID.
    """

    public_url: str
    orgs: tuple[str, ...]
    issuer: str
    acs_path: str
    legacy: str | None = None
    owning: tuple[str, ...] = ()
    topology: str | None = None
    topology_token: str | None = field(default=None, repr=False)

    @property
    def secure(self) -> bool:
        """Whether browsers come over https."""
        return self.public_url.startswith("https:")

    def cookie_name(self, name: str) -> str:
        """Return the cookie's full name: with the `__Host-` prefix on https, without on loopback http."""
        return f"__Host-{name}" if self.secure else name


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgSeen:
    """What was said about one organization: its metadata through the router, the topology's lookup, the router's question."""

    metadata: Answer
    lookup: Answer | None = None
    route: Answer | None = None

    @property
    def place(self) -> Place | None:
        """What the topology said about it, None where it said nothing that can be read."""
        try:
            return read_answer(self.lookup.table()) if self.lookup and self.lookup.status == 200 else None
        except ValueError:
            return None

    @property
    def cell_address(self) -> str:
        """The address of its cell in the topology's own words."""
        cell: Any = self.lookup.table().get("cell") if self.lookup else None
        return str(cell.get("address", "")) if isinstance(cell, dict) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Every answer. What was not asked, since nobody said where, is None or empty; `untried` says why no handoff was tried."""

    target: Target
    now: datetime
    sign_in: Answer
    watch: Answer
    metadata: Answer
    orgs: Mapping[str, OrgSeen]
    legacy_ready: Answer | None = None
    legacy_metadata: Answer | None = None
    owning_ready: Mapping[str, Answer] = field(default_factory=dict)
    owning_metrics: Mapping[str, Answer] = field(default_factory=dict)
    topology_ready: Answer | None = None
    no_such_org: OrgSeen | None = None
    tried: Tried | None = None
    untried: str = ""


def look(target: Target, wire: Wire) -> Seen:
    """Ask *target* everything that changes nothing."""
    legacy, topology = target.legacy, target.topology
    return Seen(
        target=target,
        now=wire.clock(),
        sign_in=wire.get(target.public_url + SIGN_IN_PATH, {"Accept": "text/html"}),
        watch=wire.get(target.public_url + READY_PATH),
        metadata=wire.get(target.public_url + LEGACY_METADATA_PATH),
        orgs={org: _org(target, wire, org) for org in target.orgs},
        legacy_ready=None if legacy is None else wire.get(legacy + READY_PATH),
        legacy_metadata=None if legacy is None else wire.get(legacy + LEGACY_METADATA_PATH),
        owning_ready={address: _owning(target, wire, address) for address in target.owning},
        owning_metrics={address: wire.get(address + METRICS_PATH) for address in target.owning},
        topology_ready=None if topology is None else wire.get(topology + READY_PATH),
        no_such_org=None if topology is None else _org(target, wire, NO_SUCH_ORG),
    )


def _owning(target: Target, wire: Wire, address: str) -> Answer:
    """Ask a replica whether it is ready; once more where its worker has just begun and does not vouch for the others yet."""
    answer = wire.get(address + READY_PATH)
    trust = answer.table().get("trust")
    if isinstance(trust, dict) and trust.get(target.issuer) == []:
        wire.wait(2 * LOOK_SECONDS)
        return wire.get(address + READY_PATH)
    return answer


def _org(target: Target, wire: Wire, org: str) -> OrgSeen:
    metadata = wire.get(target.public_url + METADATA_PATH.format(org=quote(org)), {"Accept": "application/json"})
    if target.topology is None:
        return OrgSeen(metadata=metadata)
    token = {"Authorization": f"Bearer {target.topology_token}"} if target.topology_token else {}
    return OrgSeen(
        metadata=metadata,
        lookup=wire.post_json(f"{target.topology}/v1/organizations/lookup", {"path": org}, token),
        route=wire.get(f"{target.topology}/route", {"X-Forwarded-Uri": f"/o/{org}/", "X-Forwarded-Method": "GET"}),
    )
