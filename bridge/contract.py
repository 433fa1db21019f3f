"""The wire between cells, `cellbridge/1`: attribute names, version, limits, the mapping of a handoff to attributes and back.

The law: each attribute exactly once with exactly one value; what is unknown is left out, never sent empty; on arrival nothing
is trimmed, folded or repaired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.handoff import BINDING, Handoff, ReturnPath, check_org_path, is_reference
from bridge.identity import (
    Email,
    EmailEvidence,
    ExternalIdentity,
    IdentityKey,
    MalformedValue,
)

CONTRACT = "cellbridge/1"
REQUIRED = (
    "contract",
    "email_verified",
    "email_evidence",
    "provider",
    "extern_uid",
    "organization_id",
    "organization_path",
    "return_to",
    "binding",
    "reference",
)
OPTIONAL = ("email", "name", "username")
KNOWN = (*REQUIRED, *OPTIONAL)
MAX_VALUE_CHARS = 2048
MAX_LIFETIME_SECONDS = 300


class MissingAttribute(MalformedValue):
    """Raised if a required attribute does not stand in the assertion."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The attributes of a handoff, each in its own type. `binding` is None where a foreign issuer signed, which has none."""

    identity: ExternalIdentity
    org_id: int
    org_path: str
    return_to: ReturnPath
    binding: str | None
    reference: str


def to_attributes(handoff: Handoff) -> list[tuple[str, str]]:
    """Return the attributes of *handoff* in the order they are written: `(name, value)`, no value empty."""
    identity = handoff.identity
    optional = (
        ("email", identity.email and identity.email.address),
        ("name", identity.name),
        ("username", identity.username),
    )
    return [
        ("contract", CONTRACT),
        *((name, value) for name, value in optional if value),
        ("email_verified", "true" if identity.evidence.verified else "false"),
        ("email_evidence", identity.evidence.rule),
        ("provider", identity.key.provider),
        ("extern_uid", identity.key.uid),
        ("organization_id", str(handoff.route.org_id)),
        ("organization_path", handoff.route.org_path),
        ("return_to", handoff.return_to.path),
        ("binding", handoff.binding),
        ("reference", handoff.reference),
    ]


def one(attributes: Mapping[str, Sequence[str]], name: str) -> str:
    """Return the one value of *name*; zero and two are both refusals (`MissingAttribute`, `MalformedValue`)."""
    values = attributes.get(name, ())
    if not values:
        raise MissingAttribute(name, "is missing")
    if len(values) != 1:
        raise MalformedValue(name, f"stands {len(values)} times")
    value = values[0]
    if not value:
        raise MalformedValue(name, "is empty")
    if len(value) > MAX_VALUE_CHARS:
        raise MalformedValue(name, f"is longer than {MAX_VALUE_CHARS} characters")
    return value


def from_attributes(attributes: Mapping[str, Sequence[str]]) -> Claims:
    """Return the claims that *attributes* (name -> values, as they stand) carry; unknown names are ignored.

    The contract version is judged before, by its own check. Raises `MalformedValue` with the attribute's name as `field`.
    """
    optional = {name: one(attributes, name) if name in attributes else None for name in OPTIONAL}
    raw_email = optional["email"]
    identity = ExternalIdentity(
        key=IdentityKey(provider=one(attributes, "provider"), uid=one(attributes, "extern_uid")),
        email=None if raw_email is None else Email(raw_email),
        evidence=EmailEvidence(verified=_boolean(attributes, "email_verified"), rule=one(attributes, "email_evidence")),
        name=optional["name"],
        username=optional["username"],
    )
    reference = one(attributes, "reference")
    if not is_reference(reference):
        raise MalformedValue("reference", "is not a reference")
    binding = one(attributes, "binding")
    if not BINDING.fullmatch(binding):
        raise MalformedValue("binding", "is not 64 hex digits")
    org_path = check_org_path(one(attributes, "organization_path"))
    return_to = ReturnPath(one(attributes, "return_to"))
    if not return_to.within(org_path):
        raise MalformedValue("return_to", "leads out of the organization")
    return Claims(
        identity=identity,
        org_id=_positive_number(attributes, "organization_id"),
        org_path=org_path,
        return_to=return_to,
        binding=binding,
        reference=reference,
    )


def _boolean(attributes: Mapping[str, Sequence[str]], name: str) -> bool:
    value = one(attributes, name)
    if value not in ("true", "false"):
        raise MalformedValue(name, "is neither true nor false")
    return value == "true"


def _positive_number(attributes: Mapping[str, Sequence[str]], name: str) -> int:
    value = one(attributes, name)
    if not (value.isascii() and value.isdigit() and value[0] != "0" and len(value) <= 18):
        raise MalformedValue(name, "is not a positive number")
    return int(value)
