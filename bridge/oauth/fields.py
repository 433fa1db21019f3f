"""Reading a provider's JSON, field by field, each by its type; and the identity that comes of it.

The law: a field of a wrong type is a refusal that names the field and never its value. null, the empty string and absence are
one: the provider did not say. An email is taken as it is or refused; a name is decoration, and left out if we cannot carry it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.errors import ProviderBadReply
from bridge.identity import (
    MAX_NAME_CHARS,
    MAX_USERNAME_CHARS,
    NO_EVIDENCE,
    Email,
    EmailEvidence,
    ExternalIdentity,
    IdentityKey,
    MalformedValue,
    plain_text,
)
from bridge.urls import http_url

MAX_URL_CHARS = 2048


class Fields:
    """One JSON object of a provider's answer; `document` names it in reasons. Methods raise `ProviderBadReply`."""

    def __init__(self, values: Mapping[str, Any], *, provider: str, document: str) -> None:
        self.values = values
        self.provider = provider
        self.document = document

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """Return the required text *name*."""
        value = self.optional_text(name)
        if value is None:
            raise self.refusal(name, "is missing")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return the text *name*, or None where the provider did not say."""
        if name not in self:
            return None
        value = self.values[name]
        if not isinstance(value, str):
            raise self.refusal(name, "is not text")
        return value

    def number(self, name: str) -> int:
        """Return the required positive number *name*."""
        value = self.values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.refusal(name, "is not a positive number")
        return value

    def is_true(self, name: str) -> bool:
        """Whether *name* is the JSON boolean true: not "true", not 1, not absent."""
        return self.values.get(name) is True

    def email(self, name: str = "email") -> Email | None:
        """Return the address in *name*, or None where the provider did not say; one that we cannot carry is refused."""
        raw = self.optional_text(name)
        if raw is None:
            return None
        try:
            return Email.from_provider(raw)
        except MalformedValue as error:
            raise self.refusal(name, error.reason) from error

    def label(self, name: str, *, max_chars: int = MAX_NAME_CHARS) -> str | None:
        """Return the display text in *name*, or None where it is absent or cannot be carried: no name locks anybody out."""
        raw = self.optional_text(name)
        try:
            return None if raw is None else plain_text(raw, field=name, max_chars=max_chars)
        except MalformedValue:
            return None

    def username(self, name: str) -> str | None:
        """Return the user name in *name*, as `label` does."""
        return self.label(name, max_chars=MAX_USERNAME_CHARS)

    def url(self, name: str) -> str | None:
        """Return the web address in *name*, or None where it is absent or no https URL. It is never fetched."""
        raw = self.label(name, max_chars=MAX_URL_CHARS)
        try:
            return None if raw is None else http_url(raw)
        except ValueError:
            return None

    def inside(self, name: str) -> "Fields":
        """Return the object *name*, empty where there is none."""
        value = self.values.get(name)
        return Fields(value if isinstance(value, dict) else {}, provider=self.provider, document=f"{self.document}: {name}")

    def objects(self, name: str) -> list["Fields"]:
        """Return the required list of objects *name*."""
        value = self.values.get(name)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.refusal(name, "is not a list of objects")
        return [Fields(entry, provider=self.provider, document=f"{self.document}: {name}") for entry in value]

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts in the list *name*, none where there is no list."""
        value = self.values.get(name)
        return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()

    def refusal(self, name: str, what: str) -> ProviderBadReply:
        """Return the refusal that says *what* is wrong with the field *name*."""
        return ProviderBadReply(provider=self.provider, reason=f"{self.document}: {name} {what}")


def primary_email(entries: Iterable[Fields], *, primary: str, verified: str) -> tuple[Email | None, bool]:
    """Return the one address whose *primary* is true, and whether its *verified* is; no address where none is.

    Raises `ProviderBadReply`, also for two of them.
    """
    found = [entry for entry in entries if entry.is_true(primary)]
    if not found:
        return None, False
    if len(found) > 1:
        raise found[1].refusal(primary, "is true twice")
    return found[0].email(), found[0].is_true(verified)


def external_identity(
    *,
    provider: str,
    uid: str,
    email: Email | None,
    evidence: EmailEvidence,
    name: str | None = None,
    username: str | None = None,
    avatar_url: str | None = None,
) -> ExternalIdentity:
    """Return the identity with the *evidence* for its email; without an email there is none. Raises `ProviderBadReply`."""
    try:
        return ExternalIdentity(
            key=IdentityKey(provider=provider, uid=uid),
            email=email,
            evidence=NO_EVIDENCE if email is None else evidence,
            name=name,
            username=username,
            avatar_url=avatar_url,
        )
    except MalformedValue as error:
        raise ProviderBadReply(provider=provider, reason=f"identity: {error.field} {error.reason}") from error
