"""The account store of a cell: sign-in as one transaction, sessions, and what operators do to accounts.

The law: exactly once by construction. Spending the handoff, linking or creating the account, the audit rows and the session are
one transaction; a refusal leaves one audit row and nothing else. Every method may raise `DatabaseUnavailable`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, get_args

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from bridge.accounts import audit
from bridge.accounts.database import serves
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.purge import Purged, purge
from bridge.accounts.records import Account, AccountState, OpenedSession
from bridge.accounts.rows import find_by_key, insert_account, insert_identity
from bridge.accounts.session_store import SessionStore
from bridge.accounts.sessions import SessionRules
from bridge.accounts.sign_in import Arrival, Refusal, open_known, record_refusal, sign_in_once
from bridge.accounts.states import set_state
from bridge.accounts.transaction import transact
from bridge.accounts.trouble import trouble_is_told
from bridge.errors import (
    AccountError,
    AccountPending,
    DatabaseNotReady,
    OrgReadOnly,
    ProviderDisabled,
)
from bridge.identity import Email, ExternalIdentity, IdentityKey


class AlreadyTaken(ValueError):
    """Raised if an operator adds an account or identity whose address, username, uid or provider is taken."""


class AccountStore(SessionStore):
    """Accounts of one cell, for all its organizations. Safe for threads; build one in each process, after the fork.

    Audit rows older than *audit_kept* are purged; None keeps them for ever.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        session_prefix: str,
        idle: timedelta,
        absolute: timedelta,
        random_bytes: Callable[[int], bytes],
        audit_kept: timedelta | None = None,
    ) -> None:
        super().__init__(engine, SessionRules(prefix=session_prefix, idle=idle, absolute=absolute, random_bytes=random_bytes))
        self._audit_kept = audit_kept

    def sign_in(
        self,
        *,
        identity: ExternalIdentity,
        issuer: str,
        handoff_id: str,
        spent_until: datetime,
        session_ends: datetime | None,
        reference: str,
        policy: OrgPolicy,
        now: datetime,
        previous_token: str | None,
        at_own_page: bool = False,
    ) -> OpenedSession:
        """Spend the handoff and open a session of the account that the rules choose, linking or creating it.

        The handoff stays spent until *spent_until*, when the document cannot be accepted any more; the session ends at
        *session_ends* at the latest, if given. *previous_token* is this browser's session cookie, if any: that session ends.
        *at_own_page*: it began at the organization's own page, and what is spent is its state.

        Raises `HandoffReplayed`, or `ProviderDisabled`, `OrgReadOnly` or an `AccountError` by the rules: these leave one audit
        row for a handoff, and the handoff unspent. `AccountPending` with rule 6 means that a pending account was just created.
        """
        arrival = Arrival(
            identity=identity,
            issuer=issuer,
            handoff_id=handoff_id,
            spent_until=spent_until,
            session_ends=session_ends,
            reference=reference,
            policy=policy,
            at_own_page=at_own_page,
            previous_token=previous_token,
        )
        try:
            result = transact(self._engine, lambda connection: sign_in_once(connection, arrival, rules=self._rules, now=now))
        except (AccountError, OrgReadOnly, ProviderDisabled) as refusal:
            handoff = audit.handoff_digest(issuer, handoff_id)
            self._keep_refusal(refusal, identity.key, org_id=policy.org_id, reference=reference, handoff=handoff, now=now)
            raise
        if isinstance(result, AccountPending):
            raise result
        return result

    def open_local(
        self,
        *,
        identity_key: IdentityKey,
        org_id: int,
        org_name: str,
        reference: str,
        now: datetime,
        previous_token: str | None,
    ) -> OpenedSession | None:
        """Open a session of the account that owns the identity, on the legacy cell; None where nobody does.

        Raises `AccountBlocked` or `AccountPending`, which leave an audit row.
        """
        # Most people of the global page live elsewhere: no write lock for them.
        known = self.look(lambda connection: find_by_key(connection, identity_key, org_id=org_id, hold=False))
        if known is None:
            return None
        try:
            return transact(
                self._engine,
                lambda connection: open_known(
                    connection,
                    identity_key,
                    org_id=org_id,
                    org_name=org_name,
                    rules=self._rules,
                    reference=reference,
                    now=now,
                    previous_token=previous_token,
                ),
            )
        except AccountError as refusal:
            self._keep_refusal(refusal, identity_key, org_id=org_id, reference=reference, handoff=None, now=now)
            raise

    def check_ready(self) -> None:
        """Return if the database answers and has the tables that this version of the product uses.

        Tables of a later version serve too, while replicas of both run: migrations only add.
        Raises `DatabaseNotReady`, or `DatabaseUnavailable` where the database does not answer.
        """
        if not serves(self._engine):
            raise DatabaseNotReady(reason="the tables are not at the newest migration; run cellbridge db upgrade")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def purge(self, now: datetime) -> Purged:
        """Remove what `bridge.accounts.purge` finds over at *now*, in batches."""
        return purge(self._engine, idle=self._rules.idle, audit_kept=self._audit_kept, now=now)

    def add_account(
        self,
        *,
        org_id: int,
        email: Email,
        email_confirmed: bool,
        username: str,
        name: str,
        actor: str,
        now: datetime,
        state: AccountState = "active",
        external: bool = False,
        attributes: Mapping[str, str | int | bool] = MappingProxyType({}),
        reference: str | None = None,
    ) -> Account:
        """Add an account by an operator's hand; raises `AlreadyTaken`."""
        with trouble_is_told(), _taken_is_refused(), self._engine.begin() as connection:
            account = insert_account(
                connection,
                org_id=org_id,
                email=email,
                email_confirmed=email_confirmed,
                usernames=(username,),
                name=name,
                state=state,
                external=external,
                attributes=attributes,
                now=now,
            )
            audit.record(connection, "create", at=now, org_id=org_id, actor=actor, reference=reference, account_id=account.id)
        return account

    def add_identity(
        self, account: Account, key: IdentityKey, *, actor: str, now: datetime, reference: str | None = None
    ) -> None:
        """Link an identity to the account by an operator's hand; raises `AlreadyTaken`."""
        with trouble_is_told(), _taken_is_refused(), self._engine.begin() as connection:
            insert_identity(connection, account, key, now=now)
            audit.record(
                connection,
                "link",
                at=now,
                org_id=account.org_id,
                actor=actor,
                reference=reference,
                account_id=account.id,
                key=key,
            )

    def set_state(
        self,
        account_id: int,
        state: Literal["active", "blocked"],
        *,
        org_id: int,
        actor: str,
        now: datetime,
        reference: str | None = None,
        only_from: Collection[AccountState] = get_args(AccountState),
    ) -> Account:
        """Approve, unblock or block an account; a blocked one loses its sessions.

        Raises `NoSuchAccount`, and `WrongAccountState` if its state is none of *only_from*.
        """

        return self.change(
            lambda connection: set_state(
                connection,
                account_id,
                state,
                org_id=org_id,
                actor=actor,
                now=now,
                reference=reference,
                only_from=only_from,
            )
        )

    def _keep_refusal(
        self, refusal: Refusal, key: IdentityKey, *, org_id: int, reference: str, handoff: str | None, now: datetime
    ) -> None:
        transact(
            self._engine,
            lambda connection: record_refusal(
                connection, refusal, key, org_id=org_id, reference=reference, handoff=handoff, now=now
            ),
        )


@contextmanager
def _taken_is_refused() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise AlreadyTaken("the address, the username, the uid or the provider is taken in this organization") from error
