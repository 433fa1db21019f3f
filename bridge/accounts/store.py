"""The account store of a cell: sign-in as one transaction, sessions, and what operators do to accounts.

The law: exactly once by construction. Spending the handoff, linking or creating the account, the audit rows and the session are
one transaction; a refusal leaves one audit row and nothing else. Every method may raise `DatabaseUnavailable`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, TypeVar, get_args

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import IntegrityError

from bridge.accounts import audit
from bridge.accounts.database import at_head, reading
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.purge import purge
from bridge.accounts.records import Account, AccountState, OpenedSession, Purged, SignedIn
from bridge.accounts.rows import find_by_key, insert_account, insert_identity, to_account
from bridge.accounts.sessions import SessionRules, end_all_sessions, end_session, find_session, touch_session
from bridge.accounts.sign_in import Arrival, Refusal, open_known, record_refusal, sign_in_once
from bridge.accounts.tables import accounts
from bridge.accounts.transaction import transact
from bridge.accounts.trouble import trouble_is_told
from bridge.errors import (
    AccountError,
    AccountPending,
    DatabaseNotReady,
    DatabaseUnavailable,
    NoSuchAccount,
    OrgReadOnly,
    ProviderDisabled,
    WrongAccountState,
)
from bridge.identity import Email, ExternalIdentity, IdentityKey

Found = TypeVar("Found")


class AlreadyTaken(ValueError):
    """Raised if an operator adds an account or identity whose address, username, uid or provider is taken."""


class AccountStore:
    """Accounts of one cell, for all its organizations. Safe for threads; build one in each process, after the fork."""

    def __init__(
        self,
        engine: Engine,
        *,
        session_prefix: str,
        idle: timedelta,
        absolute: timedelta,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._engine = engine
        self._rules = SessionRules(prefix=session_prefix, idle=idle, absolute=absolute, random_bytes=random_bytes)

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
    ) -> OpenedSession:
        """Spend the handoff and open a session of the account that the rules choose, linking or creating it.

        The handoff stays spent until *spent_until*, when the document cannot be accepted any more; the session ends at
        *session_ends* at the latest, if given. *previous_token* is this browser's session cookie, if any: that session ends.

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
        with reading(self._engine) as connection:  # most people of the global page live elsewhere: no write lock for them
            if find_by_key(connection, identity_key, org_id=org_id, hold=False) is None:
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

    def session(self, token: str, *, org_id: int, now: datetime) -> SignedIn | None:
        """Return whose living session *token* is in the organization, or None. Its use is written once a minute at most."""
        with reading(self._engine) as connection:
            found = find_session(connection, token, rules=self._rules, org_id=org_id, now=now)
        if found is None:
            return None
        signed_in, to_touch = found
        if to_touch is not None:
            with suppress(DatabaseUnavailable):  # a busy database may lose a touch: the next request brings another
                transact(self._engine, lambda connection: touch_session(connection, to_touch, now=now))
        return signed_in

    def end_session(self, token: str, *, org_id: int, now: datetime, reference: str) -> bool:
        """Sign out: end the organization's session of *token*; return whether there was one."""

        def work(connection: Connection) -> bool:
            account_id = end_session(connection, token, rules=self._rules, org_id=org_id)
            if account_id is None:
                return False
            audit.record(
                connection,
                "sign_out",
                at=now,
                org_id=org_id,
                actor=audit.PERSON,
                reference=reference,
                account_id=account_id,
            )
            return True

        return transact(self._engine, work)

    def check_ready(self) -> None:
        """Return if the database answers and stands at the newest migration.

        Raises `DatabaseNotReady`, or `DatabaseUnavailable` where the database does not answer.
        """
        if not at_head(self._engine):
            raise DatabaseNotReady(reason="the tables are not at the newest migration; run cellbridge db upgrade")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def look(self, read: Callable[[Connection], Found]) -> Found:
        """Return what *read* (see `bridge.accounts.listing`) finds, all of it at one moment."""
        with reading(self._engine) as connection:
            return read(connection)

    def purge(self, now: datetime) -> Purged:
        """Remove spent handoffs and sessions that are dead at *now*, in batches."""
        return purge(self._engine, idle=self._rules.idle, now=now)

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

        def work(connection: Connection) -> Account:
            this_one = (accounts.c.id == account_id) & (accounts.c.org_id == org_id)
            before = connection.scalar(select(accounts.c.state).where(this_one).with_for_update())
            if before is None:
                raise NoSuchAccount(reason=f"organization {org_id} has no account {account_id}")
            if before not in only_from:
                raise WrongAccountState(
                    reason=f"account {account_id} is {before}, not {' or '.join(only_from)}: nothing is changed"
                )
            row = connection.execute(update(accounts).where(this_one).values(state=state).returning(accounts)).one()
            if state == "blocked":
                end_all_sessions(connection, account_id)
            audit.record(
                connection,
                "block" if state == "blocked" else "approve" if before == "pending" else "unblock",
                at=now,
                org_id=org_id,
                actor=actor,
                reference=reference,
                account_id=account_id,
            )
            return to_account(row)

        return transact(self._engine, work)

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
