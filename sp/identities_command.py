"""`cellbridge identities`: take an identity from its account.

The law: the last way in stays, unless the operator says that it is to go; the sessions that the identity opened end with it.
"""

import json
import secrets
from pathlib import Path

import click
from sqlalchemy import Connection

from bridge.accounts.listing import find_account
from bridge.accounts.transaction import see_latest
from bridge.accounts.unlinking import unlink
from bridge.clock import utc_now
from bridge.handoff import new_reference
from bridge.identity import Email, IdentityKey
from sp.operators import Wanted, acting, because, in_organization, open_organization, printable


@click.group("identities")
def command() -> None:
    """Look after the identities that open an organization's accounts."""


@command.command("unlink")
@in_organization
@because
@click.option("--force", is_flag=True, help="Also the last way in: the person is out until they are linked anew.")
@click.argument("account", type=Wanted())
@click.argument("provider")
def identities_unlink(
    *, config_path: Path, org: str, as_json: bool, cause: str | None, force: bool, account: int | Email, provider: str
) -> None:
    """Unlink the account's identity of PROVIDER; the sessions it opened end."""
    at = open_organization(config_path, org)
    reference = new_reference(secrets.token_bytes)

    found = at.store.look(lambda connection: find_account(connection, account, org_id=at.org.id))

    def work(connection: Connection) -> IdentityKey:
        see_latest(connection)
        return unlink(
            connection,
            found.id,
            provider,
            org_id=at.org.id,
            open_providers=at.org.policy.open_providers,
            last_too=force,
            actor=acting(),
            now=utc_now(),
            reference=reference,
            cause=cause,
        )

    gone = at.store.change(work)
    if as_json:
        unlinked = {"provider": gone.provider, "uid": gone.uid}
        click.echo(json.dumps({"org": at.org.path, "id": found.id, "unlinked": unlinked, "reference": reference}))
    else:
        click.echo(f"account {found.id} ({printable(found.email)}): {gone.provider} {printable(gone.uid)} is unlinked")
        click.echo(f"  reference: {reference}")
