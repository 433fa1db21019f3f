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

from bridge.harness.pair import Pair

PROGRAM = """
import json, os, sys, threading
from pathlib import Path
from flask import Flask, request
from bridge.errors import BridgeError, ConfigInvalid
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

try:
    serve(application, name="idp", listen=service)
except BridgeError as error:  # as the command line does
    print(json.dumps({"event": "told", "message": str(error)}), file=sys.stderr)
    sys.exit(1)
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
    with served(tmp_path, graceful_seconds=10) as service:
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
    """Workers that cannot build the application end the service; the log has the operator's sentence and no trace."""
    (tmp_path / "broken").touch()
    with served(tmp_path) as service:
        assert service.process.wait(20) == 1
        failed = [line for line in service.log() if line["event"] == "service.start_failed"]
        assert failed
        assert {(line["code"], "cell.id: is missing" in line["reason"]) for line in failed} == {("config.invalid", True)}
        assert "SECRETVALUE" not in json.dumps(service.log())
        assert service.log()[-1]["message"] == "idp did not start; the lines service.start_failed of its log say why"
        assert list((tmp_path / "tmp").iterdir()) == []


def ended(folder: Path, *words: str, **environment: str) -> tuple[int, list[str]]:
    """Run `cellbridge serve` until it ends by itself, and return its exit code and the lines of its standard error."""
    command = [sys.executable, "-c", "from bridge.cli import main; main()", "serve", *words]
    variables = {"PATH": os.environ["PATH"], "TMPDIR": str(folder), "HOME": str(folder)} | environment
    done = subprocess.run(command, env=variables, capture_output=True, timeout=60, check=False)
    assert done.stdout == b""
    return done.returncode, done.stderr.decode().splitlines()


def topology_in(folder: Path, **service: str) -> str:
    """Write a topology's files into *folder* and return the name of its configuration."""
    (folder / "directory.toml").write_text('[[cell]]\nid = 1\naddress = "127.0.0.1:1"\nsession_prefix = "cell-1"\n', "utf-8")
    given = {"directory_file": "directory.toml", "database_url": "sqlite:///claims.db", "bind": "127.0.0.1:0"} | service
    lines = "".join(f'{key} = "{value}"\n' for key, value in given.items())
    (folder / "topology.toml").write_text(f"[service]\n{lines}", "utf-8")
    return str(folder / "topology.toml")


def test_a_taken_address_is_one_line(tmp_path: Path) -> None:
    """No retries and no lines of the library: which address, what the system says, and which key to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        code, lines = ended(tmp_path, "topology", "--config", topology_in(tmp_path, bind=bind))
    assert code == 1
    assert lines == [
        f"cellbridge: cannot listen on {bind}: Address already in use; set service.bind to a free address of this machine"
    ]


@pytest.mark.parametrize(("bind", "said"), [("192.0.2.1:80", "Cannot assign"), ("nowhere.invalid:80", "")])
def test_an_address_of_nobody_is_one_line(tmp_path: Path, bind: str, said: str) -> None:
    """An address of another machine and a name that nobody has are told alike."""
    code, lines = ended(tmp_path, "topology", "--config", topology_in(tmp_path, bind=bind))
    assert (code, len(lines)) == (1, 1), lines
    assert lines[0].startswith(f"cellbridge: cannot listen on {bind}: {said}")


def test_missing_files_are_told_before_any_worker_is_made(tmp_path: Path) -> None:
    """The very list of `config check`, once, and nothing else."""
    config = topology_in(tmp_path, token_file="topology.token", directory_file="other.toml")
    code, lines = ended(tmp_path, "topology", "--config", config)
    assert code == 1
    assert lines[0] == f"cellbridge: {config}: 2 problem(s)"
    assert [line.split(":")[0] for line in lines[1:]] == ["  service.directory_file", "  service.token_file"]


def test_claims_that_cannot_be_kept_are_one_line(tmp_path: Path) -> None:
    """The topology is nothing without its database, and says so once."""
    (tmp_path / "claims.db").write_text("not a database, but long enough to be read as the head of one" * 20)
    code, lines = ended(tmp_path, "topology", "--config", topology_in(tmp_path))
    assert (code, len(lines)) == (1, 1), lines
    assert lines[0].startswith(f"cellbridge: the database {tmp_path}/claims.db cannot be used: ")


def test_missing_tables_are_told_at_the_start(tmp_path: Path) -> None:
    """A cell starts without its tables, since they may come; but its log says what to run before anybody asks `/-/readyz`."""
    Pair(tmp_path).prepare()
    command = [
        sys.executable,
        "-c",
        "from bridge.cli import main; main()",
        "serve",
        "sp",
        "--config",
        str(tmp_path / "sp-2.toml"),
    ]
    variables = {
        "CELLBRIDGE_SERVICE__DATABASE_URL": "sqlite:///bare.db",
        "CELLBRIDGE_SERVICE__BIND": "127.0.0.1:0",
        "CELLBRIDGE_SERVICE__GRACEFUL_SECONDS": "5",
    }
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, env=os.environ | variables, stderr=stderr)
    try:
        service = Served(process, log)
        until(service.listening)
        events = [line["event"] for line in service.log()]
        (warning,) = [line for line in service.log() if line["event"] == "ready.failed"]
        assert events.index("ready.failed") < events.index("service.listening")
        assert (warning["level"], warning["check"], warning["code"]) == ("warning", "database", "database.not_ready")
        assert "run cellbridge db upgrade" in warning["evidence"]["reason"]
        process.terminate()
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGQUIT])
def test_an_impatient_signal_leaves_nothing_either(tmp_path: Path, signal_number: signal.Signals) -> None:
    """Ctrl-C stops at once, with workers and files gone; a worker that is only being born is given the graceful time."""
    with served(tmp_path, graceful_seconds=5) as service:
        started(service)
        workers = service.workers()
        service.process.send_signal(signal_number)
        assert service.process.wait(20) == 0
        until(lambda: not running(workers), seconds=5)
        assert list((tmp_path / "tmp").iterdir()) == []
