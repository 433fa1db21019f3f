"""Email first: the person types an address, and goes on at the sign-in page of the organization that owns it.

The law: the answer depends on the topology alone. No account is looked up here, so whoever types a colleague's address learns
which organization it belongs to, as that colleague's sign-in would show anybody, and not whether they have an account.
"""

from urllib.parse import quote, urlsplit

import structlog
from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from bridge.errors import RequestMalformed
from bridge.handoff import OrgRoute, ReturnPath
from bridge.identity import Email, MalformedValue
from bridge.web import csrf
from bridge.web.cookies import browser_secret
from bridge.web.language import switched
from bridge.web.messages import gettext
from bridge.web.rate import Limit, RateLimiter, client_address
from bridge.web.start import RETURN_TO, keep_return_path, read_return_path
from idp.cell import LegacyCell
from idp.sign_in import EMAIL_FORM, sign_in_form

log = structlog.get_logger()


def blueprint(cell: LegacyCell) -> Blueprint:
    """Return the route that takes the address."""
    routes = Blueprint("email_first", __name__)
    service = cell.config.service
    limiter = RateLimiter({"email": Limit(service.tries_per_minute, 60)}, clock=cell.clock)

    @routes.post("/users/sign_in")
    def find_organization() -> Response:
        limiter.spend("email", client_address(request))
        secret = browser_secret(request, service)
        csrf.require_form(request, seal=cell.seal, secret=secret, form=EMAIL_FORM, public_url=service.public_url)
        return_to = read_return_path(request.form.getlist(RETURN_TO))
        keep_return_path(return_to)
        raw_email = _typed()
        if switched():
            return sign_in_form(cell, return_to=return_to, email=raw_email[:254])
        try:
            email = Email.from_provider(raw_email)
        except MalformedValue as error:
            log.info("email.malformed", reason=error.reason)
            problem = gettext("This is not an email address that can be used here. Check it for typing errors.")
            return sign_in_form(cell, return_to=return_to, email=raw_email[:254], problem=problem)
        route = cell.topology.locate_email(email)
        page = _sign_in_page(route)
        if page is None:
            problem = gettext("Your organization has no sign-in page of its own. Use one of the buttons.")
            return sign_in_form(cell, return_to=return_to, email=email.address, problem=problem)
        log.info("email.located", email_domain=email.domain, org_id=route.org_id, owning_cell_id=route.cell_id)
        return redirect(page + _query(route, email, return_to), 303)

    return routes


def _typed() -> str:
    values = request.form.getlist("email")
    if len(values) != 1:
        raise RequestMalformed(reason=f"{len(values)} fields email")
    return values[0]


def _sign_in_page(route: OrgRoute) -> str | None:
    """Return the organization's sign-in page beside its endpoint, or None where the receiving end is not shaped like ours."""
    target = urlsplit(route.acs_url)
    home = f"/o/{route.org_path}/"
    return f"{target.scheme}://{target.netloc}{home}users/sign_in" if target.path.startswith(home) else None


def _query(route: OrgRoute, email: Email, return_to: ReturnPath | None) -> str:
    wanted = return_to if return_to is not None and return_to.within(route.org_path) else None
    return f"?login={quote(email.address, safe='@')}" + (f"&{RETURN_TO}={quote(wanted.path, safe='')}" if wanted else "")
