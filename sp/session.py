"""The session cookie of an organization, and who it says is there.

The law: one origin serves all organizations, so a cookie's path bounds nothing: the organization is compared at every request.
"""

from dataclasses import dataclass

from flask import Request

from bridge.accounts.records import SignedIn
from bridge.web.cookies import read_cookie
from sp.cell import OwningCell
from sp.orgs import Organization


@dataclass(frozen=True)
class OpenSession:
    """A living session: the token that the browser brought, and what the store knows about it."""

    token: str
    signed_in: SignedIn


def session_cookie(org: Organization) -> str:
    """Return the name of the organization's session cookie, without prefix: two organizations can be open side by side."""
    return f"cb-{org.id}"


def find_session(cell: OwningCell, org: Organization, request: Request) -> OpenSession | None:
    """Return the session that *request* brings for *org*, or None."""
    token = read_cookie(request, cell.config.service, session_cookie(org))
    if token is None:
        return None
    signed_in = cell.accounts.session(token, org_id=org.id, now=cell.clock())
    return OpenSession(token, signed_in) if signed_in else None
