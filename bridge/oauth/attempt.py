"""A login attempt: what one browser tab carries from the sign-in page to the provider's callback, sealed in its own cookie.

The law: a callback counts only in the browser, for the provider and within the ten minutes of the attempt that it answers
(RFC 9700 4.7). Nothing is kept on our side, so any replica finishes what another one began.

Cookie names are written here without the `__Host-` prefix. The web layer adds it, and hands back only cookies that carried it:
a bare name on https may have been tossed in by a neighbouring host.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bridge.errors import LoginExpired, LoginStateMismatch
from bridge.handoff import ReturnPath, is_reference
from bridge.identity import MAX_EMAIL_CHARS, MalformedValue, plain_text
from bridge.seal import Seal, SealBroken

ATTEMPT_SECONDS = 600
MAX_ATTEMPTS = 5
MAX_COOKIE_CHARS = 4096
COOKIE_PREFIX = "cb-login-"
PURPOSE = "login-attempt"

_REPLICA_SKEW = timedelta(seconds=60)
_STATE = re.compile(r"(?:o([1-9][0-9]{0,17})\.)?[A-Za-z0-9_-]{43}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAttempt:
    """One sign-in that waits for its callback.

    `state`, `nonce` and `code_verifier` (RFC 7636 4.1) are 256 random bits each; `started_at` is aware, UTC, whole seconds.
    `linking` is a digest of the session whose holder wants to link what comes back; None where somebody signs in. `browser` is
    the binding (`bridge.handoff.binding_of`) of the browser that began it.
    """

    provider: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    return_to: ReturnPath | None
    reference: str
    started_at: datetime
    login_hint: str | None = None
    linking: str | None = None
    browser: str = ""

    def __post_init__(self) -> None:
        if not _STATE.fullmatch(self.state):
            raise MalformedValue("state", "is not of our form")
        if not _SECRET.fullmatch(self.nonce) or not _SECRET.fullmatch(self.code_verifier):
            raise MalformedValue("attempt", "holds a secret that is not of our form")
        if not is_reference(self.reference):
            raise MalformedValue("reference", "is not a reference")
        if self.login_hint is not None:
            plain_text(self.login_hint, field="login_hint", max_chars=MAX_EMAIL_CHARS)

    @property
    def org_id(self) -> int | None:
        """The organization whose own page began the sign-in, as the state says it; None for the global page."""
        found = _STATE.fullmatch(self.state)
        return int(found[1]) if found and found[1] else None

    @property
    def digest(self) -> str:
        """What names this attempt where it is spent: the SHA-256 of its state, 64 hex digits."""
        return _digest(self.state)


def start(
    *,
    provider: str,
    return_to: ReturnPath | None,
    reference: str,
    now: datetime,
    random_bytes: Callable[[int], bytes],
    org_id: int | None = None,
    login_hint: str | None = None,
    linking: str | None = None,
    browser: str = "",
) -> LoginAttempt:
    """Return a fresh attempt; with *org_id* its state is `o<org id>.<random>`, by which the router finds the cell.

    Raises `MalformedValue` for a hint that is no plain text of at most 254 characters.
    """
    secret = _random_text(random_bytes)
    return LoginAttempt(
        provider=provider,
        state=secret if org_id is None else f"o{org_id}.{secret}",
        nonce=_random_text(random_bytes),
        code_verifier=_random_text(random_bytes),
        return_to=return_to,
        reference=reference,
        started_at=now.astimezone(UTC).replace(microsecond=0),
        login_hint=login_hint,
        linking=linking,
        browser=browser,
    )


def cookie_for(attempt: LoginAttempt, seal: Seal) -> tuple[str, str]:
    """Return the cookie `(name, value)` of *attempt*; the name is its own, so that tabs do not disturb each other."""
    payload = {
        "provider": attempt.provider,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_verifier": attempt.code_verifier,
        "return_to": attempt.return_to and attempt.return_to.path,
        "reference": attempt.reference,
        "started_at": int(attempt.started_at.timestamp()),
        "login_hint": attempt.login_hint,
        "linking": attempt.linking,
        "browser": attempt.browser,
    }
    return cookie_name(attempt.state), seal.seal(json.dumps(payload).encode("utf-8"), purpose=PURPOSE)


def cookie_name(state: str) -> str:
    """Return the name of the cookie that carries the attempt with *state*."""
    return COOKIE_PREFIX + _digest(state)[:16]


def find_attempt(cookies: Mapping[str, str], *, raw_state: str | None, provider: str, seal: Seal) -> LoginAttempt:
    """Return the attempt that a callback at *provider*'s path with *raw_state* belongs to; `require_in_time` says if it counts.

    The caller deletes its cookie in any case, so that a state is used once. Raises `LoginStateMismatch` where this browser
    holds no such attempt or it was made for another provider (mix-up, RFC 9700 4.4).
    """
    if not raw_state or not _STATE.fullmatch(raw_state):
        raise LoginStateMismatch(provider=provider, reason="the state is missing or not of our form")
    sealed = cookies.get(cookie_name(raw_state))
    if sealed is None:
        raise LoginStateMismatch(provider=provider, reason="this browser began no such sign-in, or it is finished")
    attempt = _unseal(sealed, seal)
    if attempt is None:
        raise LoginStateMismatch(provider=provider, reason="the attempt's cookie cannot be opened")
    # The name is a hash that anybody can compute: a sealed attempt moved to another name must not answer for that state.
    if not hmac.compare_digest(attempt.state.encode("ascii"), raw_state.encode("ascii")):
        raise LoginStateMismatch(provider=provider, reason="the attempt belongs to another state")
    if attempt.provider != provider:
        raise LoginStateMismatch(provider=provider, reason=f"the attempt was begun for {attempt.provider}")
    return attempt


def require_in_time(attempt: LoginAttempt, now: datetime) -> None:
    """Raise `LoginExpired` where *attempt* is older than ten minutes, or from the future."""
    if _is_over(attempt, now):
        raise LoginExpired(provider=attempt.provider, reason=f"begun at {attempt.started_at.isoformat()}")


def surplus_cookies(cookies: Mapping[str, str], seal: Seal, now: datetime) -> list[str]:
    """Return the names of attempts to delete when the next one starts, so that at most five stay with it.

    Surplus is what is over, or oldest beyond the cap of attempts or of characters; the header of a browser that left many
    sign-ins open would otherwise grow past what servers take. What we cannot open is another cell's, which shares our
    origin: it counts, and goes only where it is too much by itself.
    """
    surplus: list[str] = []
    pending: list[tuple[datetime, str, int]] = []
    others: dict[str, int] = {}
    for name, sealed in cookies.items():
        if name.startswith(COOKIE_PREFIX):
            attempt = _unseal(sealed, seal)
            if attempt is None:
                others[name] = len(sealed)
            elif _is_over(attempt, now):
                surplus.append(name)
            else:
                pending.append((attempt.started_at, name, len(sealed)))
    characters = sum(others.values())
    if characters > MAX_COOKIE_CHARS:
        surplus += others
        characters = 0
    for kept, (_, name, size) in enumerate(sorted(pending, reverse=True), start=1):
        characters += size
        if kept >= MAX_ATTEMPTS or characters > MAX_COOKIE_CHARS:
            surplus.append(name)
    return surplus


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("ascii")).hexdigest()


def _random_text(random_bytes: Callable[[int], bytes]) -> str:
    return base64.urlsafe_b64encode(random_bytes(32)).rstrip(b"=").decode("ascii")


def _is_over(attempt: LoginAttempt, now: datetime) -> bool:
    age = now - attempt.started_at
    return not -_REPLICA_SKEW <= age <= timedelta(seconds=ATTEMPT_SECONDS)


def _unseal(sealed: str, seal: Seal) -> LoginAttempt | None:
    """Return the attempt, or None for what we did not seal, and for what another version of ours sealed."""
    try:
        fields = json.loads(seal.open(sealed, purpose=PURPOSE))
        return_to = fields.pop("return_to")
        started_at = datetime.fromtimestamp(fields.pop("started_at"), UTC)
        return LoginAttempt(**fields, return_to=None if return_to is None else ReturnPath(return_to), started_at=started_at)
    except (SealBroken, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
