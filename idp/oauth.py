"""The OAuth flow of the legacy cell: start at a provider, take its callback, end here or hand over to the owning cell.

The law: where a sign-in ends is decided by who came back: a person of this cell's own accounts here, anybody else where the
topology says.
"""

import structlog
from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from bridge.accounts.policy import LEGACY_ORG_ID
from bridge.accounts.records import OpenedSession
from bridge.errors import LoginStateMismatch
from bridge.handoff import ReturnPath
from bridge.web import csrf
from bridge.web.cookies import browser_secret, read_cookie, set_cookie
from bridge.web.metrics import Metrics
from bridge.web.oauth_flow import CALLBACKS, Arrived
from bridge.web.rate import Limit, RateLimiter, client_address
from bridge.web.start import RETURN_TO, read_return_path
from idp.cell import SESSION_COOKIE, LegacyCell
from idp.handover import hand_over
from idp.sign_in import START_FORM

log = structlog.get_logger()


def blueprint(cell: LegacyCell, metrics: Metrics) -> Blueprint:
    """Return the routes `/users/auth/<provider>` and its callback."""
    routes = Blueprint("oauth", __name__)
    service = cell.config.service
    limit = Limit(service.tries_per_minute, 60)
    limiter = RateLimiter({"start": limit, "callback": limit}, clock=cell.clock)

    @routes.post("/users/auth/<name>")
    def begin(name: str) -> BaseResponse:
        limiter.spend("start", client_address(request))
        cell.flow.provider(name)
        secret = browser_secret(request, service)
        csrf.require_form(request, seal=cell.seal, secret=secret, form=START_FORM, public_url=service.public_url)
        return cell.flow.begin(name, request, return_to=read_return_path(request.form.getlist(RETURN_TO)))

    def callback(name: str) -> BaseResponse:
        limiter.spend("callback", client_address(request))
        arrived = cell.flow.finish(name, request)
        if arrived.attempt.org_id is not None or arrived.attempt.linking is not None:
            raise LoginStateMismatch(provider=name, reason="the attempt was begun at an organization's own page")
        opened = _open_local(cell, arrived)
        if opened is not None:
            metrics.sign_in(provider=name, outcome="local")
            return _enter(cell, opened, arrived.attempt.return_to)
        response = hand_over(cell, arrived.identity, arrived.attempt, arrived.browser_secret)
        metrics.sign_in(provider=name, outcome="handed_over")
        return response

    for path in CALLBACKS:
        routes.add_url_rule(path, view_func=callback, methods=["GET", "POST"])
    return routes


def _open_local(cell: LegacyCell, arrived: Arrived) -> OpenedSession | None:
    """Open a session here if the identity belongs to one of the legacy cell's own accounts."""
    return cell.accounts.open_local(
        identity_key=arrived.identity.key,
        org_id=LEGACY_ORG_ID,
        org_name="",
        reference=arrived.attempt.reference,
        now=cell.clock(),
        previous_token=read_cookie(request, cell.config.service, SESSION_COOKIE),
    )


def _enter(cell: LegacyCell, opened: OpenedSession, return_to: ReturnPath | None) -> BaseResponse:
    response = redirect(return_to.path if return_to else "/", 303)
    set_cookie(response, cell.config.service, SESSION_COOKIE, opened.token)
    log.info("session.opened", account_id=opened.account.id, outcome="local")
    return response
