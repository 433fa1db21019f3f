"""An OpenID issuer on the loopback provider, and a client of it."""

import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from bridge.errors import ProviderBadToken, ProviderError
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.discovery import Issuer
from bridge.oauth.fields import Fields
from bridge.oauth.grant import CodeGrant
from bridge.oauth.id_token import ALGORITHMS
from bridge.oauth.oidc import OpenIdClient
from tests.oauth.loopback import LoopbackProvider, json_answer
from tests.oauth.samples import CLIENT_ID, NOW, REDIRECT_URI, Clock, config

RSA_KEYS = [RSAKey.generate_key(2048) for _ in range(2)]


class SigningIssuer:
    """An OpenID issuer at *url*: its keys, its documents and the tokens that it signs; *endpoints* says where they are."""

    def __init__(self, server: LoopbackProvider, path: str = "/op", *, endpoints: str | None = None) -> None:
        self.server, self.url = server, server.url + path
        self.path = path if endpoints is None else endpoints
        places = server.url + self.path
        self.key: RSAKey | ECKey = RSA_KEYS[0]
        self.kid = "k1"
        self.metadata: dict[str, Any] = {
            "issuer": self.url,
            "authorization_endpoint": f"{places}/authorize",
            "token_endpoint": f"{places}/token",
            "jwks_uri": f"{places}/jwks",
            "userinfo_endpoint": f"{places}/userinfo",
        }
        server.on("GET", f"{path.rstrip('/')}/.well-known/openid-configuration", lambda _: json_answer(self.metadata))
        server.on("GET", f"{self.path}/jwks", lambda _: json_answer({"keys": self.jwks}))

    @property
    def jwks(self) -> list[dict[str, Any]]:
        """The published keys."""
        return [{**self.key.as_dict(private=False), "kid": self.kid, "use": "sig"}]

    def claims(self, attempt: LoginAttempt, **changed: Any) -> dict[str, Any]:
        """Return the claims of a good ID token for *attempt*, changed; a claim set to `...` is left out."""
        now = int(NOW.timestamp())
        good: dict[str, Any] = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "person-1",
            "nonce": attempt.nonce,
            "iat": now,
            "exp": now + 300,
        }
        return {name: value for name, value in (good | changed).items() if value is not ...}

    def sign(self, claims: dict[str, Any], *, key: RSAKey | ECKey | None = None, alg: str = "RS256", **header: Any) -> str:
        """Return *claims* as a token signed by *key*, ours unless given."""
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        protected = {"alg": alg, "kid": self.kid, **header}
        return jws.serialize_compact(protected, json.dumps(claims), key or self.key, registry=registry)

    def gives(self, raw_id_token: str | None, **more: Any) -> None:
        """Answer the next code with this token."""
        tokens = {"access_token": "at-1", "token_type": "Bearer", "expires_in": 3600, "id_token": raw_id_token, **more}
        self.server.on("POST", f"{self.path}/token", json_answer(tokens, Cache_Control="no-store"))


class IssuersClient:
    """A client of the loopback issuer."""

    def __init__(self, issuer: SigningIssuer, http: ProviderHttp, clock: Clock, attempt: LoginAttempt) -> None:
        self.issuer, self.attempt = issuer, attempt
        grant = CodeGrant(config("openid_connect", issuer=issuer.url), http, scopes=("openid", "email", "profile"), clock=clock)
        known = Issuer(issuer.url, provider=grant.provider, http=http, clock=clock)
        self.open_id = OpenIdClient(grant, known, http=http, clock=clock)
        issuer.server.on("GET", f"{issuer.path}/userinfo", json_answer({"sub": "person-1"}))

    def claims(self, raw_id_token: str | None, *, iss: str | None = None) -> Fields:
        """Return what the client reads when the token endpoint gives this token."""
        self.issuer.gives(raw_id_token)
        return self.open_id.claims(Callback("code-secret-1", iss), self.attempt, REDIRECT_URI)

    def refused(self, raw_id_token: str | None, kind: type[ProviderError] = ProviderBadToken) -> str:
        """Return the reason for which it is refused; no userinfo was asked for, and nothing of the token is repeated."""
        with pytest.raises(ProviderError) as refused:
            self.claims(raw_id_token)
        assert type(refused.value) is kind
        assert not raw_id_token or str(raw_id_token) not in str(refused.value)
        assert self.attempt.nonce not in str(refused.value)
        assert not self.issuer.server.asked("GET", f"{self.issuer.path}/userinfo")
        return refused.value.reason
