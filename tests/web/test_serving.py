"""A service as real processes: it starts, counts, replaces a lost worker, and stops without leaving anything behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import os, sys, threading
from pathlib import Path
from flask import Flask, request
from bridge.errors import ConfigInvalid
from bridge.sections import Service
from bridge.web.app import create_app
from bridge.web.messages import Labels
from bridge.web.serve import serve

service = Service.model_validate({
    "public_url": "http://127.0.0.1:8080", "database_url": "sqlite:////nowhere/x.db", "secret_files": ("x",),
    "bind": "127.0.0.1:0", "workers": 2, "threads": 4, "graceful_seconds": int(sys.argv[2]), "log_level": "debug",
})
folder = Path(sys.argv[1])

def application() -> Flask:
    if (folder / "broken").exists():
        raise ConfigInvalid(source="idp.toml", problems=("cell.id: is missing",)) from ValueError("SECRETVALUE")
    app = create_app("idp", service=service, ready={}, labels=Labels(), random_bytes=os.urandom)
    app.add_url_rule("/pid", "pid", lambda: str(os.getpid()))
    app.add_url_rule("/scheme", "scheme", lambda: request.scheme + " " + request.script_root)

    def slow() -> str:
        (folder / "begun").touch()
        while not (folder / "go").exists():
            threading.Event().wait(0.01)
        return "finished"

    app.add_url_rule("/slow", "slow", slow)
    return app

serve(application, name="idp", listen=service)
"""


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for *condition* to give something true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        threading.Event().wait(0.02)
    raise AssertionError("waited in vain")


def running(pids: set[int]) -> list[int]:
    """Return those of *pids* that still run; one that ended and waits to be noticed by its parent does not."""
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in ("Z", "X"):
            found.append(pid)
    return found


class Served:
    """A running service: its process, its log, and requests to it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        self.port = 0

    def log(self) -> list[dict[str, Any]]:
        """Read the log, every line of which has to be JSON."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Ask for *path* on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"Connection": "close"} | (headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def workers(self) -> set[int]:
        """Return the process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(child) for child in children.split()}

    def listening(self) -> dict[str, Any] | None:
        """Return the line that says where the service listens."""
        found = [line for line in self.log() if line["event"] == "service.listening"]
        return found[0] if found else None


@contextmanager
def served(folder: Path, graceful_seconds: int = 20) -> Iterator[Served]:
    """Run the program above with its temporary files under *folder*, and end it whatever happens."""
    temporary = folder / "tmp"
    temporary.mkdir()
    log = folder / "log"
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(temporary), "HOME": str(folder), "FORWARDED_ALLOW_IPS": "*"}
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), str(graceful_seconds)], env=environment, stderr=stderr, stdout=stderr
        )
    try:
        yield Served(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def started(service: Served) -> Served:
    """Wait until *service* answers."""
    line = until(service.listening)
    service.port = int(line["bind"][0].rpartition(":")[2])
    assert service.get("/-/healthz")[0] == 200
    until(lambda: len(service.workers()) == 2)
    return service


def test_sigterm_finishes_open_requests_and_leaves_nothing(tmp_path: Path) -> None:
    """A request that is open at SIGTERM gets its answer; then no process and no temporary file is left."""
    with served(tmp_path) as service:
        started(service)
        answers: list[tuple[int, str]] = []
        asking = threading.Thread(target=lambda: answers.append(service.get("/slow")))
        asking.start()
        until((tmp_path / "begun").exists)
        workers = service.workers()
        service.process.send_signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        asking.join(20)
        assert answers == [(200, "finished")]
        assert service.process.wait(20) == 0
        assert len(workers) == 2
        until(lambda: not running(workers), seconds=5)
        assert list((tmp_path / "tmp").iterdir()) == []
        assert not (tmp_path / ".gunicorn").exists(), "no control socket"


def test_sigterm_waits_no_longer_than_agreed(tmp_path: Path) -> None:
    """A request that never ends does not keep the service from stopping."""
    with served(tmp_path, graceful_seconds=1) as service:
        started(service)
        connection = HTTPConnection("127.0.0.1", service.port, timeout=20)
        connection.request("GET", "/slow")
        until((tmp_path / "begun").exists)
        workers = service.workers()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(10) == 0
        until(lambda: not running(workers), seconds=5)
        connection.close()


def test_a_killed_worker_is_replaced_and_counts_survive(tmp_path: Path) -> None:
    """SIGKILL of a worker costs a worker: another takes its place, and what was counted stays counted, over all workers."""
    with served(tmp_path) as service:
        started(service)
        first = service.workers()
        for _ in range(10):
            assert service.get("/pid")[0] == 200
        victim = int(service.get("/pid")[1])
        assert victim in first
        os.kill(victim, signal.SIGKILL)
        second = until(lambda: (now := service.workers()) and victim not in now and len(now) == 2 and now)
        assert second != first
        assert service.get("/pid")[0] == 200
        status, metrics = service.get("/-/metrics")
        assert status == 200
        counted = re.search(r'cellbridge_request_seconds_count\{route="/pid",service="idp",status="200"\} (\d+)', metrics)
        assert counted is not None
        assert int(counted[1]) == 12


def test_nothing_that_was_sent_is_logged(tmp_path: Path) -> None:
    """Good requests, broken request lines, long ones and broken headers leave no value in the log, at debug level too."""
    with served(tmp_path) as service:
        started(service)
        assert service.get("/pid?code=SECRETVALUE")[0] == 200
        assert service.get("/pid?code=SECRETVALUE" + "x" * 9000)[0] in (400, 414)
        assert service.get("/pid", headers={"Cookie": "cb-42=SECRETVALUE" + "x" * 20000})[0] in (400, 431)
        for raw in (
            b"GET /?code=SECRETVALUE HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nCookie cb=SECRETVALUE\r\n\r\n",
            b"G\0 SECRETVALUE\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
                connection.sendall(raw)
                assert b" 40" in connection.recv(4096)
        until(lambda: len([line for line in service.log() if line["event"] == "library"]) >= 3)
        text = json.dumps(service.log())
        assert "SECRETVALUE" not in text
        done = [line for line in service.log() if line["event"] == "request.done" and line["route"] == "/pid"]
        assert len(done) == 1
        assert done[0]["service"] == "idp"


def test_the_environment_does_not_decide_whom_to_believe(tmp_path: Path) -> None:
    """gunicorn would take the scheme and the script name from a proxy's headers if a variable said so; ours never does."""
    with served(tmp_path) as service:
        started(service)
        headers = {"X-Forwarded-Proto": "https", "Script-Name": "/evil", "X-Forwarded-Prefix": "/evil"}
        assert service.get("/scheme", headers=headers) == (200, "http ")


def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    """Workers that cannot build the application end the service with code 3; the log has the operator's sentence alone."""
    (tmp_path / "broken").touch()
    with served(tmp_path) as service:
        assert service.process.wait(20) == 3
        text = json.dumps(service.log())
        assert "cell.id: is missing" in text
        assert "SECRETVALUE" not in text
        assert list((tmp_path / "tmp").iterdir()) == []


def test_a_taken_address_ends_with_an_error(tmp_path: Path) -> None:
    """The library's own refusal reaches our log as JSON."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "tmp").mkdir()
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path)}
        program = PROGRAM.replace("127.0.0.1:0", f"127.0.0.1:{port}")
        ended = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), "1"], env=environment, capture_output=True, timeout=60, check=False
        )
    assert ended.returncode == 1
    assert any("in use" in json.loads(line).get("message", "") for line in ended.stderr.decode().splitlines())


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGQUIT])
def test_an_impatient_signal_leaves_nothing_either(tmp_path: Path, signal_number: signal.Signals) -> None:
    """Ctrl-C stops at once, with workers and files gone."""
    with served(tmp_path) as service:
        started(service)
        workers = service.workers()
        service.process.send_signal(signal_number)
        assert service.process.wait(20) == 0
        until(lambda: not running(workers), seconds=5)
        assert list((tmp_path / "tmp").iterdir()) == []
