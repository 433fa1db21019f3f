"""SIGKILL at every step of a sign-in: afterwards there is nothing, or a whole account with a session that works."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from bridge.accounts.records import OpenedSession
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import accounts, identities, sessions, spent_handoffs
from bridge.errors import HandoffReplayed

WHOLE = {"accounts": 1, "identities": 1, "claim_wishes": 1, "sessions": 1, "spent_handoffs": 1, "audit_events": 2}


def test_death_at_any_step_leaves_nothing_or_all(
    *,
    database_url: str,
    child: Callable[[], Any],
    sign_in: Callable[..., OpenedSession],
    store: AccountStore,
    now: datetime,
    counts: Callable[..., Any],
) -> None:
    """Killed before any statement or before the commit, a process leaves no row, and the same handoff still works.

    Killed after the answer, it leaves everything, and the handoff is spent.
    """
    step = 0
    said: dict[str, Any] = {"stopped": 0}
    while "stopped" in said:
        step += 1
        process = child()
        process.tell(do="sign_in", url=database_url, stop_at=step, uid="100", email="ann@acme.example", handoff_id="_1")
        assert process.hear() == {"ready": True}
        process.tell(go=True)
        said = process.hear()
        process.kill()
        assert counts() == ({} if "stopped" in said else WHOLE), said
    assert step > 9  # seven statements that write or find, the audit rows, the commit
    assert said["outcome"] == "created"
    assert store.session(said["token"], org_id=42, now=now) is not None
    with pytest.raises(HandoffReplayed):
        sign_in(handoff_id="_1")


def test_death_in_the_middle_of_a_crowd_tears_nothing(
    database_url: str,
    child: Callable[[], Any],
    store: AccountStore,
    now: datetime,
    rows: Callable[..., Any],
) -> None:
    """Processes that sign people in and are killed wherever they are: every answer holds, every account is whole."""
    answered = []
    processes = [child() for _ in range(4)]
    for number, process in enumerate(processes):
        process.tell(do="sign_in_for_ever", url=database_url, who=f"person{number}")
    for process in processes:
        opened = 0
        while opened < 5:  # a busy database may refuse somebody, clearly; a session that was given has to hold
            answer = process.hear()
            assert answer.keys() & {"token", "refused"}, answer
            opened += "token" in answer
            answered += [answer] * ("token" in answer)
        process.kill()
    assert all(store.session(answer["token"], org_id=42, now=now) for answer in answered)
    owners = sorted(row.id for row in rows(accounts))
    assert len(owners) >= len(answered) == 20
    assert sorted(row.account_id for row in rows(identities)) == owners
    assert sorted(row.account_id for row in rows(sessions)) == owners
    assert {row.handoff_id for row in rows(spent_handoffs)} == {f"_{row.extern_uid}" for row in rows(identities)}
