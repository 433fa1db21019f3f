"""`python -m bridge.harness.standin`: the stand-in server as a process, ready when `GET /-/healthz` answers 200.

One gunicorn worker, since the state is in memory, with many threads, since a request that hangs holds one. What it serves
comes from a JSON file, `{"bind", "public_url", "clients": {provider: {"client_id", "client_secret", "redirect_uris"}}}`, or
from options, which register one client at every provider.

The law: nothing outlives the process, and its log holds no query, and so no code and no state.
"""

import json
import socket
from pathlib import Path
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from bridge.harness.standin.app import create_app
from bridge.harness.standin.ledger import Client
from bridge.harness.standin.wires import WIRES

THREADS = 64
CALLBACK_PATHS = ("/users/auth/{provider}/callback", "/auth/{provider}/callback")
# Never %(r)s, %(q)s or %(f)s: they hold the query, and with it codes and states.
ACCESS_LOG_FORMAT = "%(t)s %(m)s %(U)s %(s)s %(B)s"


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, listener: socket.socket, public_url: str, clients: list[Client]) -> None:
        self._listener = listener
        self._public_url = public_url
        self._clients = clients
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": f"fd://{self._listener.fileno()}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": 30,
            "graceful_timeout": 2,
            "control_socket_disable": True,
            "accesslog": "-",
            "access_log_format": ACCESS_LOG_FORMAT,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(public_url=self._public_url, clients=self._clients)


@click.command()
@click.option(
    "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A JSON file, instead of the rest."
)
@click.option("--bind", default="127.0.0.1:0", show_default=True, help="Host and port to listen at; port 0 picks a free one.")
@click.option("--public-url", help="The origin that browsers and cells see; by default where it listens.")
@click.option("--client-id", default="cellbridge", show_default=True, help="The client registered at every provider.")
@click.option("--client-secret", envvar="CELLBRIDGE_STANDIN_CLIENT_SECRET", show_envvar=True)
@click.option("--redirect-uri-prefix", multiple=True, help="An origin of cellbridge, such as http://localhost:8080.")
def main(
    *,
    config: Path | None,
    bind: str,
    public_url: str | None,
    client_id: str,
    client_secret: str | None,
    redirect_uri_prefix: tuple[str, ...],
) -> None:
    """Stand in for every provider that cellbridge knows, with personas instead of people."""
    if config is not None:
        bind, public_url, clients = _from_file(config)
    elif client_secret and redirect_uri_prefix:
        clients = [_client(name, client_id, client_secret, redirect_uri_prefix) for name in WIRES]
    else:
        raise click.UsageError("give --config, or --client-secret and --redirect-uri-prefix")
    host, _, port = bind.rpartition(":")
    listener = socket.create_server((host, int(port)))
    public_url = public_url or f"http://{host}:{listener.getsockname()[1]}"
    click.echo(f"stand-in providers at {public_url}")
    _Server(listener, public_url, clients).run()


def _from_file(path: Path) -> tuple[str, str | None, list[Client]]:
    settings: dict[str, Any] = json.loads(path.read_text("utf-8"))
    clients = [
        Client(provider, client["client_id"], client["client_secret"], frozenset(client["redirect_uris"]))
        for provider, client in settings["clients"].items()
    ]
    return settings["bind"], settings.get("public_url"), clients


def _client(provider: str, client_id: str, secret: str, prefixes: tuple[str, ...]) -> Client:
    uris = frozenset(prefix.rstrip("/") + path.format(provider=provider) for prefix in prefixes for path in CALLBACK_PATHS)
    return Client(provider, client_id, secret, uris)


if __name__ == "__main__":
    main()
