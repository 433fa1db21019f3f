"""Reading the audit trail.

The law: rows come in the order they were written, as they were written; nothing is looked up beside them, so that a person
who is gone stays a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from bridge.accounts.tables import audit_events


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One thing that happened to an account, or was refused; see `bridge.accounts.audit.record`. `at` is UTC."""

    id: int
    at: datetime
    org_id: int
    event: str
    actor: str
    account_id: int | None
    provider: str | None
    uid_digest: str | None
    evidence: str | None
    code: str | None
    rule: int | None
    reference: str | None
    cause: str | None


def last_events(
    connection: Connection,
    *,
    most: int,
    org_id: int | None = None,
    account_id: int | None = None,
    reference: str | None = None,
) -> Sequence[AuditRow]:
    """Return the last *most* rows, oldest first: of one organization, about one account, of one request, as far as given."""
    columns = [audit_events.c[name] for name in AuditRow.__dataclass_fields__]
    question = select(*columns)
    for column, wanted in (
        (audit_events.c.org_id, org_id),
        (audit_events.c.account_id, account_id),
        (audit_events.c.reference, reference),
    ):
        if wanted is not None:
            question = question.where(column == wanted)
    newest = connection.execute(question.order_by(audit_events.c.id.desc()).limit(most)).mappings().all()
    return [AuditRow(**row) for row in reversed(newest)]
