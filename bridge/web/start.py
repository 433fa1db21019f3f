"""Where a person starts again after a refusal, and what they had wanted.

The law: only a return path that our own seal or a verified signature brought is kept; what a request says of itself is not.
"""

from urllib.parse import quote

from flask import request

from bridge.handoff import ReturnPath
from bridge.identity import MalformedValue

RETURN_TO = "return_to"
_WANTED = "cellbridge.wanted"


def read_return_path(values: list[str]) -> ReturnPath | None:
    """Return the one return path that a query or form field carries, or None for none, several, or a hostile one."""
    if len(values) != 1:
        return None
    try:
        return ReturnPath(values[0])
    except MalformedValue:
        return None


def sign_in_address(page: str, return_to: ReturnPath | None) -> str:
    """Return the address of the sign-in *page* (a path or URL without a query) that leads to *return_to* afterwards."""
    return page if return_to is None else f"{page}?{RETURN_TO}={quote(return_to.path, safe='')}"


def keep_return_path(return_to: ReturnPath | None) -> None:
    """Let "start again" on a page of refusal of this request lead to *return_to*, of a sealed attempt or a verified handoff."""
    request.environ[_WANTED] = return_to


def kept_return_path() -> ReturnPath | None:
    """Return what was kept during this request."""
    kept = request.environ.get(_WANTED)
    return kept if isinstance(kept, ReturnPath) else None
