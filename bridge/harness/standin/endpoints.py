"""The endpoints of one provider: authorization page, token, resources, and for OpenID Connect discovery and keys.

The law: every endpoint but the page meets the faults that are set, and every secret that comes in or goes out is remembered.
"""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.datastructures import MultiDict

from bridge.harness.personas import Persona
from bridge.harness.standin.authorization import OAuth2Error, ProviderServer
from bridge.harness.standin.faults import Endpoint, FaultBoard, spoilt
from bridge.harness.standin.ledger import AccessToken, Ledger
from bridge.harness.standin.oidc_wire import OidcWire
from bridge.harness.standin.wire import BearerProblem, Resource, Wire, json_reply


def provider_blueprint(wire: Wire, ledger: Ledger, faults: FaultBoard) -> Blueprint:
    """Return all endpoints of *wire* under its own path."""
    blueprint = Blueprint(wire.name, __name__, url_prefix=f"/{wire.name}")
    server = ProviderServer(wire, ledger, faults)
    page = _AuthorizationPage(server)

    def add(
        path: str, endpoint: Endpoint, answer: Callable[[], Response], refusal: Callable[[], Response], method: str
    ) -> None:
        def view(**_in_path: str) -> Response:
            _remember(wire, ledger)
            fault = faults.strike(wire.name, endpoint)
            return spoilt(fault, answer=answer, refusal=refusal, elsewhere=wire.lure)

        name = "token" if endpoint == "token" else path.replace(".", "-")
        blueprint.add_url_rule(path, name, view, methods=[method])

    blueprint.add_url_rule(wire.authorize_path, "authorize", page.view, methods=["GET", "POST"])
    add(wire.token_path, "token", lambda: _token(server), lambda: _token_refused(wire), "POST")
    for resource in wire.resources:
        add(resource.path, "userinfo", _resource(wire, ledger, resource), lambda: wire.bearer_error("unknown"), "GET")
    if wire.token_info_path:
        info = _token_info(wire, ledger, faults)
        add(wire.token_info_path, "token_info", info, lambda: wire.token_info_error("unknown"), "GET")
    if wire.revoke_path:
        revoke = _revocation(server)
        blueprint.add_url_rule(wire.revoke_path, "revoke", revoke, methods=["POST"])
    if isinstance(wire, OidcWire):
        gone = lambda: json_reply({"error": "not_found"}, 404)  # noqa: E731
        add(wire.discovery_path, "discovery", wire.discovery_reply, gone, "GET")
        add(wire.jwks_path, "jwks", wire.jwks_reply, gone, "GET")

    @blueprint.route("/lure", methods=["GET", "POST"])
    @blueprint.route("/lure/<path:_below>", methods=["GET", "POST"])
    def lure(**_in_path: str) -> Response:
        faults.lured()
        return json_reply(wire.keys.lure_jwks() if isinstance(wire, OidcWire) else {})

    return blueprint


class _AuthorizationPage:
    """Shows who can sign in, and sends the browser back with what they decided (RFC 6749 4.1.1, 4.1.2)."""

    def __init__(self, server: ProviderServer) -> None:
        self._server = server
        self._wire: Wire = server.wire
        self._ledger: Ledger = server.ledger

    def view(self, **_in_path: str) -> Response:
        """GET shows the page; POST to the same URL with `persona=<key>` or `cancel=yes` decides."""
        self._ledger.saw("states", *request.values.getlist("state"))
        self._ledger.saw("nonces", *request.values.getlist("nonce"))
        try:
            grant = self._server.get_consent_grant()
        except OAuth2Error as error:
            return self._refused(error)
        for name, value in self._wire.wants:
            if request.values.get(name) != value:
                return self._error_page("invalid_request", f"The parameter {name} has to be {value}.")
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
        """Return the redirect as the provider writes it: with what it adds, and its own name for the code."""
        if not response.location:
            return response
        extras = self._wire.callback_extras(persona, request.values.get("scope", ""))
        place = urlsplit(response.location)
        query = [
            (self._wire.code_field if name == "code" else name, value)
            for name, value in [*parse_qsl(place.query, keep_blank_values=True), *extras.items()]
        ]
        response.location = urlunsplit(place._replace(query=urlencode(query)))
        return response


STRICT_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def _remember(wire: Wire, ledger: Ledger) -> None:
    """Remember the secrets of a request, whatever becomes of it."""
    given = request.authorization
    form = MultiDict(wire.token_form(request))
    ledger.saw("codes", *form.getlist("code"))
    ledger.saw("code_verifiers", *form.getlist("code_verifier"))
    ledger.saw("client_secrets", *form.getlist("client_secret"), given.password if given else None)
    ledger.saw("refresh_tokens", *form.getlist("refresh_token"))
    ledger.saw("passwords", *form.getlist("password"))
    ledger.saw("access_tokens", wire.access_token(request))


def _token(server: ProviderServer) -> Response:
    try:
        response: Response = server.create_token_response()
    except OAuth2Error as error:
        response = server.handle_error_response(None, error)
    return response


def _token_refused(wire: Wire) -> Response:
    return wire.token_error("invalid_grant", "The fault 'refused' is set.", accept=request.headers.get("Accept", ""))


def _bearer(wire: Wire, ledger: Ledger, scope: str) -> tuple[AccessToken, Persona] | BearerProblem:
    """Return the token that came with the request and its person, or what is wrong with it."""
    value = wire.access_token(request)
    if not value:
        return "missing"
    token = ledger.token(wire.name, value)
    persona = ledger.persona(token.persona) if token else None
    if token is None or persona is None:
        return "unknown"
    if ledger.is_expired(token):
        return "expired"
    return (token, persona) if token.allows(scope) else "scope"


def _resource(wire: Wire, ledger: Ledger, resource: Resource) -> Callable[[], Response]:
    def answer() -> Response:
        found = _bearer(wire, ledger, resource.scope)
        if isinstance(found, str):
            return wire.bearer_error(found)
        token, persona = found
        said = resource.document(persona, token.scope)
        return said if isinstance(said, Response) else json_reply(said)

    return answer


def _token_info(wire: Wire, ledger: Ledger, faults: FaultBoard) -> Callable[[], Response]:
    def answer() -> Response:
        found = _bearer(wire, ledger, "")
        if isinstance(found, str):
            return wire.token_info_error(found)
        return json_reply(wire.token_info(*found, ledger.clock(), faults.name_at(wire.name, "token_info")))

    return answer


def _revocation(server: ProviderServer) -> Callable[[], Response]:
    def answer() -> Response:
        """RFC 7009 2.2: 200 for a good client, whatever it holds."""
        wire: Wire = server.wire
        _remember(wire, server.ledger)
        try:
            client = server.named_client(wire.client_auth)
        except OAuth2Error as error:
            return wire.token_error(error.error, error.description, accept=request.headers.get("Accept", ""))
        value = request.form.get("token", "")
        server.ledger.saw("access_tokens", value)
        server.ledger.revoke(wire.name, value, client.client_id)
        return json_reply({})

    return answer
