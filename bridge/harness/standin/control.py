"""The control endpoints under `/-/`: health, faults, issued secrets, personas, clients.

The law: all but the health check answer loopback only, since they show every secret; bodies are JSON, which no form of another
site can send.
"""

import ipaddress
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from bridge.harness.personas import Landing, Persona
from bridge.harness.standin.faults import DOCUMENT_FAULTS, ENDPOINTS, HTTP_FAULTS, ID_TOKEN_FAULTS, OIDC_ENDPOINTS, FaultBoard
from bridge.harness.standin.ledger import Client, Ledger
from bridge.harness.standin.oidc_wire import OidcWire
from bridge.harness.standin.wire import Wire, json_reply

_PERSONA_FIELDS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "email": (str, type(None)),
    "email_verified": (bool,),
    "consents": (bool,),
    "two_factor": (bool,),
}


def control_blueprint(wires: dict[str, Wire], ledger: Ledger, faults: FaultBoard) -> Blueprint:
    """Return the endpoints under `/-/`."""
    blueprint = Blueprint("control", __name__, url_prefix="/-")

    @blueprint.before_request
    def loopback_only() -> Response | None:
        if request.endpoint == "control.healthz" or ipaddress.ip_address(request.remote_addr or "0.0.0.0").is_loopback:  # noqa: S104
            return None
        return json_reply({"error": "loopback only"}, 403)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return json_reply({"status": "ok"})

    @blueprint.get("/issued")
    def issued() -> Response:
        return json_reply(ledger.secrets())

    @blueprint.route("/faults", methods=["GET", "POST", "DELETE"])
    def set_faults() -> Response:
        if request.method == "DELETE":
            faults.clear(request.args.get("provider"), request.args.get("endpoint"))
        elif request.method == "POST":
            body = request.get_json()
            provider, endpoint, fault = (body.get(name) for name in ("provider", "endpoint", "fault"))
            if problem := _fault_problem(wires, provider, endpoint, fault):
                return json_reply({"error": problem}, 400)
            wire = wires[provider]
            if fault == "rotated_keys" and isinstance(wire, OidcWire):
                wire.keys.rotate()
            faults.put(provider, endpoint, fault)
        return json_reply(faults.state())

    @blueprint.route("/personas", methods=["GET", "POST"])
    def personas() -> Response:
        if request.method == "POST":
            body = request.get_json()
            if problem := _persona_problem(body):
                return json_reply({"error": problem}, 400)
            ledger.put_persona(_persona(ledger.persona(body["key"]), body))
        return json_reply([_shown(persona, wires) for persona in ledger.personas()])

    @blueprint.post("/clients")
    def clients() -> Response:
        body = request.get_json()
        match body:
            case {"provider": str(provider), "client_id": str(name), "client_secret": str(secret), "redirect_uris": [*uris]}:
                if provider in wires and all(isinstance(uri, str) for uri in uris):
                    ledger.add_client(Client(provider, name, secret, frozenset(uris)))
                    return json_reply({"client_id": name}, 201)
        return json_reply({"error": "wants provider, client_id, client_secret, redirect_uris"}, 400)

    return blueprint


def _fault_problem(wires: dict[str, Wire], provider: Any, endpoint: Any, fault: Any) -> str | None:
    if provider not in wires:
        return f"provider must be one of {', '.join(wires)}"
    oidc = isinstance(wires[provider], OidcWire)
    endpoints = [name for name in ENDPOINTS if oidc or name not in OIDC_ENDPOINTS]
    if wires[provider].token_info_path is None:
        endpoints.remove("token_info")
    if endpoint not in endpoints:
        return f"endpoint must be one of {', '.join(endpoints)}"
    allowed = [*HTTP_FAULTS]
    if oidc:
        allowed += ID_TOKEN_FAULTS if endpoint == "token" else ()
        allowed += [name for where, name in DOCUMENT_FAULTS if where == endpoint]
    allowed += [name for where, name in wires[provider].own_faults if where == endpoint]
    return None if fault in allowed else f"fault must be one of {', '.join(allowed)}"


def _persona_problem(body: Any) -> str | None:
    if not isinstance(body, dict) or not isinstance(body.get("key"), str) or not body["key"].isidentifier():
        return "key must be a name"
    for field, value in body.items():
        if field != "key" and (field not in _PERSONA_FIELDS or not isinstance(value, _PERSONA_FIELDS[field])):
            return f"{field} is no field of a persona, or not of its type"
    return None


def _persona(known: Persona | None, body: dict[str, Any]) -> Persona:
    """Return the known persona with the facts of *body* changed, or a new one, who shares no email unless it is given."""
    blank = Persona(
        key=body["key"],
        name=body["key"].title(),
        email=None,
        email_verified=False,
        home=None,
        outcome=Landing.CREATED,
        story="Added while the server runs.",
    )
    return replace(known or blank, **body)


def _shown(persona: Persona, wires: dict[str, Wire]) -> dict[str, Any]:
    return {
        "key": persona.key,
        "name": persona.name,
        "email": persona.email,
        "email_verified": persona.email_verified,
        "uids": {name: persona.uid(name) for name in wires},
        "outcome": persona.outcome_code,
    }
