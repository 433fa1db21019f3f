"""A directory of three cells and the service over it, as an application and as a server on a loopback port."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from bridge.config import TopologyConfig, load
from bridge.topology.directory import Directory
from bridge.topology.directory_file import parse_directory
from bridge.topology.service import create_app
from tests.topology.running_router import Router

TOKEN = "the-token-that-the-cells-show"
DIRECTORY = """
[[cell]]
id = 1
address = "127.0.0.1:8101"
session_prefix = "cell-1"

[[cell]]
id = 2
address = "127.0.0.1:8102"
session_prefix = "cell-2"

[[cell]]
id = 3
address = "[::1]:8103"
session_prefix = "cell-3"

[[organization]]
id = 42
path = "acme"
name = "Acme & Söhne"
cell = 2
domains = ["acme.example", "bücher.example"]
emails = ["Dana@Mail.example"]

[[organization]]
id = 43
path = "globex"
cell = 2
domains = ["globex.example"]
emails = ["boss@acme.example"]

[[organization]]
id = 77
path = "initech"
cell = 3
domains = ["initech.example"]
acs_url = "https://gitlab.example/users/auth/saml/callback"
sp_entity_id = "https://gitlab.example"
"""


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def move(self, **delta: float) -> None:
        """Move the clock by a `timedelta`."""
        self.now += timedelta(**delta)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at noon."""
    return Clock()


@pytest.fixture(scope="session")
def directory() -> Directory:
    """The directory of these tests."""
    return parse_directory(DIRECTORY, source="directory.toml")


@pytest.fixture
def directory_file(tmp_path: Path) -> Path:
    """The same directory as a file."""
    path = tmp_path / "directory.toml"
    path.write_text(DIRECTORY, "utf-8")
    return path


@pytest.fixture
def topology_config(tmp_path: Path, directory_file: Path) -> TopologyConfig:
    """The service's configuration: SQLite, with a token."""
    path = tmp_path / "topology.toml"
    path.write_text(
        f'[service]\ndatabase_url = "sqlite:///claims.db"\ndirectory_file = "{directory_file.name}"\ntoken = "{TOKEN}"\n',
        "utf-8",
    )
    return load(TopologyConfig, path, {})


@pytest.fixture
def service(topology_config: TopologyConfig) -> Flask:
    """The service as an application."""
    return create_app(topology_config)


@pytest.fixture
def api(service: Flask) -> FlaskClient:
    """A client that shows the token."""
    client = service.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    return client


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve *app* on a free loopback port, yielding its URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def service_url(service: Flask) -> Iterator[str]:
    """The service's URL while it runs on a loopback port."""
    with serving(service) as url:
        yield url


def is_refused(response: TestResponse, status: int, code: int) -> bool:
    """Whether *response* is a refusal of this status and gRPC code in the real service's shape."""
    body = response.get_json()
    assert set(body) == {"code", "message", "details"}
    assert body["details"] == []
    return (response.status_code, body["code"]) == (status, code)


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """A router on plain http, shared by the tests that leave it as it is."""
    running = Router(tmp_path_factory.mktemp("router"))
    yield running
    running.stop()
