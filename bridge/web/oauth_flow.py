"""The OAuth flow as a browser walks it, on either cell: away to the provider, and back with who the person is.

The law: every value that leaves comes from the sealed attempt or the configuration, and of the callback's request nothing but
what `bridge.oauth.callback` reads counts. Whatever comes of an attempt, its cookie is taken back: a state is used once.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from flask import Request, Response, after_this_request, redirect
from werkzeug.wrappers import Response as BaseResponse

from bridge.errors import LoginStateMismatch, ProviderDisabled
from bridge.handoff import ReturnPath, binding_of
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
from bridge.seal import Seal
from bridge.sections import Service
from bridge.web.cookies import browser_secret, clear_cookie, read_cookies, set_cookie
from bridge.web.reference import bind_reference, current_reference
from bridge.web.start import keep_return_path

CALLBACKS = ("/users/auth/<name>/callback", "/auth/<name>/callback")
"""The callback, and the alias that some consoles have registered."""

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A person who came back from a provider: who they are, which attempt of this browser that answers, and its secret."""

    identity: ExternalIdentity
    attempt: LoginAttempt
    browser_secret: str


@dataclass(frozen=True, kw_only=True)
class OAuthFlow:
    """The flow of one cell with its providers by name."""

    service: Service
    providers: Mapping[str, Provider]
    seal: Seal
    clock: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    def provider(self, name: str) -> Provider:
        """Return the provider called *name*; raises `ProviderDisabled`."""
        if name not in self.providers:
            raise ProviderDisabled(provider=name, reason="is not configured")
        return self.providers[name]

    def begin(
        self,
        name: str,
        request: Request,
        *,
        return_to: ReturnPath | None,
        org_id: int | None = None,
        login_hint: str | None = None,
        linking: str | None = None,
    ) -> BaseResponse:
        """Return the redirect to the provider, and give the browser its sealed attempt. The caller has checked the form.

        Raises `ProviderDisabled`, `LoginStateMismatch`, and what `Provider.authorization_url` raises.
        """
        provider = self.provider(name)
        secret = self._browser_secret(name, request)
        now = self.clock()
        attempt = start(
            provider=name,
            return_to=return_to,
            reference=current_reference(self.random_bytes),
            now=now,
            random_bytes=self.random_bytes,
            org_id=org_id,
            login_hint=login_hint,
            linking=linking,
            browser=binding_of(secret),
        )
        response = redirect(provider.authorization_url(attempt, self.redirect_uri(name)), 303)
        for surplus in surplus_cookies(read_cookies(request, self.service), self.seal, now):
            clear_cookie(response, self.service, surplus)
        cookie, sealed = cookie_for(attempt, self.seal)
        set_cookie(response, self.service, cookie, sealed, max_age_seconds=ATTEMPT_SECONDS)
        log.info("login.started", provider=name, linking=linking is not None)
        return response

    def finish(self, name: str, request: Request) -> Arrived:
        """Return who came back by the callback of the provider called *name*.

        Raises `ProviderDisabled`, `LoginStateMismatch`, `LoginExpired`, `ProviderDenied` and what `Provider.identify` raises.
        """
        provider = self.provider(name)
        secret = self._browser_secret(name, request)
        fields = list((request.form if request.method == "POST" else request.args).items(multi=True))
        raw_state = read_state(fields, name)
        attempt = find_attempt(read_cookies(request, self.service), raw_state=raw_state, provider=name, seal=self.seal)
        bind_reference(attempt.reference)
        keep_return_path(attempt.return_to)
        self._forget(attempt)
        if not hmac.compare_digest(attempt.browser, binding_of(secret)):
            raise LoginStateMismatch(provider=name, reason="the attempt was begun in another browser")
        require_in_time(attempt, self.clock())
        identity = provider.identify(read_callback(fields, name), attempt, self.redirect_uri(name))
        # The domain finds the directory's entry, the digest the audit rows; no more of the person is logged.
        log.info(
            "identity.read",
            provider=identity.key.provider,
            uid_digest=identity.key.uid_digest,
            email_domain=identity.email and identity.email.domain,
            email_verified=identity.evidence.verified,
            rule=identity.evidence.rule,
        )
        return Arrived(identity=identity, attempt=attempt, browser_secret=secret)

    def redirect_uri(self, name: str) -> str:
        """Return the callback URL that is registered at the provider: from the configuration alone, without a query.

        It is the same on every cell, so that one registered client serves all; the router tells the cells apart by the state.
        """
        return f"{self.service.public_url}/users/auth/{name}/callback"

    def _browser_secret(self, name: str, request: Request) -> str:
        secret = browser_secret(request, self.service)
        if secret is None:
            raise LoginStateMismatch(provider=name, reason="this browser holds no secret of ours")
        return secret

    def _forget(self, attempt: LoginAttempt) -> None:
        @after_this_request
        def _clear(response: Response) -> Response:
            clear_cookie(response, self.service, cookie_name(attempt.state))
            return response
