"""Recording: from a posted document and what it was judged by to the part of a transcript that tells it. Pure.

The law: the checks are asked about the original, and the record is judged again before it is given out: what it cannot tell is
marked as recorded. Nothing of the original but its length and its digest leaves.
"""

import hashlib
from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bridge.errors import HandoffError
from bridge.inspect.certificates import embedded, fingerprint_of, usable
from bridge.inspect.inspection import Inspection, inspect
from bridge.inspect.outcome import Outcome
from bridge.inspect.source import Source
from bridge.saml import checks, names
from bridge.saml.signature import Received
from bridge.saml.trust import TrustedIssuer
from bridge.saml.verify import Question
from bridge.transcript.masking import Mask
from bridge.transcript.model import Addressee, CheckLine, JudgedDocument, Signer, Verdict
from bridge.transcript.replay import ALWAYS_RECORDED, settled


def recorded_document(source: Source, question: Question, *, mask: Mask, unspent: Verdict) -> JudgedDocument:
    """Return the record of *source*, judged by *question*; *unspent* is what the store said, check 18."""
    found = inspect(source, question, ask_binding=True)
    signer = _signer(found)
    endpoint = question.endpoint
    return settled(
        JudgedDocument(
            judged_at=question.now,
            sha256=hashlib.sha256(found.raw_xml).hexdigest(),
            size_bytes=len(found.raw_xml),
            masked_xml="" if found.document is None else mask.document(found.document.root).decode(),
            endpoint=Addressee(
                org_id=endpoint.org_id,
                org_path=endpoint.org_path,
                acs_url=endpoint.acs_url,
                sp_entity_id=endpoint.sp_entity_id,
                binding=endpoint.binding,
            ),
            signer=None if signer is None else _facts(signer),
            signed_by=_signed_by(found, signer),
            signed_response=found.signed is not None and found.signed.response is not None,
            checks=tuple(_line(outcome, unspent) for outcome in found.outcomes),
        )
    )


def _signer(found: Inspection) -> TrustedIssuer | None:
    """Return by whose rules *found* was judged: the signer's, or else the named issuer's, or the only one's."""
    if found.signed is not None:
        return found.signed.signer
    trust = found.question.trust
    named = found.document.root.iter(names.ISSUER) if found.document is not None else ()
    known = [trust[issuer.text] for issuer in named if issuer.text and issuer.text in trust]
    return next(iter(known or (trust.values() if len(trust) == 1 else ())), None)


def _facts(signer: TrustedIssuer) -> Signer:
    return Signer(
        entity_id=signer.entity_id,
        certificates=tuple(one.public_bytes(Encoding.PEM).decode() for one in signer.certificates),
        skew_seconds=int(signer.skew.total_seconds()),
        max_lifetime_seconds=int(signer.max_lifetime.total_seconds()),
        signed=signer.signed,
        providers=None if signer.providers is None else tuple(sorted(signer.providers)),
    )


def _signed_by(found: Inspection, signer: TrustedIssuer | None) -> tuple[str, ...]:
    """Return the fingerprints of the certificates, trusted or in the document, whose key made the signature."""
    if signer is None or found.document is None:
        return ()
    known: dict[x509.Certificate, None] = dict.fromkeys((*signer.certificates, *usable(embedded(found.document.root))))
    return tuple(fingerprint_of(one) for one in known if _made_by(found, signer, one))


def _made_by(found: Inspection, signer: TrustedIssuer, certificate: x509.Certificate) -> bool:
    if found.document is None:
        return False
    alone = replace(signer, certificates=(certificate,))
    began = certificate.not_valid_before_utc  # whether it has expired since is asked when it is judged
    try:
        checks.SIGNATURE.judge(Received(found.document, {alone.entity_id: alone}, began, found.question.endpoint))
    except HandoffError:
        return False
    return True


def _line(outcome: Outcome, unspent: Verdict) -> CheckLine:
    check = outcome.check
    of_the_store = check is checks.UNSPENT
    recorded = check.number in ALWAYS_RECORDED or outcome.outcome == "not_run"
    return CheckLine(
        number=check.number,
        title=check.title,
        outcome=unspent if of_the_store else outcome.outcome,
        code=check.code if of_the_store and unspent == "fail" else outcome.code,
        expected=outcome.expected,
        received=outcome.received,
        node=outcome.node,
        judged="recorded" if recorded else "again",
    )
