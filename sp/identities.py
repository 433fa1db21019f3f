"""The page where a signed-in person sees their ways in and their sessions, links and unlinks providers, and ends sessions.

The law: whoever changes a way in signed in a short while ago, in this very browser, and says yes to what came back from the
provider. Nothing that a link or a callback alone brings is ever linked: an attacker's own provider account, put into somebody
else's browser, would open the victim's account from then on.
"""

import json
from datetime import UTC, datetime, timedelta

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from bridge.accounts import linking
from bridge.accounts.listing import identities_of
from bridge.accounts.resolve import refuse_unless_open
from bridge.errors import (
    AccountError,
    LinkingError,
    LoginExpired,
    LoginStateMismatch,
    ProviderDisabled,
    RequestMalformed,
    SignInAgain,
)
from bridge.handoff import ReturnPath
from bridge.identity import ExternalIdentity, IdentityKey
from bridge.seal import SealBroken
from bridge.web import csrf, identities_page, pages
from bridge.web.headers import provider_targets
from bridge.web.oauth_flow import Arrived
from bridge.web.rate import Limit, RateLimiter, client_address
from bridge.web.reference import current_reference
from bridge.web.start import keep_return_path, sign_in_address
from sp.cell import OwningCell
from sp.orgs import Organization, org_named
from sp.session import OpenSession, find_session
from sp.ways import ways_in

PAGE = "/o/{org}/-/identities"
FORM = "identities"
FRESH = timedelta(minutes=15)
ANSWERED_WITHIN = timedelta(minutes=10)
_LINKING = "linking"
_FOUND = "linking:found"


def blueprint(cell: OwningCell) -> Blueprint:
    """Return the page and the routes that its buttons post to."""
    routes = Blueprint("identities", __name__)
    service = cell.config.service
    limiter = RateLimiter({"change": Limit(service.tries_per_minute, 60)}, clock=cell.clock)

    @routes.get(PAGE.replace("{org}", "<org_path>"))
    def page(org_path: str) -> Response:
        org = org_named(cell.orgs, org_path)
        found = find_session(cell, org, request)
        if found is None:
            return redirect(sign_in_address(cell.config.sign_in_page, _page_of(org)), 303)
        return _show(cell, org, found)

    @routes.post(PAGE.replace("{org}", "<org_path>") + "/link/<name>")
    def begin(org_path: str, name: str) -> Response:
        org, found = _changing(org_path, provider=name)
        refuse_unless_open(name, org.policy)
        return cell.flow.begin(
            name,
            request,
            return_to=_page_of(org),
            org_id=org.id,
            linking=cell.seal.mac(found.token, purpose=_LINKING),
        )

    @routes.post(PAGE.replace("{org}", "<org_path>") + "/confirm")
    def confirm(org_path: str) -> Response:
        org, found = _changing(org_path, provider="")
        holder, answer = _holder(org, found), _agreed(cell, found)
        try:
            cell.accounts.change(lambda connection: linking.link(connection, holder, answer))
        except (AccountError, LinkingError, ProviderDisabled) as refusal:
            code = refusal.code
            cell.accounts.change(lambda connection: linking.record_refusal(connection, holder, answer.key, code))
            raise
        cell.news.set()
        return redirect(_page_of(org).path, 303)

    @routes.post(PAGE.replace("{org}", "<org_path>") + "/unlink/<name>")
    def unlink(org_path: str, name: str) -> Response:
        org, found = _changing(org_path, provider=name)
        holder = _holder(org, found)
        cell.accounts.change(lambda connection: linking.unlink_own(connection, holder, name))
        cell.news.set()
        return redirect(_page_of(org).path, 303)

    @routes.post(PAGE.replace("{org}", "<org_path>") + "/sessions/<int:session_id>/end")
    def end_one(org_path: str, session_id: int) -> Response:
        org, found = _signed_in(org_path)
        cell.accounts.end_session_by_id(
            session_id,
            account_id=found.signed_in.account.id,
            org_id=org.id,
            now=cell.clock(),
            reference=current_reference(cell.random_bytes),
        )
        return redirect(_page_of(org).path, 303)

    @routes.post(PAGE.replace("{org}", "<org_path>") + "/sessions/end_others")
    def end_others(org_path: str) -> Response:
        org, found = _signed_in(org_path)
        cell.accounts.end_all(
            found.signed_in.account.id,
            org_id=org.id,
            now=cell.clock(),
            reference=current_reference(cell.random_bytes),
            except_token=found.token,
        )
        return redirect(_page_of(org).path, 303)

    def _signed_in(org_path: str) -> tuple[Organization, OpenSession]:
        """Return who sent a form of this page; raises `RequestForged` where nobody signed in did."""
        limiter.spend("change", client_address(request))
        org = org_named(cell.orgs, org_path)
        keep_return_path(_page_of(org))
        found = find_session(cell, org, request)
        token = found.token if found else None
        csrf.require_form(request, seal=cell.seal, secret=token, form=FORM, public_url=service.public_url)
        if found is None:
            raise AssertionError("a form without a session was let through")
        return org, found

    def _holder(org: Organization, found: OpenSession) -> linking.Holder:
        now = cell.clock()
        return linking.Holder(
            account_id=found.signed_in.account.id,
            session_sha256=cell.accounts.digest(found.token),
            fresh_since=now - FRESH,
            policy=org.policy,
            reference=current_reference(cell.random_bytes),
            now=now,
        )

    def _changing(org_path: str, *, provider: str) -> tuple[Organization, OpenSession]:
        """Return who sent a form that changes ways in; raises `SignInAgain` where they signed in too long ago."""
        org, found = _signed_in(org_path)
        if cell.clock() - found.signed_in.signed_in_at > FRESH:
            raise SignInAgain(org=org.path, provider=provider, account_id=found.signed_in.account.id)
        return org, found

    return routes


def ask(cell: OwningCell, org: Organization, arrived: Arrived) -> Response:
    """Return the page that asks whether to link what came back from the provider; nothing is linked yet.

    Raises `LoginStateMismatch` where the session that wanted to link is not in this browser any more.
    """
    found = find_session(cell, org, request)
    identity, wanted_by = arrived.identity, arrived.attempt.linking or ""
    if found is None or not cell.seal.mac_matches(wanted_by, found.token, purpose=_LINKING):
        raise LoginStateMismatch(provider=identity.key.provider, reason="the session that wanted to link is over")
    return identities_page.ask_to_link(
        org_name=org.name,
        provider_label=cell.labels.provider(identity.key.provider) or identity.key.provider,
        who=_who(identity),
        username=identity.username or "",
        account=found.signed_in.account.email or found.signed_in.account.username,
        answer_path=_page_of(org).path + "/confirm",
        cancel_path=_page_of(org).path,
        found=_sealed(cell, arrived, wanted_by),
        csrf_token=csrf.form_token(cell.seal, found.token, form=FORM),
    )


def _show(cell: OwningCell, org: Organization, found: OpenSession) -> Response:
    account, now = found.signed_in.account, cell.clock()
    mine = cell.accounts.look(lambda connection: identities_of(connection, account))
    linked = {key.provider for key in mine}
    usable = linked & org.policy.open_providers
    path = _page_of(org).path
    return identities_page.show(
        org_name=org.name,
        account=account.email or account.username,
        linked=[
            identities_page.LinkedIdentity(
                label=cell.labels.provider(key.provider) or key.provider,
                uid=key.uid,
                unlink_path=f"{path}/unlink/{key.provider}" if usable - {key.provider} else None,
                in_use=key.provider == found.signed_in.provider,
            )
            for key in mine
        ],
        to_link=[way for way in ways_in(cell, org, f"{path}/link/") if way.start_path.rpartition("/")[2] not in linked],
        sessions=[
            identities_page.SessionLine(
                label=cell.labels.provider(one.provider) or one.provider,
                began=pages.moment(one.signed_in_at),
                seen=pages.moment(one.last_seen_at),
                here=one.here,
                end_path=f"{path}/sessions/{one.id}/end",
            )
            for one in cell.accounts.sessions_of(account.id, org_id=org.id, now=now, token=found.token)
        ],
        end_others_path=f"{path}/sessions/end_others",
        home_path=f"/o/{org.path}/",
        csrf_token=csrf.form_token(cell.seal, found.token, form=FORM),
        form_targets=provider_targets(cell.config.service),
    )


def _page_of(org: Organization) -> ReturnPath:
    return ReturnPath(PAGE.format(org=org.path))


def _who(identity: ExternalIdentity) -> str:
    """Return what names this account at the provider: a name or an unverified address is what anybody likes to be called."""
    return identity.email.address if identity.email and identity.evidence.verified else identity.key.uid


def _sealed(cell: OwningCell, arrived: Arrived, wanted_by: str) -> str:
    key, until = arrived.identity.key, int((cell.clock() + ANSWERED_WITHIN).timestamp())
    payload = {
        "provider": key.provider,
        "uid": key.uid,
        "attempt": arrived.attempt.digest,
        "wanted_by": wanted_by,
        "until": until,
    }
    return cell.seal.seal(json.dumps(payload).encode("utf-8"), purpose=_FOUND)


def _agreed(cell: OwningCell, found: OpenSession) -> linking.Answer:
    """Return what this session's holder said yes to."""
    values = request.form.getlist(identities_page.FOUND)
    if len(values) != 1:
        raise RequestMalformed(reason=f"{len(values)} fields {identities_page.FOUND}")
    try:
        payload = json.loads(cell.seal.open(values[0], purpose=_FOUND))
    except SealBroken as error:
        raise RequestMalformed(reason="what was found cannot be opened") from error
    key = IdentityKey(payload["provider"], payload["uid"])
    if not cell.seal.mac_matches(payload["wanted_by"], found.token, purpose=_LINKING):
        raise LoginStateMismatch(provider=key.provider, reason="what was found belongs to another session")
    until = datetime.fromtimestamp(payload["until"], UTC)
    if cell.clock() > until:
        raise LoginExpired(provider=key.provider, reason="the question was answered too late")
    return linking.Answer(key=key, attempt_sha256=payload["attempt"], until=until)
