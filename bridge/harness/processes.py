"""Real processes for a pair: start with a log file, wait for a condition, stop with nothing left behind.

The law: nothing waits for a time; everything waits for a condition, with a deadline that names what did not happen.
"""

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import requests

_POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1


class HarnessError(RuntimeError):
    """Raised if a pair cannot be started or a condition does not come true; says which, and the end of the log."""


def free_port() -> int:
    """Return a TCP port on loopback that was free a moment ago, below those that the kernel lends to clients.

    A service that is restarted comes back to its port: a lent one might be somebody else's by then.
    """
    while not is_free(port := 10_240 + secrets.randbelow(22_000)):
        pass
    return port


def is_free(port: int) -> bool:
    """Whether nothing listens on the TCP *port* of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Return as soon as *condition* holds; raise `HarnessError` naming *what* after *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise HarnessError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(_POLL_SECONDS)


def answers(url: str, *, verify: bool | str = True) -> bool:
    """Whether *url* answers 200 right now; *verify* may name a file of certificates to trust."""
    try:
        return requests.get(url, timeout=2, allow_redirects=False, verify=verify).status_code == HTTPStatus.OK
    except requests.RequestException:
        return False


def _die_with_parent() -> None:
    """Ask Linux to end this child when its parent dies, even by SIGKILL; elsewhere the parent's own clean-up has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Process:
    """One started process in a session of its own, its output in `log`."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    log: Path
    _popen: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the process; its output is appended to the log."""
        with self.log.open("ab") as output:
            self._popen = subprocess.Popen(  # noqa: S603  the commands are this harness's own
                self.command,
                cwd=self.directory,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  one prctl call, no locks
            )

    @property
    def pid(self) -> int:
        """The process id of the leader."""
        if self._popen is None:
            raise HarnessError(f"{self.name} is not started")
        return self._popen.pid

    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while the process runs."""
        return None if self._popen is None else self._popen.poll()

    def tail(self, lines: int = 15) -> str:
        """Return the last *lines* of the log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def wait_ready(self, url: str, *, seconds: float = 30) -> None:
        """Return when *url* answers 200; raise `HarnessError` with the log's end if the process ends or time runs out."""

        def ready() -> bool:
            if not self.running():
                raise HarnessError(f"{self.name} ended before it was ready:\n{self.tail()}")
            return answers(url)

        try:
            wait_until(ready, seconds=seconds, what=f"{self.name} to answer at {url}")
        except HarnessError as error:
            raise HarnessError(f"{error}\n{self.tail()}") from error

    def kill(self) -> None:
        """Send SIGKILL to the whole group at once."""
        if self._popen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()

    def ask_to_stop(self) -> None:
        """Send SIGTERM, and do not wait."""
        if self._popen is not None and self.running():
            self._popen.terminate()

    def stop(self, *, seconds: float = 15) -> None:
        """End the process politely, then by force; nothing of its group is left."""
        if self._popen is None:
            return
        if self.running():
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout=seconds)
        self.kill()
        self._popen = None
