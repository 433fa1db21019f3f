"""Usernames for new accounts, made from what the provider said.

The law: a username is ASCII letters, digits, `_`, `-` and `.`, starts and ends with a letter or digit, has no two separators in
a row and is no reserved word; on collision the suffix comes from the identity, so that no counter is raced for.
"""

import hashlib
import re
import unicodedata

from bridge.identity import ExternalIdentity, IdentityKey

MAX_BASE_CHARS = 48
NAMELESS = "user"
# Top-level routes and files of GitLab, which usernames share a namespace with; then names that people take for the operator's.
# fmt: off
RESERVED = frozenset({
    "admin", "api", "assets", "dashboard", "explore", "files", "groups", "health_check", "help", "import", "jwt", "login", "o",
    "oauth", "profile", "projects", "public", "s", "search", "sitemap", "snippets", "unsubscribes", "uploads", "users", "v2",
    "404.html", "422.html", "500.html", "502.html", "503.html", "apple-touch-icon.png", "deploy.html", "favicon.ico",
    "favicon.png", "robots.txt", "sitemap.xml", "sitemap.xml.gz", "slash-command-logo.png",
    "abuse", "administrator", "ghost", "hostmaster", "noreply", "postmaster", "root", "security", "support", "system",
    "webmaster",
})
# fmt: on
_INVALID = re.compile(r"[^A-Za-z0-9_.-]+")
_SEPARATORS = re.compile(r"([_.-])[_.-]+")
_FILE_SUFFIX = re.compile(r"\.(git|atom)$", re.IGNORECASE)


def sanitize(raw: str) -> str:
    """Return *raw* as a username of at most 48 characters, or the empty string where nothing usable is left.

    What follows an `@` is cut off; letters are reduced to ASCII (NFKD), the rest is dropped.
    """
    ascii_only = unicodedata.normalize("NFKD", raw.partition("@")[0]).encode("ascii", "ignore").decode("ascii")
    plain = _SEPARATORS.sub(r"\1", _INVALID.sub("", ascii_only).strip("_.-"))[:MAX_BASE_CHARS].strip("_.-")
    return _FILE_SUFFIX.sub(r"-\1", plain)


def candidates(identity: ExternalIdentity) -> list[str]:
    """Return the usernames to try for *identity*, best first; the last ones are practically never taken."""
    wished = (identity.username, identity.email.local_part if identity.email is not None else None)
    base = next((plain for raw in wished if raw and (plain := sanitize(raw))), NAMELESS)
    digest = _digest(identity.key)
    suffixed = [f"{base}-{digest[:length]}" for length in (4, 8, 16, 32)]
    return suffixed if base.lower() in RESERVED else [base, *suffixed]


def _digest(key: IdentityKey) -> str:
    return hashlib.sha256(f"{key.provider}\0{key.uid}".encode()).hexdigest()
