"""A callback holds exactly one of each field, and says one thing."""

import pytest

from bridge.errors import LoginStateMismatch, ProviderBadReply, ProviderDenied
from bridge.oauth.callback import Callback, error_code, read_callback, read_state

STATE = ("state", "s" * 43)


def test_a_code_and_the_issuer_are_read_and_the_rest_is_ignored() -> None:
    """Providers add fields of their own (`scope`, `authuser`, `session_state`), and are free to."""
    args = [STATE, ("code", "4/abc def"), ("iss", "https://id.example"), ("scope", "a"), ("scope", "b")]
    assert read_callback(args, "it") == Callback(code="4/abc def", iss="https://id.example")
    assert read_callback([STATE, ("code", "x")], "it").iss is None


def test_the_code_is_not_in_the_representation() -> None:
    """A callback that ends in a log line gives nothing away."""
    assert "secret-code" not in repr(Callback(code="secret-code"))


@pytest.mark.parametrize("doubled", ["state", "code", "error", "iss"])
def test_a_doubled_field_answers_no_sign_in_of_ours(doubled: str) -> None:
    """Exactly one: of two codes or states nobody can say which was checked."""
    args = [STATE, ("code", "x"), (doubled, "y"), (doubled, "y")]
    with pytest.raises(LoginStateMismatch) as refused:
        read_callback(args, "it")
    assert refused.value.code == "login.state_mismatch"
    with pytest.raises(LoginStateMismatch):
        read_state(args, "it")


@pytest.mark.parametrize("args", [[], [("code", "x")], [("state", ""), ("code", "x")], [("error", "access_denied")]])
def test_without_a_state_nothing_counts(args: list[tuple[str, str]]) -> None:
    """Not even an error: anybody can send a browser here with one."""
    with pytest.raises(LoginStateMismatch):
        read_callback(args, "it")
    with pytest.raises(LoginStateMismatch):
        read_state(args, "it")


def test_the_state_is_read_alone() -> None:
    """The attempt is opened before anything else of the callback is believed."""
    assert read_state([("code", "x"), STATE], "it") == STATE[1]


@pytest.mark.parametrize("args", [[STATE], [STATE, ("code", "")]])
def test_without_code_and_error_it_is_no_callback(args: list[tuple[str, str]]) -> None:
    """Somebody opened the address by hand."""
    with pytest.raises(LoginStateMismatch):
        read_callback(args, "it")


def test_a_person_may_say_no() -> None:
    """RFC 6749 4.1.2.1: `access_denied` is the person's answer, not a failure."""
    with pytest.raises(ProviderDenied) as refused:
        read_callback([STATE, ("error", "access_denied"), ("error_description", "<b>no</b>")], "it")
    assert "<b>" not in str(refused.value)


def test_other_errors_are_the_providers() -> None:
    """The code is logged, the description, which anybody can write, is not."""
    with pytest.raises(ProviderBadReply) as refused:
        read_callback([STATE, ("error", "invalid_scope"), ("error_description", "psst")], "it")
    assert refused.value.code == "provider.bad_reply"
    assert "invalid_scope" in refused.value.reason
    assert "psst" not in str(refused.value)


@pytest.mark.parametrize(
    "args", [[("authCode", "c1")], [("authCode", "c1"), ("code", "c1")], [("code", ""), ("authCode", "c1")]]
)
def test_a_code_may_be_called_as_dingtalk_calls_it(args: list[tuple[str, str]]) -> None:
    """DingTalk sends `authCode`, or both names for one code."""
    assert read_callback([STATE, *args], "it").code == "c1"


@pytest.mark.parametrize("args", [[("authCode", "c1"), ("authCode", "c1")], [("code", "c1"), ("authCode", "c2")]])
def test_two_codes_are_refused(args: list[tuple[str, str]]) -> None:
    """Exactly one: nobody says which of two is the person's (code injection)."""
    with pytest.raises((ProviderBadReply, LoginStateMismatch)) as refused:
        read_callback([STATE, *args], "it")
    assert "c1" not in str(refused.value)


def test_a_code_beside_an_error_is_refused() -> None:
    """A reply that contradicts itself is not redeemed, whichever half is true."""
    for error in ("access_denied", "invalid_scope", ""):
        with pytest.raises(ProviderBadReply):
            read_callback([STATE, ("code", "x"), ("error", error)], "it")


@pytest.mark.parametrize("code", ["a\r\nb", "é", "x" * 4097, "\x00"])
def test_a_code_is_short_printable_ascii(code: str) -> None:
    """RFC 6749 A.11; it is about to travel in a request of ours."""
    with pytest.raises(ProviderBadReply) as refused:
        read_callback([STATE, ("code", code)], "it")
    assert code not in refused.value.reason


@pytest.mark.parametrize(
    "value", ["4/0Adeu5B", "ghu_16C7e42F292c", "sentence with spaces", "x" * 41, 7, None, ["invalid_grant"]]
)
def test_only_an_error_codes_form_reaches_a_log(value: object) -> None:
    """A provider that echoes a code or a token as its error must not bring it into our logs."""
    assert str(value) not in error_code(value)
    assert error_code("invalid_grant") == "invalid_grant"
