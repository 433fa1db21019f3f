"""nanoidp in an environment of its own: its pins (lxml, Werkzeug, pydantic) are not ours, and both are kept as they are locked.

Its MCP server is left out of the lock, which `overrides.txt` does; nothing here starts it. The lock is made in its folder by

    uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \\
        --override overrides.txt requirements.in -o requirements.lock
"""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from bridge.harness.processes import Process, free_port

FOLDER = Path(__file__).with_name("nanoidp")
ENVIRONMENT = FOLDER / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"


class Unavailable(Exception):
    """Raised if nanoidp cannot be installed, with what to do about it."""


def install() -> None:
    """Install the packages of the lock, unless they are there; raises `Unavailable`. Workers of one run take turns."""
    lock, installed = FOLDER / "requirements.lock", ENVIRONMENT / ".made-from"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    with lock.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if installed.exists() and installed.read_text("ascii") == wanted:
            return
        options = ["--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", "--require-hashes"]
        for command in (
            [sys.executable, "-m", "venv", "--clear", "--without-pip", str(ENVIRONMENT)],
            [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", *options, "-r", str(lock)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                raise Unavailable(f"NANOIDP IS NOT TESTED: it cannot be installed: {done.stderr[-500:]}")
        installed.write_text(wanted, "ascii")


# Letters alone: nanoidp does not decode what HTTP Basic carries, which RFC 6749 2.3.1 has encoded.
SECRET = "nanoidpsecret"


def start(directory: Path, *, redirect_uri: str) -> tuple[Process, str]:
    """Start nanoidp with the client `cellbridge` and the people of its file; returns the process and the issuer's URL."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    (directory / "settings.yaml").write_text(
        f"""
config_version: 1
server: {{host: "127.0.0.1", port: {port}}}
oauth:
  issuer: "{issuer}"
  audience: "cellbridge"
  clients:
    - {{client_id: "cellbridge", client_secret: "{SECRET}", redirect_uris: ["{redirect_uri}"]}}
    - client_id: "cellbridge-post"
      client_secret: "{SECRET}"
      redirect_uris: ["{redirect_uri}"]
      token_endpoint_auth_method: "client_secret_post"
""",
        "utf-8",
    )
    (directory / "users.yaml").write_text(
        """
config_version: 1
users:
  dana: {password: "secret", email: "dana@acme.example"}
  mia: {password: "secret", email: "mia@acme.example"}
""",
        "utf-8",
    )
    process = Process(
        name="nanoidp",
        command=[str(PYTHON), "-m", "nanoidp", "--config", str(directory)],
        environment={},
        directory=directory,
        log=directory / "nanoidp.log",
    )
    process.start()
    return process, issuer
