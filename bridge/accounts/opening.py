"""Open the account store that a cell's configuration describes.

The law: the one place where configuration becomes a store, so that services, commands and the harness open the same one.
"""

import secrets
from datetime import timedelta

from bridge.accounts.database import open_engine
from bridge.accounts.store import AccountStore
from bridge.config import IdpConfig, SpConfig


def open_accounts(config: IdpConfig | SpConfig) -> AccountStore:
    """Return the account store of the cell; nothing is connected yet. Open one in each process, after the fork."""
    return AccountStore(
        open_engine(config.service.database_url.get_secret_value()),
        session_prefix=config.cell.session_prefix,
        idle=timedelta(seconds=config.sessions.idle_seconds),
        absolute=timedelta(seconds=config.sessions.absolute_seconds),
        random_bytes=secrets.token_bytes,
    )
