"""Classification in the shape of the real Topology Service: claims or a type and value in, a cell out. Pure.

The law: an ordered list is answered by its first claim that is known; a claim of a kind that this directory does not keep is
unknown, not an error; a claim with no or two keys is refused (`oneof` of protobuf).

Requests (the real service's REST mapping of `ClassifyRequest`):

    {"type": "SESSION_PREFIX" | "CELL_ID", "value": "cell-1"}      {"type": "FIRST_CELL"}
    {"claim": {"email": "a@acme.example"}}
    {"claims": [{"organization_path": "acme"}, {"email": "a@acme.example"}]}
"""

from collections.abc import Callable, Mapping
from typing import Any

from bridge.identity import Email
from bridge.topology.directory import Cell, Directory, Organization, Subject
from bridge.topology.wire import MalformedMessage, only, table, text, whole_number

MAX_CLAIMS = 20

# The other members of the real service's `Claim`.
_NOT_KEPT = frozenset(
    {
        "route",
        "redirect_route",
        "username",
        "project_id",
        "namespace_id",
        "gpg_key",
        "ssh_key",
        "user_id",
        "service_desk_custom_email",
        "gpg_key_fingerprint",
        "invite_email",
    }
)


def classify(directory: Directory, owner: Callable[[Subject], Organization | None], body: Mapping[str, Any]) -> Cell | None:
    """Return the cell that *body* asks for, or None; *owner* finds who owns an address.

    Raises `MalformedMessage` and, for an address that is none, `MalformedValue`.
    """
    if "type" in body:
        return _by_type(directory, body)
    if "claim" in body:
        only(body, "claim")
        claims: object = [body["claim"]]
    else:
        only(body, "claims")
        claims = body["claims"]
    if not isinstance(claims, list) or not 0 < len(claims) <= MAX_CLAIMS:
        raise MalformedMessage(f"claims is not a list of 1 to {MAX_CLAIMS}")
    # The whole list is read before the first claim is answered: a bad message is refused whatever it begins with.
    questions = [_question(directory, owner, claim) for claim in claims]
    orgs = (ask() for ask in questions)
    return next((org.cell for org in orgs if org), None)


def _by_type(directory: Directory, body: Mapping[str, Any]) -> Cell | None:
    kind = text(body["type"], "type")
    if kind == "FIRST_CELL" and body.keys() <= {"type", "value"}:
        return directory.legacy_cell
    only(body, "type", "value")
    value = text(body["value"], "value")
    if kind == "SESSION_PREFIX":
        return directory.cell_of_prefix(value)
    if kind == "CELL_ID":
        return directory.cell(_number(value, "value"))
    raise MalformedMessage("type is not FIRST_CELL, SESSION_PREFIX or CELL_ID")


def _question(
    directory: Directory, owner: Callable[[Subject], Organization | None], claim: object
) -> Callable[[], Organization | None]:
    pairs = list(table(claim, "claim").items())
    if len(pairs) != 1:
        raise MalformedMessage("a claim has exactly one key")
    kind, value = pairs[0]
    if kind == "email":
        email = Email.from_provider(value)
        return lambda: owner(email)
    if kind == "organization_path":
        path = text(value, kind)
        return lambda: directory.org_at(path)
    if kind == "organization_id":
        org_id = _number(value, kind)
        return lambda: directory.org(org_id)
    if kind in _NOT_KEPT:
        return lambda: None
    raise MalformedMessage("claim is of no known kind")


def _number(value: object, name: str) -> int:
    """Read a 64-bit number, which protobuf's JSON writes as text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 19:
        value = int(value)
    return whole_number(value, name)
