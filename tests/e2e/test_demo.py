"""`cellbridge demo`: what a newcomer runs first."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bridge.harness.processes import answers, free_port

pytestmark = pytest.mark.e2e
COMMAND = [str(Path(sys.executable).with_name("cellbridge")), "demo"]


def test_once_walks_a_sign_in(tmp_path: Path) -> None:
    """`--once` prints every hop with what was checked, ends with 0, and leaves no file and no process behind."""
    done = subprocess.run(
        [*COMMAND, "--once"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The sign-in crossed the bridge." in done.stdout
    assert done.stdout.count("checked:") >= 10
    assert list(tmp_path.iterdir()) == []


def test_taken_port_is_told(tmp_path: Path) -> None:
    """A port that somebody else has is named at once, with what to do, before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run([*COMMAND, "--port", str(port)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_nothing_behind(tmp_path: Path, how: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end every process that the demo started, and remove its files."""
    port = free_port()
    with subprocess.Popen(
        [*COMMAND, "--port", str(port)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        told = ""
        while "Ctrl-C stops everything" not in told:
            line = demo.stdout.readline()
            assert line, f"the demo ended early:\n{told}"
            told += line
        assert answers(f"http://localhost:{port}/users/sign_in")
        children = psutil.Process(demo.pid).children(recursive=True)
        assert len(children) >= 6
        demo.send_signal(how)
        demo.communicate(timeout=60)
        assert demo.returncode == 0
    assert "/o/acme/projects/7?tab=2" in told
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert not alive, [child.cmdline() for child in alive]
    assert len(gone) == len(children)
    assert list(tmp_path.iterdir()) == []
