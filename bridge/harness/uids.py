"""What each provider calls a person: uids in the form of the real ones, derived from the persona's key.

The law: derived and never stored, so that a run can be repeated, a database seeded yesterday fits a server started today, and a
persona made at run time needs no bookkeeping.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from uuid import UUID

MICROSOFT_TENANT = "3b7e2c58-9d14-4f60-8a21-6c0d5e9f7a43"
SALESFORCE_ORG = "00D5g000004XyZwEAK"
SLACK_TEAM = "T02CELLBRDG"

_LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def uid_of(provider: str, key: str) -> str:
    """Return the uid of the person *key* at *provider*, as our client names it, in the form of that provider's real ones.

    Of a provider that is not in the list it is opaque text (OIDC Core 2: at most 255 ASCII characters).
    """
    return _FORMS.get(provider, _opaque)(sha256(f"{provider} {key}".encode()).hexdigest())


def _opaque(digest: str) -> str:
    return f"person-{digest[:32]}"


def _number(least: int) -> Callable[[str], str]:
    """A number with as many digits as *least*."""
    return lambda digest: str(least + int(digest, 16) % (9 * least))


def _guid(digest: str) -> str:
    return str(UUID(digest[:32]))


def _letters(digest: str, count: int) -> str:
    number = int(digest, 16)
    return "".join(_LETTERS[number // len(_LETTERS) ** place % len(_LETTERS)] for place in range(count))


_FORMS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "google_oauth2": lambda digest: f"1{int(digest, 16) % 10**20:020d}",
        "github": _number(10_000_000),
        "gitlab": _number(1_000_000),
        "bitbucket": lambda digest: f"{{{_guid(digest)}}}",
        "salesforce": lambda digest: f"{SALESFORCE_ORG}/005{_letters(digest, 12)}QAE",
        "microsoft": lambda digest: MICROSOFT_TENANT + _guid(digest),
        "dingtalk": lambda digest: f"{_letters(digest, 22)}iE",
        "alicloud": lambda digest: digest[:40],
        "casdoor": _guid,
        "authentik": lambda digest: digest,
        "slack": lambda digest: f"{SLACK_TEAM}/U{_letters(digest, 10)}",
        "atlassian_oauth2": lambda digest: f"712020:{_guid(digest)}",
        "oauth2": _number(100_000_000),
    }
)
