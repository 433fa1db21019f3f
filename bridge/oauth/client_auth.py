"""How our client proves at a token endpoint who it is: by its secret, or by an assertion that its private key signs.

The law: the secret travels in a header or in the body of a request to the token endpoint, never in a URL; a private key never
travels, and its assertion is good for one minute at that one endpoint.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from authlib.common.urls import add_params_to_qs
from authlib.integrations.requests_client.oauth2_session import OAuth2ClientAuth
from authlib.oauth2.rfc7523.assertion import private_key_jwt_sign
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, RSAKey
from pydantic import SecretStr

from bridge.sections import ProviderConfig

AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]
ASSERTION_SECONDS = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MIN_RSA_BITS = 2048

_EC_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class ClientCredentials:
    """What the client that *config* registers has to show; raises `ValueError` where secret or key cannot be read."""

    def __init__(self, config: ProviderConfig, *, clock: Callable[[], datetime]) -> None:
        self.client_id = config.client_id
        self.client_secret = SecretStr(config.secret())
        self.configured_method: AuthMethod | None = config.client_auth
        self._clock = clock
        self._key_id = config.private_key_id
        self._signing = _signing_key(config.private_key()) if config.private_key_file else None

    def authentication(self, method: AuthMethod) -> OAuth2ClientAuth:
        """Return the client's authentication by *method* (RFC 6749 2.3.1, RFC 7523 2.2), for one token request."""
        secret = self.client_secret.get_secret_value()
        if method == "private_key_jwt":
            return OAuth2ClientAuth(self.client_id, None, self._with_assertion)
        if method == "client_secret_post":
            return OAuth2ClientAuth(self.client_id, secret, method)
        # RFC 6749 2.3.1 encodes both before they are joined by a colon; Authlib leaves that to its caller.
        return OAuth2ClientAuth(quote(self.client_id, safe=""), quote(secret, safe=""), method)

    def _with_assertion(self, _auth: Any, _method: str, uri: str, headers: Any, body: str | None) -> tuple[str, Any, str]:
        """Add the assertion for *uri*, which is its only audience: no other endpoint can use it (RFC 7523 3)."""
        key, alg = self._signing or (None, "")
        assertion = private_key_jwt_sign(
            key,
            client_id=self.client_id,
            token_endpoint=uri,
            alg=alg,
            header={} if self._key_id is None else {"kid": self._key_id},
            issued_at=int(self._clock().timestamp()),
            expires_in=ASSERTION_SECONDS,
        )
        return (
            uri,
            headers,
            add_params_to_qs(body or "", [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]),
        )


def _signing_key(pem: str) -> tuple[RSAKey | ECKey, str]:
    """Return the private key in *pem* and its JWS algorithm; raises `ValueError` whose words repeat nothing of it."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is no private key in PEM without a passphrase") from None
    if isinstance(key, RSAPrivateKey) and key.key_size >= MIN_RSA_BITS:
        return RSAKey.import_key(key), "RS256"
    if isinstance(key, EllipticCurvePrivateKey) and (alg := _EC_ALGORITHMS.get(key.curve.name)):
        return ECKey.import_key(key), alg
    raise ValueError(f"is neither an RSA key of {MIN_RSA_BITS} bits at least nor one of P-256, P-384 or P-521")
