"""The tree of refusals: each has its code, its sentence and its evidence, and none tells the person more than it should."""

import dataclasses
import string
from collections.abc import Iterator

import pytest

from bridge import errors
from bridge.errors import (
    AccountError,
    BridgeError,
    CellUnavailable,
    DatabaseUnavailable,
    HandoffError,
    HandoffReplayed,
    HandoffSignature,
    OperatorError,
    ProviderDenied,
    ProviderEmailMissing,
    RateLimited,
    StaleHandoff,
    TopologyUnavailable,
)

MAY_BE_SHOWN = {"provider", "org", "reference"}
DESIGN = {
    "login.restart": {"login.state_mismatch", "login.expired", "request.forged"},
    "provider.unavailable": {"provider.unavailable", "provider.bad_reply", "provider.bad_token"},
    "handoff.stale": {"handoff.expired", "handoff.not_yet_valid", "handoff.replayed"},
    "handoff.rejected": {
        "handoff.malformed",
        "handoff.schema",
        "handoff.status",
        "handoff.assertion_count",
        "handoff.signature",
        "handoff.algorithm",
        "handoff.issuer",
        "handoff.destination",
        "handoff.audience",
        "handoff.recipient",
        "handoff.solicited",
        "handoff.lifetime",
        "handoff.contract",
        "handoff.attribute",
        "handoff.org",
        "handoff.disagreement",
    },
}
STATUS = {
    "login": 400,
    "provider": 403,
    "provider.unavailable": 502,
    "provider.bad_reply": 502,
    "provider.bad_token": 502,
    "topology": 503,
    "cell": 503,
    "org": 404,
    "org.read_only": 403,
    "handoff": 403,
    "account": 403,
    "account.identity_conflict": 409,
    "account.identity_taken": 409,
    "account.last_identity": 409,
    "account.not_linked": 404,
    "rate": 429,
    "session": 401,
    "session.stale": 403,
    "database": 503,
    "internal": 500,
}


def tree(root: type[BridgeError]) -> Iterator[type[BridgeError]]:
    """Yield *root* and every class below it."""
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


LEAVES = sorted((kind for kind in tree(BridgeError) if hasattr(kind, "code")), key=lambda kind: kind.code)
every_leaf = pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.code)


def made(kind: type[BridgeError]) -> BridgeError:
    """Return an error of *kind* with a value in every field that must be given."""
    values: dict[str, object] = {}
    for field in dataclasses.fields(kind):
        if field.default is dataclasses.MISSING:
            values[field.name] = {"rule": 4, "problems": ("a.b: is missing",)}.get(field.name, f"some {field.name}")
    return kind(**values)


def test_a_code_belongs_to_one_class() -> None:
    """The log, the metrics and the docs find the reason by its code alone."""
    codes = [kind.code for kind in LEAVES]
    assert sorted(set(codes)) == codes


def test_every_class_of_the_module_is_in_the_drawing() -> None:
    """The tree in the docstring is whole, but for the codes `handoff.*` that it names together."""
    drawn = errors.__doc__ or ""
    for kind in tree(BridgeError):
        if not issubclass(kind, HandoffError):
            assert kind.__name__ in drawn, kind


@every_leaf
def test_a_refusal_has_all_that_its_readers_need(kind: type[BridgeError]) -> None:
    """Every refusal has a code of two words at most, a status, a sentence and what to do next."""
    assert 1 <= len(kind.code.split(".")) <= 2
    assert set(kind.code) <= set(string.ascii_lowercase + "._")
    assert 400 <= kind.status < 600
    assert kind.sentence.endswith(".")
    assert kind.next_step.endswith(".")
    assert (kind.__doc__ or "").startswith("Raised")


@every_leaf
def test_a_page_shows_nothing_of_the_evidence(kind: type[BridgeError]) -> None:
    """The sentences may name the provider, the organization and the reference; what else is known stays in the log."""
    for text in (kind.sentence, kind.next_step):
        named = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        assert named <= MAY_BE_SHOWN
        assert named - {"reference"} <= {field.name for field in dataclasses.fields(kind)}


@every_leaf
def test_evidence_is_short_text_or_numbers(kind: type[BridgeError]) -> None:
    """An attacker fills fields such as `received`; the log holds at most 300 characters of each."""
    error = made(kind)
    evidence = error.evidence()
    assert all(isinstance(value, int) or len(value) <= 300 for value in evidence.values())
    assert all(value not in ("", None) for value in evidence.values())
    assert str(error)


@every_leaf
def test_statuses_are_the_designs(kind: type[BridgeError]) -> None:
    """The HTTP status of a code is part of what programs rely on."""
    if kind.code.startswith("request.") or issubclass(kind, OperatorError):
        return
    assert kind.status == STATUS.get(kind.code, STATUS.get(kind.code.split(".")[0]))


@pytest.mark.parametrize("public_code", sorted(DESIGN))
def test_reasons_that_would_help_an_attacker_share_one_public_code(public_code: str) -> None:
    """Which check refused a handoff is for the log; the page says `handoff.rejected`."""
    assert {kind.code for kind in LEAVES if kind.public_code == public_code} == DESIGN[public_code]


@every_leaf
def test_other_public_codes_are_the_code_itself(kind: type[BridgeError]) -> None:
    """A code that hides nothing is shown as it is."""
    if kind.public_code not in DESIGN and not issubclass(kind, OperatorError):
        assert kind.public_code == kind.code


@pytest.mark.parametrize("kind", [ProviderEmailMissing, *tree(AccountError)], ids=lambda kind: kind.__name__)
def test_who_cannot_help_themselves_is_led_to_somebody(kind: type[BridgeError]) -> None:
    """Where the next step may be out of a person's reach, it also names who can open the door."""
    if kind in LEAVES:
        assert "administrator of " in kind.next_step


def test_what_is_worth_trying_again_says_when() -> None:
    """429 and 503 carry Retry-After, and nothing else does."""
    waits = {kind.code: kind.retry_after_seconds for kind in LEAVES if kind.retry_after_seconds}
    assert waits == {
        "cell.unavailable": CellUnavailable.retry_after_seconds,
        "database.unavailable": DatabaseUnavailable.retry_after_seconds,
        "rate.limited": RateLimited.retry_after_seconds,
        "topology.unavailable": TopologyUnavailable.retry_after_seconds,
    }


def test_the_tree_can_be_caught_at_any_height() -> None:
    """`StaleHandoff` catches what was good once; `HandoffError` catches every refused document; `BridgeError` all."""
    assert issubclass(HandoffReplayed, StaleHandoff)
    assert issubclass(StaleHandoff, HandoffError)
    assert {kind.code.split(".")[0] for kind in LEAVES if issubclass(kind, AccountError)} == {"account"}
    with pytest.raises(BridgeError):
        raise ProviderDenied(provider="github")


def test_evidence_is_capped_and_leaves_out_what_is_unset() -> None:
    """A hostile document cannot flood the log through an error."""
    error = HandoffSignature(received="x" * 10_000, line=3)
    assert error.evidence() == {"received": "x" * 300, "line": 3}
    assert str(error).startswith("handoff.signature(")


def test_evidence_is_given_by_name() -> None:
    """Expected and received cannot be swapped by position, and no evidence is invented."""
    with pytest.raises(TypeError):
        HandoffSignature("a", "b")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        ProviderDenied()  # type: ignore[call-arg]
