"""What an OpenID issuer publishes: its configuration (OIDC Discovery 1.0) and its signing keys (RFC 7517).

The law: both are fetched from addresses that the configuration or the issuer's own document names, never from one that a token
names; both are kept as long as their headers allow, within bounds; an unknown key is looked for once more, not once a token.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from bridge.errors import ProviderBadToken
from bridge.oauth.client import ProviderHttp
from bridge.oauth.client_auth import AuthMethod
from bridge.oauth.fields import Fields
from bridge.oauth.kept import Kept
from bridge.urls import http_url, is_loopback

MAX_KEYS = 50
GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# base64url characters of a 2048-bit modulus (RFC 7518 3.3 wants no less) and of an 8192-bit one (more is only a load).
_MIN_MODULUS_CHARS, _MAX_MODULUS_CHARS = 342, 1366

VerifyingKey = RSAKey | ECKey
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerMetadata:
    """The endpoints of an issuer; `auth_method` is how a client secret is shown there, or None where none is taken."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    auth_method: AuthMethod | None
    names_itself_in_callbacks: bool


TENANT = "{tenantid}"
"""What a directory of many tenants writes into its issuer for the tenant of each token, as Microsoft's does."""


def tenant_of(issuer: str, name: object) -> str | None:
    """Return the tenant for which *name* fills the template *issuer*, "" for an issuer without one, None for another issuer."""
    if TENANT not in issuer:
        return "" if name == issuer else None
    head, _, tail = issuer.partition(TENANT)
    found = re.fullmatch(f"{re.escape(head)}({GUID}){re.escape(tail)}", name) if isinstance(name, str) else None
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key that may verify signatures; `kid`, `alg` and `issuer` as the issuer published them, or None."""

    key: VerifyingKey
    kid: object
    alg: object
    issuer: object = None

    def fits(self, *, alg: str, kid: str | None) -> bool:
        """Whether this key verifies *alg* and is called *kid*, or anything where that is None."""
        kind = "EC" if alg.startswith("ES") else "RSA"
        return self.key.key_type == kind and self.alg in (None, alg) and kid in (None, self.kid)


class Issuer:
    """An OpenID issuer, known by its URL alone; one for each configured provider, shared by all threads."""

    def __init__(
        self, issuer: str, *, provider: str, http: ProviderHttp, clock: Callable[[], datetime], found_at: str | None = None
    ) -> None:
        """Know the issuer that calls itself *issuer*; its document lies below *found_at* where that is another URL."""
        self._provider, self._http, self._clock = provider, http, clock
        discovery = (found_at or issuer).rstrip("/") + "/.well-known/openid-configuration"  # OIDC Discovery 4.1
        self._metadata = self._kept(discovery, "discovery", partial(read_metadata, issuer=issuer))
        self._keys: dict[str, Kept[tuple[PublishedKey, ...]]] = {}

    def metadata(self) -> IssuerMetadata:
        """Return the issuer's endpoints; raises `ProviderUnavailable` and `ProviderBadReply`."""
        return self._metadata.get()

    def key(self, *, alg: str, kid: str | None) -> PublishedKey:
        """Return the one published key that verifies *alg* and is called *kid*; without a kid, the only one that fits.

        An unknown key is looked for in freshly fetched keys, at most once in ten seconds. Raises `ProviderBadToken`, and as
        `metadata` does.
        """
        url = self.metadata().jwks_uri
        published = self._keys.setdefault(url, self._kept(url, "jwks", read_keys))
        keys = published.get()
        if not any(key.fits(alg=alg, kid=kid) for key in keys):
            keys = published.get_anew()
        fitting = [key for key in keys if key.fits(alg=alg, kid=kid)]
        if len(fitting) != 1:
            which = "several published keys fit" if fitting else "no published key fits"
            raise ProviderBadToken(provider=self._provider, reason=f"kid: {which}")
        return fitting[0]

    def _kept(self, url: str, document: str, read: Callable[[Fields], Value]) -> Kept[Value]:
        fetch = partial(self._http.get, url, provider=self._provider, document=document)
        return Kept(fetch, read, provider=self._provider, document=document, clock=self._clock)


def read_metadata(fields: Fields, *, issuer: str) -> IssuerMetadata:
    """Return what the discovery document *fields* says of *issuer*; raises `ProviderBadReply`."""
    # Equal to the letter (OIDC Discovery 4.3): else one issuer could speak for another.
    if fields.text("issuer") != issuer:
        raise fields.refusal("issuer", "is not the configured one")
    return IssuerMetadata(
        issuer=issuer,
        authorization_endpoint=_endpoint(fields, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(fields, "token_endpoint", issuer),
        jwks_uri=_endpoint(fields, "jwks_uri", issuer),
        userinfo_endpoint=_endpoint(fields, "userinfo_endpoint", issuer) if "userinfo_endpoint" in fields else None,
        auth_method=_auth_method(fields),
        names_itself_in_callbacks=fields.is_true("authorization_response_iss_parameter_supported"),
    )


def _endpoint(fields: Fields, name: str, issuer: str) -> str:
    """Return an endpoint: https, or loopback where the issuer is too, so that no document steers us into this machine."""
    url = fields.text(name)
    try:
        http_url(url)
    except ValueError:
        raise fields.refusal(name, "is no https URL") from None
    if is_loopback(url) and not is_loopback(issuer):
        raise fields.refusal(name, "leads to this machine")
    return url


def _auth_method(fields: Fields) -> AuthMethod | None:
    offered = fields.values.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if not isinstance(offered, list):
        raise fields.refusal("token_endpoint_auth_methods_supported", "is not a list")
    if "client_secret_basic" in offered:
        return "client_secret_basic"
    return "client_secret_post" if "client_secret_post" in offered else None


def read_keys(fields: Fields) -> tuple[PublishedKey, ...]:
    """Return the keys of a JWK set that may verify signatures; raises `ProviderBadReply` for what is no JWK set."""
    listed = fields.values.get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise fields.refusal("keys", f"is not a list of at most {MAX_KEYS}")
    for_signatures = (entry for entry in listed if isinstance(entry, dict) and entry.get("use", "sig") == "sig")
    imported = ((_import_key(entry), entry) for entry in for_signatures)
    return tuple(
        PublishedKey(key, entry.get("kid"), entry.get("alg"), entry.get("issuer")) for key, entry in imported if key is not None
    )


def _import_key(key: dict[str, Any]) -> VerifyingKey | None:
    """Return the public key, or None for one that is broken, too weak or too large: one bad key must not hide the others."""
    try:
        if key["kty"] == "EC":
            return ECKey.import_key({name: key[name] for name in ("kty", "crv", "x", "y")})
        if key["kty"] != "RSA" or not _MIN_MODULUS_CHARS <= len(key["n"]) <= _MAX_MODULUS_CHARS:
            return None
        return RSAKey.import_key({name: key[name] for name in ("kty", "n", "e")})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
