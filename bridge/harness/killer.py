"""A service whose worker is killed at a chosen step: `python -m bridge.harness.killer DIRECTORY serve sp --config FILE`.

The law: the kill is a real SIGKILL, and the step is exact. A step is one line of our own code, run while the endpoint answers.
The file `DIRECTORY/step` holds the number of the step at which to die, counted from the start of the next handoff; without the
file nobody dies. `DIRECTORY/steps` receives how many steps the last whole handoff took.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import bridge.accounts
import bridge.saml
import bridge.web
import sp
from bridge.cli import main

WATCHED = tuple(str(Path(package.__file__ or "").parent) for package in (bridge.accounts, bridge.saml, bridge.web, sp))
BEGINS = (str(Path(sp.__file__).with_name("endpoint.py")), "consume")
ENDS = (str(Path(bridge.web.__file__).with_name("request_log.py")), "_end")

Trace = Callable[[FrameType, str, Any], Any]


class Killer:
    """Counts the steps of each thread's request, and kills the process at the armed one."""

    def __init__(self, directory: Path) -> None:
        self._step_file = directory / "step"
        self._steps_file = directory / "steps"
        self._thread = threading.local()

    def install(self) -> None:
        """Watch every thread that starts from now on."""
        threading.settrace(self.trace)
        sys.settrace(self.trace)

    def trace(self, frame: FrameType, _event: str, _value: object) -> Trace | None:
        """Follow a frame of our own code, and no other."""
        code = frame.f_code
        if not code.co_filename.startswith(WATCHED):
            return None
        if (code.co_filename, code.co_name) == BEGINS:
            self._thread.steps = 0
            self._thread.armed = int(self._step_file.read_text("ascii")) if self._step_file.exists() else None
        return self._step

    def _step(self, frame: FrameType, event: str, _value: object) -> Trace:
        steps = getattr(self._thread, "steps", None)
        if steps is not None and event == "line":
            self._thread.steps = steps + 1
            if self._thread.armed == steps + 1:
                self._step_file.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
        if event == "return" and (frame.f_code.co_filename, frame.f_code.co_name) == ENDS and steps:
            self._steps_file.write_text(str(steps), "ascii")
            self._thread.steps = None
        return self._step


if __name__ == "__main__":
    Killer(Path(sys.argv[1])).install()
    main(sys.argv[2:])
