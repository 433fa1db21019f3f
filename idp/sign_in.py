"""The global sign-in page, and the legacy cell's own signed-in page.

The law: a return path that is not plainly ours is dropped, never repeated and never followed (docs/decisions/0001).
"""

from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from bridge.accounts.policy import LEGACY_ORG_ID
from bridge.accounts.records import SignedIn
from bridge.errors import OrgNotHere
from bridge.handoff import ReturnPath
from bridge.web import csrf, pages
from bridge.web.cookies import clear_cookie, ensure_browser_secret, read_cookie
from bridge.web.headers import provider_targets
from bridge.web.reference import current_reference
from bridge.web.start import RETURN_TO, read_return_path
from idp.cell import SESSION_COOKIE, LegacyCell

START_FORM = "start"
EMAIL_FORM = "email"
SIGN_OUT_FORM = "sign_out"


def sign_in_form(cell: LegacyCell, *, return_to: ReturnPath | None, email: str = "", problem: str = "") -> Response:
    """Return the sign-in page; *problem* is a sentence about the address *email* that was just sent."""
    service = cell.config.service
    secret = ensure_browser_secret(request, service, cell.random_bytes)
    response = pages.sign_in(
        buttons=[
            pages.ProviderButton(label=provider.label, kind=provider.kind, start_path=f"/users/auth/{name}")
            for name, provider in cell.providers.items()
        ],
        csrf_token=csrf.form_token(cell.seal, secret.value, form=START_FORM),
        return_to=return_to,
        form_targets=provider_targets(service),
        email_form=pages.EmailForm(
            action="/users/sign_in",
            csrf_token=csrf.form_token(cell.seal, secret.value, form=EMAIL_FORM),
            value=email,
            problem=problem,
        ),
        status=400 if problem else 200,
    )
    secret.keep(response, service)
    return response


def blueprint(cell: LegacyCell) -> Blueprint:
    """Return the routes of the sign-in page and of the legacy cell's own session."""
    routes = Blueprint("sign_in", __name__)
    service = cell.config.service

    def signed_in() -> tuple[str, SignedIn] | None:
        token = read_cookie(request, service, SESSION_COOKIE)
        found = token and cell.accounts.session(token, org_id=LEGACY_ORG_ID, now=cell.clock())
        return (token, found) if token and found else None

    @routes.get("/users/sign_in")
    def sign_in_page() -> Response:
        return sign_in_form(cell, return_to=read_return_path(request.args.getlist(RETURN_TO)))

    @routes.get("/")
    def home() -> BaseResponse:
        found = signed_in()
        if found is None:
            return redirect("/users/sign_in", 303)
        token, session = found
        provider = cell.providers.get(session.provider)
        return pages.landing(
            person=pages.Person(
                name=session.account.name,
                email=session.account.email,
                org_name=urlsplit(service.public_url).netloc,
                provider_label=provider.label if provider else session.provider,
                session_ends=session.expires_at,
            ),
            sign_out_path="/users/sign_out",
            csrf_token=csrf.form_token(cell.seal, token, form=SIGN_OUT_FORM),
        )

    @routes.route("/o/<path:_>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def organization(_: str) -> Response:
        """The router brings what names an organization that the topology does not know."""
        raise OrgNotHere(reason="no cell serves an organization of this path")

    @routes.post("/users/sign_out")
    def sign_out() -> Response:
        found = signed_in()
        token = found[0] if found else None
        csrf.require_form(request, seal=cell.seal, secret=token, form=SIGN_OUT_FORM, public_url=service.public_url)
        if token:
            reference = current_reference(cell.random_bytes)
            cell.accounts.end_session(token, org_id=LEGACY_ORG_ID, now=cell.clock(), reference=reference)
        response = pages.signed_out(org_name=None, sign_in_path="/users/sign_in")
        clear_cookie(response, service, SESSION_COOKIE)
        return response

    return routes
