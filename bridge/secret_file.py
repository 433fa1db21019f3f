"""Secrets that stand in files of their own: read when a service starts, made by a command.

The law: a secret's text goes to its reader alone, and a file that is there is never overwritten.
"""

import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from bridge.errors import ConfigInvalid

MAKE_ONE = "make it with cellbridge secret new --file {path}"


def read_secret(path: Path) -> SecretStr:
    """Return what the file at *path* holds, white space around it removed; raises `ValueError` for none."""
    try:
        text = path.read_text("utf-8").strip()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"cannot read {path}: it is not text in UTF-8") from error
    if not text:
        raise ValueError(f"{path} is empty")
    return SecretStr(text)


def others_may_read(path: Path) -> bool:
    """Whether every user of the machine may open the file at *path*; its group may, as containers need. Raises `OSError`."""
    return bool(path.stat().st_mode & 0o007)


def write_new_secret(path: Path) -> None:
    """Write 256 random bits as text to *path*, readable by its owner alone; raises `ConfigInvalid` where a file is there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigInvalid(
            source=str(path), problems=(f"cannot be made: {error.strerror}; --if-missing keeps what is there",)
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
