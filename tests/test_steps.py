"""What happened under one reference: lines of logs and rows of trails become steps."""

import json
from datetime import UTC, datetime

import pytest

from bridge.accounts.trail import AuditRow
from bridge.steps import UNPROVEN, Step, as_json, as_line, in_order, step_of_row, steps_in_log, summary

REFERENCE = "7KQ2M-4XD9R"
LINE = {
    "event": "request.refused",
    "reference": REFERENCE,
    "timestamp": "2026-11-23T08:00:01.5Z",
    "service": "sp",
    "cell_id": 2,
}
JWT = "eyJhbGciOi.eyJzdWIi.c2ln"


def line(**fields: object) -> bytes:
    """Return a line of log with *fields* changed."""
    return json.dumps({**LINE, **fields}).encode() + b"\n"


def read(*lines: bytes) -> list[Step]:
    """Return the steps in a log."""
    return in_order(steps_in_log(lines, REFERENCE))


@pytest.mark.parametrize(
    "passed_over",
    [
        line(reference="AAAAA-AAAAA"),
        line(event="some.other", secret="x"),
        line(timestamp="yesterday"),
        line(timestamp=7),
        line(event=["request.refused"]),
        line(evidence={"received": REFERENCE}, reference=None),
        f"{REFERENCE} is in no object\n".encode(),
        f"[{'[' * 3000} {REFERENCE}".encode(),
        b'{"a": "' + b"x" * 200_001 + REFERENCE.encode(),
        b"\xff\xfe" + REFERENCE.encode(),
    ],
)
def test_what_is_no_step_of_this_reference_is_passed_over(passed_over: bytes) -> None:
    """A log may be of anything: only our own events, with this very reference and a time, count."""
    assert [step.event for step in read(passed_over, line(code="org.unknown"))] == ["request.refused"]


def test_what_stands_before_the_object_is_passed_over() -> None:
    """`docker compose logs` writes the name of the service in front of each line."""
    [step] = read(b"sp-1  | " + line(code="org.unknown"))
    assert (step.where, step.source, step.details) == ("owning cell 2", "log", {"code": "org.unknown"})


def test_only_named_fields_are_shown_and_what_looks_secret_is_cut() -> None:
    """A step tells no more than its event is meant to tell, and steers no terminal."""
    evidence = {"received": f"\x1b[2J {JWT}", "state": "s3cret"}
    [step] = read(line(code="handoff.audience", assertion="<saml>", note="hello", evidence=evidence))
    for told in (as_line(step), as_json(step)):
        assert not [word for word in (JWT, "s3cret", "<saml>", "hello", "\x1b") if word in told]
    assert len(as_line(read(line(evidence={"received": "x" * 5000}))[0])) < 600


@pytest.mark.parametrize(
    ("code", "note"), [("handoff.signature", UNPROVEN), ("handoff.replayed", ""), ("account.blocked", ""), ("org.unknown", "")]
)
def test_a_reference_that_nobody_vouched_for_is_marked(code: str, note: str) -> None:
    """Whoever posts a forged document chooses its reference: that line may have nothing to do with the person."""
    assert read(line(code=code))[0].note == note


def test_both_cells_come_in_order_of_time_and_the_first_line_says_how_it_ended() -> None:
    """Rows and lines of either cell are one story."""
    row = AuditRow(
        id=1,
        at=datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC),
        org_id=42,
        event="sign_in",
        actor="person",
        account_id=5,
        rule=2,
        reference=REFERENCE,
        **dict.fromkeys(("evidence", "code", "provider", "uid_digest", "cause"), None),
    )
    log = line(event="handoff.issued", service="idp", cell_id=1, timestamp="2026-11-23T07:59:59Z", org_id=42, owning_cell_id=2)
    again = line(code="handoff.replayed")
    steps = in_order([*read(again, log), step_of_row(row, where="owning cell 2", org="acme")])
    assert [step.where for step in steps] == ["legacy cell 1", "owning cell 2", "owning cell 2"]
    assert summary(steps) == (
        "Signed in at the owning cell 2, account 5; then refused by the owning cell 2: handoff.replayed (docs/errors.md)."
    )
    assert summary(steps[:1]) == "The legacy cell 1 handed over; what the owning cell did stands in its trail and its log."
    assert json.loads(as_json(steps[1]))["at"] == "2026-11-23T08:00:00.000Z"
