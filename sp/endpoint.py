"""The endpoint: where a browser posts the handoff, and a session begins.

The law: read, verify, sign in, redirect, in this order and nothing between; any refusal leaves the browser as it was.
"""

import structlog
from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from bridge.errors import HandoffMalformed, HandoffUnbound, RequestForged
from bridge.saml.form import read_response
from bridge.saml.trust import Endpoint
from bridge.saml.verify import verify
from bridge.web.cookies import browser_secret, read_cookie, set_cookie
from bridge.web.csrf import require_same_origin
from bridge.web.metrics import Metrics
from bridge.web.rate import Limit, RateLimiter, client_address
from bridge.web.reference import bind_reference
from sp.cell import OwningCell
from sp.orgs import acs_paths, org_named
from sp.session import session_cookie

FORM_TYPE = "application/x-www-form-urlencoded"

log = structlog.get_logger()


def blueprint(cell: OwningCell, metrics: Metrics) -> Blueprint:
    """Return the routes of the endpoint: one for each path template, and each expects its own URL as destination."""
    routes = Blueprint("endpoint", __name__)

    limiter = RateLimiter({"handoff": Limit(cell.config.service.tries_per_minute, 60)}, clock=cell.clock)

    def consume(org_path: str, template: str) -> Response:
        limiter.spend("handoff", client_address(request))
        org = org_named(cell.orgs, org_path)
        endpoint = org.endpoints[template]
        _require_own_browser(endpoint, cell.config.service.public_url)
        if request.mimetype != FORM_TYPE:
            raise HandoffMalformed(expected=FORM_TYPE, received=request.mimetype)
        now = cell.clock()
        verified = verify(
            read_response(request.form.items(multi=True)),
            trust=cell.trust,
            endpoint=endpoint,
            now=now,
            binding_secret=browser_secret(request, cell.config.service),
            second_opinion=cell.second_opinion,
        )
        claims = verified.claims
        bind_reference(claims.reference)
        log.info("handoff.verified", handoff_id=verified.handoff_id, issuer=verified.issuer, org_id=org.id)
        cookie = session_cookie(org)
        opened = cell.accounts.sign_in(
            identity=claims.identity,
            issuer=verified.issuer,
            handoff_id=verified.handoff_id,
            spent_until=verified.spent_until,
            session_ends=verified.session_not_on_or_after,
            reference=claims.reference,
            policy=org.policy,
            now=now,
            previous_token=read_cookie(request, cell.config.service, cookie),
        )
        metrics.sign_in(provider=claims.identity.key.provider, outcome=opened.outcome)
        log.info("session.opened", account_id=opened.account.id, org_id=org.id, outcome=opened.outcome)
        response = redirect(claims.return_to.path, 303)
        set_cookie(response, cell.config.service, cookie, opened.token)
        return response

    for template in acs_paths(cell.config):
        routes.add_url_rule(
            template.replace("{org}", "<org_path>"),
            endpoint=f"consume:{template}",
            view_func=consume,
            defaults={"template": template},
            methods=["POST"],
        )
    return routes


def _require_own_browser(endpoint: Endpoint, public_url: str) -> None:
    """Refuse a post that another site's page made, before anything of it is read (login CSRF)."""
    if endpoint.binding != "bound":
        return
    try:
        require_same_origin(request, public_url)
    except RequestForged as error:
        raise HandoffUnbound(expected="a post from our own page", received=error.reason) from error
