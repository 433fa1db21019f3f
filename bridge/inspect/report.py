"""What is said about one input: the verdict in one sentence, and one JSON object for programs. Pure.

The law: whoever shows an inspection shows this report. Values of a document may be hostile, and are escaped where they are
shown.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from bridge.errors import HandoffSignature
from bridge.inspect.certificates import SeenCertificate
from bridge.inspect.fields import Field
from bridge.inspect.inspection import Inspection
from bridge.inspect.listing import Listing, opened_listing, parsed_listing, unparsed_listing
from bridge.inspect.mask import masked_field, masked_handoff, masked_outcome
from bridge.inspect.outcome import Outcome
from bridge.inspect.times import Times, text_of_time, times_of
from bridge.saml import names

DOCS = "docs/inspector.md"
_CONFIGURE = "Say whom to trust (--config and --org), and it is judged as the endpoint judges."


@dataclass(frozen=True)
class Report:
    """What is said about one input; `inspection` is None where it was unreadable for the `reason`.

    `came_as` says in what shape it came; with `mask` the values that belong to a person are hidden.
    """

    name: str
    inspection: Inspection | None
    reason: str = ""
    came_as: str = ""
    mask: bool = False

    @property
    def verdict(self) -> str:
        """`accepted`, `refused` or `unreadable`."""
        if self.inspection is None:
            return "unreadable"
        return "accepted" if self.inspection.accepted else "refused"

    @property
    def code(self) -> str:
        """The code at which the endpoint would have stopped, or the empty string."""
        failed = self.first_failure
        return failed.code if failed else ""

    @cached_property
    def first_failure(self) -> Outcome | None:
        """The failure at which the endpoint would have stopped."""
        return next((outcome for outcome in self.outcomes if outcome.outcome == "fail"), None)

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What each check said."""
        found = self.inspection.outcomes if self.inspection else ()
        return tuple(masked_outcome(outcome) for outcome in found) if self.mask else found

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Every value of the document."""
        found = self.inspection.fields if self.inspection else ()
        return tuple(masked_field(field) for field in found) if self.mask else found

    @property
    def handoff(self) -> dict[str, str] | None:
        """The signed values, None unless check 7 accepted."""
        found = self.inspection.handoff if self.inspection else None
        return masked_handoff(found) if self.mask and found is not None else None if found is None else dict(found)

    @property
    def certificates(self) -> tuple[SeenCertificate, ...]:
        """The document's certificates, and the trusted ones."""
        return self.inspection.certificates if self.inspection else ()

    @cached_property
    def times(self) -> Times | None:
        """When the document counts, None where nothing signed says so."""
        return times_of(self.inspection) if self.inspection else None

    @property
    def kind(self) -> str:
        """What the document is, in words that follow "It is"."""
        return self.inspection.kind.sentence if self.inspection else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know besides the checks."""
        return self.inspection.notes if self.inspection else ()

    @cached_property
    def listings(self) -> tuple[Listing, ...]:
        """The decoded document piece by piece, and the assertion inside where it was decrypted."""
        inspection = self.inspection
        if inspection is None or not inspection.raw_xml:
            return ()
        if inspection.document is None:
            return (unparsed_listing(inspection.places, self.outcomes, mask=self.mask),)
        listing = parsed_listing(inspection.places, inspection.document.root, self.outcomes, mask=self.mask)
        signed = inspection.signed
        if signed is None or signed.opened_by is None:
            return (listing,)
        return listing, opened_listing(signed.assertion, self.outcomes, mask=self.mask)

    @property
    def sentence(self) -> str:
        """The verdict in one sentence, for people."""
        inspection, failed = self.inspection, self.first_failure
        if inspection is None:
            return f"Unreadable: it {self.reason}."
        if inspection.kind.name not in ("response", "unknown"):
            return f"This is {self.kind}; an endpoint takes a Response, and refuses it with {self.code}."
        if failed is None:
            where = inspection.question.endpoint.acs_url
            return f"Accepted: {where} takes it now, unless it was used before, which only the store of the cell knows."
        if self._by_itself:
            besides = self._besides
            rest = f"besides, {besides.code}: {_compared(besides)}" if besides else "what else can be judged is right"
            return f"Not verified against a trusted key, since no configuration was given; {rest}{_ago(self.times, besides)}."
        return f"Refused by check {failed.check.number}: {_compared(failed)}{_ago(self.times, failed)}."

    @property
    def what_to_do(self) -> str:
        """What to do about the first failure; the empty string if nothing failed."""
        failed, besides = self.first_failure, self._besides
        if failed is None:
            return ""
        if self._by_itself:
            return _CONFIGURE + (f" {besides.check.hint}" if besides else "")
        if failed.code == HandoffSignature.code and (owners := self._owners_of_its_certificate):
            return f"Its certificate is trusted, but for {' and '.join(owners)}: put each issuer's under its own [[trust]]."
        return failed.check.hint

    @property
    def _owners_of_its_certificate(self) -> tuple[str, ...]:
        """Whose the trusted certificate in the document is, where that is not the issuer that the document names."""
        inspection = self.inspection
        if inspection is None or inspection.document is None:
            return ()
        issuer = next((found.text for found in inspection.document.root.iter(names.ISSUER)), None)
        owners = dict.fromkeys(owner for seen in self.certificates if seen.in_document for owner in seen.issuers)
        return () if issuer in owners else tuple(owners)

    @property
    def _by_itself(self) -> bool:
        """Whether all that is wrong up to the signature is that nobody said whom to trust."""
        inspection, failed = self.inspection, self.first_failure
        if inspection is None or failed is None or inspection.has_endpoint:
            return False
        return failed.check.number == 7 and inspection.signed is not None

    @property
    def _besides(self) -> Outcome | None:
        """The first failure after check 7."""
        return next((outcome for outcome in self.outcomes[7:] if outcome.outcome == "fail"), None)


def _compared(outcome: Outcome) -> str:
    return f"expected {outcome.expected or 'nothing'}, received {outcome.received or 'nothing'}"


def _ago(times: Times | None, failed: Outcome | None) -> str:
    if times is None or failed is None or failed.check.number != 12:
        return ""
    return {"expired": f"; it ended {times.distance} ago", "early": f"; it begins in {times.distance}"}.get(times.state, "")


def as_json(report: Report) -> str:
    """Return one line of JSON; its keys are listed in docs/inspector.md."""
    inspection = report.inspection
    body: dict[str, object] = {
        "file": report.name,
        "verdict": report.verdict,
        "code": report.code,
        "sentence": report.sentence,
        "what_to_do": report.what_to_do,
        "came_as": report.came_as,
        "kind": inspection.kind.name if inspection else "",
        "trusted": bool(inspection and inspection.trusted),
        "checks": [_check(outcome) for outcome in report.outcomes],
        "handoff": report.handoff,
        "fields": [_field(field) for field in report.fields],
        "certificates": [_certificate(one, inspection.question.now) for one in report.certificates] if inspection else [],
        "times": report.times.as_texts() if report.times else None,
        "notes": list(report.notes),
    }
    if report.reason:
        body["reason"] = report.reason
    return json.dumps(body, ensure_ascii=True)


def _check(outcome: Outcome) -> dict[str, object]:
    return {
        "number": outcome.check.number,
        "code": outcome.code or outcome.check.code,
        "title": outcome.check.title,
        "outcome": outcome.outcome,
        "expected": outcome.expected,
        "received": outcome.received,
        "line": outcome.line,
        "column": outcome.column,
        "node": outcome.node,
        "source": outcome.check.source,
        "hint": outcome.check.hint if outcome.outcome == "fail" else outcome.reason,
        "docs": f"{DOCS}#{anchor_of(outcome)}",
    }


def anchor_of(outcome: Outcome) -> str:
    """Return the anchor of a check's section in the docs."""
    return f"check-{outcome.check.number}"


def _field(field: Field) -> dict[str, object]:
    return {"name": field.name, "value": field.value, "node": field.node, "signed": field.vouched}


def _certificate(one: SeenCertificate, now: datetime) -> dict[str, object]:
    return {
        "sha256": one.fingerprint,
        "subject": one.subject,
        "not_before": text_of_time(one.starts),
        "not_after": text_of_time(one.ends),
        "expired": one.ends <= now,
        "in_document": one.in_document,
        "trusted": one.trusted,
        "issuers": list(one.issuers),
    }
