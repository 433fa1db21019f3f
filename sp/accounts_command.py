"""`cellbridge accounts`: look at an organization's accounts, let in who waits for approval, block and unblock.

The law: an account is changed by the store alone, which writes who did it; with `--json` stdout holds JSON objects and nothing
else, one a line.
"""

import json
import os
import pwd
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import click
from sqlalchemy import Connection

from bridge.accounts.listing import accounts_after, find_account, identities_of
from bridge.accounts.opening import open_accounts
from bridge.accounts.records import Account, AccountState
from bridge.accounts.store import AccountStore
from bridge.accounts.unusable import in_a_sentence
from bridge.clock import utc_now
from bridge.config import SpConfig, load
from bridge.handoff import new_reference
from bridge.identity import Email, MalformedValue
from sp.orgs import Organization, org_named, organizations


class Wanted(click.ParamType[int | Email]):
    """The number of an account, or its address."""

    name = "ID|EMAIL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | Email:
        """Return the number or the address; a usage error for neither."""
        if isinstance(value, int | Email):
            return value
        try:
            return int(value) if value.isdecimal() and len(value) <= 18 else Email.from_provider(value)
        except MalformedValue as error:
            self.fail(f"{value!r} is neither the number of an account nor its email: it {error.reason}", param, ctx)


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
        click.option("--org", required=True, help="The organization's path."),
        click.option(
            "--config", "config_path", type=click.Path(path_type=Path), required=True, help="The owning cell's TOML file."
        ),
    ):
        function = option(function)
    return function


@click.group("accounts")
def command() -> None:
    """Look at an organization's accounts, approve who waits, block and unblock."""


@command.command("list")
@_options
@click.option("--state", type=click.Choice(get_args(AccountState)), help="Those in this state only.")
def accounts_list(*, config_path: Path, org: str, as_json: bool, state: AccountState | None) -> None:
    """List the accounts by number: state, email, username, name."""
    store, at = _open(config_path, org)
    for account in _all(store, at, state):
        _say(account, at, as_json=as_json)


@command.command("show")
@_options
@click.argument("account", type=Wanted())
def accounts_show(*, config_path: Path, org: str, as_json: bool, account: int | Email) -> None:
    """Show one account with the identities that open it."""
    store, at = _open(config_path, org)

    def read(connection: Connection) -> tuple[Account, list[dict[str, str]]]:
        found = find_account(connection, account, org_id=at.id)
        return found, [{"provider": key.provider, "uid": key.uid} for key in identities_of(connection, found)]

    found, identities = store.look(read)
    more = {
        "email_confirmed": found.email_confirmed,
        "attributes": dict(found.attributes),
        "identities": identities,
    }
    _say(found, at, as_json=as_json, **more)


@command.command("approve")
@_options
@click.argument("account", type=Wanted())
def accounts_approve(*, config_path: Path, org: str, as_json: bool, account: int | Email) -> None:
    """Let in who signed up and waits."""
    _change(config_path, org, account, "active", only_from=("pending",), as_json=as_json)


@command.command("block")
@_options
@click.argument("account", type=Wanted())
def accounts_block(*, config_path: Path, org: str, as_json: bool, account: int | Email) -> None:
    """Keep somebody out, at once: their sessions end."""
    _change(config_path, org, account, "blocked", only_from=("active", "pending"), as_json=as_json)


@command.command("unblock")
@_options
@click.argument("account", type=Wanted())
def accounts_unblock(*, config_path: Path, org: str, as_json: bool, account: int | Email) -> None:
    """Let in again who was blocked."""
    _change(config_path, org, account, "active", only_from=("blocked",), as_json=as_json)


def _open(config_path: Path, org: str) -> tuple[AccountStore, Organization]:
    config = load(SpConfig, config_path)
    at = org_named(organizations(config), org)
    store = open_accounts(config)
    with in_a_sentence(config.service.database_url.get_secret_value()):
        store.check_ready()
    return store, at


def _all(store: AccountStore, at: Organization, state: AccountState | None) -> Iterator[Account]:
    read = partial(accounts_after, org_id=at.id, state=state)
    page = store.look(partial(read, after=0))
    while page:
        yield from page
        page = store.look(partial(read, after=page[-1].id))


def _change(
    config_path: Path,
    org: str,
    wanted: int | Email,
    state: Literal["active", "blocked"],
    *,
    only_from: tuple[AccountState, ...],
    as_json: bool,
) -> None:
    store, at = _open(config_path, org)
    found = store.look(lambda connection: find_account(connection, wanted, org_id=at.id))
    reference = new_reference(secrets.token_bytes)
    changed = store.set_state(
        found.id,
        state,
        org_id=at.id,
        actor=f"operator:{_login_name()}",
        now=utc_now(),
        reference=reference,
        only_from=only_from,
    )
    _say(changed, at, as_json=as_json, reference=reference)


def _login_name() -> str:
    """Return who runs this, by the system's word and not by a variable's."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _say(account: Account, at: Organization, *, as_json: bool, **more: object) -> None:
    told = {
        "id": account.id,
        "state": account.state,
        "email": account.email,
        "username": account.username,
        "name": account.name,
    }
    if as_json:
        click.echo(json.dumps({"org": at.path, **told, **more}))
        return
    # A name is the person's own choice: it must not steer the terminal.
    click.echo("  ".join(text if (text := str(value)).isprintable() else repr(text) for value in told.values()))
    for name, value in more.items():
        click.echo(f"  {name}: {value if isinstance(value, str) else json.dumps(value)}")
