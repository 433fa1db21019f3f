"""The endpoints of one provider: authorization page, token, resources, and for OpenID Connect discovery and keys.

The law: every endpoint but the page meets the faults that are set, and every secret that comes in or goes out is remembered.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, render_template, request

from bridge.harness.personas import Persona
from bridge.harness.standin.authorization import OAuth2Error, ProviderServer, add_params_to_uri
from bridge.harness.standin.faults import Endpoint, FaultBoard, spoilt
from bridge.harness.standin.ledger import Ledger
from bridge.harness.standin.wire import OidcWire, Resource, Wire, json_reply

_PUBLIC = "public, max-age=3600"


def provider_blueprint(wire: Wire, ledger: Ledger, faults: FaultBoard) -> Blueprint:
    """Return all endpoints of *wire* under its own path."""
    blueprint = Blueprint(wire.name, __name__, url_prefix=f"/{wire.name}")
    server = ProviderServer(wire, ledger, faults)
    page = _AuthorizationPage(server)

    def add(
        path: str, endpoint: Endpoint, answer: Callable[[], Response], refusal: Callable[[], Response], method: str
    ) -> None:
        def view() -> Response:
            _remember(ledger)
            fault = faults.strike(wire.name, endpoint)
            return spoilt(fault, answer=answer, refusal=refusal, elsewhere=wire.lure)

        blueprint.add_url_rule(path, path.replace(".", "-"), view, methods=[method])

    blueprint.add_url_rule(wire.authorize_path, "authorize", page.view, methods=["GET", "POST"])
    add(wire.token_path, "token", lambda: _token(server), lambda: _token_refused(wire), "POST")
    for resource in wire.resources:
        add(resource.path, "userinfo", _resource(wire, ledger, resource), lambda: wire.bearer_error("unknown"), "GET")
    if isinstance(wire, OidcWire):
        gone = lambda: json_reply({"error": "not_found"}, 404)  # noqa: E731
        add("/.well-known/openid-configuration", "discovery", lambda: json_reply(wire.discovery(), cache=_PUBLIC), gone, "GET")
        add(wire.jwks_path, "jwks", lambda: json_reply(wire.keys.jwks(), cache=_PUBLIC), gone, "GET")

    @blueprint.route("/lure", methods=["GET", "POST"])
    def lure() -> Response:
        faults.lured()
        return json_reply(wire.keys.lure_jwks() if isinstance(wire, OidcWire) else {})

    return blueprint


class _AuthorizationPage:
    """Shows who can sign in, and sends the browser back with what they decided (RFC 6749 4.1.1, 4.1.2)."""

    def __init__(self, server: ProviderServer) -> None:
        self._server = server
        self._wire: Wire = server.wire
        self._ledger: Ledger = server.ledger

    def view(self) -> Response:
        """GET shows the page; POST to the same URL with `persona=<key>` or `cancel=yes` decides."""
        self._ledger.saw("states", *request.values.getlist("state"))
        self._ledger.saw("nonces", *request.values.getlist("nonce"))
        try:
            grant = self._server.get_consent_grant()
        except OAuth2Error as error:
            return self._refused(error)
        if request.method == "GET":
            return self._page(grant.redirect_uri)
        persona = None
        if "cancel" not in request.form:
            persona = self._ledger.persona(request.form.get("persona", ""))
            if persona is None:
                return self._error_page("unknown_persona", "The field persona names nobody.")
        granted = persona if persona is not None and persona.consents else None
        response = self._server.create_authorization_response(grant_user=granted, grant=grant)
        return self._with_extras(response, granted)

    def _page(self, redirect_uri: str) -> Response:
        hint = request.args.get("login_hint", "").lower()
        people = self._ledger.personas()
        hinted = next((one.key for one in people if hint and hint in (one.key, (one.email or "").lower())), None)
        client = urlsplit(redirect_uri)
        response = make_response(
            render_template("authorize.html", label=self._wire.label, client=client.netloc, people=people, hinted=hinted)
        )
        # A browser applies form-action to the redirect that answers the form, so the client's origin has to be in it.
        form_action = f"form-action 'self' {client.scheme}://{client.netloc}"
        response.headers["Content-Security-Policy"] = f"{STRICT_POLICY}; {form_action}"
        return response

    def _refused(self, error: OAuth2Error) -> Response:
        """Return the error to the client if its redirect URI is good, else to the person (RFC 6749 4.1.2.1)."""
        if error.redirect_uri:
            return self._with_extras(self._server.handle_error_response(None, error), None)
        return self._error_page(error.error, error.description)

    def _error_page(self, code: str, description: str) -> Response:
        page = render_template("refused.html", label=self._wire.label, code=code, description=description)
        return make_response(page, 400)

    def _with_extras(self, response: Response, persona: Persona | None) -> Response:
        extras = self._wire.callback_extras(persona, request.values.get("scope", ""))
        if response.location and extras:
            response.location = add_params_to_uri(response.location, list(extras.items()))
        return response


STRICT_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def _remember(ledger: Ledger) -> None:
    """Remember the secrets of a request, whatever becomes of it."""
    given = request.authorization
    ledger.saw("codes", *request.form.getlist("code"))
    ledger.saw("code_verifiers", *request.form.getlist("code_verifier"))
    ledger.saw("client_secrets", *request.form.getlist("client_secret"), given.password if given else None)
    ledger.saw("access_tokens", given.token if given else None)


def _token(server: ProviderServer) -> Response:
    try:
        response: Response = server.create_token_response()
    except OAuth2Error as error:
        response = server.handle_error_response(None, error)
    return response


def _token_refused(wire: Wire) -> Response:
    return wire.token_error("invalid_grant", "The fault 'refused' is set.", accept=request.headers.get("Accept", ""))


def _resource(wire: Wire, ledger: Ledger, resource: Resource) -> Callable[[], Response]:
    def answer() -> Response:
        given = request.authorization
        # GitHub also takes the scheme "token".
        value = given.token if given and given.type in ("bearer", "token") else None
        if not value:
            return wire.bearer_error("missing")
        token = ledger.token(wire.name, value)
        persona = ledger.persona(token.persona) if token else None
        if token is None or persona is None:
            return wire.bearer_error("unknown")
        if ledger.is_expired(token):
            return wire.bearer_error("expired")
        if not token.allows(resource.scope):
            return wire.bearer_error("scope")
        return json_reply(resource.document(persona, token.scope))

    return answer
