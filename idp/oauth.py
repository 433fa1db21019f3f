"""The OAuth flow of the legacy cell: start at a provider, take its callback, end here or hand over to the owning cell.

The law: every value that leaves comes from the sealed attempt, the provider's answer or the topology's answer; nothing of the
callback's request but `code`, `state` and `iss` is read.
"""

import structlog
from flask import Blueprint, Response, after_this_request, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from bridge.accounts.policy import LEGACY_ORG_ID
from bridge.accounts.records import OpenedSession
from bridge.errors import LoginStateMismatch, ProviderDisabled
from bridge.handoff import ReturnPath
from bridge.identity import ExternalIdentity
from bridge.oauth.attempt import (
    ATTEMPT_SECONDS,
    LoginAttempt,
    cookie_for,
    cookie_name,
    find_attempt,
    require_in_time,
    start,
    surplus_cookies,
)
from bridge.oauth.callback import read_callback, read_state
from bridge.oauth.providers import Provider
from bridge.web import csrf
from bridge.web.cookies import browser_secret, clear_cookie, read_cookie, read_cookies, set_cookie
from bridge.web.metrics import Metrics
from bridge.web.rate import Limit, RateLimiter, client_address
from bridge.web.reference import bind_reference, current_reference
from bridge.web.start import RETURN_TO, keep_return_path
from idp.cell import SESSION_COOKIE, LegacyCell
from idp.handover import hand_over
from idp.sign_in import START_FORM, read_return_path

log = structlog.get_logger()


def blueprint(cell: LegacyCell, metrics: Metrics) -> Blueprint:
    """Return the routes `/users/auth/<provider>` and its callback, with the alias that some consoles have registered."""
    routes = Blueprint("oauth", __name__)
    service = cell.config.service
    limit = Limit(service.tries_per_minute, 60)
    limiter = RateLimiter({"start": limit, "callback": limit}, clock=cell.clock)

    def named(name: str) -> Provider:
        if name not in cell.providers:
            raise ProviderDisabled(provider=name, reason="is not configured")
        return cell.providers[name]

    @routes.post("/users/auth/<name>")
    def begin(name: str) -> BaseResponse:
        limiter.spend("start", client_address(request))
        provider = named(name)
        secret = browser_secret(request, service)
        csrf.require_form(request, seal=cell.seal, secret=secret, form=START_FORM, public_url=service.public_url)
        now = cell.clock()
        attempt = start(
            provider=name,
            return_to=read_return_path(request.form.getlist(RETURN_TO)),
            reference=current_reference(cell.random_bytes),
            now=now,
            random_bytes=cell.random_bytes,
        )
        response = redirect(provider.authorization_url(attempt, cell.redirect_uri(name)), 303)
        for surplus in surplus_cookies(read_cookies(request, service), cell.seal, now):
            clear_cookie(response, service, surplus)
        cookie, sealed = cookie_for(attempt, cell.seal)
        set_cookie(response, service, cookie, sealed, max_age_seconds=ATTEMPT_SECONDS)
        log.info("login.started", provider=name)
        return response

    @routes.route("/users/auth/<name>/callback", methods=["GET", "POST"])
    @routes.route("/auth/<name>/callback", methods=["GET", "POST"])
    def callback(name: str) -> BaseResponse:
        limiter.spend("callback", client_address(request))
        provider = named(name)
        secret = browser_secret(request, service)
        if secret is None:
            raise LoginStateMismatch(provider=name, reason="this browser holds no secret of ours")
        fields = list((request.form if request.method == "POST" else request.args).items(multi=True))
        raw_state = read_state(fields, name)
        attempt = find_attempt(read_cookies(request, service), raw_state=raw_state, provider=name, seal=cell.seal)
        bind_reference(attempt.reference)
        keep_return_path(attempt.return_to)
        _forget(cell, attempt)
        require_in_time(attempt, cell.clock())
        identity = provider.identify(read_callback(fields, name), attempt, cell.redirect_uri(name))
        _tell(identity)
        opened = _open_local(cell, identity, attempt)
        if opened is not None:
            metrics.sign_in(provider=name, outcome="local")
            return _enter(cell, opened, attempt.return_to)
        response = hand_over(cell, identity, attempt, secret)
        metrics.sign_in(provider=name, outcome="handed_over")
        return response

    return routes


def _tell(identity: ExternalIdentity) -> None:
    """Log who came as far as support needs it: the domain finds the directory's entry, the digest the audit rows."""
    log.info(
        "identity.read",
        provider=identity.key.provider,
        uid_digest=identity.key.uid_digest,
        email_domain=identity.email and identity.email.domain,
        email_verified=identity.evidence.verified,
        rule=identity.evidence.rule,
    )


def _forget(cell: LegacyCell, attempt: LoginAttempt) -> None:
    """Take the attempt's cookie back whatever comes of it: a state is used once (RFC 9700 4.7)."""

    @after_this_request
    def _clear(response: Response) -> Response:
        clear_cookie(response, cell.config.service, cookie_name(attempt.state))
        return response


def _open_local(cell: LegacyCell, identity: ExternalIdentity, attempt: LoginAttempt) -> OpenedSession | None:
    """Open a session here if the identity belongs to one of the legacy cell's own accounts."""
    return cell.accounts.open_local(
        identity_key=identity.key,
        org_id=LEGACY_ORG_ID,
        org_name="",
        reference=attempt.reference,
        now=cell.clock(),
        previous_token=read_cookie(request, cell.config.service, SESSION_COOKIE),
    )


def _enter(cell: LegacyCell, opened: OpenedSession, return_to: ReturnPath | None) -> BaseResponse:
    response = redirect(return_to.path if return_to else "/", 303)
    set_cookie(response, cell.config.service, SESSION_COOKIE, opened.token)
    log.info("session.opened", account_id=opened.account.id, outcome="local")
    return response
