"""The endpoint: where a browser posts the handoff, and a session begins.

The law: read, verify, sign in, redirect, in this order, and nothing between but the question of `sp.confirm`, where the
organization asks it; any refusal leaves the browser as it was.
"""

from datetime import datetime

import structlog
from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from bridge.errors import HandoffMalformed, HandoffUnbound, RequestForged
from bridge.saml.form import read_response
from bridge.saml.trust import Endpoint
from bridge.saml.verify import VerifiedHandoff, verify
from bridge.web.cookies import browser_secret, read_cookie, set_cookie
from bridge.web.csrf import require_same_origin
from bridge.web.language import switched
from bridge.web.metrics import Metrics
from bridge.web.rate import Limit, RateLimiter, client_address
from bridge.web.reference import bind_reference
from bridge.web.start import keep_return_path
from sp import confirm
from sp.cell import OwningCell
from sp.orgs import Organization, acs_paths, org_named
from sp.recording import recorded
from sp.session import session_cookie

FORM_TYPE = "application/x-www-form-urlencoded"
ANSWER = "/confirm"

log = structlog.get_logger()


def blueprint(cell: OwningCell, metrics: Metrics) -> Blueprint:
    """Return the routes of the endpoint: one for each path template, and each expects its own URL as destination.

    Below each stands the address that takes the answer to the question of `sp.confirm`.
    """
    routes = Blueprint("endpoint", __name__)
    limit = Limit(cell.config.service.tries_per_minute, 60)
    limiter = RateLimiter({"handoff": limit, "answer": limit}, clock=cell.clock)

    def consume(org_path: str, template: str) -> Response:
        limiter.spend("handoff", client_address(request))
        org = org_named(cell.orgs, org_path)
        endpoint = org.endpoints[template]

        def judge() -> Response:
            binding_secret = _secret_of_own_page(cell, endpoint)
            raw_xml = _read_document()
            now = cell.clock()
            verified = _verify(cell, endpoint, raw_xml, binding_secret, now)
            if confirm.is_needed(cell, org, request, verified):
                return _ask(cell, org, template, raw_xml, verified, now)
            return _enter(cell, metrics, org, verified, now)

        return recorded(cell, org, endpoint, binding_secret=lambda: _secret_of_own_page(cell, endpoint), judge=judge)

    def answer(org_path: str, template: str) -> Response:
        limiter.spend("answer", client_address(request))
        org = org_named(cell.orgs, org_path)
        endpoint = org.endpoints[template]
        binding_secret = None if endpoint.binding == "confirm" else _secret_of_own_page(cell, endpoint)
        raw_xml = _read_document()
        confirm.require_answer(cell, request, raw_xml)
        now = cell.clock()
        verified = _verify(cell, endpoint, raw_xml, binding_secret, now)
        if switched() or not confirm.was_told(cell, org, request, verified):
            return _ask(cell, org, template, raw_xml, verified, now)
        response = _enter(cell, metrics, org, verified, now)
        confirm.forget(cell, response, raw_xml)
        return response

    for template in acs_paths(cell.config):
        for name, view, below in (("consume", consume, ""), ("answer", answer, ANSWER)):
            routes.add_url_rule(
                template.replace("{org}", "<org_path>") + below,
                endpoint=f"{name}:{template}",
                view_func=view,
                defaults={"template": template},
                methods=["POST"],
            )
    return routes


def _secret_of_own_page(cell: OwningCell, endpoint: Endpoint) -> str | None:
    """Return what binds this browser, as far as the post comes from our own page: another site's page proves nothing.

    Where only a bound browser may sign in, another site's post is refused before anything of it is read (login CSRF).
    """
    service = cell.config.service
    if endpoint.binding != "unsafe_unbound":
        try:
            require_same_origin(request, service.public_url)
        except RequestForged as error:
            if endpoint.binding == "confirm":
                return None
            raise HandoffUnbound(expected="a post from our own page", received=error.reason) from error
    return browser_secret(request, service)


def _read_document() -> bytes:
    if request.mimetype != FORM_TYPE:
        raise HandoffMalformed(expected=FORM_TYPE, received=request.mimetype)
    return read_response(request.form.items(multi=True))


def _verify(cell: OwningCell, endpoint: Endpoint, raw_xml: bytes, binding_secret: str | None, now: datetime) -> VerifiedHandoff:
    verified = verify(
        raw_xml,
        trust=cell.trust,
        endpoint=endpoint,
        now=now,
        binding_secret=binding_secret,
        second_opinion=cell.second_opinion,
    )
    bind_reference(verified.claims.reference)
    keep_return_path(verified.claims.return_to)
    log.info("handoff.verified", handoff_id=verified.handoff_id, issuer=verified.issuer, org_id=endpoint.org_id)
    return verified


def _ask(
    cell: OwningCell, org: Organization, template: str, raw_xml: bytes, verified: VerifiedHandoff, now: datetime
) -> Response:
    log.info("handoff.asked", handoff_id=verified.handoff_id, org_id=org.id)
    return confirm.ask(
        cell,
        org,
        request,
        raw_xml=raw_xml,
        verified=verified,
        answer_path=template.format(org=org.path) + ANSWER,
        now=now,
    )


def _enter(cell: OwningCell, metrics: Metrics, org: Organization, verified: VerifiedHandoff, now: datetime) -> Response:
    claims = verified.claims
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
    if opened.outcome != "known":
        cell.news.set()
    log.info("session.opened", account_id=opened.account.id, org_id=org.id, outcome=opened.outcome)
    response = redirect(claims.return_to.path, 303)
    set_cookie(response, cell.config.service, cookie, opened.token)
    return response
