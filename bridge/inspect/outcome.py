"""What one check said about one document. Pure.

The law: a failure is the check's own refusal, with its code, its evidence and its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bridge.errors import HandoffError
from bridge.inspect.pointed import column_of
from bridge.saml.checks import Check
from bridge.saml.xml import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one check said. `code` is the refusal's, and empty unless it failed; `reason` says why a check was not run.

    `node`, `line` and `column` (from 1) say where in the decoded document; a column may be unknown where a line is known.
    """

    check: Check[Any, Any]
    outcome: Literal["pass", "fail", "not_run"]
    code: str = ""
    expected: str = ""
    received: str = ""
    line: int | None = None
    column: int | None = None
    node: str = ""
    reason: str = ""


def first_failed(found: Mapping[int, Outcome]) -> int | None:
    """Return the number of the first check that failed."""
    return next((number for number, outcome in sorted(found.items()) if outcome.outcome == "fail"), None)


def failure(check: Check[Any, Any], refusal: HandoffError, read: Document | bytes) -> Outcome:
    """Return the outcome that *refusal* of *check* is, in the document or the bytes that were *read*."""
    return Outcome(
        check=check,
        outcome="fail",
        code=refusal.code,
        expected=refusal.expected,
        received=refusal.received,
        line=refusal.line,
        column=column_of(refusal, read),
        node=refusal.node,
    )
