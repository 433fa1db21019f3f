"""The audit trail: one row for each thing that happened to an account, or was refused.

The law: a refused handoff makes one row, however often it is posted. A row names people by account id, and strangers by
provider and a digest of their uid; it never holds an address, a token or a secret.
"""

import hashlib
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert

from bridge.accounts.tables import audit_events
from bridge.identity import IdentityKey

AuditEvent = Literal[
    "sign_in",
    "link",
    "unlink",
    "create",
    "refused",
    "sign_out",
    "sync_name",
    "sync_email",
    "approve",
    "block",
    "unblock",
    "claim_held_elsewhere",
]
PERSON = "person"
"""The actor of what people do themselves; an operator's command gives its own name."""


def handoff_digest(issuer: str, handoff_id: str) -> str:
    """Return what names a handoff in the trail: the SHA-256 of its issuer and ID, 64 hex digits."""
    return hashlib.sha256(f"{issuer}\0{handoff_id}".encode()).hexdigest()


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
    refused_handoff: str | None = None,
    cause: str | None = None,
) -> None:
    """Write one row in the caller's transaction. *evidence* is the rule by which the email counted, *rule* our resolve rule.

    *cause* is an operator's own word for why. *refused_handoff* is a `handoff_digest`; a second row with the same one is
    SQLAlchemy's `IntegrityError`.
    """
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
            refused_handoff=refused_handoff,
            cause=cause,
        )
    )
