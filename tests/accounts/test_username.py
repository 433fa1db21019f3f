"""Usernames of new accounts."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.accounts.username import MAX_BASE_CHARS, RESERVED, candidates, sanitize
from bridge.identity import ExternalIdentity

USERNAME = re.compile(r"[A-Za-z0-9](?:[_.-]?[A-Za-z0-9])*")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("ann", "ann"),
        ("Ann.Example", "Ann.Example"),
        ("ann@corp.example", "ann"),
        ("José Núñez", "JoseNunez"),
        ("王伟", ""),
        ("__ann--.example..", "ann-example"),
        ("ann/../root", "ann.root"),
        ("<script>", "script"),
        ("repo.git", "repo-git"),
        ("feed.ATOM", "feed-ATOM"),
        ("ann+tag", "anntag"),
        ("@", ""),
        ("\uff21nn", "Ann"),
        ("a" * 200, "a" * MAX_BASE_CHARS),
        ("a" * (MAX_BASE_CHARS - 1) + ".b", "a" * (MAX_BASE_CHARS - 1)),
    ],
)
def test_sanitize_keeps_what_a_path_can_carry(raw: str, expected: str) -> None:
    """Letters become ASCII, what does not belong into a path is dropped, separators neither repeat nor stand at an end."""
    assert sanitize(raw) == expected


@given(st.text(max_size=300))
def test_sanitized_text_is_a_username_or_nothing(raw: str) -> None:
    """Whatever a provider sends, the result has the form of a username or is empty, and sanitizing it again changes nothing."""
    plain = sanitize(raw)
    assert plain == "" or USERNAME.fullmatch(plain)
    assert len(plain) <= MAX_BASE_CHARS
    assert sanitize(plain) == plain


def test_provider_username_comes_first(identity: Callable[..., ExternalIdentity]) -> None:
    """The provider's username is wished first, then the email's local part, then a plain word."""
    assert candidates(identity(username="octo-ann"))[0] == "octo-ann"
    assert candidates(identity(username=None))[0] == "ann"
    assert candidates(identity(username="王伟"))[0] == "ann"
    assert candidates(identity(username=None, email="_@acme.example"))[0] == "user"
    assert candidates(identity(username=None, email=None))[0] == "user"


@pytest.mark.parametrize("word", ["admin", "Root", "o", "USERS", "robots.txt"])
def test_reserved_word_always_gets_a_suffix(word: str, identity: Callable[..., ExternalIdentity]) -> None:
    """Nobody becomes `admin` or shadows a route, in any letter case."""
    names = candidates(identity(username=word))
    assert all(name.startswith(f"{word}-") for name in names)
    assert not {name.lower() for name in names} & RESERVED


def test_suffix_comes_from_the_whole_identity_and_does_not_show_it(identity: Callable[..., ExternalIdentity]) -> None:
    """The same person gets the same suffix again, another uid or provider another one, and the uid cannot be read in it."""
    mine = candidates(identity(uid="100200300"))
    assert mine == candidates(identity(uid="100200300"))
    assert mine[1] != candidates(identity(uid="100200301"))[1]
    assert mine[1] != candidates(identity(uid="100200300", provider="github"))[1]
    assert not any("100200300" in name for name in mine)
    assert all(USERNAME.fullmatch(name) for name in mine)
