"""The JSON that travels between the Topology Service and its clients. Pure.

The law: on both ends a field is there once, of its type and within its limits, or the message is refused as a whole.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from bridge.handoff import MAX_ORG_NAME_CHARS, OrgRoute, check_org_path
from bridge.identity import Email, IdentityKey, plain_text
from bridge.topology.directory import Cell, Organization, OrgPath, Question, Subject
from bridge.urls import http_url, org_route

MAX_BODY_BYTES = 64 * 1024

# Codes of gRPC (google.rpc.Code), as its JSON gateways write them, with their HTTP status.
INVALID_ARGUMENT = (3, 400)
NOT_FOUND = (5, 404)
ALREADY_EXISTS = (6, 409)
UNIMPLEMENTED = (12, 405)
OUT_OF_RANGE = (11, 413)
INTERNAL = (13, 500)
UNAVAILABLE = (14, 503)
UNAUTHENTICATED = (16, 401)
HTTP_CODES = (INVALID_ARGUMENT, UNAUTHENTICATED, NOT_FOUND, UNIMPLEMENTED, OUT_OF_RANGE)


class MalformedMessage(ValueError):
    """Raised if a message is not of its form; the text says what is wrong and repeats nothing of it."""


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in *raw*; a key that stands twice, NaN and too deep nesting are refused (`MalformedMessage`)."""
    try:
        found = json.loads(raw, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("the body is not JSON") from error
    if not isinstance(found, dict):
        raise MalformedMessage("the body is not a JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


def only(body: Mapping[str, Any], *names: str) -> None:
    """Refuse a *body* whose keys are not exactly *names*."""
    if body.keys() != set(names):
        raise MalformedMessage(f"give exactly: {', '.join(names)}")


def text(value: object, name: str) -> str:
    """Return *value* if it is text."""
    if not isinstance(value, str):
        raise MalformedMessage(f"{name} is not text")
    return value


def whole_number(value: object, name: str) -> int:
    """Return *value* if it is a positive whole number."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise MalformedMessage(f"{name} is not a positive whole number")
    return value


def table(value: object, name: str) -> Mapping[str, Any]:
    """Return *value* if it is an object."""
    if not isinstance(value, dict):
        raise MalformedMessage(f"{name} is not an object")
    return value


def subject_body(subject: Subject) -> dict[str, Any]:
    """Return *subject* as a request names it: `{"email"}` or `{"identity": {"provider", "uid"}}`."""
    if isinstance(subject, Email):
        return {"email": subject.address}
    return {"identity": {"provider": subject.provider, "uid": subject.uid}}


def read_subject(body: Mapping[str, Any]) -> Subject:
    """Return what `subject_body` wrote; raises `MalformedMessage` or `MalformedValue`."""
    if "identity" in body:
        only(body, "identity")
        identity = table(body["identity"], "identity")
        only(identity, "provider", "uid")
        return IdentityKey(provider=text(identity["provider"], "provider"), uid=text(identity["uid"], "uid"))
    only(body, "email")
    return Email.from_provider(body["email"])


def question_body(question: Question) -> dict[str, Any]:
    """Return *question* as a lookup names it: a subject, or `{"path"}`."""
    return {"path": question.path} if isinstance(question, OrgPath) else subject_body(question)


def read_question(body: Mapping[str, Any]) -> Question:
    """Return what `question_body` wrote; raises `MalformedMessage` or `MalformedValue`."""
    if "path" in body:
        only(body, "path")
        return OrgPath(text(body["path"], "path"))
    return read_subject(body)


def answer_body(org: Organization) -> dict[str, Any]:
    """Return the answer to a lookup: `{"organization": {"id", "path", ...}, "cell": {"id", "address", "session_prefix"}}`.

    An organization also has `name`, `acs_url` and `sp_entity_id`, where the directory says so.
    """
    optional = {"name": org.name, "acs_url": org.acs_url, "sp_entity_id": org.sp_entity_id}
    known = {key: value for key, value in optional.items() if value is not None}
    return {"organization": {"id": org.id, "path": org.path, **known}, "cell": cell_body(org.cell)}


def cell_body(cell: Cell) -> dict[str, Any]:
    """Return a cell as answers name it."""
    return {"id": cell.id, "address": cell.address, "session_prefix": cell.session_prefix}


@dataclass(frozen=True, slots=True)
class Place:
    """What a lookup says about an organization: enough for its route."""

    org_id: int
    org_path: str
    cell_id: int
    acs_url: str | None = None
    sp_entity_id: str | None = None
    org_name: str | None = None

    @classmethod
    def of(cls, org: Organization) -> "Place":
        """Return the place of an organization of the directory."""
        return cls(org.id, org.path, org.cell.id, org.acs_url, org.sp_entity_id, org.name)

    def route(self, *, public_url: str, acs_path: str) -> OrgRoute:
        """Return the route of handoffs to this organization: its own end where it has one, otherwise ours."""
        if self.acs_url and self.sp_entity_id:
            return OrgRoute(self.org_id, self.org_path, self.cell_id, self.acs_url, self.sp_entity_id, self.org_name)
        return org_route(
            public_url=public_url,
            org_id=self.org_id,
            org_path=self.org_path,
            cell_id=self.cell_id,
            acs_path=acs_path,
            org_name=self.org_name,
        )


def read_answer(body: Mapping[str, Any]) -> Place:
    """Return what `answer_body` wrote. Keys that a newer service adds are ignored. Raises `MalformedMessage`, `ValueError`."""
    org, cell = table(body.get("organization"), "organization"), table(body.get("cell"), "cell")
    acs_url, sp_entity_id, name = org.get("acs_url"), org.get("sp_entity_id"), org.get("name")
    if (acs_url is None) != (sp_entity_id is None):
        raise MalformedMessage("acs_url and sp_entity_id do not stand together")
    return Place(
        org_id=whole_number(org.get("id"), "organization.id"),
        org_path=check_org_path(org.get("path")),
        cell_id=whole_number(cell.get("id"), "cell.id"),
        acs_url=None if acs_url is None else http_url(text(acs_url, "acs_url")),
        sp_entity_id=None if sp_entity_id is None else text(sp_entity_id, "sp_entity_id"),
        org_name=None if name is None else plain_text(name, field="organization.name", max_chars=MAX_ORG_NAME_CHARS),
    )
