"""Each check on canned answers: a sound pair passes all, and one thing that is wrong is told by its own check alone."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.doctor.checks import CHECKS, examine, exit_code
from bridge.doctor.seen import OrgSeen, Seen
from bridge.doctor.tried import Probe, form_token, refusals
from bridge.doctor.wire import Answer, offset_of
from tests.doctor.pairs import (
    FLAGS,
    ISSUER,
    NOW,
    OWNING,
    PUBLIC,
    SILENT,
    answer,
    key,
    legacy_metadata,
    org,
    ready,
    refusal,
    sound,
    tried,
    with_refused,
)

Case = tuple[Callable[[], Seen], dict[str, tuple[str, str]]]


def not_ok(seen: Seen) -> dict[str, tuple[str, str]]:
    """Return what each check that did not pass found, by its name."""
    return {check.name: (one.outcome, one.found) for check, one in examine(seen) if one.outcome != "ok"}


def with_orgs(**changed: OrgSeen) -> Seen:
    """Return a pair that says something else about an organization."""
    seen = sound()
    return replace(seen, orgs={**seen.orgs, **changed})


def with_owning(second: Answer) -> Seen:
    """Return a pair whose second replica is otherwise."""
    seen = sound()
    return replace(seen, owning_ready={**seen.owning_ready, OWNING[1]: second})


def without(name: str) -> Answer:
    """Return the sign-in page with one header less."""
    page = sound().sign_in
    return replace(page, headers={key: value for key, value in page.headers.items() if key != name.lower()})


def cookie(line: str) -> Seen:
    """Return a pair whose sign-in page sets the cookie so."""
    return replace(sound(), sign_in=replace(sound().sign_in, set_cookies=(line,)))


def late(page: Answer, seconds: float) -> Answer:
    """Return the answer of a clock that is *seconds* behind."""
    return replace(page, offset=-seconds)


def spent_once(probe: Probe) -> Seen:
    """Return a pair one of whose workers answers the spent handoff so."""
    usual = tried()
    return replace(sound(), tried=replace(usual, replayed=(*usual.replayed[:5], probe)))


def rolled(*trusted: str) -> Seen:
    """Return a pair that publishes an active key and a next one, and whose replicas trust those of the names."""
    keys = {"active": key(), "next": key(name="next"), "old": key(name="old")}
    published = legacy_metadata(keys["active"], keys["next"])
    trust = ready("sp", *(keys[name] for name in trusted))
    seen = sound()
    return replace(seen, metadata=published, legacy_metadata=published, owning_ready={OWNING[0]: trust}, owning_metrics={})


def expiring(days: int) -> Seen:
    """Return a pair whose one certificate is valid for *days*, and which the owning cell trusts."""
    short = key(days, name=f"short{days}")
    seen = sound()
    metadata = legacy_metadata(short)
    trust = {address: ready("sp", short) for address in OWNING}
    return replace(seen, metadata=metadata, legacy_metadata=metadata, owning_ready=trust, owning_metrics={})


A, N = key().fingerprint[:16], key(name="next").fingerprint[:16]
SKIPPED = "the good handoff was not accepted, so that a refusal would prove nothing"

CASES: dict[str, Case] = {
    "a router that shows another page": (
        lambda: replace(sound(), sign_in=replace(sound().sign_in, status=502)),
        {"router": ("fail", f"502 at {PUBLIC}/users/sign_in")},
    ),
    "health for everybody": (
        lambda: replace(sound(), watch=ready("sp")),
        {"watchers": ("fail", "200: everybody can read it")},
    ),
    "a legacy cell without its topology": (
        lambda: replace(sound(), legacy_ready=ready("idp", topology="topology.unavailable")),
        {"ready.legacy": ("fail", "the legacy cell: topology: topology.unavailable")},
    ),
    "a legacy cell where the owning cell was meant": (
        lambda: with_owning(ready("idp", key())),
        {"ready.owning": ("fail", f"{OWNING[1]} says that it is 'idp'")},
    ),
    "a replica that is gone": (
        lambda: with_owning(SILENT),
        {
            "ready.owning": ("fail", f"{OWNING[1]}: no answer (ConnectTimeout)"),
            "migrations": ("fail", f"{OWNING[1]}: no answer (ConnectTimeout)"),
            "keys.trusted": ("fail", f"{OWNING[1]} does not trust {A}, which signs now"),
            "keys.published": ("fail", f"{OWNING[1]} trusts no certificate of {ISSUER}"),
        },
    ),
    "a topology without its claims": (
        lambda: replace(sound(), topology_ready=ready("topology", claims="OperationalError")),
        {"ready.topology": ("fail", "the topology: claims: OperationalError")},
    ),
    "tables of an older release": (
        lambda: with_owning(ready("sp", key(), database="database.not_ready")),
        {
            "ready.owning": ("fail", f"{OWNING[1]}: database: database.not_ready"),
            "migrations": ("fail", f"{OWNING[1]}: database.not_ready"),
        },
    ),
    "a legacy cell ten minutes behind": (
        lambda: replace(sound(), legacy_ready=late(ready("idp"), 600)),
        {"clock.cells": ("fail", "; ".join(f"{one} is 600 s ahead of the legacy cell" for one in OWNING))},
    ),
    "a legacy cell ten seconds behind": (
        lambda: replace(sound(), legacy_ready=late(ready("idp"), 10)),
        {"clock.cells": ("warn", "; ".join(f"{one} is 10 s ahead of the legacy cell" for one in OWNING))},
    ),
    "a doctor whose own clock is ahead": (
        lambda: replace(
            sound(),
            sign_in=late(sound().sign_in, 90),
            legacy_ready=late(ready("idp"), 90),
            owning_ready={address: late(ready("sp", key()), 90) for address in OWNING},
        ),
        {"clock.here": ("warn", "a cell is 90 s behind this machine")},
    ),
    "a header that a proxy took away": (
        lambda: replace(sound(), sign_in=without("Referrer-Policy")),
        {"headers": ("fail", "the sign-in page: Referrer-Policy is missing")},
    ),
    "https without HSTS": (
        lambda: replace(sound(), sign_in=without("Strict-Transport-Security")),
        {"headers": ("fail", "the sign-in page: Strict-Transport-Security is missing")},
    ),
    "a policy that a proxy loosened": (
        lambda: with_orgs(acme=replace(org("acme", 42), metadata=answer_with_policy("default-src *"))),
        {
            "headers": (
                "fail",
                "the metadata of acme: "
                "Content-Security-Policy lacks default-src 'none', frame-ancestors 'none', base-uri 'none'",
            )
        },
    ),
    "a binding cookie without the prefix": (
        lambda: cookie(f"cb-binding=browser-secret; {FLAGS}"),
        {"cookie.binding": ("fail", "__Host-cb-binding is set 0 times")},
    ),
    "a binding cookie for scripts and neighbours": (
        lambda: cookie("__Host-cb-binding=browser-secret; Secure; Path=/; SameSite=None; Domain=example"),
        {"cookie.binding": ("fail", "httponly is not as it must be; samesite is not as it must be; it has a Domain")},
    ),
    "metadata of somebody else": (
        lambda: replace(sound(), metadata=legacy_metadata(entity_id="https://other.example/saml/metadata")),
        {
            "metadata.legacy": (
                "fail",
                f"https://other.example/saml/metadata, sign-in at {PUBLIC}/users/sign_in; "
                "at its own address it is another document (200)",
            )
        },
    ),
    "an endpoint under another host": (
        lambda: with_orgs(acme=org("acme", 42, public_url="https://old.example")),
        {
            "metadata.orgs": (
                "fail",
                "acme: it calls itself https://old.example/o/acme/auth/saml/metadata, handoffs say "
                f"{PUBLIC}/o/acme/auth/saml/metadata; acme: it receives at https://old.example/o/acme/auth/saml/callback, "
                f"handoffs go to {PUBLIC}/o/acme/auth/saml/callback",
            )
        },
    ),
    "an organization that moved away": (
        lambda: with_orgs(acme=replace(org("acme", 42), metadata=answer(404))),
        {"metadata.orgs": ("fail", "acme: 404, no metadata of a service provider")},
    ),
    "a new key that signs before it is trusted": (
        lambda: rolled("next"),
        {"keys.trusted": ("fail", f"{OWNING[0]} does not trust {A}, which signs now")},
    ),
    "a next key that is not trusted yet": (
        lambda: rolled("active"),
        {"keys.trusted": ("warn", f"{OWNING[0]} does not trust {N}")},
    ),
    "an old key that is still trusted": (
        lambda: rolled("active", "next", "old"),
        {"keys.published": ("warn", f"{OWNING[0]} also trusts {key(name='old').fingerprint[:16]}")},
    ),
    "a certificate that ends in three weeks": (
        lambda: expiring(21),
        {"certificates": ("warn", f"{key(21, name='short21').fingerprint[:16]} has 21 days left")},
    ),
    "an organization that the topology does not know": (
        lambda: with_orgs(acme=replace(org("acme", 42), lookup=answer(404, {"code": 5}))),
        {
            "lookup": ("fail", "acme: 404, no organization of that path"),
            "route": ("fail", "acme: the router is led to 10.0.0.3:8102, the lookup says nothing"),
        },
    ),
    "a topology that knows everybody": (
        lambda: replace(sound(), no_such_org=replace(org("x", 1), route=answer(200, X_Cell_Address="10.0.0.2:8101"))),
        {"lookup": ("fail", "an unknown path: 200")},
    ),
    "a router that is led elsewhere": (
        lambda: with_orgs(acme=org("acme", 42, cell="10.0.0.9:8102")),
        {"route": ("fail", "acme: the router is led to 10.0.0.3:8102, the lookup says 10.0.0.9:8102")},
    ),
    "a good handoff that is refused": (
        lambda: replace(sound(), tried=replace(tried(), good=refusal(403, "handoff.rejected", "handoff.issuer"))),
        {
            "accepts.good": ("fail", "403 handoff.rejected, counted as handoff.issuer, reference 7KQ2M-4XD9R"),
            "cookie.session": ("skipped", "there is no session"),
            "session": ("skipped", "there is no session"),
            **{
                f"refuses.{name}": ("skipped", SKIPPED)
                for name in ("replayed", "unsigned", "audience", "expired", "unbound", "elsewhere")
            },
        },
    ),
    "a session cookie for every path": (
        lambda: replace(
            sound(),
            tried=replace(
                tried(),
                good=Probe(
                    answer(303, Location="/o/checkup/", cookie="__Host-cb-99=x; Secure; HttpOnly; Path=/o; SameSite=Lax")
                ),
            ),
        ),
        {"cookie.session": ("fail", "path is not as it must be")},
    ),
    "a session that outlives signing out": (
        lambda: replace(sound(), tried=replace(tried(), ended=answer(200))),
        {"session": ("fail", "200 after signing out")},
    ),
    "a landing page of somebody else": (
        lambda: replace(sound(), tried=replace(tried(), session=answer(200, {"organization": {"id": 1}}), ended=None)),
        {"session": ("fail", "200 with the session; the landing page has no form to sign out")},
    ),
    "a worker with a memory of its own": (
        lambda: spent_once(Probe(answer(303, Location="/o/checkup/"))),
        {"refuses.replayed": ("fail", "303")},
    ),
    "an unsigned handoff that is refused for another reason": (
        lambda: with_refused("unsigned", refusal(403, "handoff.rejected", "handoff.audience")),
        {"refuses.unsigned": ("fail", "403 handoff.rejected, counted as handoff.audience, reference 7KQ2M-4XD9R")},
    ),
    "another audience that is let in": (
        lambda: with_refused("audience", Probe(answer(303))),
        {"refuses.audience": ("fail", "303")},
    ),
    "an expired handoff that is only rejected": (
        lambda: with_refused("expired", refusal(403, "handoff.rejected")),
        {"refuses.expired": ("fail", "403 handoff.rejected, reference 7KQ2M-4XD9R")},
    ),
    "an unbound handoff that is asked about": (
        lambda: with_refused("unbound", Probe(answer(200, b"<title>Continue?"))),
        {"refuses.unbound": ("warn", "a page asks first")},
    ),
    "a test key that other organizations would listen to": (
        lambda: replace(sound(), tried=replace(tried(), elsewhere={"acme": refusal(403, "account.email_unverified")})),
        {"refuses.elsewhere": ("fail", "acme: 403 account.email_unverified, reference 7KQ2M-4XD9R")},
    ),
}


def answer_with_policy(policy: str) -> Answer:
    """Return acme's metadata under another policy."""
    metadata = org("acme", 42).metadata
    return replace(metadata, headers={**metadata.headers, "content-security-policy": policy})


def test_a_sound_pair_passes_every_check() -> None:
    """Nothing is found where nothing is wrong, and every finding says what was expected."""
    results = examine(sound())
    assert not_ok(sound()) == {}
    assert exit_code(sound(), results) == 0
    assert all(finding.expected and finding.found and not finding.advice for _, finding in results)


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_told_by_its_own_check(case: str) -> None:
    """One thing is wrong: the checks about it say so, with what to do, and no other check changes its mind."""
    make, wanted = CASES[case]
    seen = make()
    assert not_ok(seen) == wanted
    results = examine(seen)
    assert all(finding.advice for _, finding in results if finding.outcome in ("warn", "fail"))
    assert exit_code(seen, results) == (1 if any(outcome == "fail" for outcome, _ in wanted.values()) else 0)


def test_every_check_has_been_seen_to_fail() -> None:
    """A check that never fails checks nothing."""
    told = {name for _, wanted in CASES.values() for name, (outcome, _) in wanted.items() if outcome in ("warn", "fail")}
    assert told == {check.name for check in CHECKS}


def test_an_expired_certificate_fails() -> None:
    """What has expired is no warning any more; the metrics of the owning cell tell of what only it trusts."""
    name = "0123456789abcdef"
    line = f'cellbridge_certificate_expires_seconds{{service="sp",issuer="x",fingerprint="{name}"}} -5\n'
    seen = replace(sound(), owning_metrics={OWNING[0]: answer(200, line.encode())})
    assert not_ok(seen) == {"certificates": ("fail", f"{name} has expired")}


def test_a_silent_pair_is_skipped_and_failed_but_never_fine() -> None:
    """Where nobody answers no check passes, and the exit code is another one."""
    nobody = OrgSeen(metadata=SILENT, lookup=SILENT, route=SILENT)
    seen = replace(
        sound(),
        sign_in=SILENT,
        watch=SILENT,
        metadata=SILENT,
        legacy_ready=SILENT,
        legacy_metadata=SILENT,
        topology_ready=SILENT,
        orgs={"acme": nobody},
        owning_ready=dict.fromkeys(OWNING, SILENT),
        owning_metrics=dict.fromkeys(OWNING, SILENT),
        no_such_org=nobody,
        tried=None,
        untried="nobody answers at the public URL",
    )
    assert not_ok(seen).keys() == {check.name for check in CHECKS}
    assert exit_code(seen, examine(seen)) == 2


def test_what_was_not_asked_is_skipped() -> None:
    """With the public URL alone the rest is skipped with a reason, and nothing fails."""
    seen = sound()
    alone = replace(
        seen,
        orgs={org: OrgSeen(metadata=one.metadata) for org, one in seen.orgs.items()},
        legacy_ready=None,
        legacy_metadata=None,
        topology_ready=None,
        no_such_org=None,
        tried=None,
        owning_ready={},
        owning_metrics={},
        untried="no test organization is named",
    )
    found = not_ok(alone)
    assert {outcome for outcome, _ in found.values()} == {"skipped"}
    assert len(found) == 17
    assert exit_code(alone, examine(alone)) == 0


def test_numbers_and_names_are_each_checks_own() -> None:
    """Programs and docs/doctor.md know a check by its number and its name."""
    assert [check.number for check in CHECKS] == list(range(1, 27))
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_the_page_tells_of_every_check() -> None:
    """Who reads a name in the output finds it in docs/doctor.md, and none there is left over."""
    page = (Path(__file__).parents[2] / "docs/doctor.md").read_text("utf-8")
    table = page[page.index("| | name |") : page.index("Each bad handoff")]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`([a-z.]+)`", "|".join(row.split("|")[2:3]))]
    assert sorted(named) == sorted(check.name for check in CHECKS)


def test_no_finding_holds_a_cookie_a_token_or_a_document() -> None:
    """Whatever is wrong, what is printed holds nothing that could be used."""
    for make, _ in CASES.values():
        printed = json.dumps([result.as_json() for result in examine(make())])
        for secret in ("browser-secret", "cell-2-secret", "token-of-the-topology", "<md:", key().certificate_base64[:40]):
            assert secret not in printed


@pytest.mark.parametrize(
    ("date", "offset"),
    [("Mon, 23 Nov 2026 08:00:00 GMT", 0.5), ("Mon, 23 Nov 2026 07:50:00 GMT", -599.5), ("yesterday", None), ("", None)],
)
def test_the_date_of_an_answer(date: str, offset: float | None) -> None:
    """A Date is cut off to the second, so its middle is meant; what is no date says nothing."""
    assert offset_of(date, NOW) == offset


def test_the_form_to_sign_out_is_found_by_its_action() -> None:
    """One form with that action gives its token; none, two or no page give none."""
    form = b'<form action="/o/a/users/sign_out"><input type="hidden" name="csrf_token" value="t"></form>'
    assert form_token(b"<p>" + form, "/o/a/users/sign_out") == "t"
    for page in (b"", b"<p>", form + form, form.replace(b"/o/a", b"/o/b"), b"\xff"):
        assert form_token(page, "/o/a/users/sign_out") == ""


def test_refusals_are_read_from_metrics() -> None:
    """The counts of refusals by code; what is no metrics page has none."""
    name = b"cellbridge_refusals_total"
    page = b'# TYPE %s counter\n%s{code="handoff.issuer"} 3.0\nother 1\n' % (name, name)
    assert list(refusals(page)) == [("handoff.issuer", 3.0)]
    for other in (b"", b"<html>", b"\xff\xfe", b"{"):
        assert list(refusals(other)) == []


def test_no_clock_is_taken_from_nothing() -> None:
    """Without a Date nobody's clock is judged."""
    seen = replace(sound(), legacy_ready=replace(ready("idp"), offset=None))
    assert not_ok(seen)["clock.cells"] == ("skipped", "one of them gave no Date")
