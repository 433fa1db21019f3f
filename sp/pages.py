"""What a signed-in person and the cell's applications ask of an organization: landing page, session, sign-out, metadata.

The law: nobody is told anything about an account but its own session's holder.
"""

from urllib.parse import quote

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from bridge.errors import NotFound, SessionMissing
from bridge.handoff import ReturnPath, org_home
from bridge.identity import MalformedValue
from bridge.saml.metadata import sp_metadata
from bridge.web import csrf, pages
from bridge.web.cookies import clear_cookie
from bridge.web.errors_page import answers_json
from bridge.web.reference import current_reference
from bridge.web.start import sign_in_address
from sp import identities
from sp.cell import OwningCell
from sp.orgs import Organization, org_named
from sp.session import find_session, session_cookie

METADATA_TYPE = "application/samlmetadata+xml"
OWN_PATHS = ("-/", "auth/", "users/")  # the bridge's own: no application's page lives there
SIGN_OUT_FORM = "sign_out"


def metadata_document(org: Organization) -> bytes:
    """Return the SP metadata of *org* (SAML metadata 2.4.4)."""
    return sp_metadata(
        entity_id=org.default_endpoint.sp_entity_id,
        acs_url=org.default_endpoint.acs_url,
        encryption_certificate=org.encryption_certificate,
    )


def blueprint(cell: OwningCell) -> Blueprint:
    """Return the organization's routes besides the endpoint."""
    routes = Blueprint("pages", __name__)
    service = cell.config.service

    def sign_in_then(return_to: ReturnPath) -> str:
        return sign_in_address(cell.config.sign_in_page, return_to)

    @routes.get("/")
    def home() -> BaseResponse:
        """The router brings somebody with a session of this cell here: they are taken to their organization."""
        for org in cell.orgs.values():
            if find_session(cell, org, request):
                return redirect(org_home(org.path).path, 303)
        return redirect(cell.config.sign_in_page, 303)

    @routes.get("/o/<org_path>/auth/saml/metadata")
    def metadata(org_path: str) -> Response:
        return Response(metadata_document(org_named(cell.orgs, org_path)), content_type=METADATA_TYPE)

    @routes.get("/o/<org_path>/", defaults={"rest": ""})
    @routes.get("/o/<org_path>/<path:rest>")
    def landing(org_path: str, rest: str) -> BaseResponse:
        org = org_named(cell.orgs, org_path)
        if rest.startswith(OWN_PATHS):
            if request.path in {template.format(org=org.path) for template in org.endpoints}:
                return redirect(org_home(org.path).path, 303)
            raise NotFound
        found = find_session(cell, org, request)
        asked_for = _asked_for(org)
        if found is None:
            return redirect(sign_in_then(asked_for), 303)
        session = found.signed_in
        return pages.landing(
            person=pages.Person(
                name=session.account.name,
                email=session.account.email,
                org_name=org.name,
                provider_label=cell.labels.provider(session.provider) or session.provider,
                session_ends=session.expires_at,
            ),
            sign_out_path=f"/o/{org.path}/users/sign_out",
            csrf_token=csrf.form_token(cell.seal, found.token, form=SIGN_OUT_FORM),
            asked_for=asked_for.path if rest else None,
            identities_path=identities.PAGE.format(org=org.path),
        )

    @routes.post("/o/<org_path>/users/sign_out")
    def sign_out(org_path: str) -> Response:
        org = org_named(cell.orgs, org_path)
        found = find_session(cell, org, request)
        token = found.token if found else None
        csrf.require_form(request, seal=cell.seal, secret=token, form=SIGN_OUT_FORM, public_url=service.public_url)
        if token:
            reference = current_reference(cell.random_bytes)
            cell.accounts.end_session(token, org_id=org.id, now=cell.clock(), reference=reference)
        response = pages.signed_out(org_name=org.name, sign_in_path=sign_in_then(org_home(org.path)))
        clear_cookie(response, service, session_cookie(org))
        return response

    @routes.get("/o/<org_path>/-/session")
    @answers_json
    def session(org_path: str) -> Response:
        org = org_named(cell.orgs, org_path)
        found = find_session(cell, org, request)
        if found is None:
            raise SessionMissing
        account = found.signed_in.account
        return jsonify(
            organization={"id": org.id, "path": org.path, "name": org.name},
            account={
                "id": account.id,
                "email": account.email or None,
                "username": account.username,
                "name": account.name,
                "external": account.external,
            },
            provider=found.signed_in.provider,
            attributes=dict(account.attributes),
            expires_at=found.signed_in.expires_at.isoformat().replace("+00:00", "Z"),
        )

    @routes.get("/o/<org_path>/-/auth/verify")
    @answers_json
    def verify(org_path: str) -> Response:
        org = org_named(cell.orgs, org_path)
        found = find_session(cell, org, request)
        if found is None:
            raise SessionMissing
        account = found.signed_in.account
        headers = {
            "X-Auth-Request-User": str(account.id),
            "X-Auth-Request-Preferred-Username": account.username,
            "X-Auth-Request-Organization": org.path,
        }
        return Response(headers=headers | ({"X-Auth-Request-Email": account.email} if account.email else {}))

    return routes


def _asked_for(org: Organization) -> ReturnPath:
    """Return the path and query of this request as a return path, or the landing page where it is no plain one."""
    query = request.query_string.decode("latin-1")
    try:
        path = ReturnPath(quote(request.path, safe="/:@!$&'()*+,;=~-._") + (f"?{query}" if query else ""))
    except MalformedValue:
        return org_home(org.path)
    return path if path.within(org.path) else org_home(org.path)
