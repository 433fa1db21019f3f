"""A whole pair as real processes: router, legacy cell, two owning cells, topology, stand-in providers.

The law: what runs here is what is deployed, by the same commands, configuration files and Caddyfile. Only the providers are
stand-ins.
"""

import contextlib
import io
import json
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

import bridge.topology
from bridge.cli import main as cellbridge
from bridge.config import IdpConfig, SpConfig, TopologyConfig, load
from bridge.files import replace_file
from bridge.harness import world
from bridge.harness.personas import PROVIDERS
from bridge.harness.processes import HarnessError, Process, answers, free_port, wait_until
from bridge.harness.seed import seed

CADDYFILE = Path(bridge.topology.__file__).with_name("Caddyfile")
START_ORDER = ("topology", "providers", "idp", "sp-2", "sp-3", "router")


def _tool(name: str) -> str:
    """Return the path of a command that this environment installed."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise HarnessError(f"{name} is not installed: pip install 'cellbridge[harness]'")
    return found


@dataclass(frozen=True)
class Options:
    """How to start a pair. `port` 0 picks a free one; `https` puts the router behind a certificate of its own authority.

    `edit` may change the configuration files once they are written, for a world that differs. `services` are those that run.
    """

    port: int = 0
    https: bool = False
    workers: int = 2
    log_level: str = "debug"
    databases: tuple[tuple[str, str], ...] = ()
    services: tuple[str, ...] = START_ORDER
    edit: Callable[[Path, world.Addresses], None] = lambda _directory, _at: None


class Pair:
    """A running pair. Use it as a context manager: it stops everything that it started."""

    def __init__(self, directory: Path, options: Options = Options()) -> None:
        self.directory = directory
        self.options = options
        self.client_secrets = {name: secrets.token_urlsafe(24) for name in PROVIDERS}
        self.topology_token = secrets.token_urlsafe(24)
        scheme = "https" if options.https else "http"
        provider = f"127.0.0.1:{free_port()}"
        self.at = world.Addresses(
            public_url=f"{scheme}://localhost:{options.port or free_port()}",
            provider_url=f"http://{provider}",
            provider=provider,
            topology=f"127.0.0.1:{free_port()}",
            legacy=f"127.0.0.1:{free_port()}",
            owning={cell: f"127.0.0.1:{free_port()}" for cell in world.OWNING_CELLS},
        )
        self.processes: dict[str, Process] = {}

    @property
    def public_url(self) -> str:
        """The one origin that browsers see, without a trailing slash."""
        return self.at.public_url

    @property
    def authority(self) -> Path:
        """The certificate of the router's own authority, which signs its server certificate where `https` is on."""
        return self.directory / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def database_url(self, service: str) -> str:
        """Return the database URL of `idp`, `sp-2`, `sp-3` or `topology`."""
        return dict(self.options.databases).get(service, f"sqlite:///{service}.db")

    def config(self, cell: int) -> SpConfig:
        """Return the configuration of an owning cell, as its processes read it."""
        return load(SpConfig, self.directory / f"sp-{cell}.toml", {})

    def legacy_config(self) -> IdpConfig:
        """Return the configuration of the legacy cell."""
        return load(IdpConfig, self.directory / "idp.toml", {})

    def logs(self) -> str:
        """Return everything that any process has logged so far."""
        return "\n".join(path.read_text("utf-8", "replace") for path in sorted((self.directory / "logs").glob("*.log")))

    def issued_secrets(self) -> dict[str, list[str]]:
        """Return every secret that the stand-in providers ever issued or received, by kind."""
        answer = requests.get(f"{self.at.provider_url}/-/issued", timeout=10)
        answer.raise_for_status()
        found: dict[str, list[str]] = answer.json()
        return found

    def events(self, service: str) -> Iterator[dict[str, object]]:
        """Yield the structured log events of *service*, oldest first."""
        for line in self.processes[service].log.read_text("utf-8", "replace").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Write the files, make keys and tables, seed the personas, start every process and wait until all are ready."""
        try:
            self.prepare()
            for name in self.options.services:
                self.processes[name] = self._process(name)
                self.processes[name].start()
            for name in self.options.services:
                self.wait_ready(name)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every process, all at once."""
        for process in self.processes.values():
            process.ask_to_stop()
        for process in self.processes.values():
            process.stop()

    def restart(self, name: str) -> None:
        """Start one process again, after it was stopped or killed, and wait until it is ready."""
        self.processes[name].stop()
        self.processes[name].start()
        self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Wait until one process answers; the router counts as ready when the sign-in page comes through it."""
        process = self.processes[name]
        if name == "router":

            def through() -> bool:
                if not process.running():
                    raise HarnessError(f"the router ended:\n{process.tail()}")
                if self.options.https and not self.authority.exists():
                    return False
                verify = str(self.authority) if self.options.https else True
                return answers(f"{self.public_url}/users/sign_in", verify=verify)

            wait_until(through, seconds=30, what=f"the sign-in page at {self.public_url}")
            return
        process.wait_ready(f"http://{self._address(name)}/-/{'healthz' if name == 'providers' else 'readyz'}")

    def _address(self, name: str) -> str:
        plain = {"topology": self.at.topology, "providers": self.at.provider, "idp": self.at.legacy}
        return plain[name] if name in plain else self.at.owning[int(name.removeprefix("sp-"))]

    def prepare(self) -> None:
        """Write the files, make keys and tables, seed the personas; nothing is started."""
        (self.directory / "logs").mkdir(parents=True, exist_ok=True)
        world.write(
            self.directory,
            self.at,
            client_secrets=self.client_secrets,
            token=self.topology_token,
            workers=self.options.workers,
            log_level=self.options.log_level,
            database_urls={name: self.database_url(name) for name in ("idp", "sp-2", "sp-3", "topology")},
        )
        self.options.edit(self.directory, self.at)
        for cell in (1, *world.OWNING_CELLS):
            _run("secret", "new", "--file", self.directory / world.seal_file(cell), "--if-missing")
        _run("keys", "new", "--dir", self.directory / "certs" / "idp", "--if-missing")
        (certificate,) = (self.directory / "certs" / "idp").glob("*.crt")
        shutil.copyfile(certificate, self.directory / "certs" / "idp.crt")
        for service in ("idp", "sp-2", "sp-3"):
            _run("db", "upgrade", "--config", self.directory / f"{service}.toml")
        topology = load(TopologyConfig, self.directory / "topology.toml", {})
        seed(self.legacy_config(), {cell: self.config(cell) for cell in world.OWNING_CELLS}, topology)

    def _process(self, name: str) -> Process:
        environment: dict[str, str] = {}
        if name == "router":
            command = [_tool("caddy"), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
            environment = {
                "CELLBRIDGE_LISTEN": self.public_url,
                "CELLBRIDGE_ELSEWHERE": self.public_url.replace("localhost", ""),
                "CELLBRIDGE_TOPOLOGY": self.at.topology,
                "XDG_DATA_HOME": str(self.directory / "caddy"),
                "XDG_CONFIG_HOME": str(self.directory / "caddy"),
            }
        elif name == "providers":
            command = [sys.executable, "-m", "bridge.harness.standin", "--config", str(self._standin_config())]
        else:
            kind = name.partition("-")[0]
            command = [_tool("cellbridge"), "serve", kind, "--config", f"{name}.toml"]
        return Process(
            name=name,
            command=command,
            environment=environment,
            directory=self.directory,
            log=self.directory / "logs" / f"{name}.log",
        )

    def _standin_config(self) -> Path:
        path = self.directory / "standin.json"
        clients = {
            name: {
                "client_id": f"cellbridge-{name}",
                "client_secret": self.client_secrets[name],
                "redirect_uris": [f"{self.public_url}/users/auth/{name}/callback"],
            }
            for name in PROVIDERS
        }
        config = {"bind": self.at.provider, "public_url": self.at.provider_url, "clients": clients}
        replace_file(path, json.dumps(config).encode(), mode=0o600)
        return path


def _run(*arguments: object) -> None:
    """Run a command of `cellbridge` in this process: the same code as in a shell, a second sooner."""
    words = [str(argument) for argument in arguments]
    with contextlib.redirect_stdout(io.StringIO()):
        failed = cellbridge.main(words, standalone_mode=False)
    if failed:
        raise HarnessError(f"cellbridge {' '.join(words)} failed with {failed}")
