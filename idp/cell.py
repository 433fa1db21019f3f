"""What the legacy cell is made of: configuration, providers, topology, accounts, keys, and the edges it was given.

The law: built once at start; a request reads it and changes nothing in it, and the key ring alone follows its files. It holds
no login state: any replica can finish a sign-in that another one began.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bridge.accounts.opening import open_accounts
from bridge.accounts.store import AccountStore
from bridge.clock import utc_now
from bridge.config import IdpConfig
from bridge.files import Reloaded
from bridge.keys import KeyRing, ring_files
from bridge.oauth.client import ProviderHttp
from bridge.oauth.providers import Provider
from bridge.oauth.providers import build as build_providers
from bridge.seal import Seal
from bridge.topology.client import Topology, open_topology
from bridge.web.oauth_flow import OAuthFlow
from idp.responses import Responses

SESSION_COOKIE = "cb-legacy"


@dataclass(frozen=True)
class LegacyCell:
    """The legacy cell. `random_bytes(n)` gives n bytes fit for secrets."""

    config: IdpConfig
    flow: OAuthFlow
    topology: Topology
    accounts: AccountStore
    keys: Reloaded[KeyRing]
    responses: Responses
    seal: Seal
    clock: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The providers by name, in the configured order."""
        return self.flow.providers


def build(config: IdpConfig) -> LegacyCell:
    """Return the cell that *config* describes; raises `OperatorError` for what it points to and cannot be used."""
    # Half of the threads of a worker, so that no provider that hangs takes them all.
    http = ProviderHttp(calls_at_once=max(1, config.service.threads // 2))
    seal = Seal.from_files(config.service.secret_files)
    return LegacyCell(
        config=config,
        flow=OAuthFlow(
            service=config.service,
            providers=build_providers(config.provider, http=http, clock=utc_now),
            seal=seal,
            clock=utc_now,
            random_bytes=secrets.token_bytes,
        ),
        topology=open_topology(
            config.topology, public_url=config.service.public_url, acs_path=config.saml.acs_path, clock=utc_now
        ),
        accounts=open_accounts(config),
        keys=Reloaded(ring_files(config.saml), lambda _: KeyRing.configured(config.saml), name="keys"),
        responses=Responses.configured(config),
        seal=seal,
        clock=utc_now,
        random_bytes=secrets.token_bytes,
    )
