"""Rolling the signing key: next -> active -> retired -> gone, each step only when it locks nobody out.

    new      a pair is made: next, published, signs nothing
    promote  next becomes active and signs; what was active is retired, and stays published with the time until when it signed
    retire   a retired pair leaves the metadata and the disk, once nothing that it signed can be accepted any more

The law: a step that could lock somebody out is refused with the reason; only `promote` can be forced, and says that it was.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bridge.errors import RotationRefused
from bridge.fetch import FetchFailed, fetch
from bridge.files import LOOK_SECONDS, only_writer
from bridge.keys import KeyRing, SigningKey, States, read_states, write_states

READY_PATH = "/-/readyz"
MAX_READY_BYTES = 256 * 1024
ASK_SECONDS = 5.0

# The longest life of a handoff and the widest skew that a configuration can have, and a worker that signs while it looks again.
OVERLAP = timedelta(seconds=300 + 120 + 2 * LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class Promotion:
    """What `promote` did: the key that signs now, the one that did, and what it was forced over."""

    active: SigningKey
    retired: SigningKey
    overridden: tuple[str, ...]


def promote(
    directory: Path,
    *,
    issuer: str,
    cells: Sequence[str],
    clock: Callable[[], datetime],
    key: str = "",
    unsafe_force: bool = False,
) -> Promotion:
    """Make the next key of *directory* active, if every one of *cells* trusts its certificate for *issuer*.

    *cells* are the addresses of the owning cells' own ports, such as `http://127.0.0.1:8102`; *key* is the beginning of a
    fingerprint, needed where several keys are next. A cell that cannot be asked refuses, too. *unsafe_force* promotes in
    spite of the cells, but never an expired certificate. Raises `RotationRefused`, and `KeyRingError`.
    """
    with only_writer(directory):
        ring = KeyRing.load(directory)
        chosen = _next(ring, key, clock())
        reasons = tuple(reason for cell in cells if (reason := _why_not(cell, issuer, chosen.fingerprint)))
        if not cells:
            reasons = ("no owning cell is named: list them in [saml] owning_cells or give --cell",)
        if reasons and not unsafe_force:
            raise RotationRefused(reasons=reasons)
        before, now = ring.active, clock()  # the cells have had their time to answer, and the old key still signed
        states = read_states(directory)
        write_states(
            directory,
            States(
                {**states.keys, before.name: "retired", chosen.name: "active"},
                {**states.signed_until, before.name: now},
            ),
        )
    return Promotion(replace(chosen, state="active"), replace(before, state="retired", signed_until=now), reasons)


def retire(directory: Path, *, now: datetime) -> tuple[SigningKey, ...]:
    """Take every retired pair out of the ring and off the disk whose last handoff is dead at *now* (aware); returns them.

    Raises `RotationRefused` if there is none, with the time when one will be, and `KeyRingError`.
    """
    with only_writer(directory):
        retired = [key for key in KeyRing.load(directory).keys if key.state == "retired"]
        gone = tuple(key for key in retired if retire_from(key) <= now)
        if not gone:
            waiting = (f"{one.fingerprint[:16]} signed until {_utc(one.signed_until)}: not before {_utc(retire_from(one))}"
                       for one in retired if one.signed_until)  # fmt: skip
            raise RotationRefused(reasons=tuple(waiting) or ("no key is retired: promote comes first",))
        states = read_states(directory)
        names = {key.name for key in gone}
        # The ring first: a crash leaves stray files that do not count, never a ring that cannot be loaded.
        write_states(
            directory,
            States(
                {name: state for name, state in states.keys.items() if name not in names},
                {name: when for name, when in states.signed_until.items() if name not in names},
            ),
        )
        for name in names:
            for suffix in (".key", ".crt"):
                (directory / f"{name}{suffix}").unlink(missing_ok=True)
    return gone


def _next(ring: KeyRing, key: str, now: datetime) -> SigningKey:
    found = [one for one in ring.keys if one.state == "next" and one.fingerprint.startswith(key.lower())]
    if len(found) != 1:
        which = ", ".join(one.fingerprint[:16] for one in found) or "none"
        hint = "choose one with --key" if found else "make one with cellbridge keys new"
        raise RotationRefused(reasons=(f"exactly one key must be next, found {which}; {hint}",))
    if found[0].certificate.not_valid_after_utc <= now:
        raise RotationRefused(reasons=(f"the certificate of {found[0].fingerprint[:16]} has expired: every cell refuses it",))
    return found[0]


def _why_not(cell: str, issuer: str, fingerprint: str) -> str:
    """Return why *cell* is no reason to go on, or the empty string: all its workers trust *fingerprint* for *issuer*."""
    try:
        answer = fetch(cell.rstrip("/") + READY_PATH, max_bytes=MAX_READY_BYTES, total_seconds=ASK_SECONDS)
        trusted = _trusted(json.loads(answer.body), issuer)
    except FetchFailed as error:
        return f"{cell}: cannot be asked: {error}"
    except (ValueError, RecursionError):
        return f"{cell}: is no owning cell: its {READY_PATH} tells no fingerprints"
    if fingerprint in trusted:
        return ""
    known = ", ".join(one[:16] for one in trusted) or "no certificate"
    return f"{cell}: does not trust {fingerprint[:16]} yet; for {issuer} it trusts {known}"


def _trusted(answer: Any, issuer: str) -> list[str]:
    trust = answer.get("trust") if isinstance(answer, dict) else None
    if not isinstance(trust, dict):
        raise ValueError("no trust")
    trusted = trust.get(issuer, [])
    if not isinstance(trusted, list) or not all(isinstance(one, str) for one in trusted):
        raise ValueError("no fingerprints")
    return trusted


def retire_from(key: SigningKey) -> datetime:
    """Return from when on nothing that *key* signed is accepted; one that was taken out by hand is not published anyway."""
    return (key.signed_until or key.certificate.not_valid_before_utc) + OVERLAP


def _utc(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
