"""What an operator is told of a database that cannot be used: where it is, what it said, what to do.

The law: one sentence, and no password in it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError

from bridge.errors import BridgeError, DatabaseNotReady


@contextmanager
def in_a_sentence(url: str) -> Iterator[None]:
    """Turn what the database at *url* refuses in the block, told by a refusal of ours or not, into `DatabaseNotReady`."""
    try:
        yield
    except (DBAPIError, BridgeError) as error:
        refused = error if isinstance(error, DBAPIError) else error.__cause__
        if not isinstance(refused, DBAPIError):
            raise
        raise DatabaseNotReady(reason=_sentence(make_url(url), str(refused.orig).partition("\n")[0])) from error


def missing_folder(url: str) -> str | None:
    """Return the sentence about the folder of the SQLite file at *url*, if there is none."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or (folder := Path(str(parsed.database)).parent).is_dir():
        return None
    return f"cannot open {parsed.database}: the folder {folder} does not exist; make it"


def _sentence(url: URL, said: str) -> str:
    if url.password:
        said = said.replace(url.password, "***")
    if folder := missing_folder(url.render_as_string(hide_password=False)):
        return f"the database cannot be used: {folder}"
    if url.get_backend_name() == "sqlite":
        return f"the database {url.database} cannot be used: {said}; this user must be able to write the file and its folder"
    place = f"{url.database} at {url.host or 'the local socket'}"
    return f"the database {place} cannot be used: {said}; see that it runs and that service.database_url is right"
