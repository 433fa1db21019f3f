"""`cellbridge demo`: what a newcomer runs first."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bridge.harness.narration import walk_once
from bridge.harness.narrator import Narrator
from bridge.harness.pair import Pair
from bridge.harness.processes import answers, free_port
from bridge.harness.walk import Walk

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
    assert done.stdout.count("checked:") >= 20
    assert "checked: the inspector passes checks 1 to 17" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("once", [[], ["--once"]])
def test_taken_port_is_told(once: list[str]) -> None:
    """A port that somebody else has is named at once, with what to do, from make too, before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run([*COMMAND, *once, "--port", str(port)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr
    assert 'make demo ARGS="--port 8081"' in done.stderr


def test_a_claim_that_does_not_hold_is_not_printed(
    pair: Pair, fault: Callable[[str, str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A walk ends at the first claim that fails, with the reason and 1, and says nothing of what would have followed."""
    fault("google_oauth2", "token", "status_500")
    assert walk_once(pair) == 1
    told = capsys.readouterr()
    assert "the legacy cell did not hand over (502: Google did not answer properly." in told.err
    assert told.out.rstrip().endswith("callback: /users/auth/google_oauth2/callback -> 502")


def test_the_live_demo_tells_what_happens_and_why_it_was_refused(pair: Pair, walk: Walk) -> None:
    """What was logged before, such as the probe at the start, is no hop; a refusal comes with its evidence, escaped."""
    narrator = Narrator(pair)
    page = walk.to_callback("github", "nora")
    walk.browser.get(f"{pair.public_url}/users/auth/github/callback?code=a&state=b")
    lines = list(narrator.new_lines())
    assert lines[0].endswith("request.done      GET /users/sign_in 200")
    (refused,) = [line for line in lines if page.reference in line and "request.refused" in line]
    assert 'code=org.unknown provider="github" email_domain="elsewhere.example"' in refused
    assert any('code=login.state_mismatch provider="github" reason="the state is missing' in line for line in lines)
    assert list(narrator.new_lines()) == []


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
        (inspector,) = re.findall(r"The inspector explains .+ (http://127\.0\.0\.1:\d+/)", told)
        assert answers(inspector)
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
