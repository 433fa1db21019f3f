"""Which cell a request goes to: the rules behind the router's question. Pure.

The law: a path is read once and as the cell will read it, and whatever can be read in two ways goes to the legacy cell. The
router chooses a place only; each cell judges every request again, so a wrong choice ends in "not served here" (404).

The rules, first match wins:

1. A path that is not plain (dot segments, `//`, backslashes, control characters, also percent-encoded) goes to the legacy cell.
2. `/o/<path>/` goes to the organization's cell; an unknown organization to the legacy cell, so that a page can say so.
3. An OAuth callback whose one state begins `o<id>.` goes to that organization's cell, an unknown id to the legacy cell.
4. The global sign-in pages (`/users/`, `/auth/`, `/saml/`) go to the legacy cell: a session on an owning cell must not take
   them away from the browser.
5. Session cookies that all name the same cell send the request there. Sessions of two cells (two organizations open side by
   side, or a cookie planted beside the real one) name no cell.
6. Everything else goes to the legacy cell.
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote

from bridge.topology.directory import Cell, Directory

MAX_QUERY_FIELDS = 100

_ORG = re.compile(r"/o(?:/([^/]*))?(?:/.*)?")
_CALLBACK = re.compile(r"(?:/users)?/auth/[a-z][a-z0-9_]{0,62}/callback")
_GLOBAL = re.compile(r"/(?:users|auth|saml)(?:/.*)?")
_ORG_STATE = re.compile(r"o([1-9][0-9]{0,15})\.")
_SESSION_COOKIE = re.compile(r"(?:__Host-)?cb-(?:[1-9][0-9]{0,15}|legacy)")
_NOT_PLAIN = re.compile(r"//|\\|[\x00-\x1f\x7f]|/\.\.?(?:/|$)")


def cell_for(directory: Directory, *, uri: str, cookies: Iterable[tuple[str, str]]) -> Cell:
    """Return the cell for a request to *uri* (path and query, percent-encoded as it came) with *cookies* (name, value)."""
    raw_path, _, query = uri.partition("?")
    path = unquote(raw_path, encoding="latin-1")  # once, as WSGI servers do for PATH_INFO (PEP 3333)
    if not path.startswith("/") or _NOT_PLAIN.search(path):
        return directory.legacy_cell
    if in_org := _ORG.fullmatch(path):
        org = directory.org_at(in_org[1] or "")
        return org.cell if org else directory.legacy_cell
    if _GLOBAL.fullmatch(path):
        return _cell_of_state(directory, query) if _CALLBACK.fullmatch(path) else directory.legacy_cell
    return _cell_of_sessions(directory, cookies)


def _cell_of_state(directory: Directory, query: str) -> Cell:
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        return directory.legacy_cell
    states = [value for name, value in fields if name == "state"]
    named = _ORG_STATE.match(states[0]) if len(states) == 1 else None
    org = directory.org(int(named[1])) if named else None
    return org.cell if org else directory.legacy_cell


def _cell_of_sessions(directory: Directory, cookies: Iterable[tuple[str, str]]) -> Cell:
    named = {directory.cell_of_session(value) for name, value in cookies if _SESSION_COOKIE.fullmatch(name)} - {None}
    return (named.pop() if len(named) == 1 else None) or directory.legacy_cell
