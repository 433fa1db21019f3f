"""An application of the web layer without a cell on it, and its log."""

import io
import json
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from flask import Flask

from bridge.sections import Service
from bridge.web.app import create_app
from bridge.web.logs import configure
from bridge.web.messages import Labels

PUBLIC_URL = "https://cells.example"
LABELS = Labels(providers={"google_oauth2": "Google", "github": "GitHub & Co"}, orgs={"acme": "Acme <Ltd>"})

MakeService = Callable[..., Service]
MakeApp = Callable[..., Flask]
ReadLog = Callable[[], list[dict[str, Any]]]


def service_of(**changes: object) -> Service:
    """Return the configuration of a cell behind https and one proxy, with *changes*."""
    values: dict[str, object] = {
        "public_url": PUBLIC_URL,
        "database_url": "sqlite:////nowhere/test.db",
        "secret_files": ("seal.key",),
        "trusted_proxy_hops": 1,
    }
    return Service.model_validate(values | changes)


@pytest.fixture
def make_service() -> MakeService:
    """Build the configuration of a cell."""
    return service_of


@pytest.fixture
def make_app() -> MakeApp:
    """Build an application; keywords change the configuration, `ready` and `metrics` go to `create_app`."""

    def build(*, ready: Any = None, metrics: Any = None, **changes: object) -> Flask:
        return create_app(
            "idp", service=service_of(**changes), ready=ready or {}, labels=LABELS, random_bytes=os.urandom, metrics=metrics
        )

    return build


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """The application behind https."""
    return make_app()


@pytest.fixture
def read_log() -> Iterator[ReadLog]:
    """Send the log of this test to memory, at debug level, and read it as objects."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers, root.level)
    configure("debug", service="test", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, level = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
