"""An organization's own sign-in page, and the OAuth flow that begins there and ends in a session of the organization.

The law: an attempt that began at one organization's page ends there: the state carries its id, sealed, and the account rules of
that organization judge who came back. One state opens one session, like one handoff.
"""

from datetime import timedelta

import structlog
from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from bridge.accounts.resolve import refuse_unless_open
from bridge.errors import LoginStateMismatch
from bridge.handoff import ReturnPath, org_home
from bridge.identity import Email, MalformedValue
from bridge.oauth.attempt import ATTEMPT_SECONDS
from bridge.web import csrf, pages
from bridge.web.cookies import browser_secret, ensure_browser_secret, read_cookie, set_cookie
from bridge.web.headers import provider_targets
from bridge.web.metrics import Metrics
from bridge.web.oauth_flow import CALLBACKS, Arrived
from bridge.web.rate import Limit, RateLimiter, client_address
from bridge.web.start import RETURN_TO, read_return_path, sign_in_address
from sp import identities
from sp.cell import OwningCell
from sp.orgs import Organization, org_named
from sp.session import session_cookie
from sp.ways import ways_in

LOGIN = "login"
LOGIN_HINT = "login_hint"
_TWICE = timedelta(seconds=2 * ATTEMPT_SECONDS)

log = structlog.get_logger()


def blueprint(cell: OwningCell, metrics: Metrics) -> Blueprint:
    """Return the routes of the organizations' sign-in pages, and the callback."""
    routes = Blueprint("sign_in", __name__)
    service = cell.config.service
    limit = Limit(service.tries_per_minute, 60)
    limiter = RateLimiter({"start": limit, "callback": limit}, clock=cell.clock)

    @routes.get("/o/<org_path>/users/sign_in")
    def sign_in_page(org_path: str) -> Response:
        org = org_named(cell.orgs, org_path)
        return_to = _return_path(org, request.args.getlist(RETURN_TO))
        ways = ways_in(cell, org, f"/o/{org.path}/users/auth/")
        if not ways:
            return redirect(sign_in_address(cell.config.sign_in_page, return_to or org_home(org.path)), 303)
        secret = ensure_browser_secret(request, service, cell.random_bytes)
        response = pages.sign_in(
            buttons=ways,
            csrf_token=csrf.form_token(cell.seal, secret.value, form=_form(org)),
            return_to=return_to,
            form_targets=provider_targets(service),
            org_name=org.name,
            login_hint=_address(request.args.getlist(LOGIN)) or "",
        )
        secret.keep(response, service)
        return response

    @routes.post("/o/<org_path>/users/auth/<name>")
    def begin(org_path: str, name: str) -> Response:
        limiter.spend("start", client_address(request))
        org = org_named(cell.orgs, org_path)
        refuse_unless_open(name, org.policy)
        secret = browser_secret(request, service)
        csrf.require_form(request, seal=cell.seal, secret=secret, form=_form(org), public_url=service.public_url)
        return cell.flow.begin(
            name,
            request,
            return_to=_return_path(org, request.form.getlist(RETURN_TO)),
            org_id=org.id,
            login_hint=_address(request.form.getlist(LOGIN_HINT)),
        )

    def callback(name: str) -> Response:
        limiter.spend("callback", client_address(request))
        arrived = cell.flow.finish(name, request)
        org = cell.org_of_id(arrived.attempt.org_id)
        if org is None:
            raise LoginStateMismatch(provider=name, reason="the attempt was begun at no organization of this cell")
        if arrived.attempt.linking is not None:
            return identities.ask(cell, org, arrived)
        return _enter(cell, metrics, org, arrived)

    for path in CALLBACKS:
        routes.add_url_rule(path, view_func=callback, methods=["GET", "POST"])
    return routes


def _enter(cell: OwningCell, metrics: Metrics, org: Organization, arrived: Arrived) -> Response:
    identity, attempt = arrived.identity, arrived.attempt
    cookie = session_cookie(org)
    opened = cell.accounts.sign_in(
        identity=identity,
        issuer=f"oauth:{attempt.provider}",
        handoff_id=attempt.digest,
        spent_until=attempt.started_at + _TWICE,
        session_ends=None,
        reference=attempt.reference,
        policy=org.policy,
        now=cell.clock(),
        previous_token=read_cookie(request, cell.config.service, cookie),
        at_own_page=True,
    )
    metrics.sign_in(provider=attempt.provider, outcome=opened.outcome)
    if opened.outcome != "known":
        cell.news.set()
    log.info("session.opened", account_id=opened.account.id, org_id=org.id, outcome=opened.outcome)
    response = redirect((attempt.return_to or org_home(org.path)).path, 303)
    set_cookie(response, cell.config.service, cookie, opened.token)
    return response


def _form(org: Organization) -> str:
    return f"start:{org.id}"


def _return_path(org: Organization, values: list[str]) -> ReturnPath | None:
    wanted = read_return_path(values)
    return wanted if wanted is not None and wanted.within(org.path) else None


def _address(values: list[str]) -> str | None:
    """Return the one plain address that a query or form field carries, or None: a hint that is none is no refusal."""
    if len(values) != 1:
        return None
    try:
        return Email.from_provider(values[0]).address
    except MalformedValue:
        return None
