"""What a provider's redirect brings back to us (RFC 6749 4.1.2).

The law: exactly one of each field. A callback with a field missing or doubled answers no sign-in of ours; one that contradicts
itself, or carries an error, is refused before any code is redeemed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.errors import LoginStateMismatch, ProviderBadReply, ProviderDenied

MAX_CODE_CHARS = 4096
_READ = ("state", "code", "authCode", "error", "iss")
_CODE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 A.11
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback with a code; `iss` is the issuer that it names, where the provider does so (RFC 9207)."""

    code: str = field(repr=False)
    iss: str | None = None


def read_state(args: Iterable[tuple[str, str]], provider: str) -> str:
    """Return the one state of a callback, unverified; raises `LoginStateMismatch` where it is missing or doubled."""
    return _state_of(_exactly_one(args, provider), provider)


def read_callback(args: Iterable[tuple[str, str]], provider: str) -> Callback:
    """Return the callback that the query or form *args* of the path of *provider* carry.

    The caller opens the attempt of the state first: without it even an error is nobody's. Raises `LoginStateMismatch` for a
    field that is missing or doubled, `ProviderDenied` for `access_denied`, `ProviderBadReply` for other errors, for a code
    beside an error or another code, and for a code that is not printable ASCII of at most 4096 characters.
    """
    fields = _exactly_one(args, provider)
    _state_of(fields, provider)
    error, code = fields.get("error"), _code_of(fields, provider)
    if error is not None and code is not None:
        raise ProviderBadReply(provider=provider, reason="callback: holds both a code and an error")
    if error == "access_denied":
        raise ProviderDenied(provider=provider, reason="callback: access_denied")
    if error is not None:
        raise ProviderBadReply(provider=provider, reason=f"callback: error {error_code(error)}")
    if not code:
        raise LoginStateMismatch(provider=provider, reason="the callback holds neither a code nor an error")
    if len(code) > MAX_CODE_CHARS or not _CODE.fullmatch(code):
        raise ProviderBadReply(provider=provider, reason="callback: the code is not printable ASCII, or too long")
    return Callback(code=code, iss=fields.get("iss"))


def error_code(value: object) -> str:
    """Return an OAuth error code for a log: lower-case words as in RFC 6749 5.2, anything else is not repeated.

    Codes and tokens hold digits or capitals; this keeps them out even if a provider echoes them here.
    """
    return value if isinstance(value, str) and _ERROR_CODE.fullmatch(value) else "of an unknown form"


def _exactly_one(args: Iterable[tuple[str, str]], provider: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in args:
        if name not in _READ:
            continue
        if name in fields:
            raise LoginStateMismatch(provider=provider, reason=f"the callback holds {name} twice")
        fields[name] = value
    return fields


def _code_of(fields: dict[str, str], provider: str) -> str | None:
    """Return the one code, which DingTalk calls `authCode`, or sends by both names."""
    code, auth_code = fields.get("code"), fields.get("authCode")
    if code and auth_code and code != auth_code:
        raise ProviderBadReply(provider=provider, reason="callback: holds two codes")
    return auth_code or code


def _state_of(fields: dict[str, str], provider: str) -> str:
    state = fields.get("state")
    if not state:
        raise LoginStateMismatch(provider=provider, reason="the callback holds no state")
    return state
