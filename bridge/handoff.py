"""What the legacy cell tells the owning cell about one sign-in: return path, route, handoff.

The law: a handoff's route comes from the topology's answer, never from a request, and every value in it was checked when it
was made, so that rendering cannot fail and reading can refuse.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from bridge.identity import ExternalIdentity, MalformedValue, plain_text

MAX_ORG_NAME_CHARS = 100
MAX_RETURN_PATH_CHARS = 1024
MAX_RELAY_STATE_BYTES = 80  # SAML bindings 3.5.3
MAX_SESSION = timedelta(hours=24)
UNSPECIFIED_CONTEXT = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"

_ORG_PATH = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_RETURN_PATH = re.compile(r"/(?![/\\])[!#-\[\]-~]*")
_REFERENCE = re.compile(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}")
_REFERENCE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BINDING = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """A path on the public origin: one leading `/`, printable ASCII, no backslash, no `//` at the start, no dot segments.

    Browsers read `\\` as `/`, and drop tabs and line ends, so `/\\evil` and `/<TAB>/evil` are other hosts
    (CVE-2023-1965 and the bypass of its first fix).
    """

    path: str

    def __post_init__(self) -> None:
        if not isinstance(self.path, str):
            raise MalformedValue("return_to", "is not text")
        if len(self.path) > MAX_RETURN_PATH_CHARS:
            raise MalformedValue("return_to", f"is longer than {MAX_RETURN_PATH_CHARS} characters")
        if not _RETURN_PATH.fullmatch(self.path):
            raise MalformedValue("return_to", "is not a plain path on this site")
        only_path = re.split(r"[?#]", self.path, maxsplit=1)[0]
        segments = re.sub(r"%2e", ".", only_path, flags=re.IGNORECASE).split("/")
        if ".." in segments or "." in segments:
            raise MalformedValue("return_to", "climbs with dot segments")
        if "//" in only_path or re.search(r"%(?:2f|5c|0[0-9a-f]|1[0-9a-f]|7f)", only_path, flags=re.IGNORECASE):
            raise MalformedValue("return_to", "hides a separator or a control character")

    def within(self, org_path: str) -> bool:
        """Whether the path lies under `/o/<org_path>/`."""
        return self.path.startswith(f"/o/{org_path}/")


def org_home(org_path: str) -> ReturnPath:
    """Return the landing page of the organization at *org_path*."""
    return ReturnPath(f"/o/{org_path}/")


def check_org_path(value: object) -> str:
    """Return *value* if it is an organization's path: lower-case letters, digits, `.`, `_`, `-`; raises `MalformedValue`."""
    if not isinstance(value, str) or not _ORG_PATH.fullmatch(value):
        raise MalformedValue("organization_path", "is not an organization's path")
    return value


@dataclass(frozen=True, slots=True)
class OrgRoute:
    """Where an organization lives: the topology's answer, with the URLs that its handoffs are addressed to.

    `org_name` is what pages call it, where the directory says so; it is no part of a handoff.
    """

    org_id: int
    org_path: str
    cell_id: int
    acs_url: str
    sp_entity_id: str
    org_name: str | None = None

    def __post_init__(self) -> None:
        if self.org_id < 1 or self.cell_id < 1:
            raise MalformedValue("organization_id", "is not a positive number")
        check_org_path(self.org_path)
        if self.org_name is not None:
            plain_text(self.org_name, field="organization_name", max_chars=MAX_ORG_NAME_CHARS)


def new_reference(random_bytes: Callable[[int], bytes]) -> str:
    """Return a short public reference such as `7KQ2M-4XD9R`: 50 random bits in Crockford's base 32, easy to read aloud."""
    bits = int.from_bytes(random_bytes(7), "big")
    letters = "".join(_REFERENCE_ALPHABET[(bits >> shift) & 31] for shift in range(45, -1, -5))
    return f"{letters[:5]}-{letters[5:]}"


def is_reference(value: object) -> bool:
    """Whether *value* has the form of a public reference; an unverified one may then be logged."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def new_id(random_bytes: Callable[[int], bytes]) -> str:
    """Return an xs:ID of 128 random bits (SAML core 1.3.4): `_` and 32 hex digits."""
    return f"_{random_bytes(16).hex()}"


def binding_of(secret: str) -> str:
    """Return the browser binding that belongs to a cookie's *secret*: its SHA-256, 64 hex digits."""
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """One sign-in on its way between two cells. Times are aware, UTC, whole seconds; `lifetime` is at most five minutes."""

    id: str
    response_id: str
    reference: str
    issuer: str
    identity: ExternalIdentity
    route: OrgRoute
    return_to: ReturnPath
    binding: str
    issued_at: datetime
    expires_at: datetime
    authn_context: str = UNSPECIFIED_CONTEXT

    def __post_init__(self) -> None:
        for field, value in (("id", self.id), ("response_id", self.response_id)):
            if not _ID.fullmatch(value):
                raise MalformedValue(field, "is not _ and 32 hex digits")
        if not is_reference(self.reference):
            raise MalformedValue("reference", "is not a reference")
        if not BINDING.fullmatch(self.binding):
            raise MalformedValue("binding", "is not 64 hex digits")
        for field, moment in (("issued_at", self.issued_at), ("expires_at", self.expires_at)):
            if moment.tzinfo is not UTC or moment.microsecond:
                raise MalformedValue(field, "is not a whole second in UTC")

    @classmethod
    def issue(
        cls,
        *,
        issuer: str,
        identity: ExternalIdentity,
        route: OrgRoute,
        return_to: ReturnPath | None,
        binding: str,
        reference: str,
        lifetime: timedelta,
        now: datetime,
        random_bytes: Callable[[int], bytes],
        authn_context: str = UNSPECIFIED_CONTEXT,
    ) -> Self:
        """Return a fresh handoff; a return path outside the organization becomes the organization's landing page."""
        issued_at = now.astimezone(UTC).replace(microsecond=0)
        return cls(
            id=new_id(random_bytes),
            response_id=new_id(random_bytes),
            reference=reference,
            issuer=issuer,
            identity=identity,
            route=route,
            return_to=return_to if return_to and return_to.within(route.org_path) else org_home(route.org_path),
            binding=binding,
            issued_at=issued_at,
            expires_at=issued_at + lifetime,
            authn_context=authn_context,
        )

    @property
    def session_not_on_or_after(self) -> datetime:
        """When a session that rests on this sign-in ends at the latest (SAML core 2.7.2)."""
        return self.issued_at + MAX_SESSION

    @property
    def relay_state(self) -> str | None:
        """The return path for foreign SPs, or None where it is longer than the 80 bytes that a RelayState may have."""
        path = self.return_to.path
        return path if len(path.encode("ascii")) <= MAX_RELAY_STATE_BYTES else None
