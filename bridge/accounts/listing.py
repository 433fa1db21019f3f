"""What operators look up: one account, all of an organization in their order, and the identities of each.

The law: every look-up names the organization, and nothing is written.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from bridge.accounts.records import Account, AccountState
from bridge.accounts.rows import find_by_email, to_account
from bridge.accounts.tables import accounts, identities
from bridge.errors import NoSuchAccount
from bridge.identity import Email, IdentityKey

PAGE_ROWS = 500


def find_account(connection: Connection, wanted: int | Email, *, org_id: int) -> Account:
    """Return the organization's account of that number or address; raises `NoSuchAccount`."""
    if isinstance(wanted, Email):
        found = find_by_email(connection, wanted, org_id=org_id, hold=False)
    else:
        row = connection.execute(select(accounts).where(accounts.c.id == wanted, accounts.c.org_id == org_id)).one_or_none()
        found = None if row is None else to_account(row)
    if found is None:
        raise NoSuchAccount(reason=f"the organization has no account {wanted.address if isinstance(wanted, Email) else wanted}")
    return found


def accounts_after(connection: Connection, *, after: int, org_id: int, state: AccountState | None) -> Sequence[Account]:
    """Return the organization's accounts with numbers over *after*, in *state* if one is given: the first `PAGE_ROWS`."""
    question = select(accounts).where(accounts.c.org_id == org_id, accounts.c.id > after)
    if state is not None:
        question = question.where(accounts.c.state == state)
    return [to_account(row) for row in connection.execute(question.order_by(accounts.c.id).limit(PAGE_ROWS))]


def identities_of(connection: Connection, account: Account) -> Sequence[IdentityKey]:
    """Return the identities that open the account, by provider."""
    mine = select(identities).where(identities.c.account_id == account.id).order_by(identities.c.provider)
    return [IdentityKey(row.provider, row.extern_uid) for row in connection.execute(mine)]
