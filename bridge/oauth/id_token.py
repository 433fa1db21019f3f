"""Verifying an ID token (OIDC Core 3.1.3.7, RFC 8725): raw text in, its claims out, or the claim that failed.

The law: the algorithm comes from our list, the key from the issuer's published ones by kid, the expected values from the
attempt and the configuration. Of the header nothing but `alg` and `kid` is used: an embedded `jwk` or `x5c` is the forger's
own key, a `jku` or `x5u` the forger's own server.
"""

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import GuestProtocol
from joserfc.jws import JWSRegistry

from bridge.errors import ProviderBadToken
from bridge.identity import MAX_UID_CHARS
from bridge.oauth.discovery import PublishedKey, VerifyingKey, tenant_of

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
SKEW_SECONDS = 60

# Unknown header parameters are to be ignored (RFC 7515 4); the size caps of the registry stay.
_REGISTRY = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)


def verify_id_token(
    raw_id_token: str,
    *,
    provider: str,
    issuer: str,
    client_id: str,
    nonce: str,
    now: datetime,
    key_for: Callable[..., PublishedKey],
) -> Mapping[str, Any]:
    """Return the claims of a genuine, current ID token of *issuer* for us and for the attempt with *nonce*.

    *key_for* is called with `alg` and `kid`. An *issuer* with `{tenantid}` in it is filled with the token's `tid`. `sub` is
    text of 1 to 255 characters. Times may differ by 60 seconds. Raises `ProviderBadToken` with a reason that begins with the
    claim or the step, and what *key_for* raises.
    """

    def refusal(reason: str) -> ProviderBadToken:
        return ProviderBadToken(provider=provider, reason=reason)

    used: list[PublishedKey] = []

    def key_of(unverified: GuestProtocol) -> VerifyingKey:
        header = unverified.headers()
        if "crit" in header:
            raise refusal("crit: no critical extension is understood")
        used.append(key_for(alg=header["alg"], kid=header.get("kid")))
        return used[-1].key

    try:
        claims = jwt.decode(raw_id_token, key_of, registry=_REGISTRY).claims
    except BadSignatureError as error:
        raise refusal("signature: does not verify") from error
    except UnsupportedAlgorithmError as error:
        raise refusal("alg: is not on the list") from error
    except (JoseError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise refusal(f"form: is no signed token ({type(error).__name__})") from error

    tenant = tenant_of(issuer, claims.get("iss"))
    if tenant is None or (tenant and claims.get("tid") != tenant):
        raise refusal("iss: is not the issuer")
    # A directory of many tenants publishes each key with the issuer that it is for, its own or the template.
    if tenant and used[-1].issuer not in (None, issuer, claims["iss"]):
        raise refusal("kid: the key is another tenant's")
    _check_audience(claims, client_id, refusal)
    _check_times(claims, now, refusal)
    received = claims.get("nonce")
    if not isinstance(received, str) or not hmac.compare_digest(received.encode("utf-8", "replace"), nonce.encode("ascii")):
        raise refusal("nonce: is not the attempt's")
    sub = claims.get("sub")
    if not isinstance(sub, str) or not 0 < len(sub) <= MAX_UID_CHARS:
        raise refusal(f"sub: is not text of 1 to {MAX_UID_CHARS} characters")
    return claims


def _check_audience(claims: Mapping[str, Any], client_id: str, refusal: Callable[[str], ProviderBadToken]) -> None:
    """A token may be for others too only where it says that it was issued to us (OIDC Core 3.1.3.7, steps 3 to 5)."""
    audience = claims.get("aud")
    if isinstance(audience, str):
        audience = [audience]
    if not isinstance(audience, list) or client_id not in audience:
        raise refusal("aud: does not hold this client")
    if "azp" in claims and claims["azp"] != client_id:
        raise refusal("azp: is another client")
    if len(audience) != 1 and "azp" not in claims:
        raise refusal("azp: is missing from a token for several audiences")


def _check_times(claims: Mapping[str, Any], now: datetime, refusal: Callable[[str], ProviderBadToken]) -> None:
    moments: dict[str, float] = {}
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name)
        if value is None and name == "nbf":
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
            raise refusal(f"{name}: is not a time")
        moments[name] = value
    current = now.timestamp()
    if current >= moments["exp"] + SKEW_SECONDS:
        raise refusal("exp: is past")
    if current < moments["iat"] - SKEW_SECONDS:
        raise refusal("iat: is in the future")
    if current < moments.get("nbf", 0) - SKEW_SECONDS:
        raise refusal("nbf: is in the future")
