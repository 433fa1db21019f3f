"""The audit trail: one row for each thing that happened to an account, or was refused.

The law: a row names people by account id, and strangers by provider and a digest of their uid; it never holds an address, a
token or a secret.
"""

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert

from bridge.accounts.tables import audit_events
from bridge.identity import IdentityKey

AuditEvent = Literal["sign_in", "link", "create", "refused", "sign_out", "approve", "block", "unblock"]
PERSON = "person"
"""The actor of what people do themselves; an operator's command gives its own name."""


def record(
    connection: Connection,
    event: AuditEvent,
    *,
    at: datetime,
    org_id: int,
    actor: str,
    reference: str | None,
    account_id: int | None = None,
    key: IdentityKey | None = None,
    evidence: str | None = None,
    code: str | None = None,
    rule: int | None = None,
) -> None:
    """Write one row in the caller's transaction. *evidence* is the rule by which the email counted, *rule* our resolve rule."""
    connection.execute(
        insert(audit_events).values(
            at=at,
            org_id=org_id,
            account_id=account_id,
            actor=actor,
            event=event,
            provider=key and key.provider,
            uid_digest=key and key.uid_digest,
            evidence=evidence,
            code=code,
            rule=rule,
            reference=reference,
        )
    )
