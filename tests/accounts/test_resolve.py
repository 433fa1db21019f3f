"""The account rules as properties, each held over every combination of what can be known.

They are a second statement of the rules, written without looking at the order in which the code asks: together they say for
each combination what happens.
"""

from functools import cache

import pytest

from bridge.accounts.resolve import Create, resolve
from bridge.errors import AccountError
from tests.accounts.decision_table import (
    PROVIDER,
    SIGN_IN,
    Case,
    account,
    can_sign_in,
    combinations,
    decide,
    identity,
    outcome,
    policy,
)

CASE = {
    "provider": "allowed",
    "identity": "unknown",
    "email": "verified",
    "owner": "active",
    "without_email": "no",
    "confirmed": "yes",
    "conflict": "no",
    "links": "yes",
    "override": "none",
    "signup": "open",
    "read_only": "no",
    "external": "no",
}
STRANGER = {"owner": "nobody", "confirmed": "-", "conflict": "-"}


@cache
def every() -> tuple[tuple[Case, str], ...]:
    """Return every combination with what the rules do."""
    return tuple((case, outcome(case).partition(": ")[2]) for case in combinations(SIGN_IN, can_sign_in))


def happens(said: str) -> list[Case]:
    """Return the combinations that end as *said*."""
    found = [case for case, end in every() if end in (said, f"refused, `{said}`")]
    assert found, said
    return found


def those(*, when: dict[str, str]) -> list[Case]:
    """Return the combinations in which all of *when* holds; a value may name several, with a comma between them."""
    wanted = {name: value.split(",") for name, value in when.items()}
    return [case for case, _ in every() if all(case[name] in values for name, values in wanted.items())]


def signup(case: Case) -> str:
    """What becomes of a stranger: the provider's own rule before the organization's."""
    return case["signup"] if case["override"] == "none" else case["override"]


NEW = {"provider": "allowed", "identity": "unknown", "email": "verified"}
CLAIM = {"provider": "allowed", "identity": "unknown", "email": "absent,unverified"}


def strangers_of(when: dict[str, str]) -> list[Case]:
    """Whose verified address is nobody's, and who has none that counts where `signup_without_email` takes such people."""
    wanted = those(when=NEW | {"owner": "nobody"} | when) + those(when=CLAIM | {"without_email": "own page"} | when)
    return [case for case, _ in every() if any(case is one for one in wanted)]


class TestWhoComesIn:
    """Each way in, and nothing else opens it."""

    def test_a_known_identity_opens_its_active_account_whatever_else_is_said(self) -> None:
        """Neither the email, nor who owns it, nor a policy about newcomers matters to somebody who is known."""
        assert happens("owner of the identity signed in") == those(when={"provider": "allowed", "identity": "active"})

    def test_only_a_verified_email_of_a_confirmed_active_account_links_where_the_provider_links(self) -> None:
        """Everything has to hold at once: one thing missing, and the identity is not linked (pre-hijacking, nOAuth)."""
        links = {"owner": "active", "confirmed": "yes", "conflict": "no", "links": "yes"}
        assert happens("owner of the address signed in, identity linked") == those(when=NEW | links)

    @pytest.mark.parametrize("kind", ["", "external "])
    @pytest.mark.parametrize(("wanted", "end"), [("open", "active, and signed in"), ("approval", "pending, and told to wait")])
    def test_only_a_stranger_gets_an_account_where_signup_is_not_closed(self, kind: str, wanted: str, end: str) -> None:
        """`open` signs in at once, `approval` waits; `external_providers` marks the account, and changes nothing else.

        An address that the provider does not vouch for is in no account, whoever owns it.
        """
        external = "yes" if kind else "no"
        policies = {"read_only": "no", "external": external}
        vouched_for = those(when=NEW | {"owner": "nobody"} | policies)
        assert happens(f"{kind}account created, {end}") == [case for case in vouched_for if signup(case) == wanted]
        without = those(when=CLAIM | {"without_email": "own page"} | policies)
        said = f"{kind}account without an address created, {end}"
        assert happens(said) == [case for case in without if signup(case) == wanted]


class TestWhoStaysOut:
    """Each refusal, exactly where it belongs."""

    def test_a_provider_that_is_not_allowed_or_switched_off_refuses_everybody(self) -> None:
        """Also who is known, also who is blocked: nothing about an account is told before the provider is allowed."""
        assert happens("provider.disabled") == those(when={"provider": "switched off,not named"})

    @pytest.mark.parametrize("state", ["blocked", "pending"])
    def test_a_closed_account_stays_closed_by_its_identity_and_by_its_verified_email(self, state: str) -> None:
        """No policy and no second identity is a way around a block; the identity's own account counts before the address's."""
        by_key = those(when={"provider": "allowed", "identity": state})
        by_email = those(when=NEW | {"owner": state})
        assert {id(case) for case in happens(f"account.{state}")} == {id(case) for case in by_key + by_email}

    def test_an_unverified_or_absent_email_learns_nothing_and_gets_nothing(self) -> None:
        """Whether the address is somebody's, blocked or free: the answer to a mere claim is always the same."""
        assert happens("account.email_unverified") == those(when=CLAIM | {"without_email": "no,by handoff"})
        for case in those(when=CLAIM | {"without_email": "own page"}):
            assert outcome(case) == outcome({**case, **STRANGER})

    def test_a_second_uid_of_a_provider_is_a_conflict_and_never_replaces_the_first(self) -> None:
        """A provider that gives one address to another person must not hand the account over (CVE-2024-4024)."""
        assert happens("account.identity_conflict") == those(when=NEW | {"owner": "active", "conflict": "yes"})

    def test_an_email_that_may_not_link_is_refused_and_no_second_account_is_made(self) -> None:
        """Where linking is not allowed, or the account's address was never confirmed, there is no way on by email."""
        owned = those(when=NEW | {"owner": "active", "conflict": "no"})
        refused = [case for case in owned if (case["links"], case["confirmed"]) != ("yes", "yes")]
        assert happens("account.not_bound") == refused

    def test_a_closed_organization_says_so_and_a_read_only_one_creates_nobody(self) -> None:
        """Waiting helps with `read_only` and never with `closed`, so `closed` is said first."""
        strangers = strangers_of({})
        assert happens("account.signup_closed") == [case for case in strangers if signup(case) == "closed"]
        read_only = [case for case in strangers if case["read_only"] == "yes" and signup(case) != "closed"]
        assert happens("org.read_only") == read_only

    def test_what_one_provider_may_do_says_nothing_about_another(self) -> None:
        """In every combination github may do everything; taking the provider's name off a list takes the right away."""
        case = CASE | STRANGER | {"signup": "closed"}
        assert policy(case).signup_from("github") == "open"
        assert outcome(case) == "6: refused, `account.signup_closed`"


def test_refusal_and_decision_are_about_the_same_address() -> None:
    """A new account gets the verified address as it came, and the state and mark of its provider."""
    decision = decide(CASE | STRANGER | {"override": "approval", "external": "yes"})
    assert decision == Create(identity(CASE).email, "pending", external=True)


def test_an_owner_found_by_mistake_for_an_unverified_email_is_not_read() -> None:
    """The rules themselves do not look at an address's owner, whatever they are handed."""
    case = CASE | {"email": "unverified"}
    with pytest.raises(AccountError) as caught:
        resolve(
            identity(case),
            by_key=None,
            by_email=account(2, state="blocked"),
            email_account_providers=frozenset({PROVIDER}),
            policy=policy(case),
            at_own_page=True,
        )
    assert (caught.value.code, caught.value.rule, caught.value.account_id) == ("account.email_unverified", 3, None)


@pytest.mark.parametrize(
    ("changes", "account_id"),
    [
        ({"identity": "blocked"}, 1),
        ({"owner": "pending"}, 2),
        ({"conflict": "yes"}, 2),
        ({"links": "no"}, 2),
        (STRANGER | {"signup": "closed"}, None),
    ],
)
def test_refusal_names_account_organization_and_provider(changes: dict[str, str], account_id: int | None) -> None:
    """Support can see from a refusal which account it was about, and the page can name organization and provider."""
    with pytest.raises(AccountError) as caught:
        decide(CASE | changes)
    assert (caught.value.org, caught.value.provider, caught.value.account_id) == ("Acme", PROVIDER, account_id)
