"""compose.yaml without Docker: its very commands, with its environment and configuration, as plain processes."""

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.accounts.opening import open_accounts
from bridge.config import SpConfig, load
from bridge.harness.browser import Browser
from bridge.harness.processes import Process, answers, free_port, wait_until
from bridge.harness.walk import Walk

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
CLIENT_SECRET = "a-secret-of-the-stand-in-provider"


@dataclass
class Ground:
    """What stands in for Docker: folders for the volumes, loopback ports for the service names."""

    directory: Path
    ports: dict[str, int] = field(
        default_factory=lambda: {name: free_port() for name in ("topology", "legacy", "owning", "router", "providers")}
    )

    def local(self, text: str) -> str:
        """Return *text* with the paths and addresses of the containers replaced by those of this machine, and nothing else."""
        replaced = {
            "/var/lib/cellbridge/": f"{self.directory}/volumes/",
            "/etc/cellbridge/": f"{self.directory}/etc/",
            "/etc/caddy/Caddyfile": str(ROOT / "bridge" / "topology" / "Caddyfile"),
            "0.0.0.0:8300": f"127.0.0.1:{self.ports['topology']}",
            "0.0.0.0:8101": f"127.0.0.1:{self.ports['legacy']}",
            "0.0.0.0:8102": f"127.0.0.1:{self.ports['owning']}",
            "topology:8300": f"127.0.0.1:{self.ports['topology']}",
            "legacy:8101": f"127.0.0.1:{self.ports['legacy']}",
            "owning:8102": f"127.0.0.1:{self.ports['owning']}",
            "localhost:8080": f"localhost:{self.ports['router']}",
        }
        for container, here in replaced.items():
            text = text.replace(container, here)
        return "127.0.0.1" if text == "0.0.0.0" else text  # noqa: S104

    def lay(self) -> None:
        """Make the volumes and copy the configuration, with the stand-in provider in the place of Google."""
        for volume in COMPOSE["volumes"]:
            (self.directory / "volumes" / volume).mkdir(parents=True, mode=0o700)
        secrets = self.directory / "etc" / "secrets"
        secrets.mkdir(parents=True)
        (secrets / "google_oauth2").write_text(CLIENT_SECRET, "utf-8")
        for source in (ROOT / "deploy").glob("*.toml"):
            text = self.local(source.read_text("utf-8"))
            if source.name == "idp.toml":
                line = 'name = "google_oauth2"\n'
                assert line in text
                text = text.replace(line, f'{line}unsafe_base_url = "{self.provider_url}/google_oauth2"\n')
            (self.directory / "etc" / source.name).write_text(text, "utf-8")

    @property
    def provider_url(self) -> str:
        """Where the stand-in provider listens."""
        return f"http://127.0.0.1:{self.ports['providers']}"

    @property
    def public_url(self) -> str:
        """Where the router listens."""
        return f"http://localhost:{self.ports['router']}"

    def process(self, name: str, service: Mapping[str, Any]) -> Process:
        """Return a service of the file as a process: entry point, command and environment as they stand there."""
        command = [*service.get("entrypoint", ["cellbridge"]), *service["command"]]
        if name == "router":
            command = list(service["command"])
        environment = {key: self.local(str(value)) for key, value in service.get("environment", {}).items()}
        tools = Path(sys.executable).parent
        return Process(
            name=name,
            command=[self.local(word) for word in command],
            environment={
                **environment,
                "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
                "XDG_DATA_HOME": str(self.directory / "caddy"),
                "XDG_CONFIG_HOME": str(self.directory / "caddy"),
            },
            directory=self.directory,
            log=self.directory / f"{name}.log",
        )


def _in_order(services: Mapping[str, Any]) -> Iterator[str]:
    """Yield the services so that each comes after those that it depends on."""
    done: set[str] = set()
    while len(done) < len(services):
        ready = [name for name, service in services.items() if name not in done and set(service.get("depends_on", ())) <= done]
        assert ready, "compose.yaml has services that wait for each other"
        yield from ready
        done.update(ready)


@pytest.fixture
def composed(tmp_path: Path) -> Iterator[Ground]:
    """Everything that compose.yaml starts, started, and the stand-in provider beside it."""
    ground = Ground(tmp_path)
    ground.lay()
    standin = tmp_path / "standin.json"
    client = {
        "client_id": "replace-with-your-client-id",
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [f"{ground.public_url}/users/auth/google_oauth2/callback"],
    }
    bind = f"127.0.0.1:{ground.ports['providers']}"
    standin.write_text(
        json.dumps({"bind": bind, "public_url": ground.provider_url, "clients": {"google_oauth2": client}}), "utf-8"
    )
    provider_command = [sys.executable, "-m", "bridge.harness.standin", "--config", str(standin)]
    started = [Process("providers", provider_command, {}, tmp_path, tmp_path / "providers.log")]
    try:
        started[0].start()
        for name in _in_order(COMPOSE["services"]):
            process = ground.process(name, COMPOSE["services"][name])
            started.append(process)
            process.start()
            if name.startswith("prepare-"):
                wait_until(lambda done=process: not done.running(), seconds=30, what=f"{name} to finish")  # type: ignore[misc]
                assert process.exit_code == 0, process.tail()
            elif name != "router":
                process.wait_ready(f"http://127.0.0.1:{ground.ports[name]}/-/readyz")
        wait_until(
            lambda: answers(f"{ground.public_url}/users/sign_in"), seconds=20, what="the sign-in page through the router"
        )
        yield ground
    finally:
        for process in reversed(started):
            process.stop()
        shutil.rmtree(tmp_path / "caddy", ignore_errors=True)


def test_compose_file_signs_people_in(composed: Ground) -> None:
    """What compose.yaml starts lets a stranger wait for approval, and signs them in once they are approved."""
    first = Walk(composed.public_url, Browser()).sign_in("google_oauth2", "newton", "/o/acme/projects/7?tab=2")
    assert "account.pending" in first.text, first.sentence()

    config = load(SpConfig, composed.directory / "etc" / "sp.toml", {})
    accounts = open_accounts(config)
    database = sqlite3.connect(composed.directory / "volumes" / "owning" / "sp.db")
    (account_id,) = database.execute("SELECT id FROM accounts WHERE email = 'newton@acme.example'").fetchone()
    database.close()
    accounts.set_state(account_id, "active", org_id=42, actor="administrator", now=datetime.now(UTC))

    second = Walk(composed.public_url, Browser()).sign_in("google_oauth2", "newton", "/o/acme/projects/7?tab=2")

    assert (second.status, second.url) == (200, f"{composed.public_url}/o/acme/projects/7?tab=2")
    assert "Newton Adeyemi" in second.sentence()


def test_private_key_stays_with_the_legacy_cell() -> None:
    """No service but the legacy cell and its preparation mounts the volume of the signing keys or the provider's secrets."""
    for name, service in COMPOSE["services"].items():
        mounted = {volume.split(":")[0] for volume in service.get("volumes", ())}
        if name not in ("legacy", "prepare-legacy"):
            assert not mounted & {"legacy", "./deploy/secrets"}, name
