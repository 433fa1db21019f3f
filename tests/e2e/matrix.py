"""What comes of a sign-in at every provider in every situation: `python -m tests.e2e.matrix` writes it into docs/providers.md.

`test_matrix.py` walks each of them through a running pair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.harness.personas import PROVIDERS

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
BEGIN, END = "<!-- matrix -->\n", "<!-- /matrix -->\n"


@dataclass(frozen=True)
class Outcome:
    """What a person sees, and the rows that are written for it, by table; `code` is the refusal's, as it is logged."""

    said: str
    status: int
    code: str | None
    rows: tuple[tuple[str, int], ...]

    @property
    def cell(self) -> str:
        """What stands in the table."""
        return f"`{self.code}`" if self.code else self.said


SESSION = (("sessions", 1), ("spent_handoffs", 1))
KNOWN = Outcome("signed in", 200, None, (("audit_events", 1), *SESSION))
LINKED = Outcome("linked, signed in", 200, None, (("audit_events", 2), ("identities", 1), *SESSION))
CREATED = Outcome("new account, signed in", 200, None, (("accounts", 1), ("audit_events", 2), ("identities", 1), *SESSION))
UNVERIFIED = Outcome("refused", 403, "account.email_unverified", (("audit_events", 1),))
MISSING = Outcome("refused", 403, "provider.email_missing", ())
DENIED = Outcome("refused", 403, "provider.denied", ())
BAD_REPLY = Outcome("refused", 502, "provider.bad_reply", ())

USUAL: Mapping[str, Outcome] = {
    "known identity": KNOWN,
    "verified email of a known user": LINKED,
    "stranger": CREATED,
    "unverified email": UNVERIFIED,
    "no email": MISSING,
    "consent denied": DENIED,
    "token error": BAD_REPLY,
    "userinfo error": BAD_REPLY,
}
_NOT_ASKED = {"userinfo error": KNOWN}
_NOT_VOUCHED = {"verified email of a known user": UNVERIFIED, "stranger": UNVERIFIED}
_SILENT = {"verified email of a known user": MISSING, "stranger": MISSING, "unverified email": MISSING}
UNUSUAL: Mapping[str, Mapping[str, Outcome]] = {
    "google_oauth2": _NOT_ASKED,
    "microsoft": _NOT_ASKED,
    "slack": _NOT_ASKED,
    "casdoor": _NOT_ASKED,
    "authentik": _NOT_ASKED,
    "dingtalk": _NOT_VOUCHED,
    "atlassian_oauth2": _NOT_VOUCHED,
    "alicloud": _SILENT,
}
EXPECTED: Mapping[tuple[str, str], Outcome] = {
    (provider, situation): UNUSUAL.get(provider, {}).get(situation, usual)
    for provider in PROVIDERS
    for situation, usual in USUAL.items()
}


def table() -> str:
    """Return what stands between the marks of the page."""
    lines = [f"| {' | '.join(('provider', *USUAL))} |", f"|{'---|' * (len(USUAL) + 1)}"]
    lines += [
        f"| {' | '.join((f'`{provider}`', *(EXPECTED[provider, situation].cell for situation in USUAL)))} |"
        for provider in PROVIDERS
    ]
    seen = dict.fromkeys(EXPECTED.values())
    lines += [
        "",
        "Where a userinfo error still signs in, the ID token has said everything, or is the only one that is asked.",
        "",
    ]
    lines += ["Rows that are written for each, on all cells together:", ""]
    lines += [f"- {outcome.cell} (HTTP {outcome.status}): {_rows(outcome)}" for outcome in seen]
    return "\n".join(lines) + "\n"


def _rows(outcome: Outcome) -> str:
    return ", ".join(f"{count} in `{name}`" for name, count in sorted(outcome.rows)) or "nothing"


def between_marks(page: str) -> tuple[str, str, str]:
    """Return what stands before, between and after the marks of *page*."""
    before, begin, rest = page.partition(BEGIN)
    between, end, after = rest.partition(END)
    assert begin
    assert end
    return before + begin, between, end + after


if __name__ == "__main__":
    before, _between, after = between_marks(PAGE.read_text("utf-8"))
    PAGE.write_text(before + table() + after, "utf-8")
