"""A document judged by the certificate that it brings along, where no trusted key signed it. Pure.

The law: this only lets an inspector read on, and says so. Nothing is decrypted with an organization's keys for a signature that
nobody trusts.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509

from bridge.inspect.certificates import embedded, fingerprint_of, usable
from bridge.saml import names
from bridge.saml.signature import Received
from bridge.saml.trust import DecryptionKey, Endpoint, TrustedIssuer
from bridge.saml.verify import Question
from bridge.sections import Trust

Certificates = tuple[x509.Certificate, ...]
_FIELDS = Trust.model_fields
# The endpoint of nobody: without a configuration, what needs one is not judged.
NOWHERE = Endpoint(org_id=0, org_path="", acs_url="", sp_entity_id="", binding="bound")


def is_nowhere(endpoint: Endpoint) -> bool:
    """Whether *endpoint* is nobody's, with or without keys to decrypt."""
    return not endpoint.acs_url


def nobodys_question(
    now: datetime, *, binding_secret: str | None = None, decryption_keys: tuple[DecryptionKey, ...] = ()
) -> Question:
    """Return what a document is judged by where no configuration says whom to trust; *now* is aware, UTC."""
    endpoint = replace(NOWHERE, decryption_keys=decryption_keys)
    return Question(trust={}, endpoint=endpoint, now=now, binding_secret=binding_secret, second_opinion=None)


@dataclass(frozen=True, slots=True)
class TrustedByItself:
    """What check 7 would be asked if the document's own certificates were trusted, and what to tell if it agrees."""

    received: Received
    note: str


def trusted_by_itself(received: Received, question: Question) -> TrustedByItself | None:
    """Return *received* with the document's own certificates in the place of the trusted ones; None if it has none."""
    root = received.document.root
    certificates = usable(embedded(root))
    if not certificates:
        return None
    issuer = next((element.text for element in root.iter(names.ISSUER) if element.text), None) or "nobody"
    known = question.trust.get(issuer) or (next(iter(question.trust.values())) if len(question.trust) == 1 else None)
    by_response = next(root.iterchildren(names.SIGNATURE), None) is not None
    itself = replace(
        known or _unknown(issuer, certificates),
        certificates=certificates,
        signed="response" if by_response else "assertion",
    )
    keys = question.endpoint.decryption_keys if not question.trust else ()
    endpoint = replace(question.endpoint, decryption_keys=keys, require_encryption=False)
    return TrustedByItself(
        received._replace(trust={itself.entity_id: itself}, endpoint=endpoint),
        _note(certificates, () if known is None else known.certificates),
    )


def _note(certificates: Certificates, trusted: Certificates) -> str:
    named = ", ".join(fingerprint_of(certificate) for certificate in certificates)
    if set(certificates) <= set(trusted):
        return f"The certificate in the document (SHA-256 {named}) is trusted; check 7 says why its signature does not count."
    return (
        f"Not verified against a trusted key. The signature fits the certificate in the document (SHA-256 {named}), which "
        "proves only that nothing was changed since; anybody can sign with a certificate of their own."
    )


def _unknown(issuer: str, certificates: Certificates) -> TrustedIssuer:
    return TrustedIssuer(
        entity_id=issuer,
        certificates=certificates,
        skew=timedelta(seconds=_FIELDS["skew_seconds"].default),
        max_lifetime=timedelta(seconds=_FIELDS["max_lifetime_seconds"].default),
        signed="response",
    )
