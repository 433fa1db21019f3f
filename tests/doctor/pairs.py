"""What a sound pair answers, as the doctor keeps it: no process, no socket."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from bridge.doctor.seen import OrgSeen, Seen, Target
from bridge.doctor.tried import Probe, Tried
from bridge.doctor.wire import Answer
from bridge.keys import SigningKey, create_key
from bridge.saml.metadata import idp_metadata, sp_metadata
from bridge.urls import DEFAULT_ACS_PATH, acs_url, sp_entity_id
from bridge.web.headers import ALWAYS, HSTS, NOT_A_PAGE

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PUBLIC = "https://cells.example"
ISSUER = f"{PUBLIC}/saml/metadata"
OWNING = ("http://10.0.0.3:8102", "http://10.0.0.4:8102")
CELL = "10.0.0.3:8102"
FLAGS = "Secure; HttpOnly; Path=/; SameSite=Lax"
HARD = {**ALWAYS, "Strict-Transport-Security": HSTS, "Content-Security-Policy": NOT_A_PAGE, "Cache-Control": "no-store"}


@cache
def key(days: int = 730, *, name: str = "active") -> SigningKey:
    """Return a key whose certificate is valid for *days* from now on; another *name* is another key."""
    with TemporaryDirectory(prefix=name) as folder:
        return create_key(Path(folder), now=NOW, algorithm="ec-p256", days=days)


def answer(status: int = 200, body: object = b"", *, offset: float | None = 0.0, cookie: str = "", **headers: str) -> Answer:
    """Return an answer with our security headers; a *body* that is no bytes becomes JSON, `Location` and the like are given."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {
        name.lower(): value
        for name, value in {**HARD, **{name.replace("_", "-"): one for name, one in headers.items()}}.items()
    }
    return Answer(status, MappingProxyType(named), (cookie,) if cookie else (), raw, offset)


SILENT = Answer(0, problem="ConnectTimeout")


def ready(service: str, *trusted: SigningKey, **checks: str) -> Answer:
    """Return a readiness; any check that is not ok makes it a 503."""
    told = {"database": "ok", **checks}
    status = 200 if set(told.values()) == {"ok"} else 503
    trust = {"trust": {ISSUER: [one.fingerprint for one in trusted]}} if trusted else {}
    return answer(status, {"service": service, "checks": told, **trust})


def legacy_metadata(*keys: SigningKey, entity_id: str = ISSUER) -> Answer:
    """Return the legacy cell's metadata with the certificates of *keys*."""
    return answer(
        200,
        idp_metadata(
            entity_id=entity_id, sso_url=f"{PUBLIC}/users/sign_in", certificates=[one.certificate for one in keys or (key(),)]
        ),
    )


def org(path: str, org_id: int, *, public_url: str = PUBLIC, cell: str = CELL) -> OrgSeen:
    """Return what is said about an organization whose cell calls itself by *public_url*."""
    place = {"organization": {"id": org_id, "path": path}, "cell": {"id": 2, "address": cell}}
    return OrgSeen(
        metadata=answer(200, sp_metadata(entity_id=sp_entity_id(public_url, path), acs_url=acs_url(public_url, path))),
        lookup=answer(200, place),
        route=answer(200, X_Cell_Address=CELL),
    )


def refusal(status: int, code: str, counted: str | None = None) -> Probe:
    """Return a refused handoff, with the one code that was counted meanwhile, or none known."""
    body = {"error": {"code": code, "message": "No.", "reference": "7KQ2M-4XD9R"}}
    return Probe(answer(status, body), None if counted is None else frozenset({counted} if counted else ()))


def tried() -> Tried:
    """Return what test handoffs meet at a sound pair."""
    return Tried(
        org="checkup",
        org_id=99,
        good=Probe(answer(303, Location="/o/checkup/", cookie=f"__Host-cb-99=cell-2-secret; {FLAGS}"), frozenset()),
        session=answer(200, {"organization": {"id": 99}}),
        ended=answer(401),
        replayed=(refusal(403, "handoff.stale", "handoff.replayed"),) * 6,
        refused={
            "unsigned": refusal(403, "handoff.rejected", "handoff.signature"),
            "audience": refusal(403, "handoff.rejected", "handoff.audience"),
            "expired": refusal(403, "handoff.stale", "handoff.expired"),
            "unbound": refusal(403, "handoff.unbound", "handoff.unbound"),
        },
        elsewhere={"acme": refusal(403, "provider.disabled", "provider.disabled")},
    )


def sound() -> Seen:
    """Return what a sound pair answers."""
    target = Target(
        public_url=PUBLIC,
        orgs=("acme", "checkup"),
        issuer=ISSUER,
        acs_path=DEFAULT_ACS_PATH,
        legacy="http://10.0.0.2:8101",
        owning=OWNING,
        topology="http://10.0.0.5:8300",
        topology_token="token-of-the-topology",
    )
    left = timedelta(days=700).total_seconds()
    life = f'cellbridge_certificate_expires_seconds{{issuer="{ISSUER}",fingerprint="{key().fingerprint[:16]}"}} {left}\n'
    nobody = answer(404, {"code": 5, "message": "organization not found"})
    return Seen(
        target=target,
        now=NOW,
        sign_in=answer(cookie=f"__Host-cb-binding=browser-secret; {FLAGS}", Content_Type="text/html; charset=utf-8"),
        watch=answer(404),
        metadata=legacy_metadata(),
        orgs={"acme": org("acme", 42), "checkup": org("checkup", 99)},
        legacy_ready=ready("idp", topology="ok"),
        legacy_metadata=legacy_metadata(),
        owning_ready={address: ready("sp", key(), trust="ok") for address in OWNING},
        owning_metrics={address: answer(200, life.encode()) for address in OWNING},
        topology_ready=ready("topology"),
        no_such_org=OrgSeen(metadata=answer(404), lookup=nobody, route=answer(200, X_Cell_Address="10.0.0.2:8101")),
        tried=tried(),
    )


def with_refused(name: str, probe: Probe) -> Seen:
    """Return a pair that answers one bad handoff otherwise."""
    usual = tried()
    return replace(sound(), tried=replace(usual, refused={**usual.refused, name: probe}))
