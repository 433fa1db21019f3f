"""Handoffs fired at a live pair, in an organization made for it, with a key that is trusted for it: a good one and bad ones.

The law: each bad handoff differs from the accepted one in one thing only, so that its refusal has one possible reason; what was
opened is closed again. All of them are about one made-up person, the same at every run.
"""

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from lxml import etree, html
from prometheus_client.parser import text_string_to_metric_families

from bridge.doctor.wire import Answer, Wire
from bridge.handoff import Handoff, OrgRoute, binding_of, new_reference
from bridge.identity import NO_EVIDENCE, Email, EmailEvidence, ExternalIdentity, IdentityKey
from bridge.keys import SigningKey
from bridge.saml.render import render
from bridge.saml.sign import sign
from bridge.web.csrf import FIELD

UID = "cellbridge-doctor"
RULE = "doctor.test_key"
LIFETIME = timedelta(seconds=60)
LONG_AGO = timedelta(minutes=10)  # more than any lifetime and skew that a configuration can have
REPLAYS = 6
ACCEPTED = 303


@dataclass(frozen=True, slots=True)
class Probe:
    """One handoff's answer. `counted` are the codes that the owning cell counted meanwhile, None where that is not known."""

    answer: Answer
    counted: frozenset[str] | None = None

    @property
    def code(self) -> str:
        """The public code of the refusal, or the empty string."""
        error = self.answer.table().get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, str) else ""

    @property
    def reference(self) -> str:
        """The reference that both cells' logs have, or the empty string."""
        error = self.answer.table().get("error")
        reference = error.get("reference") if isinstance(error, dict) else None
        return reference if isinstance(reference, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of all handoffs. Where the good one was not accepted, nothing else was tried: refusals would prove nothing."""

    org: str
    org_id: int
    good: Probe
    session: Answer | None = None
    ended: Answer | None = None
    replayed: tuple[Probe, ...] = ()
    refused: Mapping[str, Probe] = field(default_factory=dict)
    elsewhere: Mapping[str, Probe] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """Writes handoffs of the made-up person: with which key, as whom, about which provider, to which organization."""

    key: SigningKey
    issuer: str
    provider: str
    email: Email
    clock: Callable[[], datetime]

    def handoff(self, route: OrgRoute, secret: str, *, vouched_for: bool = True, ago: timedelta = timedelta(0)) -> Handoff:
        """Return a good handoff, but for what is asked for otherwise."""
        evidence = EmailEvidence(verified=True, rule=RULE) if vouched_for else NO_EVIDENCE
        return Handoff.issue(
            issuer=self.issuer,
            identity=ExternalIdentity(IdentityKey(self.provider, UID), self.email, evidence, name="cellbridge doctor"),
            route=route,
            return_to=None,
            binding=binding_of(secret),
            reference=new_reference(secrets.token_bytes),
            lifetime=LIFETIME,
            now=self.clock() - ago,
            random_bytes=secrets.token_bytes,
        )

    def signed(self, handoff: Handoff) -> str:
        """Return the base64 of the signed response."""
        return sign(render(handoff), self.key).base64


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Where handoffs are posted: through the router, and to each replica of the owning cell by itself."""

    wire: Wire
    public_url: str
    owning: tuple[str, ...]
    binding_cookie: str
    secret: str = field(repr=False)

    def post(self, route: OrgRoute, response: str, *, at: str | None = None, bound: bool = True) -> Answer:
        """Post *response* to the endpoint of *route*, through the router or at the address *at*, as a browser's program."""
        url = (at or self.public_url) + route.acs_url.removeprefix(self.public_url)
        cookie = {"Cookie": f"{self.binding_cookie}={self.secret}"} if bound else {}
        return self.wire.post(url, {"SAMLResponse": response}, {"Accept": "application/json", **cookie})

    def watched(self, ask: Callable[[], Answer]) -> Probe:
        """Return the answer, with the codes that the owning cell counted meanwhile, other people's refusals included."""
        before = self._counts()
        answer = ask()
        after = self._counts()
        if before is None or after is None:
            return Probe(answer)
        return Probe(answer, frozenset(code for code, count in after.items() if count > before.get(code, 0)))

    def _counts(self) -> Mapping[str, float] | None:
        if not self.owning:
            return None
        found: dict[str, float] = {}
        for address in self.owning:
            answer = self.wire.get(f"{address}/-/metrics")
            if answer.status != 200:
                return None
            for code, count in refusals(answer.body):
                found[code] = found.get(code, 0) + count
        return found


def refusals(metrics: bytes) -> Iterator[tuple[str, float]]:
    """Yield `(code, count)` of the refusals in a cell's metrics; nothing where they cannot be read."""
    try:
        for family in text_string_to_metric_families(metrics.decode("utf-8")):
            for sample in family.samples:
                if sample.name == "cellbridge_refusals_total":
                    yield sample.labels.get("code", ""), sample.value
    except ValueError:
        return


def try_handoffs(pen: Pen, route: OrgRoute, shop: Shop, elsewhere: Mapping[str, OrgRoute]) -> Tried:
    """Sign the made-up person in and out in *route*'s organization, and be refused in every way; *elsewhere* at each, too."""
    response = pen.signed(pen.handoff(route, shop.secret))
    good = shop.watched(partial(shop.post, route, response))
    tried = Tried(org=route.org_path, org_id=route.org_id, good=good)
    if good.answer.status != ACCEPTED:
        return tried
    session, ended = _in_and_out(shop, route, good.answer)
    doors = (None, *shop.owning)
    return replace(
        tried,
        session=session,
        ended=ended,
        replayed=tuple(
            shop.watched(partial(shop.post, route, response, at=doors[turn % len(doors)]))
            for turn in range(max(REPLAYS, len(doors)))
        ),
        refused=dict(_bad_ones(pen, route, shop)),
        elsewhere={
            org: shop.watched(partial(shop.post, other, pen.signed(pen.handoff(other, shop.secret, vouched_for=False))))
            for org, other in elsewhere.items()
        },
    )


def _bad_ones(pen: Pen, route: OrgRoute, shop: Shop) -> Iterator[tuple[str, Probe]]:
    misdirected = replace(route, sp_entity_id=f"{route.sp_entity_id}-elsewhere")
    bad = {
        "unsigned": _unsigned(pen.handoff(route, shop.secret)),
        "audience": pen.signed(pen.handoff(misdirected, shop.secret)),
        "expired": pen.signed(pen.handoff(route, shop.secret, ago=LONG_AGO)),
    }
    for name, response in bad.items():
        yield name, shop.watched(partial(shop.post, route, response))
    stolen = pen.signed(pen.handoff(route, shop.secret))
    yield "unbound", shop.watched(partial(shop.post, route, stolen, bound=False))


def _unsigned(handoff: Handoff) -> str:
    return b64encode(render(handoff).xml.encode()).decode("ascii")


def _in_and_out(shop: Shop, route: OrgRoute, accepted: Answer) -> tuple[Answer, Answer | None]:
    """Return who the session says it is, and what it says after signing out, None where there was no way out."""
    pairs = [line.partition(";")[0] for line in accepted.set_cookies]
    own = {"Cookie": "; ".join([*pairs, f"{shop.binding_cookie}={shop.secret}"])}
    home = f"{shop.public_url}/o/{route.org_path}/"
    session = shop.wire.get(f"{home}-/session", own)
    token = form_token(shop.wire.get(home, {**own, "Accept": "text/html"}).body, f"/o/{route.org_path}/users/sign_out")
    if not token:
        return session, None
    shop.wire.post(f"{home}users/sign_out", {FIELD: token}, own)
    return session, shop.wire.get(f"{home}-/session", own)


def form_token(page: bytes, action: str) -> str:
    """Return the token in the one form of *page* that leads to *action*, or the empty string."""
    try:
        forms = html.document_fromstring(page.decode("utf-8")).forms
    except (etree.LxmlError, ValueError):
        return ""
    tokens = [str(dict(form.form_values()).get(FIELD, "")) for form in forms if form.action == action]
    return tokens[0] if len(tokens) == 1 else ""
