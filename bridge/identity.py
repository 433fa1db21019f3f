"""Who a person is, as a provider said it: email, identity key, evidence, external identity.

The law: a value that exists is well formed. Every constructor refuses with `MalformedValue`; nothing is trimmed, folded or
repaired on the way in, because two readings of one address are two people (CVE-2019-19844).
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

import idna

MAX_EMAIL_CHARS = 254
MAX_LOCAL_PART_CHARS = 64
MAX_UID_CHARS = 255
MAX_NAME_CHARS = 255
MAX_USERNAME_CHARS = 255

_OTHER_DOTS = "\u3002\uff0e\uff61"  # the codec for IDNA reads them as dots (RFC 3490 3.1): two spellings of one domain
_PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,62}")
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)


class MalformedValue(ValueError):
    """Raised if text from outside is no value of its type; `field` says which, `reason` what is wrong with it.

    The reason never repeats the text: it may be an address, and reasons go to logs.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def plain_text(value: object, *, field: str, max_chars: int) -> str:
    """Return *value* if it is non-empty printable text of at most *max_chars*, with no white space at its ends.

    `str.isprintable` is false for control, format, surrogate and separator characters other than the space, which keeps out
    CR LF injection, bidirectional overrides and the no-break space that `str.strip` would swallow.

    Raises `MalformedValue`.
    """
    if not isinstance(value, str):
        raise MalformedValue(field, "is not text")
    if not value:
        raise MalformedValue(field, "is empty")
    if len(value) > max_chars:
        raise MalformedValue(field, f"is longer than {max_chars} characters")
    if not value.isprintable():
        raise MalformedValue(field, "holds a character that cannot be printed")
    if value != value.strip():
        raise MalformedValue(field, "begins or ends with white space")
    return value


@dataclass(frozen=True, slots=True)
class Email:
    """An ASCII address of at most 254 characters (RFC 5321 4.5.3.1), its domain as A-labels (RFC 5891).

    `address` keeps the letter case it came in; compare with `folded`.
    """

    address: str

    def __post_init__(self) -> None:
        if not isinstance(self.address, str):
            raise MalformedValue("email", "is not text")
        if len(self.address) > MAX_EMAIL_CHARS:
            raise MalformedValue("email", f"is longer than {MAX_EMAIL_CHARS} characters")
        if not _EMAIL.fullmatch(self.address):
            raise MalformedValue("email", f"is not one plain address: {_what_is_wrong(self.address)}")
        if self.address.index("@") > MAX_LOCAL_PART_CHARS:
            raise MalformedValue("email", f"has more than {MAX_LOCAL_PART_CHARS} characters before the @")
        if "xn--" in self.folded and not all(_is_a_label(label) for label in self.domain.split(".")):
            raise MalformedValue("email", "has a domain with an xn-- that is no A-label of IDNA 2008")

    @classmethod
    def from_provider(cls, raw: object) -> Self:
        """Return the address that a provider or a person wrote, with a Unicode domain turned into A-labels (IDNA 2008).

        Raises `MalformedValue`: also for a local part outside ASCII, which many systems fold in ways that collide.
        """
        if not isinstance(raw, str):
            raise MalformedValue("email", "is not text")
        if len(raw) > MAX_EMAIL_CHARS:  # before IDNA: its work grows faster than the text
            raise MalformedValue("email", f"is longer than {MAX_EMAIL_CHARS} characters")
        local, at, domain = raw.rpartition("@")
        if any(dot in domain for dot in _OTHER_DOTS):
            raise MalformedValue("email", "has a dot in its domain that is not the ASCII one")
        if at and not domain.isascii():
            try:
                domain = idna.encode(domain, uts46=False).decode("ascii")
            except idna.IDNAError as error:
                raise MalformedValue("email", "has a domain that IDNA 2008 refuses") from error
        return cls(f"{local}{at}{domain}")

    @property
    def folded(self) -> str:
        """The form to compare by: lower-case ASCII."""
        return self.address.lower()

    @property
    def domain(self) -> str:
        """What follows the @, lower-case A-labels."""
        return self.folded.rpartition("@")[2]

    @property
    def local_part(self) -> str:
        """What precedes the @, as it came."""
        return self.address.rpartition("@")[0]


def _is_a_label(label: str) -> bool:
    """Whether *label*, lower-case ASCII, is plain or the one spelling of what it stands for (RFC 5890 2.3.2.1)."""
    try:
        return not label.startswith("xn--") or idna.alabel(idna.ulabel(label)) == label.encode("ascii")
    except idna.IDNAError:
        return False


def _what_is_wrong(address: str) -> str:
    """Return why an address is refused, in words that do not repeat it."""
    if not address:
        return "it is empty"
    if any(char.isspace() or not char.isprintable() for char in address):
        return "it holds white space or a character that cannot be printed"
    if address.count("@") != 1:
        return "it has no @" if "@" not in address else "it has more than one @"
    local, _, domain = address.partition("@")
    if not local.isascii():
        return "what precedes the @ has letters outside ASCII, which systems fold in ways that collide"
    if not domain.isascii():
        return "its domain is not written in A-labels"
    if not local or not domain:
        return f"nothing {'follows' if local else 'precedes'} the @"
    if not _EMAIL.fullmatch(f"{local}@a.example"):
        return "what precedes the @ is quoted, has a character that must be, or a dot at an end or beside a dot"
    return "its domain is no host name of two labels or more, each of letters, digits and inner hyphens"


@dataclass(frozen=True, slots=True)
class IdentityKey:
    """`(provider, uid)`: the stable name of a person at a provider. The uid is compared exactly."""

    provider: str
    uid: str

    def __post_init__(self) -> None:
        if not isinstance(self.provider, str) or not _PROVIDER.fullmatch(self.provider):
            raise MalformedValue("provider", "is not a provider's name")
        plain_text(self.uid, field="extern_uid", max_chars=MAX_UID_CHARS)

    @property
    def uid_digest(self) -> str:
        """The first 64 bits of the uid's SHA-256, 16 hex digits, for logs and audit: enough to recognize, not to read."""
        return hashlib.sha256(self.uid.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class EmailEvidence:
    """Whether an address counts as verified, and the rule that says so, such as `google.email_verified`.

    There is no default: who builds one has to name the rule (`none` where the provider gives no evidence).
    """

    verified: bool
    rule: str

    def __post_init__(self) -> None:
        if not isinstance(self.verified, bool):
            raise MalformedValue("email_verified", "is not a boolean")
        plain_text(self.rule, field="email_evidence", max_chars=64)
        if self.verified and self.rule == NO_EVIDENCE_RULE:
            raise MalformedValue("email_evidence", "names no rule for a verified address")


NO_EVIDENCE_RULE = "none"
NO_EVIDENCE = EmailEvidence(verified=False, rule=NO_EVIDENCE_RULE)


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """What a provider said about a person. What it did not say is None, never the empty string."""

    key: IdentityKey
    email: Email | None
    evidence: EmailEvidence
    name: str | None = None
    username: str | None = None
    avatar_url: str | None = None

    def __post_init__(self) -> None:
        if self.email is None and self.evidence.verified:
            raise MalformedValue("email_verified", "vouches for an address that is not there")
        if self.name is not None:
            plain_text(self.name, field="name", max_chars=MAX_NAME_CHARS)
        if self.username is not None:
            plain_text(self.username, field="username", max_chars=MAX_USERNAME_CHARS)
