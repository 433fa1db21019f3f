"""Put the accounts that the personas need into the databases of a pair, before anything is started.

Identities of providers that share no address are claimed in the topology as well: only by them can it find the organization.

The law: seeding goes through the stores, as an administrator would; it writes no row by itself.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from bridge.accounts.opening import open_accounts
from bridge.accounts.policy import LEGACY_ORG_ID
from bridge.accounts.store import AccountStore, AlreadyTaken
from bridge.config import IdpConfig, SpConfig, TopologyConfig
from bridge.handoff import new_reference
from bridge.harness.personas import PERSONAS, SILENT_PROVIDERS, Persona
from bridge.identity import Email
from bridge.topology.claims import open_claims


def seed(legacy: IdpConfig, owning: Mapping[int, SpConfig], topology: TopologyConfig) -> None:
    """Add every persona's account and identities where their home is; what is there already stays."""
    claims = open_claims(topology.service.database_url.get_secret_value())
    homes = {"legacy": (open_accounts(legacy), LEGACY_ORG_ID)}
    for config in owning.values():
        store = open_accounts(config)
        homes |= {org.path: (store, org.id) for org in config.org}
    for persona in PERSONAS:
        if persona.seed and persona.home in homes:
            store, org_id = homes[persona.home]
            _add(store, org_id, persona)
            for key in persona.seeded_identities():
                if key.provider in SILENT_PROVIDERS and persona.home != "legacy":
                    claims.claim(key, org_id)
    claims.close()
    for store, _ in homes.values():
        store.close()


def _add(store: AccountStore, org_id: int, persona: Persona) -> None:
    if persona.seed is None or persona.email is None:
        return
    now = datetime.now(UTC)
    reference = new_reference(secrets.token_bytes)
    try:
        account = store.add_account(
            org_id=org_id,
            email=Email(persona.email),
            email_confirmed=True,
            username=persona.username,
            name=persona.name,
            state=persona.seed.state,
            now=now,
            actor="harness",
            reference=reference,
        )
    except AlreadyTaken:
        return
    for key in persona.seeded_identities():
        store.add_identity(account, key, now=now, actor="harness", reference=reference)
