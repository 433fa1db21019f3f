"""The signing keys of a stand-in OIDC provider, and its ID tokens: good ones, and one wrong one for each check of a client.

The law: a faulty token differs from a good one in the one thing that its fault names (OIDC Core 3.1.3.7, RFC 8725 2).
"""

import base64
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import sha256
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

Claims = dict[str, Any]
ANOTHER_CLIENT = "another-client"
_HOUR = 3600

_CLAIM_FAULTS: Mapping[str, Callable[[Claims], Claims]] = {
    "wrong_nonce": lambda claims: {**claims, "nonce": "nonce-of-another-attempt"},
    "no_nonce": lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
    "wrong_audience": lambda claims: {**claims, "aud": ANOTHER_CLIENT, "azp": ANOTHER_CLIENT},
    "wrong_azp": lambda claims: {**claims, "aud": [claims["aud"], ANOTHER_CLIENT], "azp": ANOTHER_CLIENT},
    "wrong_issuer": lambda claims: {**claims, "iss": "https://another-issuer.example"},
    "expired": lambda claims: {**claims, "iat": claims["iat"] - 2 * _HOUR, "exp": claims["iat"] - _HOUR},
    "clock_ahead": lambda claims: {**claims, "iat": claims["iat"] + _HOUR, "exp": claims["exp"] + _HOUR},
}


class SigningKeys:
    """RSA keys of one provider: the newest signs, the newest two are published, as Google does when it rotates."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._keys: tuple[RSAKey, ...] = ()

    def rotate(self) -> None:
        """Sign with a new key from now on."""
        with self._lock:
            self._keys = (_new_key(), self._published[0])

    @property
    def _published(self) -> tuple[RSAKey, ...]:
        """The published keys, made when they are first asked for: most providers of a run are never asked."""
        with self._lock:
            self._keys = self._keys or (_new_key(),)
            return self._keys

    @cached_property
    def _unpublished(self) -> RSAKey:
        return _new_key()

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return the published keys as a JWK set (RFC 7517 5)."""
        return {"keys": [_public(key) for key in self._published]}

    def lure_jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return what a client finds at the address that only a faulty token names: the key that signed it."""
        return {"keys": [_public(self._unpublished)]}

    def sign(self, claims: Claims, *, fault: str | None, lure: str) -> str:
        """Return *claims* as a signed ID token, made wrong as *fault* says; *lure* is the URL of a key nobody should fetch."""
        if fault is not None and fault in _CLAIM_FAULTS:
            claims = _CLAIM_FAULTS[fault](claims)
        key = self._published[0]
        header: dict[str, Any] = {"alg": "RS256", "kid": key.kid, "typ": "JWT"}
        match fault:
            case "alg_none":
                return _joined({**header, "alg": "none"}, claims) + "."
            case "hs256_public_key":
                signed = _joined({**header, "alg": "HS256"}, claims)
                return f"{signed}.{_base64url(hmac.digest(key.as_pem(private=False), signed.encode(), sha256))}"
            case "wrong_signature":
                key = self._unpublished
            case "unknown_kid":
                key = self._unpublished
                header["kid"] = key.kid
            case "embedded_key":
                key = self._unpublished
                header |= {"kid": key.kid, "jwk": _public(key)}
            case "key_url":
                key = self._unpublished
                header |= {"kid": key.kid, "jku": lure}
        return jwt.encode(header, claims, key, algorithms=["RS256"])


def _new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, private=True, auto_kid=True)


def _public(key: RSAKey) -> dict[str, Any]:
    return dict(key.as_dict(private=False))


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def _joined(header: Claims, claims: Claims) -> str:
    """Return the signing input of a JWS (RFC 7515 5.1): a library refuses to make the tokens that are needed here."""
    return ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
