"""One service as a group of processes: gunicorn, from the values of the configuration.

The law: a worker builds the application itself, after the fork. Nothing is shared that must not be (database pools, HTTP
connections, locks), for the price of some memory; what the workers do share, the counters, goes through files.
"""

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from bridge.errors import OperatorError, ServiceNotStarted
from bridge.sections import Listen
from bridge.web import logs
from bridge.web.metrics import count_across_workers

MAX_REQUEST_LINE_BYTES = 8190  # a callback carries the provider's code and our state
MAX_HEADER_BYTES = 16384  # several sealed attempts may stand in one Cookie header
MAX_HEADERS = 64
KEEPALIVE_SECONDS = 75  # longer than the router keeps idle connections, or it posts into one that is being closed
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - heartbeat files, made by gunicorn with mkstemp


class _LibraryLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger without handlers of its own, so that its lines go through `bridge.web.logs`."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers = []
            logger.propagate = True
            logger.setLevel(logging.WARNING)


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, application: Callable[[], Flask], settings: dict[str, object]) -> None:
        self._application = application
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        try:
            return self._application()
        except OperatorError as error:
            structlog.get_logger().critical("service.start_failed", code=error.code, reason=str(error))
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from error
        except Exception as error:
            # gunicorn would print the exception's text, which may hold a database's password.
            structlog.get_logger().critical("service.start_failed", trace=logs.trace_of(error))
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from error


def serve(
    application: Callable[[], Flask],
    *,
    name: str,
    listen: Listen,
    cell_id: int | None = None,
    look_first: Callable[[], None] = lambda: None,
) -> None:
    """Serve *application* under *name* until SIGTERM (waits for open requests) or SIGINT; ends with `SystemExit`.

    The log names it by *name* and *cell_id*. *look_first* is called once, before the workers are made, and must leave nothing
    open. Each worker calls *application* once. A worker that dies is replaced. Raises what *look_first* raises, and
    `ServiceNotStarted` if the address is taken or the first workers cannot start.
    """
    logs.configure(listen.log_level, service=name, cell_id=cell_id)
    owner = os.getpid()
    _require_free(listen.bind)
    look_first()
    counters = Path(tempfile.mkdtemp(prefix="cellbridge-metrics-"))
    count_across_workers(counters)
    try:
        _Server(application, _settings(name, listen)).run()
    except SystemExit as ended:
        if os.getpid() != owner or ended.code not in (Arbiter.WORKER_BOOT_ERROR, Arbiter.APP_LOAD_ERROR):
            raise
        raise ServiceNotStarted(reason=f"{name} did not start; the lines service.start_failed of its log say why") from ended
    finally:
        if os.getpid() == owner:  # workers leave through here, too
            shutil.rmtree(counters, ignore_errors=True)


def _require_free(bind: str) -> None:
    """Take the address and let it go: gunicorn itself would try a taken one for five seconds, in ten lines."""
    host, _, port = bind.rpartition(":")
    try:
        family, kind, *_, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ServiceNotStarted(
            reason=f"cannot listen on {bind}: {said}; set service.bind to a free address of this machine"
        ) from error


def _settings(name: str, listen: Listen) -> dict[str, object]:
    def say_where(server: Arbiter) -> None:
        addresses = [listener.sock.getsockname() for listener in server.LISTENERS]
        where = [f"{address[0]}:{address[1]}" for address in addresses]
        structlog.get_logger().info("service.listening", bind=where, workers=listen.workers, threads=listen.threads)

    return {
        "bind": listen.bind,
        "workers": listen.workers,
        "worker_class": "gthread",
        "threads": listen.threads,
        "preload_app": False,
        "graceful_timeout": listen.graceful_seconds,
        "keepalive": KEEPALIVE_SECONDS,
        "limit_request_line": MAX_REQUEST_LINE_BYTES,
        "limit_request_fields": MAX_HEADERS,
        "limit_request_field_size": MAX_HEADER_BYTES,
        "forwarded_allow_ips": "",
        "proxy_allow_ips": "",
        "accesslog": None,
        "logger_class": _LibraryLogger,
        "control_socket_disable": True,
        "worker_tmp_dir": str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None,
        "proc_name": f"cellbridge-{name}",
        "when_ready": say_where,
    }
