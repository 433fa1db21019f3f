"""The stand-in server as one Flask application: every provider under its own path, control under `/-/`.

The law: composition only; whatever is answered, nobody may keep it, frame it or pass its address on.
"""

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime

from flask import Flask, Response

from bridge.clock import utc_now
from bridge.harness.personas import PERSONAS, Persona
from bridge.harness.standin.control import control_blueprint
from bridge.harness.standin.endpoints import STRICT_POLICY, provider_blueprint
from bridge.harness.standin.faults import FaultBoard
from bridge.harness.standin.ledger import Client, Ledger
from bridge.harness.standin.wires import WIRES

MAX_BODY_BYTES = 65536


def create_app(
    *,
    public_url: str,
    clients: Iterable[Client],
    personas: Iterable[Persona] = PERSONAS,
    clock: Callable[[], datetime] = utc_now,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Flask:
    """Return the server. *public_url* is the origin that browsers and cells both see; `clock` returns aware UTC."""
    app = Flask(__name__, static_url_path="/-/static")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    ledger = Ledger(personas, clock=clock, random_bytes=random_bytes)
    faults = FaultBoard()
    wires = {name: wire(public_url.rstrip("/")) for name, wire in WIRES.items()}
    for client in clients:
        ledger.add_client(client)
    for wire in wires.values():
        app.register_blueprint(provider_blueprint(wire, ledger, faults))
    app.register_blueprint(control_blueprint(wires, ledger, faults))

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", STRICT_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app
