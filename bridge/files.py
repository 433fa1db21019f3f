"""Files that several processes share: replaced as a whole, changed by one writer at a time, read again when they changed.

The law: a reader has the old content or the new one, never a part of either; what cannot be read leaves the last good value.
"""

import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from bridge.errors import OperatorError

LOOK_SECONDS = 1.0

Value = TypeVar("Value")
log = structlog.get_logger()


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Replace *path* by *content* as a whole: the new file has its mode before it has its name."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def only_writer(directory: Path) -> Iterator[None]:
    """Hold the lock of *directory* against every other process that asks for it."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class Reloaded(Generic[Value]):
    """What *load* makes of the files at *paths*, made again once they have changed; for many threads and many processes.

    The files are looked at when somebody asks, and at most once in `LOOK_SECONDS`. *load* is given the value so far, None at
    first. If it refuses with an `OperatorError` at first, so does this; later, the value stays and the log says why.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        load: Callable[[Value | None], Value],
        *,
        name: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths, self._load, self._name, self._monotonic = tuple(paths), load, name, monotonic
        self._lock = threading.Lock()
        self._seen = self._look()
        self._refused: object = None
        self._value = load(None)
        now = monotonic()
        self._look_again = now + LOOK_SECONDS
        self._superseded: list[tuple[float, Value | None]] = [(now, None)]

    def current(self) -> Value:
        """Return the value of the files as they were at most `LOOK_SECONDS` ago. Ask once for each request."""
        if self._monotonic() >= self._look_again:
            with self._lock:  # who waits here gets the new value, not the one that is being replaced
                if self._monotonic() >= self._look_again:
                    self._renew()
                    self._look_again = self._monotonic() + LOOK_SECONDS
        return self._value

    def in_use(self) -> tuple[Value | None, ...]:
        """Return every value that some process on these files may still answer with, the current one first.

        The others have been superseded less than `LOOK_SECONDS` ago: until then another process may not have looked again.
        None is a value from before this process began.
        """
        value = self.current()
        with self._lock:
            now = self._monotonic()
            self._superseded = [(at, old) for at, old in self._superseded if now - at < LOOK_SECONDS]
            return (value, *(old for _, old in self._superseded))

    def _renew(self) -> None:
        seen = self._look()
        if seen == self._seen:
            return
        try:
            value = self._load(self._value)
        except OperatorError as error:
            if seen != self._refused:
                self._refused = seen
                log.warning("files.not_reloaded", what=self._name, code=error.code, evidence=error.evidence())
            return
        self._superseded.append((self._monotonic(), self._value))
        self._value, self._seen, self._refused = value, seen, None
        log.info("files.reloaded", what=self._name)

    def _look(self) -> tuple[tuple[int, int, int] | None, ...]:
        found: list[tuple[int, int, int] | None] = []
        for path in self._paths:
            try:
                status = path.stat()
                found.append((status.st_ino, status.st_size, status.st_mtime_ns))
            except OSError:
                found.append(None)
        return tuple(found)
