"""Every combination of what can be known at a sign-in, run through the rules: `python -m tests.accounts.decision_table`.

It writes `docs/decision-table.md`. Rows are folded together only where all combinations below them end alike.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from bridge.accounts.policy import OrgPolicy
from bridge.accounts.profile import may_take_email, profile_changes
from bridge.accounts.records import Account
from bridge.accounts.resolve import Create, Decision, SignIn, resolve
from bridge.errors import AccountError, OrgReadOnly, ProviderDisabled
from bridge.identity import NO_EVIDENCE, Email, EmailEvidence, ExternalIdentity, IdentityKey

PAGE = Path(__file__).parents[2] / "docs/decision-table.md"
PROVIDER = "google_oauth2"
Case = Mapping[str, str]
Table = tuple[str, Mapping[str, tuple[str, ...]], Callable[[Case], bool], Callable[[Case], str]]

SIGN_IN = {
    "provider": ("allowed", "switched off", "not named"),
    "identity": ("unknown", "active", "blocked", "pending"),
    "email": ("absent", "unverified", "verified"),
    "without_email": ("no", "by handoff", "own page"),
    "owner": ("nobody", "active", "blocked", "pending"),
    "confirmed": ("-", "yes", "no"),
    "conflict": ("-", "no", "yes"),
    "links": ("yes", "no"),
    "override": ("none", "open", "approval", "closed"),
    "signup": ("open", "approval", "closed"),
    "read_only": ("no", "yes"),
    "external": ("no", "yes"),
}
PROFILE = {
    "sync": ("no", "yes"),
    "read_only": ("no", "yes"),
    "attributes": ("none", "name", "email", "both"),
    "name": ("absent", "same", "other"),
    "email": ("absent", "unverified", "verified"),
    "address": ("-", "same", "other"),
    "confirmed": ("yes", "no"),
    "owner": ("-", "nobody", "another"),
}


def can_sign_in(case: Case) -> bool:
    """Whether such a sign-in can happen: nobody owns an address that was not given, and nobody's account has no properties."""
    nobody = case["owner"] == "nobody"
    return (nobody or case["email"] != "absent") and nobody == (case["confirmed"] == "-") == (case["conflict"] == "-")


def can_sync(case: Case) -> bool:
    """Whether such an account can be signed in to: only another address than its own can be another account's."""
    return (case["email"] == "absent") == (case["address"] == "-") and (case["address"] == "other") == (case["owner"] != "-")


def combinations(dimensions: Mapping[str, tuple[str, ...]], possible: Callable[[Case], bool]) -> Iterator[Case]:
    """Yield every combination that can happen."""
    for values in product(*dimensions.values()):
        case = dict(zip(dimensions, values, strict=True))
        if possible(case):
            yield case


def account(number: int, **changes: Any) -> Account:
    """Return an account of the organization, active and confirmed unless *changes* say otherwise."""
    fields: dict[str, Any] = {
        "id": number,
        "org_id": 42,
        "email": "Ann@acme.example",
        "email_confirmed": True,
        "username": "ann",
        "name": "Ann",
        "state": "active",
        "external": False,
        "attributes": {},
    }
    return Account(**{**fields, **changes})


def identity(case: Case, address: str = "ann@ACME.example") -> ExternalIdentity:
    """Return what the provider says in *case*."""
    name = {"other": "Ann Example", "same": "Ann"}.get(case.get("name", "absent"))
    return ExternalIdentity(
        key=IdentityKey(PROVIDER, "100"),
        email=None if case["email"] == "absent" else Email(address),
        evidence=EmailEvidence(verified=True, rule="test.rule") if case["email"] == "verified" else NO_EVIDENCE,
        name=name,
    )


def policy(case: Case) -> OrgPolicy:
    """Return the organization's policy in *case*; what it grants to github must not count for the provider."""

    def named(chosen: bool) -> frozenset[str]:
        return frozenset({PROVIDER, "github"} if chosen else {"github"})

    override: dict[str, Any] = {"github": "open"}
    if case.get("override", "none") != "none":
        override[PROVIDER] = case["override"]
    attributes = {"none": (), "both": ("name", "email")}.get(case.get("attributes", "none"), (case.get("attributes"),))
    return OrgPolicy(
        org_id=42,
        org_path="acme",
        org_name="Acme",
        signup=case.get("signup", "closed"),  # type: ignore[arg-type]
        signup_by_provider=override,
        read_only=case["read_only"] == "yes",
        link_by_email=named(case.get("links") == "yes"),
        providers=named(case.get("provider") != "not named"),
        disabled_providers=frozenset({PROVIDER} if case.get("provider") == "switched off" else ()),
        external_providers=named(case.get("external") == "yes"),
        signup_without_email=named(case.get("without_email", "no") != "no"),
        sync_profile_from=named(case.get("sync") == "yes"),
        sync_profile_attributes=frozenset(attributes),  # type: ignore[arg-type]
        new_account={},
    )


def decide(case: Case) -> Decision:
    """Run the rules on *case*; account 1 owns the identity, account 2 the address."""
    owner = account(2, state=case["owner"], email_confirmed=case["confirmed"] == "yes")
    return resolve(
        identity(case),
        by_key=None if case["identity"] == "unknown" else account(1, email="bob@acme.example", state=case["identity"]),
        by_email=None if case["owner"] == "nobody" else owner,
        email_account_providers=frozenset({"github", PROVIDER} if case["conflict"] == "yes" else {"github"}),
        policy=policy(case),
        at_own_page=case["without_email"] == "own page",
    )


def outcome(case: Case) -> str:
    """Return what the rules do with *case*, in the words of the page."""
    try:
        decision = decide(case)
    except (AccountError, OrgReadOnly, ProviderDisabled) as refusal:
        rule = refusal.rule if isinstance(refusal, AccountError) else 6 if isinstance(refusal, OrgReadOnly) else 0
        return f"{rule}: refused, `{refusal.code}`"
    if isinstance(decision, Create):
        opened = "and signed in" if decision.state == "active" else "and told to wait"
        kind = f"{'external ' if decision.external else ''}account{'' if decision.email else ' without an address'}"
        return f"{decision.rule}: {kind} created, {decision.state}, {opened}"
    whose = "owner of the identity" if decision.account.id == 1 else "owner of the address"
    return f"{decision.rule}: {whose} signed in{'' if isinstance(decision, SignIn) else ', identity linked'}"


def profile_outcome(case: Case) -> str:
    """Return what a sign-in brings up to date in *case*, in the words of the page."""
    said = identity(case, "ann@acme.example" if case["address"] == "same" else "ann@new.example")
    own = account(1, email_confirmed=case["confirmed"] == "yes")
    synced = policy(case).synced_from(PROVIDER)
    looked_up = account(2, email="ann@new.example") if case["owner"] == "another" else None
    owner = looked_up if may_take_email(said, own, synced=synced) else None
    changes = profile_changes(said, own, synced=synced, owner_of_email=owner)
    email = changes.email and ("address confirmed" if changes.email.folded == own.email.lower() else "address changed")
    told = [changes.name and "name changed", email, changes.email_kept and f"address kept, `{changes.email_kept}`"]
    return ", ".join(part for part in told if part) or "nothing"


TABLES: dict[str, Table] = {
    "Whose account": ("what happens", SIGN_IN, can_sign_in, outcome),
    "Name and address": ("what is brought up to date", PROFILE, can_sync, profile_outcome),
}


def folded(names: Sequence[str], cases: Sequence[tuple[Case, str]]) -> list[tuple[str, ...]]:
    """Return the rows of a table: a cell for each of *names*, and the outcome. `*` stands for whatever can be there."""
    if len({said for _, said in cases}) == 1:
        return [(*("*" for _ in names), cases[0][1])]
    below: dict[str, list[tuple[str, ...]]] = {
        value: folded(names[1:], [(case, said) for case, said in cases if case[names[0]] == value])
        for value in dict.fromkeys(case[names[0]] for case, _ in cases)
    }
    groups: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for value, rows in below.items():
        groups.setdefault(tuple(rows), []).append(value)
    return [
        ("*" if len(values) == len(below) and values != ["-"] else ", ".join(values), *row)
        for rows, values in groups.items()
        for row in rows
    ]


def rendered(heading: str) -> str:
    """Return one table of the page, in Markdown."""
    head, dimensions, possible, say = TABLES[heading]
    names = tuple(dimensions)
    cases = [(case, say(case)) for case in combinations(dimensions, possible)]
    lines = [f"| {' | '.join((*names, head))} |", f"|{'---|' * (len(names) + 1)}"]
    lines += [f"| {' | '.join(row)} |" for row in folded(names, cases)]
    return f"{len(cases)} combinations.\n\n" + "\n".join(lines) + "\n"


def page(old: str) -> str:
    """Return the page with its tables made again; the words around them stay."""
    for heading in TABLES:
        before, mark, rest = old.partition(f"## {heading}\n")
        table = re.compile(r"\d+ combinations\.\n(?:\n(?:\|.*\n)+)?")
        found = table.search(rest)
        assert found, heading
        old = before + mark + rest[: found.start()] + rendered(heading) + rest[found.end() :]
    return old


def committed(text: str, heading: str) -> list[tuple[str, ...]]:
    """Return the rows of one table of the page as they are written."""
    lines = text.partition(f"## {heading}\n")[2].partition("\n## ")[0].splitlines()
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("|")][2:]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{PAGE.name}: made\n")
