"""`cellbridge accounts`: look at an organization's accounts, let in who waits for approval, block and unblock.

The law: an account's state is compared and changed in one transaction, which also writes who did it and why.
"""

import json
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import click
from sqlalchemy import Connection

from bridge.accounts import outbox
from bridge.accounts.listing import accounts_after, find_account, identities_of
from bridge.accounts.records import Account, AccountState
from bridge.accounts.states import set_state
from bridge.clock import utc_now
from bridge.handoff import new_reference
from bridge.identity import Email
from sp.operators import Place, Wanted, acting, because, in_organization, open_organization, printable, told


@click.group("accounts")
def command() -> None:
    """Look at an organization's accounts, approve who waits, block and unblock."""


@command.command("list")
@in_organization
@click.option("--state", type=click.Choice(get_args(AccountState)), help="Those in this state only.")
def accounts_list(*, config_path: Path, org: str, as_json: bool, state: AccountState | None) -> None:
    """List the accounts by number: state, email, username, name."""
    at = open_organization(config_path, org)
    for account in _all(at, state):
        _say(account, at, as_json=as_json)


@command.command("show")
@in_organization
@click.argument("account", type=Wanted())
def accounts_show(*, config_path: Path, org: str, as_json: bool, account: int | Email) -> None:
    """Show one account with the identities that open it, and whether the topology knows them."""
    at = open_organization(config_path, org)

    def read(connection: Connection) -> tuple[Account, list[dict[str, str]]]:
        found = find_account(connection, account, org_id=at.org.id)
        return found, [
            {"provider": key.provider, "uid": key.uid, "topology": outbox.standing(connection, key, org_id=at.org.id)}
            for key in identities_of(connection, found)
        ]

    found, identities = at.store.look(read)
    more = {
        "email_confirmed": found.email_confirmed,
        "attributes": dict(found.attributes),
        "identities": identities,
    }
    _say(found, at, as_json=as_json, **more)


@command.command("approve")
@in_organization
@because
@click.argument("account", type=Wanted())
def accounts_approve(*, config_path: Path, org: str, as_json: bool, cause: str | None, account: int | Email) -> None:
    """Let in who signed up and waits."""
    _change(config_path, org, account, "active", only_from=("pending",), cause=cause, as_json=as_json)


@command.command("block")
@in_organization
@because
@click.argument("account", type=Wanted())
def accounts_block(*, config_path: Path, org: str, as_json: bool, cause: str | None, account: int | Email) -> None:
    """Keep somebody out, at once: their sessions end."""
    _change(config_path, org, account, "blocked", only_from=("active", "pending"), cause=cause, as_json=as_json)


@command.command("unblock")
@in_organization
@because
@click.argument("account", type=Wanted())
def accounts_unblock(*, config_path: Path, org: str, as_json: bool, cause: str | None, account: int | Email) -> None:
    """Let in again who was blocked."""
    _change(config_path, org, account, "active", only_from=("blocked",), cause=cause, as_json=as_json)


def _all(at: Place, state: AccountState | None) -> Iterator[Account]:
    read = partial(accounts_after, org_id=at.org.id, state=state)
    page = at.store.look(partial(read, after=0))
    while page:
        yield from page
        page = at.store.look(partial(read, after=page[-1].id))


def _change(
    config_path: Path,
    org: str,
    wanted: int | Email,
    state: Literal["active", "blocked"],
    *,
    only_from: tuple[AccountState, ...],
    cause: str | None,
    as_json: bool,
) -> None:
    at = open_organization(config_path, org)
    found = at.store.look(lambda connection: find_account(connection, wanted, org_id=at.org.id))
    reference = new_reference(secrets.token_bytes)
    changed = at.store.change(
        lambda connection: set_state(
            connection,
            found.id,
            state,
            org_id=at.org.id,
            actor=acting(),
            now=utc_now(),
            reference=reference,
            only_from=only_from,
            cause=cause,
        )
    )
    _say(changed, at, as_json=as_json, reference=reference)


def _say(account: Account, at: Place, *, as_json: bool, **more: object) -> None:
    about = told(account)
    if as_json:
        click.echo(json.dumps({"org": at.org.path, **about, **more}))
        return
    about["external"] = "external" if account.external else ""
    click.echo("  ".join(printable(value) for value in about.values() if value != ""))
    for name, value in more.items():
        click.echo(f"  {name}: {value if isinstance(value, str) else json.dumps(value)}")
