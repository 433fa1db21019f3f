"""The account rules, over every combination of what can be known."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from bridge.accounts.policy import OrgPolicy
from bridge.accounts.records import Account, AccountState
from bridge.accounts.resolve import Create, Decision, Link, SignIn, resolve
from bridge.errors import AccountError, OrgReadOnly, ProviderDisabled
from bridge.identity import NO_EVIDENCE, Email, EmailEvidence, ExternalIdentity, IdentityKey

PROVIDER = "google_oauth2"

# allowed   the organization allows the provider
# key       the account that owns (provider, uid), by its state
# email     what the provider says about the address
# match     the account that owns the address: confirmed and unconfirmed ones are active
# rival     the matching account has another uid of this provider
# link      the organization links by this provider's emails
TABLE = """
allowed key     email             match                      rival link signup        read_only  outcome
no      *       *                 *                          *     *    *             *          provider.disabled
yes     blocked *                 *                          *     *    *             *          1 account.blocked
yes     pending *                 *                          *     *    *             *          1 account.pending
yes     active  *                 *                          *     *    *             *          2 sign in
yes     none    *                 blocked                    *     *    *             *          1 account.blocked
yes     none    *                 pending                    *     *    *             *          1 account.pending
yes     none    absent,unverified none,confirmed,unconfirmed *     *    *             *          3 account.email_unverified
yes     none    verified          confirmed,unconfirmed      yes   *    *             *          4 account.identity_conflict
yes     none    verified          unconfirmed                no    *    *             *          5 account.not_bound
yes     none    verified          confirmed                  no    no   *             *          5 account.not_bound
yes     none    verified          confirmed                  no    yes  *             *          5 link
yes     none    verified          none                       *     *    closed        *          6 account.signup_closed
yes     none    verified          none                       *     *    open,approval yes        6 org.read_only
yes     none    verified          none                       *     *    open          no         6 create active
yes     none    verified          none                       *     *    approval      no         6 create pending
"""


@dataclass(frozen=True)
class Case:
    """One combination."""

    allowed: str
    key: str
    email: str
    match: str
    rival: str
    link: str
    signup: str
    read_only: str


def combinations() -> Iterator[Case]:
    """Every combination that can happen: nobody owns an address that was not given, nobody's account has no rival."""
    yes_no = ("no", "yes")
    states = ("none", "active", "blocked", "pending")
    for email, match, rival in product(
        ("absent", "unverified", "verified"), ("none", "confirmed", "unconfirmed", "blocked", "pending"), yes_no
    ):
        if (email == "absent" and match != "none") or (match == "none" and rival == "yes"):
            continue
        for allowed, key, link, signup, read_only in product(yes_no, states, yes_no, ("open", "approval", "closed"), yes_no):
            yield Case(allowed, key, email, match, rival, link, signup, read_only)


def table_rows() -> list[tuple[dict[str, str], str]]:
    """Return the table's rows: the cell of each column, and the outcome."""
    head, *lines = TABLE.strip().splitlines()
    names = head.split()
    return [
        (dict(zip(names[:-1], line.split(), strict=False)), line.split(maxsplit=len(names) - 1)[-1].strip()) for line in lines
    ]


def matches(cells: dict[str, str], case: Case) -> bool:
    """Whether a table row speaks about *case*."""
    return all(cell == "*" or getattr(case, name) in cell.split(",") for name, cell in cells.items())


def account(number: int, state: AccountState = "active", *, confirmed: bool = True) -> Account:
    """Return an account of the organization."""
    return Account(
        id=number,
        org_id=42,
        email="ann@acme.example",
        email_confirmed=confirmed,
        username="ann",
        name="Ann",
        state=state,
        attributes={},
    )


STATES: dict[str, AccountState] = {"active": "active", "blocked": "blocked", "pending": "pending"}


def decide(case: Case) -> Decision:
    """Run the rules on *case*."""
    verified = case.email == "verified"
    by_email = account(2, STATES.get(case.match, "active"), confirmed=case.match != "unconfirmed")
    return resolve(
        ExternalIdentity(
            key=IdentityKey(PROVIDER, "100"),
            email=None if case.email == "absent" else Email("Ann@acme.example"),
            evidence=EmailEvidence(verified=True, rule="google.email_verified") if verified else NO_EVIDENCE,
        ),
        by_key=None if case.key == "none" else account(1, STATES[case.key]),
        by_email=None if case.match == "none" else by_email,
        email_account_providers=frozenset({"github", PROVIDER} if case.rival == "yes" else {"github"}),
        policy=OrgPolicy(
            org_id=42,
            org_path="acme",
            org_name="Acme",
            signup=case.signup,  # type: ignore[arg-type]
            read_only=case.read_only == "yes",
            link_by_email=frozenset({PROVIDER} if case.link == "yes" else {"github"}),
            providers=frozenset({PROVIDER, "github"} if case.allowed == "yes" else {"github"}),
            new_account={},
        ),
    )


def outcome(case: Case) -> str:
    """Return what the rules do with *case*, in the words of the table."""
    try:
        decision = decide(case)
    except AccountError as refusal:
        return f"{refusal.rule} {refusal.code}"
    except OrgReadOnly as refusal:
        return f"6 {refusal.code}"
    except ProviderDisabled as refusal:
        return refusal.code
    if isinstance(decision, SignIn):
        assert decision.account.id == 1
        return f"{decision.rule} sign in"
    if isinstance(decision, Link):
        assert decision.account.id == 2
        return f"{decision.rule} link"
    assert isinstance(decision, Create)
    assert decision.email == Email("Ann@acme.example")
    return f"{decision.rule} create {decision.state}"


def test_every_combination_has_exactly_one_outcome_and_gets_it() -> None:
    """No combination is without a rule, none falls under two rows, and the function does what the table says."""
    rows = table_rows()
    cases = list(combinations())
    assert len(cases) == len(set(cases)) == 1824
    for case in cases:
        expected = [said for cells, said in rows if matches(cells, case)]
        assert len(expected) == 1, case
        assert outcome(case) == expected[0], case


def test_every_row_of_the_table_is_about_something() -> None:
    """A row that no combination reaches would be a rule that nobody keeps."""
    cases = list(combinations())
    assert [said for cells, said in table_rows() if not any(matches(cells, case) for case in cases)] == []


@pytest.mark.parametrize(
    ("case", "account_id"),
    [
        (Case("yes", "blocked", "verified", "confirmed", "no", "yes", "open", "no"), 1),
        (Case("yes", "none", "verified", "pending", "no", "yes", "open", "no"), 2),
        (Case("yes", "none", "verified", "confirmed", "yes", "yes", "open", "no"), 2),
        (Case("yes", "none", "verified", "confirmed", "no", "no", "open", "no"), 2),
        (Case("yes", "none", "verified", "none", "no", "no", "closed", "no"), None),
    ],
)
def test_refusal_names_account_organization_and_provider(case: Case, account_id: int | None) -> None:
    """Support can see from a refusal which account it was about, and the page can name organization and provider."""
    with pytest.raises(AccountError) as caught:
        decide(case)
    assert (caught.value.org, caught.value.provider, caught.value.account_id) == ("Acme", PROVIDER, account_id)
