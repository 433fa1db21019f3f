"""What the commands of an owning cell's operators have in common: which organization, which account, who acts and why.

The law: an operator is who the system says, and every change has a reference and goes to the trail; with `--json` stdout holds
JSON objects and nothing else, one a line.
"""

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bridge.accounts.opening import open_accounts
from bridge.accounts.records import Account
from bridge.accounts.store import AccountStore
from bridge.accounts.unusable import in_a_sentence
from bridge.config import SpConfig, load
from bridge.identity import Email, MalformedValue, plain_text
from sp.orgs import Organization, org_named, organizations

MAX_CAUSE_CHARS = 200


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


class Cause(click.ParamType[str]):
    """An operator's own word for why: one line of printable text."""

    name = "TEXT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text; a usage error for what a trail cannot show."""
        if "@" in value:
            self.fail("it holds an @, and the trail holds no addresses: name people by their account's number", param, ctx)
        try:
            return plain_text(value, field="because", max_chars=MAX_CAUSE_CHARS)
        except MalformedValue as error:
            self.fail(f"it {error.reason}", param, ctx)


def in_organization(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name the organization, and `--json`."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
        click.option("--org", required=True, help="The organization's path."),
        click.option(
            "--config", "config_path", type=click.Path(path_type=Path), required=True, help="The owning cell's TOML file."
        ),
    ):
        function = option(function)
    return function


because = click.option("--because", "cause", type=Cause(), help="Why, in a few words, for the audit trail.")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command works: the cell's accounts, and the organization."""

    store: AccountStore
    org: Organization


def open_organization(config_path: Path, org: str) -> Place:
    """Return the organization with the accounts of its cell, which are there and usable; raises what `load` raises."""
    config = load(SpConfig, config_path)
    at = org_named(organizations(config), org)
    store = open_accounts(config)
    click.get_current_context().call_on_close(store.close)
    with in_a_sentence(config.service.database_url.get_secret_value()):
        store.check_ready()
    return Place(store, at)


def acting() -> str:
    """Return the actor for the trail: who runs this, by the system's word and not by a variable's."""
    try:
        return f"operator:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"operator:{os.getuid()}"


def printable(value: object) -> str:
    """Return *value* for a terminal: a name is the person's own choice, and must not steer it."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def told(account: Account) -> dict[str, object]:
    """Return what every command tells about an account."""
    return {
        "id": account.id,
        "state": account.state,
        "email": account.email,
        "username": account.username,
        "name": account.name,
        "external": account.external,
    }
