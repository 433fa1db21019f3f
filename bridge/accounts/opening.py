"""Open the account store that a cell's configuration describes.

The law: the one place where configuration becomes a store, so that services, commands and the harness open the same one.
"""

import secrets
from datetime import timedelta

import structlog

from bridge.accounts.database import open_engine
from bridge.accounts.store import AccountStore
from bridge.accounts.unusable import in_a_sentence
from bridge.config import IdpConfig, SpConfig
from bridge.errors import DatabaseNotReady

log = structlog.get_logger()


def open_accounts(config: IdpConfig | SpConfig) -> AccountStore:
    """Return the account store of the cell; nothing is connected yet. Open one in each process, after the fork."""
    return AccountStore(
        open_engine(config.service.database_url.get_secret_value()),
        session_prefix=config.cell.session_prefix,
        idle=timedelta(seconds=config.sessions.idle_seconds),
        absolute=timedelta(seconds=config.sessions.absolute_seconds),
        random_bytes=secrets.token_bytes,
        audit_kept=timedelta(days=config.audit.keep_days),
    )


def warn_unless_ready(config: IdpConfig | SpConfig) -> None:
    """Log what an operator has to do before the cell's database can serve it, if anything; leaves nothing open."""
    store = open_accounts(config)
    try:
        with in_a_sentence(config.service.database_url.get_secret_value()):
            store.check_ready()
    except DatabaseNotReady as error:
        log.warning("ready.failed", check="database", code=error.code, evidence=error.evidence())
    finally:
        store.close()
