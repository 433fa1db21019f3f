"""What every benchmark of the document layer works on: one issuer, one endpoint, and fifty handoffs between them.

The law: no two turns in a row meet the same document or the same second, so that nothing remembered of one helps with the next.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bridge.handoff import Handoff, ReturnPath, binding_of
from bridge.identity import Email, EmailEvidence, ExternalIdentity, IdentityKey
from bridge.saml.render import render
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.sign import sign
from bridge.saml.trust import Endpoint, TrustedIssuer
from bridge.saml.verify import Question, VerifiedHandoff, read_response, verify
from bridge.urls import org_route
from tests.interop.setting import Issuer

ROUTE = org_route(public_url="https://cells.example", org_id=42, org_path="acme", cell_id=2)
ENDPOINT = Endpoint(org_id=42, org_path="acme", acs_url=ROUTE.acs_url, sp_entity_id=ROUTE.sp_entity_id, binding="bound")
SECRET = "a browser's secret"
LIFETIME = timedelta(seconds=300)
IDENTITY = ExternalIdentity(
    key=IdentityKey("google_oauth2", "108204268033311374519"),
    email=Email("dana.hill@acme.example"),
    evidence=EmailEvidence(verified=True, rule="google.email_verified"),
    name="Dana Hill",
    username="dana.hill",
)


@dataclass(frozen=True)
class Setting:
    """An issuer, whom its endpoint trusts, and what they exchange: `handoffs` to mint, and `forms`, minted, for ever."""

    issuer: Issuer
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    handoffs: Iterator[Handoff] = field(init=False)
    forms: Iterator[str] = field(init=False)
    fifty: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        handoffs = [self.handoff(self.now - timedelta(seconds=age)) for age in range(50)]
        forms = tuple(sign(render(handoff), self.issuer.key).base64 for handoff in handoffs)
        for name, value in (("handoffs", itertools.cycle(handoffs)), ("forms", itertools.cycle(forms)), ("fifty", forms)):
            object.__setattr__(self, name, value)

    @property
    def trusted(self) -> TrustedIssuer:
        """The issuer, as the endpoint is configured to trust it."""
        return TrustedIssuer(
            self.issuer.entity_id, (self.issuer.key.certificate,), timedelta(seconds=30), LIFETIME, signed="response"
        )

    def question(self, second_opinion: SecondOpinion | None) -> Question:
        """Return what a form is judged by."""
        return Question(
            trust={self.issuer.entity_id: self.trusted},
            endpoint=ENDPOINT,
            now=self.now,
            binding_secret=SECRET,
            second_opinion=second_opinion,
        )

    def handoff(self, now: datetime) -> Handoff:
        """Return a handoff with every attribute of the contract, issued at *now* (aware, UTC)."""
        return Handoff.issue(
            issuer=self.issuer.entity_id,
            identity=IDENTITY,
            route=ROUTE,
            return_to=ReturnPath("/o/acme/projects/7?tab=2"),
            binding=binding_of(SECRET),
            reference="7KQ2M-4XD9R",
            lifetime=LIFETIME,
            now=now,
            random_bytes=os.urandom,
        )


def judge(form: str, question: Question) -> VerifiedHandoff:
    """Return the endpoint's verdict on the field of a posted *form*: checks 1 to 17."""
    return verify(
        read_response([("SAMLResponse", form)]),
        trust=question.trust,
        endpoint=question.endpoint,
        now=question.now,
        binding_secret=question.binding_secret,
        second_opinion=question.second_opinion,
    )
