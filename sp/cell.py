"""What an owning cell is made of: configuration, organizations, trust, accounts, and the edges it was given.

The law: built once at start; a request reads it and changes nothing in it, and the trust alone follows its files.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Event

from bridge.accounts.opening import open_accounts
from bridge.accounts.store import AccountStore
from bridge.clock import utc_now
from bridge.config import SpConfig
from bridge.files import Reloaded
from bridge.oauth.client import ProviderHttp
from bridge.oauth.providers import PROVIDERS
from bridge.oauth.providers import build as build_providers
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.trust import TrustedIssuer
from bridge.seal import Seal
from bridge.topology.client import Topology, open_topology
from bridge.web.messages import Labels
from bridge.web.oauth_flow import OAuthFlow
from sp.orgs import Organization, organizations
from sp.trust import Trust, live_trust


@dataclass(frozen=True)
class OwningCell:
    """One owning cell. `random_bytes(n)` gives n bytes fit for secrets; `news` is set when ways in were linked or unlinked."""

    config: SpConfig
    orgs: Mapping[str, Organization]
    live_trust: Reloaded[Trust]
    topology: Topology
    accounts: AccountStore
    news: Event
    seal: Seal
    flow: OAuthFlow
    second_opinion: SecondOpinion | None
    labels: Labels
    clock: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    @property
    def trust(self) -> Mapping[str, TrustedIssuer]:
        """The trusted issuers by entity ID, as they stand now; read it once for each request."""
        return self.live_trust.current().issuers

    def org_of_id(self, org_id: int | None) -> Organization | None:
        """Return the organization with that id, or None where this cell serves none."""
        return next((org for org in self.orgs.values() if org.id == org_id), None)


def build(config: SpConfig) -> OwningCell:
    """Return the cell that *config* describes; raises `OperatorError` for what it points to and cannot be used."""
    seal = Seal.from_files(config.service.secret_files)
    http = ProviderHttp(calls_at_once=max(1, config.service.threads // 2))
    providers = build_providers(config.provider, http=http, clock=utc_now)
    return OwningCell(
        config=config,
        orgs=organizations(config),
        live_trust=live_trust(config),
        topology=open_topology(config.topology, public_url=config.service.public_url, acs_path=config.acs_path, clock=utc_now),
        accounts=open_accounts(config),
        news=Event(),
        seal=seal,
        flow=OAuthFlow(service=config.service, providers=providers, seal=seal, clock=utc_now, random_bytes=secrets.token_bytes),
        second_opinion=SecondOpinion() if config.second_opinion else None,
        labels=Labels(
            providers={
                **{kind: provider.default_label for kind, provider in PROVIDERS.items()},
                **{name: provider.label for name, provider in providers.items()},
                **{trust.provider: trust.label or trust.provider for trust in config.trust if trust.provider},
            },
            orgs={org.path: org.name for org in config.org},
        ),
        clock=utc_now,
        random_bytes=secrets.token_bytes,
    )
