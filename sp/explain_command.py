"""`cellbridge explain`: what would a sign-in do, by which rule, and why?

The law: the very rules on the very rows, and nothing is written.
"""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from bridge.accounts.explanation import Explanation, explain
from bridge.accounts.listing import identities_of
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.rows import find_by_email
from bridge.identity import NO_EVIDENCE, Email, EmailEvidence, ExternalIdentity, IdentityKey, MalformedValue
from sp.operators import in_organization, open_organization, printable, told

SUPPOSED = EmailEvidence(verified=True, rule="explain.supposed")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}:")


class Somebody(click.ParamType[Email | IdentityKey]):
    """An address, or a provider's name and a uid with a colon between them."""

    name = "EMAIL|PROVIDER:UID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Email | IdentityKey:
        """Return which of the two it is; a usage error for neither."""
        if isinstance(value, Email | IdentityKey):
            return value
        try:
            if _KEY.match(value):
                provider, _, uid = value.partition(":")
                return IdentityKey(provider, uid)
            return Email.from_provider(value)
        except MalformedValue as error:
            self.fail(f"{value!r} is neither an address nor PROVIDER:UID: {error.field} {error.reason}", param, ctx)


class Address(click.ParamType[Email]):
    """An address."""

    name = "EMAIL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Email:
        """Return the address; a usage error for what is none."""
        try:
            return value if isinstance(value, Email) else Email.from_provider(value)
        except MalformedValue as error:
            self.fail(f"{value!r} is no address: it {error.reason}", param, ctx)


@dataclass(frozen=True, slots=True)
class Question:
    """One sign-in to be explained; `unseen` stands for any uid that nobody has here."""

    identity: ExternalIdentity
    unseen: bool = False


@click.command("explain")
@in_organization
@click.argument("somebody", type=Somebody())
@click.option("--provider", help="With an EMAIL: this provider alone; without it, each that the organization names.")
@click.option("--email", type=Address(), help="With PROVIDER:UID: the address that the provider gives.")
@click.option("--verified/--unverified", default=None, help="Whether the provider vouches for the address; both without it.")
@click.option("--own-page", is_flag=True, help="By the organization's own sign-in page, not by a handoff.")
def command(
    *,
    config_path: Path,
    org: str,
    as_json: bool,
    somebody: Email | IdentityKey,
    provider: str | None,
    email: Email | None,
    verified: bool | None,
    own_page: bool,
) -> None:
    """Say what a sign-in would do, by which rule, and why. Nothing is written."""
    at = open_organization(config_path, org)
    policy = at.org.policy
    evidences = [SUPPOSED] * (verified is not False) + [NO_EVIDENCE] * (verified is not True)

    def ask(connection: Connection) -> list[tuple[Question, Explanation]]:
        if isinstance(somebody, Email):
            questions = list(_of_address(connection, somebody, provider, policy, evidences))
        else:
            questions = list(_of_identity(somebody, email, evidences))
        return [(question, explain(connection, question.identity, policy, at_own_page=own_page)) for question in questions]

    if isinstance(somebody, Email) and email is not None:
        raise click.UsageError("--email goes with PROVIDER:UID")
    if not isinstance(somebody, Email) and provider is not None:
        raise click.UsageError("--provider goes with an EMAIL")
    for question, answer in at.store.look(ask):
        if as_json:
            click.echo(json.dumps({"org": org, **_as_json(question, answer)}))
        else:
            _say(question, answer)


def _of_identity(key: IdentityKey, email: Email | None, evidences: list[EmailEvidence]) -> Iterator[Question]:
    if email is None:
        yield Question(ExternalIdentity(key=key, email=None, evidence=NO_EVIDENCE))
        return
    for evidence in evidences:
        yield Question(ExternalIdentity(key=key, email=email, evidence=evidence))


def _of_address(
    connection: Connection, email: Email, provider: str | None, policy: OrgPolicy, evidences: list[EmailEvidence]
) -> Iterator[Question]:
    """With the identities that the address's account has, and with one that nobody has."""
    owner = find_by_email(connection, email, org_id=policy.org_id, hold=False)
    known = {} if owner is None else {key.provider: key for key in identities_of(connection, owner)}
    for name in sorted(policy.providers) if provider is None else [provider]:
        for evidence in evidences:
            if name in known:
                yield Question(ExternalIdentity(key=known[name], email=email, evidence=evidence))
            unseen = IdentityKey(name, f"unseen-{secrets.token_hex(16)}")
            yield Question(ExternalIdentity(key=unseen, email=email, evidence=evidence), unseen=True)


def _as_json(question: Question, answer: Explanation) -> dict[str, object]:
    identity, profile = question.identity, answer.profile
    return {
        "provider": identity.key.provider,
        "uid": None if question.unseen else identity.key.uid,
        "email": identity.email and identity.email.address,
        "email_verified": identity.evidence.verified,
        "outcome": answer.outcome,
        "rule": answer.rule,
        "code": answer.code,
        "why": answer.why,
        "what_to_do": answer.code and CURES[answer.code],
        "account": answer.account and told(answer.account),
        "external": answer.external,
        "email_changes_to": profile.email and profile.email.address,
        "email_kept": profile.email_kept,
    }


_ENDS = {
    "sign_in": "signs in",
    "link": "signs in, and the identity is linked",
    "create_active": "gets a new account and signs in",
    "create_pending": "gets a new account that waits for approval",
    "refused": "is refused",
}


CURES = {
    "account.blocked": "let them in again with `cellbridge accounts unblock`, if they are to come in.",
    "account.pending": "let them in with `cellbridge accounts approve`.",
    "account.email_unverified": "the person confirms the address at the provider, or signs in another way and links the "
    "provider on the identities page.",
    "account.identity_conflict": "the person signs in with the provider's account that is linked; if both are theirs, take the "
    "old one away with `cellbridge identities unlink`.",
    "account.not_bound": "the person signs in as before and links the provider on the identities page; or name the provider in "
    "link_by_email, once the account's own address is confirmed.",
    "account.signup_closed": "the organization takes strangers by signup or signup_by_provider: open or approval.",
    "org.read_only": "wait until the organization is no longer read_only.",
    "provider.disabled": "allow the provider by providers and disabled_providers of [[org]], or use another one.",
}
"""What to do, by code, for whoever runs the command."""


def _say(question: Question, answer: Explanation) -> None:
    identity = question.identity
    uid = "an unknown uid" if question.unseen else printable(identity.key.uid)
    address = (
        f"{identity.email.address} {'verified' if identity.evidence.verified else 'not verified'}" if identity.email else ""
    )
    click.echo(", ".join(part for part in (f"{identity.key.provider} {uid}", address or "no address") if part))
    code = f" with {answer.code}" if answer.code else ""
    rule = f" (rule {answer.rule})" if answer.rule else ""
    external = ", marked external" if answer.external and answer.outcome.startswith("create") else ""
    click.echo(f"  {_ENDS[answer.outcome]}{external}{code}{rule}: {answer.why}")
    if answer.code is not None:
        click.echo(f"  What to do: {CURES[answer.code]}")
    if answer.account is not None:
        click.echo(f"  account {answer.account.id}: {answer.account.state}, {printable(answer.account.email)}")
    if answer.profile.email is not None:
        click.echo(f"  the account's address becomes {answer.profile.email.address}, confirmed")
    if answer.profile.email_kept is not None:
        click.echo(f"  the account keeps its address: {answer.profile.email_kept}")
