"""The question "Continue as ann@acme.example in Acme?": where no cookie can come along (binding `confirm`), and where somebody
else is signed in already, so that no response takes an open session away, or gives one, unasked.

The law: asking opens nothing and writes nothing, and an answer counts only from the browser that was asked, about the very
document that it was asked about, by our own button. The answer carries that document, and it is verified once more: a sealed
summary of the first verdict would be a second way to make a `VerifiedHandoff` (docs/decisions/0008).
"""

import base64
from datetime import datetime
from hashlib import sha256

from flask import Request, Response
from werkzeug.wrappers import Response as BaseResponse

from bridge.accounts.choice import choose
from bridge.accounts.records import Account
from bridge.accounts.resolve import Create
from bridge.errors import AccountError, OrgReadOnly, ProviderDisabled, RequestForged, RequestMalformed
from bridge.saml.verify import VerifiedHandoff
from bridge.web import csrf, pages
from bridge.web.cookies import clear_cookie, read_cookie, set_cookie
from bridge.web.start import sign_in_address
from sp.cell import OwningCell
from sp.orgs import Organization
from sp.session import OpenSession, find_session

FORM = "confirm"
LEAVING = "leaving"
KEPT_SECONDS = 900  # longer than a handoff lives, so that whoever answers too late is told so
_LEAVING_PURPOSE = "confirm:leaving"


def ask(
    cell: OwningCell,
    org: Organization,
    request: Request,
    *,
    raw_xml: bytes,
    verified: VerifiedHandoff,
    answer_path: str,
    now: datetime,
) -> Response:
    """Return the page that asks, and give the browser the secret that its answer needs.

    The secret is fresh for each page: an answer that somebody prepared fits no browser but their own.
    """
    service = cell.config.service
    secret = cell.random_bytes(32).hex()
    found = find_session(cell, org, request)
    leaving = cell.seal.mac(found.token, purpose=_LEAVING_PURPOSE) if found else ""
    identity = verified.claims.identity
    response = pages.confirm(
        question=pages.Question(
            # Names and unverified addresses are what anybody likes to call themselves.
            who=identity.email.address if identity.email and identity.evidence.verified else identity.key.uid,
            org_name=org.name,
            provider_label=cell.labels.provider(identity.key.provider) or identity.key.provider,
            signed_in_as=_called(found.signed_in.account) if found and _is_somebody_else(cell, org, found, verified) else None,
            from_elsewhere=verified.to_be_confirmed,
            seconds=max(1, int((verified.spent_until - now).total_seconds())),
        ),
        answer_path=answer_path,
        cancel_path=sign_in_address(cell.config.sign_in_page, verified.claims.return_to),
        saml_response=base64.b64encode(raw_xml).decode("ascii"),
        leaving=leaving,
        csrf_token=csrf.form_token(cell.seal, _owner(secret, raw_xml, leaving), form=FORM),
    )
    set_cookie(response, service, _cookie(raw_xml), secret, max_age_seconds=KEPT_SECONDS)
    return response


def is_needed(cell: OwningCell, org: Organization, request: Request, verified: VerifiedHandoff) -> bool:
    """Whether to ask before a handoff counts: the browser is not bound, or it holds a session of somebody else."""
    if verified.to_be_confirmed:
        return True
    found = find_session(cell, org, request)
    return found is not None and _is_somebody_else(cell, org, found, verified)


def require_answer(cell: OwningCell, request: Request, raw_xml: bytes) -> None:
    """Return if *request* is the answer of the browser that was asked about *raw_xml*.

    Raises `RequestForged`, also where the browser does not say that the form came from our own page: unlike the other forms
    this one may sign a stranger in. Raises `RequestMalformed` for a missing or doubled field.
    """
    if request.headers.get("Sec-Fetch-Site") != "same-origin":
        raise RequestForged(reason="Sec-Fetch-Site does not say same-origin")
    secret = read_cookie(request, cell.config.service, _cookie(raw_xml))
    csrf.require_form(
        request,
        seal=cell.seal,
        secret=_owner(secret, raw_xml, _leaving(request)) if secret else None,
        form=FORM,
        public_url=cell.config.service.public_url,
    )


def was_told(cell: OwningCell, org: Organization, request: Request, verified: VerifiedHandoff) -> bool:
    """Whether the person knows whom they stop being: the first post brings no cookies, so the page may not have told them."""
    found = find_session(cell, org, request)
    if found is None or not _is_somebody_else(cell, org, found, verified):
        return True
    return cell.seal.mac_matches(_leaving(request), found.token, purpose=_LEAVING_PURPOSE)


def forget(cell: OwningCell, response: BaseResponse, raw_xml: bytes) -> None:
    """Take the browser's secret for this question back."""
    clear_cookie(response, cell.config.service, _cookie(raw_xml))


def _is_somebody_else(cell: OwningCell, org: Organization, session: OpenSession, verified: VerifiedHandoff) -> bool:
    """Whether the handoff opens another account than the session's, by the very rules; one that is refused opens none."""
    identity = verified.claims.identity
    try:
        choice = cell.accounts.look(lambda connection: choose(connection, identity, org.policy, at_own_page=False, hold=False))
    except (AccountError, OrgReadOnly, ProviderDisabled):
        return False
    decision = choice.decision
    return isinstance(decision, Create) or decision.account.id != session.signed_in.account.id


def _called(account: Account) -> str:
    return account.email or account.username


def _leaving(request: Request) -> str:
    values = request.form.getlist(LEAVING)
    if len(values) != 1:
        raise RequestMalformed(reason=f"{len(values)} fields {LEAVING}")
    return values[0]


def _owner(secret: str, raw_xml: bytes, leaving: str) -> str:
    """What the form's token belongs to: this browser, this document, and the session that the person was told about."""
    return f"{secret}.{sha256(raw_xml).hexdigest()}.{leaving}"


def _cookie(raw_xml: bytes) -> str:
    """Return a cookie's name of its own for each document: two tabs may be asked at once."""
    return f"cb-confirm-{sha256(raw_xml).hexdigest()[:16]}"
