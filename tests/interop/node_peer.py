"""The peers that run in Node: installed once from their own lock, one process for a run, JSON in and out."""

import fcntl
import hashlib
import json
import select
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

NODE = Path(__file__).with_name("node")


class Unavailable(Exception):
    """Raised if Node or its packages are not here, with what to do about it."""


def install(folder: Path = NODE) -> None:
    """Install the packages of *folder*'s lock, unless they are there; raises `Unavailable`. Workers of one run take turns."""
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".made-from"
    missing = [command for command in ("node", "npm") if not shutil.which(command)]
    if missing:
        raise Unavailable(f"THE NODE PEERS ARE NOT TESTED: {' and '.join(missing)} not found; install Node 20.19 or newer")
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    with lock.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if installed.exists() and installed.read_text("ascii") == wanted:
            return
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise Unavailable(f"THE NODE PEERS ARE NOT TESTED: npm ci failed: {done.stderr[-500:]}")
        installed.write_text(wanted, "ascii")


class NodePeers:
    """One process with all peers in it; a context manager. samlify's schemas take seconds to compile, once."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["node", "peers.mjs"], cwd=NODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, peer: str, action: str, **job: Any) -> Mapping[str, Any]:
        """Return the answer of *peer* to one job (see node/peers.mjs)."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(json.dumps({"peer": peer, "action": action, **job}).encode("ascii") + b"\n")
        asked.flush()
        assert select.select([answers], [], [], 120)[0], f"no answer from {peer}"
        answer: dict[str, Any] = json.loads(answers.readline())
        return answer


def version(package: str) -> str:
    """Return the installed version of *package*."""
    text = (NODE / "node_modules" / package / "package.json").read_text("utf-8")
    return str(json.loads(text)["version"])
