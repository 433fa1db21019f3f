"""The stand-in Topology Service: classification, lookups, claims, and the router's question.

The law: the directory file is read once at start and counts before every claim; what came over the wire is checked before it is
used; an error is JSON `{"code", "message", "details"}` and repeats no address, identity or token.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from bridge.config import TopologyConfig
from bridge.errors import BridgeError, ConfigInvalid
from bridge.identity import Email, MalformedValue
from bridge.topology import wire
from bridge.topology.claims import ClaimStore, open_claims
from bridge.topology.classify import classify
from bridge.topology.directory import ClaimHeld, Directory, Organization, OrgPath, Subject
from bridge.topology.directory_file import load_directory
from bridge.topology.routing import cell_for
from bridge.web import health, request_log
from bridge.web.metrics import Metrics

RETRY_AFTER_SECONDS = 5

_log = structlog.get_logger("topology")


class Refusal(Exception):
    """Raised if a request gets no; `code` is the pair of gRPC code and HTTP status."""

    def __init__(self, code: tuple[int, int], message: str) -> None:
        super().__init__(message)
        self.code = code


class Authority:
    """The directory and the claims as one answer: a listed address, then a claim, then a domain."""

    def __init__(self, directory: Directory, claims: ClaimStore) -> None:
        self.directory = directory
        self.claims = claims

    def owner(self, subject: Subject) -> Organization | None:
        """Return the organization of *subject*; a claim of an organization that left the file counts for nothing."""
        listed = self.directory.org_of_address(subject) if isinstance(subject, Email) else None
        if listed:
            return listed
        holder = self.claims.holder(subject)
        if holder is not None and (claimed := self.directory.org(holder)):
            return claimed
        return self.directory.org_of_domain(subject) if isinstance(subject, Email) else None

    def claim(self, subject: Subject, org_id: int) -> Organization:
        """Return the organization after it claimed *subject*; raises `ClaimHeld`, and `Refusal` for an unknown one."""
        org = self.directory.org(org_id)
        if org is None:
            raise Refusal(wire.NOT_FOUND, "organization not found")
        listed = self.directory.org_of_email(subject) if isinstance(subject, Email) else None
        if listed not in (None, org):
            raise ClaimHeld
        self.claims.claim(subject, org_id)
        return org


def create_app(config: TopologyConfig, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Flask:
    """Return the service; raises `ConfigInvalid` for a file that cannot be used, `SQLAlchemyError` for its database."""
    app = Flask("topology", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = wire.MAX_BODY_BYTES
    try:
        token = config.service.bearer_token()
    except ValueError as error:
        raise ConfigInvalid(source="topology", problems=(f"service.token_file: {error}",)) from error
    authority = Authority(
        load_directory(config.service.directory_file), open_claims(config.service.database_url.get_secret_value())
    )
    metrics = Metrics("topology")
    request_log.install(app, metrics=metrics, random_bytes=random_bytes)
    health.install(app, service="topology", ready={"claims": authority.claims.ping}, metrics=metrics)
    _guard(app, None if token is None else token.get_secret_value())
    _api(app, authority)
    _errors(app)
    return app


def _guard(app: Flask, token: str | None) -> None:
    expected = None if token is None else f"Bearer {token}".encode()

    @app.before_request
    def authenticate() -> None:
        if expected is None or not request.path.startswith("/v1/"):
            return
        unverified = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(unverified, expected):
            raise Refusal(wire.UNAUTHENTICATED, "a bearer token is needed")


def _body() -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise wire.MalformedMessage("the content type is not application/json")
    return wire.read_object(request.get_data(cache=False))


def _claim_of(body: Mapping[str, Any]) -> tuple[Subject, int]:
    org_id = wire.whole_number(body.get("organization_id"), "organization_id")
    return wire.read_subject({name: value for name, value in body.items() if name != "organization_id"}), org_id


def _api(app: Flask, authority: Authority) -> None:
    @app.post("/v1/classify")
    def answer_classify() -> dict[str, Any]:
        cell = classify(authority.directory, authority.owner, _body())
        if cell is None:
            raise Refusal(wire.NOT_FOUND, "cell not found")
        return {"action": "PROXY", "proxy": {"address": cell.address}}

    @app.post("/v1/organizations/lookup")
    def look_up() -> dict[str, Any]:
        question = wire.read_question(_body())
        by_path = authority.directory.org_at
        org = by_path(question.path) if isinstance(question, OrgPath) else authority.owner(question)
        if org is None:
            raise Refusal(wire.NOT_FOUND, "organization not found")
        return wire.answer_body(org)

    @app.post("/v1/claims")
    def claim() -> dict[str, Any]:
        subject, org_id = _claim_of(_body())
        return wire.answer_body(authority.claim(subject, org_id))

    @app.delete("/v1/claims")
    def release() -> dict[str, Any]:
        subject, org_id = _claim_of(_body())
        authority.claims.release(subject, org_id)
        return {}

    @app.get("/v1/cells")
    def cells() -> dict[str, Any]:
        return {"cells": [wire.cell_body(cell) for cell in authority.directory.cells]}

    @app.get("/route")
    def route() -> Response:
        uri = request.headers.get("X-Forwarded-Uri")
        if not uri:
            raise wire.MalformedMessage("X-Forwarded-Uri is missing")  # not the default cell: the router is set up wrongly
        cell = cell_for(authority.directory, uri=uri, cookies=request.cookies.items(multi=True))
        return Response(headers={"X-Cell-Address": cell.address, "Cache-Control": "no-store"})


def _refuse(code: tuple[int, int], message: str) -> tuple[dict[str, Any], int]:
    return {"code": code[0], "message": message, "details": []}, code[1]


def _refuse_status(status: int) -> tuple[dict[str, Any], int]:
    code = next((number for number, known in wire.HTTP_CODES if known == status), wire.INVALID_ARGUMENT[0])
    return _refuse((code, status), HTTPStatus(status).phrase)


def _errors(app: Flask) -> None:
    @app.errorhandler(Refusal)
    def refused(error: Refusal) -> tuple[dict[str, Any], int, dict[str, str]]:
        challenge = {"WWW-Authenticate": "Bearer"} if error.code == wire.UNAUTHENTICATED else {}  # RFC 9110 15.5.2
        return *_refuse(error.code, str(error)), challenge

    @app.errorhandler(wire.MalformedMessage)
    @app.errorhandler(MalformedValue)
    def malformed(error: ValueError) -> tuple[dict[str, Any], int]:
        return _refuse(wire.INVALID_ARGUMENT, str(error))

    @app.errorhandler(ClaimHeld)
    def held(_: ClaimHeld) -> tuple[dict[str, Any], int]:
        _log.warning("claim.held", endpoint=request.endpoint)
        return _refuse(wire.ALREADY_EXISTS, "another organization holds this claim")

    @app.errorhandler(SQLAlchemyError)
    def down(error: SQLAlchemyError) -> tuple[dict[str, Any], int, dict[str, str]]:
        _log.error("database.unavailable", exc_info=error)
        body, status = _refuse(wire.UNAVAILABLE, "the claims cannot be read")
        return body, status, {"Retry-After": str(RETRY_AFTER_SECONDS)}

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> tuple[dict[str, Any], int]:
        return _refuse_status(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)

    @app.errorhandler(BridgeError)
    def bridge(error: BridgeError) -> tuple[dict[str, Any], int]:
        return _refuse_status(error.status)

    @app.errorhandler(Exception)
    def internal(error: Exception) -> tuple[dict[str, Any], int]:
        _log.error("internal", exc_info=error)
        return _refuse(wire.INTERNAL, "internal")
