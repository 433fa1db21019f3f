"""Checks that the parts of a pair mean the same: entity IDs, addresses, keys, and what the topology says. Pure.

The law: each check is one function from the answers to a finding.
"""

from collections.abc import Iterator
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from prometheus_client.parser import text_string_to_metric_families

from bridge.doctor.entity import read_entity
from bridge.doctor.finding import Finding, judged, skipped
from bridge.doctor.seen import SIGN_IN_PATH, OrgSeen, Seen
from bridge.doctor.wire import Answer
from bridge.errors import KeyRingError
from bridge.saml.metadata import read_idp_metadata
from bridge.topology import wire
from bridge.urls import acs_url, sp_entity_id
from bridge.web.expiry import WARN_BEFORE

_SP, _TOPOLOGY = "give --sp URL", "give --topology URL"


def legacy_metadata_is_its_own(seen: Seen) -> Finding:
    """The legacy cell's metadata is about the expected entity, and the same inside and through the router."""
    target = seen.target
    wanted = (target.issuer, (target.public_url + SIGN_IN_PATH,))
    failed = []
    entity = read_entity(seen.metadata.body, "IDPSSODescriptor") if seen.metadata.status == 200 else None
    if entity is None:
        failed.append(f"{seen.metadata.said}, no metadata of an identity provider")
    elif (entity.entity_id, entity.locations) != wanted:
        failed.append(f"{entity.entity_id}, sign-in at {', '.join(entity.locations)}")
    inside = seen.legacy_metadata
    if inside is not None and inside.body != seen.metadata.body:
        failed.append(f"at its own address it is another document ({inside.said})")
    return judged(
        f"{wanted[0]}, sign-in at {wanted[1][0]}",
        fine=target.issuer,
        failed=failed,
        advice="Compare public_url and [saml] entity_id of the legacy cell with --public and --entity-id.",
    )


def org_metadata_fits(seen: Seen) -> Finding:
    """What an organization's endpoint calls itself is what handoffs are addressed to: by the topology, or by the public URL."""
    failed = [f"{org}: {problem}" for org, one in seen.orgs.items() for problem in _misaddressed(seen, org, one)]
    return judged(
        "entity ID and address as handoffs name them",
        fine=", ".join(sp_entity_id(seen.target.public_url, org) for org in seen.orgs),
        failed=failed,
        advice="public_url and acs_path must be the same on both cells, and a proxy must not change the path; "
        "404 means that the router leads to a cell that does not serve the organization.",
    )


def _misaddressed(seen: Seen, org: str, one: OrgSeen) -> Iterator[str]:
    target, place = seen.target, one.place
    audience, recipient = sp_entity_id(target.public_url, org), acs_url(target.public_url, org, target.acs_path)
    if place is not None and place.acs_url and place.sp_entity_id:
        audience, recipient = place.sp_entity_id, place.acs_url
    entity = read_entity(one.metadata.body, "SPSSODescriptor") if one.metadata.status == 200 else None
    if entity is None:
        yield f"{one.metadata.said}, no metadata of a service provider"
        return
    if entity.entity_id != audience:
        yield f"it calls itself {entity.entity_id}, handoffs say {audience}"
    if recipient not in entity.locations:
        yield f"it receives at {', '.join(entity.locations) or 'no address'}, handoffs go to {recipient}"


def published_keys_are_trusted(seen: Seen) -> Finding:
    """Every key that the legacy cell signs with, or is about to, is trusted by every replica of the owning cell."""
    expected = "each published certificate among the trusted ones"
    if not seen.owning_ready:
        return skipped(expected, "the owning cell's own address is not known", _SP)
    published = [_fingerprint(one) for one in _published(seen)]
    if not published:
        return Finding("fail", expected, "the legacy cell publishes no usable certificate", _ROTATE)
    failed, warned = [], []
    for address, answer in seen.owning_ready.items():
        trusted = _trusted(seen, answer)
        if published[0] not in trusted:
            failed.append(f"{address} does not trust {published[0][:16]}, which signs now")
        warned += [f"{address} does not trust {one[:16]}" for one in published[1:] if one not in trusted]
    fine = f"{len(published)} published, all trusted"
    return judged(expected, fine=fine, failed=failed, warned=warned, advice=_ROTATE)


def trusted_keys_are_published(seen: Seen) -> Finding:
    """The owning cell trusts nothing for the legacy cell that it does not publish: an old key must not open doors for ever."""
    expected = "no trusted certificate but the published ones"
    if not seen.owning_ready:
        return skipped(expected, "the owning cell's own address is not known", _SP)
    published = {_fingerprint(one) for one in _published(seen)}
    if not published:
        return skipped(expected, "the legacy cell's metadata cannot be read")
    trusted = {address: _trusted(seen, answer) for address, answer in seen.owning_ready.items()}
    return judged(
        expected,
        fine="none",
        failed=[f"{address} trusts no certificate of {seen.target.issuer}" for address, keys in trusted.items() if not keys],
        warned=[
            f"{address} also trusts {one[:16]}" for address, keys in trusted.items() for one in keys if one not in published
        ],
        advice="Take certificates that no longer sign out of [[trust]]; certs/README.md tells the order of a rotation.",
    )


_ROTATE = "Give the certificates of the metadata to [[trust]] before the key signs: certs/README.md tells how."


def _published(seen: Seen) -> tuple[x509.Certificate, ...]:
    """Return the certificates of the legacy cell's metadata, the active one first; none where it cannot be read."""
    answer = seen.legacy_metadata or seen.metadata
    try:
        return read_idp_metadata(answer.body, entity_id=seen.target.issuer, now=seen.now)
    except KeyRingError:
        return ()


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _trusted(seen: Seen, answer: Answer) -> list[str]:
    trust = answer.table().get("trust")
    keys = trust.get(seen.target.issuer) if isinstance(trust, dict) else None
    return [str(one) for one in keys] if isinstance(keys, list) else []


def certificates_last(seen: Seen) -> Finding:
    """No certificate that signs or is trusted has expired, or will within a month."""
    expected = f"more than {WARN_BEFORE.days} days left"
    lives = [(_fingerprint(one)[:16], one.not_valid_after_utc - seen.now) for one in _published(seen)]
    lives += [life for answer in seen.owning_metrics.values() for life in _watched(answer)]
    left = dict(sorted(lives, key=lambda life: life[1], reverse=True))  # one line a certificate, with what is left at least
    if not left:
        return skipped(expected, "neither metadata nor metrics tell of a certificate")
    return judged(
        expected,
        fine=f"{min(left.values()).days} days at least",
        failed=[f"{one} has expired" for one, time in left.items() if time <= timedelta(0)],
        warned=[f"{one} has {time.days} days left" for one, time in left.items() if timedelta(0) < time <= WARN_BEFORE],
        advice="cellbridge keys new, then promote, in the order of certs/README.md; take out of [[trust]] what has expired.",
    )


def _watched(answer: Answer) -> Iterator[tuple[str, timedelta]]:
    try:
        for family in text_string_to_metric_families(answer.body.decode("utf-8")):
            for sample in family.samples:
                if sample.name == "cellbridge_certificate_expires_seconds":
                    yield sample.labels.get("fingerprint", ""), timedelta(seconds=sample.value)
    except (ValueError, OverflowError):
        return


def topology_knows_the_orgs(seen: Seen) -> Finding:
    """The topology finds each organization by its path, and nobody under a path that is nobody's."""
    expected = "each organization, and 404 for an unknown one"
    if seen.no_such_org is None:
        return skipped(expected, "the topology's address is not known", _TOPOLOGY)
    failed = [
        f"{org}: {one.lookup.said}, no organization of that path"
        for org, one in seen.orgs.items()
        if one.lookup is not None and (one.place is None or one.place.org_path != org)
    ]
    stranger = seen.no_such_org.lookup
    if stranger is None or (stranger.status, stranger.table().get("code")) != (404, wire.NOT_FOUND[0]):
        failed.append(f"an unknown path: {'not asked' if stranger is None else stranger.said}")
    return judged(
        expected,
        fine=", ".join(
            f"{org} is {one.place.org_id} on cell {one.place.cell_id}" for org, one in seen.orgs.items() if one.place
        ),
        failed=failed,
        advice="401 wants --token-file; otherwise put the organization into the directory that the topology reads.",
    )


def router_asks_right(seen: Seen) -> Finding:
    """What the topology tells the router is the cell that it tells the legacy cell; an unknown path goes to another cell."""
    expected = "for the router, the organization's own cell"
    if seen.no_such_org is None or seen.no_such_org.route is None:
        return skipped(expected, "the topology's address is not known", _TOPOLOGY)
    led = {org: one.route.header("X-Cell-Address") or one.route.said for org, one in seen.orgs.items() if one.route}
    failed = [
        f"{org}: the router is led to {led[org]}, the lookup says {one.cell_address or 'nothing'}"
        for org, one in seen.orgs.items()
        if org in led and led[org] != one.cell_address
    ]
    stray = seen.no_such_org.route.header("X-Cell-Address")
    if not stray or stray in led.values():
        failed.append(f"an unknown path leads to {stray or seen.no_such_org.route.said}")
    return judged(
        expected,
        fine=", ".join(f"{org} to {address}" for org, address in led.items()),
        failed=failed,
        advice="Every replica of the topology must read the same directory; an unknown path belongs to the legacy cell.",
    )
