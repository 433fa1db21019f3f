"""The seal: the first secret seals, all open, and no purpose opens what was sealed for another."""

from pathlib import Path

import pytest

from bridge.errors import ConfigInvalid
from bridge.seal import MIN_SECRET_CHARS, Seal, SealBroken

OLD = "an old secret of thirty-two chars"
NEW = "a new secret, also long enough...."


def test_what_is_sealed_opens_for_its_purpose() -> None:
    """Sealing keeps the bytes as they are, and hides them."""
    seal = Seal([NEW])
    sealed = seal.seal(b"\x00 state \xff", purpose="login")
    assert seal.open(sealed, purpose="login") == b"\x00 state \xff"
    assert "state" not in sealed


def test_sealed_text_fits_a_cookie_value() -> None:
    """RFC 6265 4.1.1: no quoting needed."""
    sealed = Seal([NEW]).seal(bytes(range(256)), purpose="login")
    assert sealed.isascii()
    assert not set(sealed) & set(' ",;\\')


def test_another_purpose_does_not_open() -> None:
    """A login attempt presented as another cookie is not one."""
    seal = Seal([NEW])
    with pytest.raises(SealBroken):
        seal.open(seal.seal(b"x", purpose="login"), purpose="csrf")


def test_all_secrets_open_and_the_first_one_seals() -> None:
    """Rolling a secret signs nobody out, and what is sealed after it needs the new one."""
    old, rolled, new = Seal([OLD]), Seal([NEW, OLD]), Seal([NEW])
    assert rolled.open(old.seal(b"x", purpose="p"), purpose="p") == b"x"
    assert new.open(rolled.seal(b"x", purpose="p"), purpose="p") == b"x"
    with pytest.raises(SealBroken):
        old.open(rolled.seal(b"x", purpose="p"), purpose="p")


def test_every_changed_character_breaks_the_seal() -> None:
    """Authenticated encryption: there is no byte that may be flipped."""
    seal = Seal([NEW])
    sealed = seal.seal(b"x", purpose="p")
    core = sealed.rstrip("=")
    for place in range(len(core) - 1):  # the last one also holds padding bits, which base64 ignores
        changed = core[:place] + ("A" if core[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(SealBroken):
            seal.open(changed, purpose="p")


@pytest.mark.parametrize("raw", ["", "x", "é", "gAAAA", "=" * 80, "\ud800"])
def test_what_was_never_sealed_is_broken_not_an_error(raw: str) -> None:
    """Cookies hold whatever a stranger sends."""
    with pytest.raises(SealBroken):
        Seal([NEW]).open(raw, purpose="p")


def test_the_broken_seal_says_nothing_of_the_value() -> None:
    """The refusal may be logged."""
    with pytest.raises(SealBroken) as broken:
        Seal([NEW]).open("what the browser sent", purpose="p")
    assert "browser" not in str(broken.value)


def test_a_mac_matches_its_message_and_purpose_alone() -> None:
    """A CSRF token of one form is none of another."""
    seal = Seal([NEW])
    digest = seal.mac("message", purpose="csrf")
    assert len(digest) == 64
    assert seal.mac_matches(digest, "message", purpose="csrf")
    assert not seal.mac_matches(digest, "Message", purpose="csrf")
    assert not seal.mac_matches(digest, "message", purpose="other")
    for wrong in ("", "é", "\ud800", digest[:-1], digest.upper(), digest + "0"):
        assert not seal.mac_matches(wrong, "message", purpose="csrf")


def test_a_mac_of_an_older_secret_still_matches() -> None:
    """A page that was open while the secret rolled can be sent."""
    digest = Seal([OLD]).mac("message", purpose="csrf")
    assert Seal([NEW, OLD]).mac_matches(digest, "message", purpose="csrf")
    assert not Seal([NEW]).mac_matches(digest, "message", purpose="csrf")
    assert Seal([NEW, OLD]).mac("message", purpose="csrf") == Seal([NEW]).mac("message", purpose="csrf")


def test_a_mac_is_no_key_of_the_seal() -> None:
    """The same purpose sealed and authenticated uses two keys: a digest shown in a page says nothing of cookies."""
    seal = Seal([NEW])
    assert seal.mac("x", purpose="p") not in seal.seal(b"x", purpose="p")


@pytest.mark.parametrize("secrets", [[], [""], ["x" * (MIN_SECRET_CHARS - 1)], [NEW, "short"]])
def test_no_secret_or_a_short_one_is_refused(secrets: list[str]) -> None:
    """There is no default, and one weak secret opens everything."""
    with pytest.raises(ValueError, match=str(MIN_SECRET_CHARS)):
        Seal(secrets)


def test_secrets_come_from_files_newest_first(tmp_path: Path) -> None:
    """The order of the configuration is the order of use; the line end of an editor is not part of a secret."""
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_text(NEW + "\n", "utf-8")
    old.write_text(OLD, "utf-8")
    new.chmod(0o600)
    old.chmod(0o640)
    seal = Seal.from_files([new, old])
    assert Seal([NEW]).open(seal.seal(b"x", purpose="p"), purpose="p") == b"x"
    assert seal.open(Seal([OLD]).seal(b"x", purpose="p"), purpose="p") == b"x"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o666])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever reads it forges every cookie of the cell; its group may, as a container's mount needs."""
    path = tmp_path / "seal.key"
    path.write_text(NEW, "utf-8")
    path.chmod(mode)
    with pytest.raises(ConfigInvalid, match=r"others may read .*; run chmod 600") as refused:
        Seal.from_files([path])
    assert NEW not in str(refused.value)


def test_every_unusable_file_is_named_and_no_secret_is(tmp_path: Path) -> None:
    """Who deploys mends all at once, and may paste the message into a ticket."""
    short, binary = tmp_path / "short", tmp_path / "binary"
    short.write_text("hunter2", "utf-8")
    binary.write_bytes(b"\xff" * 40)
    with pytest.raises(ConfigInvalid) as refused:
        Seal.from_files([tmp_path / "missing", short, binary])
    assert len(refused.value.problems) == 3
    assert all(name in str(refused.value) for name in ("missing", "short", "binary"))
    assert "hunter2" not in str(refused.value)
