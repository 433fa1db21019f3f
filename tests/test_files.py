"""Shared files: replaced as a whole, and read again by every process within a second of a change."""

import threading
from pathlib import Path

import pytest

from bridge.errors import KeyRingError
from bridge.files import LOOK_SECONDS, Reloaded, replace_file


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def pass_a_look(self) -> None:
        """Let so much time pass that the files are looked at again."""
        self.now += LOOK_SECONDS


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


class Followed:
    """A file and what is made of it, with a count of the readings."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path, self.readings = path, 0
        self.write("one")
        self.value = Reloaded([path], self._load, name="test", monotonic=clock)

    def write(self, text: str) -> None:
        """Replace the file."""
        replace_file(self.path, text.encode(), mode=0o600)

    def _load(self, before: str | None) -> str:
        self.readings += 1
        try:
            text = self.path.read_text()
        except OSError as error:
            raise KeyRingError(reason="gone") from error
        if text == "bad":
            raise KeyRingError(reason="bad")
        return f"{before}>{text}" if text == "after" else text


@pytest.fixture
def followed(tmp_path: Path, clock: Clock) -> Followed:
    """A file that says "one"."""
    return Followed(tmp_path / "file", clock)


def test_a_changed_file_is_read_again(followed: Followed, clock: Clock) -> None:
    """A change counts at the next look, and is read once; *load* is told the value so far."""
    followed.write("after")
    assert followed.value.current() == "one"
    clock.pass_a_look()
    assert [followed.value.current() for _ in range(5)] == ["one>after"] * 5
    assert followed.readings == 2


def test_an_unchanged_file_is_looked_at_once_in_a_while(
    followed: Followed, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand requests within a second cost no look at the disk, and looks at a file that did not change no reading."""
    looks = 0
    real = Path.stat

    def counted(path: Path, *, follow_symlinks: bool = True) -> object:
        nonlocal looks
        looks += path == followed.path
        return real(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", counted)
    for _ in range(3):
        clock.pass_a_look()
        for _ in range(1000):
            followed.value.current()
    assert (looks, followed.readings) == (3, 1)


@pytest.mark.parametrize("spoil", ["bad", None])
def test_what_cannot_be_read_leaves_the_last_good_value(followed: Followed, clock: Clock, spoil: str | None) -> None:
    """A file that is spoiled or gone changes nothing, until it is mended."""
    if spoil is None:
        followed.path.unlink()
    else:
        followed.write(spoil)
    for _ in range(3):
        clock.pass_a_look()
        assert followed.value.current() == "one"
    followed.write("two")
    clock.pass_a_look()
    assert followed.value.current() == "two"


def test_a_bad_file_at_first_is_refused(tmp_path: Path, clock: Clock) -> None:
    """There is no last good value at the start."""
    with pytest.raises(KeyRingError):
        Reloaded([], lambda _: _refuse(), name="test", monotonic=clock)
    assert not list(tmp_path.iterdir())


def _refuse() -> str:
    raise KeyRingError(reason="bad")


def test_a_value_is_shared_by_all_only_after_a_look(followed: Followed, clock: Clock) -> None:
    """Until everybody must have looked, older values may be in use elsewhere: at the start unknown ones, later the last."""
    assert followed.value.in_use() == ("one", None)
    clock.pass_a_look()
    assert followed.value.in_use() == ("one",)
    followed.write("two")
    clock.pass_a_look()
    assert followed.value.in_use() == ("two", "one")
    clock.now += LOOK_SECONDS * 0.99
    assert followed.value.in_use() == ("two", "one")
    clock.pass_a_look()
    assert followed.value.in_use() == ("two",)


def test_threads_that_ask_together_get_the_new_value(followed: Followed, clock: Clock) -> None:
    """Who asks while another thread reads waits for it: after a look nobody is answered with the old value."""
    followed.write("two")
    clock.pass_a_look()
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(followed.value.current())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["two"] * 16
    assert followed.readings == 2
