"""The reference of a request: the short text that joins the logs of both cells and the page that the person sees.

The law: every request has one from its first line of log; a sign-in that brings its own replaces it.
"""

from collections.abc import Callable

from structlog.contextvars import bind_contextvars, get_contextvars

from bridge.errors import BridgeError, HandoffError
from bridge.handoff import is_reference, new_reference


def bind_reference(reference: str) -> None:
    """Let all further log lines of this request carry *reference*; raises `ValueError` if it is none."""
    if not is_reference(reference):
        raise ValueError("not a reference")
    bind_contextvars(reference=reference)


def current_reference(random_bytes: Callable[[int], bytes]) -> str:
    """Return the reference of this request, a fresh one where none was bound."""
    bound = get_contextvars().get("reference")
    if isinstance(bound, str):
        return bound
    reference = new_reference(random_bytes)
    bind_reference(reference)
    return reference


def reference_for(error: BridgeError, random_bytes: Callable[[int], bytes]) -> str:
    """Return and bind the reference under which *error* is logged and shown.

    A refused handoff brings the reference of the cell that made it, unverified: it proves nothing, but with its form checked it
    leads support to the other cell's log.
    """
    if isinstance(error, HandoffError) and is_reference(error.unverified_reference):
        bind_reference(error.unverified_reference)
    return current_reference(random_bytes)
