"""Recording sign-ins at the endpoint: switched on by an administrator, for one organization, until a time.

The law: it decides nothing and is in nobody's way: what cannot be recorded is logged, and the person's answer is the same. A
folder takes `MAX_FILES` files and no more, since refused documents are recorded, too, and strangers can post those.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from flask import request
from werkzeug.wrappers import Response

from bridge.errors import BridgeError, HandoffReplayed, HandoffUnbound
from bridge.inspect.source import Source
from bridge.saml.trust import Endpoint
from bridge.saml.verify import Question
from bridge.transcript.masking import Mask
from bridge.transcript.model import Hop, Transcript, Verdict
from bridge.transcript.record import recorded_document
from bridge.web.reference import current_reference, reference_for
from sp.cell import OwningCell
from sp.orgs import Organization

LONGEST = timedelta(days=7)
MAX_FILES = 200
_OUR_COOKIES = ("cb-", "__Host-cb-")

log = structlog.get_logger()


def is_on(org: Organization, now: datetime) -> bool:
    """Whether sign-ins of *org* are recorded at *now*: only in the week before the configured end."""
    return org.record_until is not None and org.record_until - LONGEST <= now < org.record_until


def recorded(
    cell: OwningCell,
    org: Organization,
    endpoint: Endpoint,
    *,
    binding_secret: Callable[[], str | None],
    judge: Callable[[], Response],
) -> Response:
    """Return what *judge* answers to this post, or raise what it raises; write a transcript of it where that is on."""
    now = cell.clock()
    folder = org.record_folder
    if folder is None or not is_on(org, now):
        return judge()
    began = time.perf_counter()
    answer: Response | None = None
    refusal: BridgeError | None = None
    try:
        answer = judge()
        return answer
    except BridgeError as error:
        refusal = error
        raise
    finally:
        took = time.perf_counter() - began
        try:
            _write(cell, endpoint, folder, binding_secret, answer, refusal, now=now, took=took)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with a record, the person's answer stands
            log.warning("recording.failed", org_id=org.id, kind=type(error).__name__)


def _write(
    cell: OwningCell,
    endpoint: Endpoint,
    folder: Path,
    binding_secret: Callable[[], str | None],
    answer: Response | None,
    refusal: BridgeError | None,
    *,
    now: datetime,
    took: float,
) -> None:
    if sum(1 for _ in folder.glob("*.json")) >= MAX_FILES:
        log.warning("recording.full", org_id=endpoint.org_id, files=MAX_FILES)
        return
    reference = reference_for(refusal, cell.random_bytes) if refusal else current_reference(cell.random_bytes)
    mask = Mask(cell.random_bytes)
    entered = answer is not None and answer.status_code == 303
    unspent: Verdict = "fail" if isinstance(refusal, HandoffReplayed) else "pass" if entered else "not_run"
    question = Question(
        trust=cell.trust,
        endpoint=endpoint,
        now=now,
        binding_secret=_or_none(binding_secret),
        second_opinion=cell.second_opinion,
    )
    source = Source("posted", tuple(request.form.items(multi=True)), None)
    hop = Hop(
        title=f"handoff: {refusal.code if refusal else 'accepted' if entered else 'asked'}",
        method=request.method,
        url=endpoint.acs_url,
        status=refusal.status if refusal else answer.status_code if answer is not None else 500,
        location="" if answer is None else mask.path(answer.headers.get("Location", "")),
        cookies_held=tuple(sorted(name for name in request.cookies if name.startswith(_OUR_COOKIES))),
        at_ms=0,
        took_ms=round(took * 1000),
    )
    transcript = Transcript(
        made_at=now,
        reference=reference,
        hops=(hop,),
        document=recorded_document(source, question, mask=mask, unspent=unspent),
    )
    name = f"{now:%Y%m%dT%H%M%S}-{endpoint.org_path}-{reference}-{cell.random_bytes(3).hex()}.json"
    transcript.write(folder / name)
    log.info("recording.written", org_id=endpoint.org_id)


def _or_none(binding_secret: Callable[[], str | None]) -> str | None:
    try:
        return binding_secret()
    except HandoffUnbound:
        return None
