"""The authorization-code grant of one registered client: the way to the provider, and the code's exchange for tokens.

The law: always with PKCE S256 (RFC 7636, RFC 9700 2.1.1), always with the redirect URI that the attempt went out with, and
a code goes nowhere but to its own provider's token endpoint. Authlib writes the wire: the authorization request, the token
request, the code challenge and the client's authentication; the request itself goes through `ProviderHttp` and its limits.
"""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from authlib.integrations.requests_client.oauth2_session import OAuth2ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from bridge.errors import ProviderBadReply
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.sections import ProviderConfig

AuthMethod = Literal["client_secret_basic", "client_secret_post"]

_ACCESS_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")  # RFC 6749 A.12, without the space that would break a header


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave; the ID token is not verified yet."""

    access_token: str = field(repr=False)
    raw_id_token: str | None = field(repr=False)


class CodeGrant:
    """The grant for the client that *config* registers; `scopes` are what is asked for unless the configuration says."""

    def __init__(self, config: ProviderConfig, http: ProviderHttp, *, scopes: tuple[str, ...]) -> None:
        self.client_id = config.client_id
        self.provider = config.name
        self._client_secret = config.secret()
        self._scopes = config.scopes or scopes
        self._http = http

    def authorization_url(self, endpoint: str, attempt: LoginAttempt, redirect_uri: str, **extra: str | None) -> str:
        """Return the URL to send the browser to (RFC 6749 4.1.1), with the *extra* parameters that are not None."""
        url: str = prepare_grant_uri(
            endpoint,
            client_id=self.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=" ".join(self._scopes),
            state=attempt.state,
            code_challenge=create_s256_code_challenge(attempt.code_verifier),
            code_challenge_method="S256",
            **extra,
        )
        return url

    def redeem(
        self, endpoint: str, callback: Callback, attempt: LoginAttempt, redirect_uri: str, *, auth_method: AuthMethod
    ) -> Tokens:
        """Return the tokens for the callback's code (RFC 6749 4.1.3); raises `ProviderUnavailable` and `ProviderBadReply`."""
        form = prepare_token_request(
            "authorization_code", code=callback.code, redirect_uri=redirect_uri, code_verifier=attempt.code_verifier
        )
        reply = self._http.post_form(
            endpoint, provider=self.provider, document="token reply", form=form, auth=self._authentication(auth_method)
        )
        fields = reply.object()
        if fields.text("token_type").lower() != "bearer":
            raise fields.refusal("token_type", "is not Bearer")
        access_token = fields.text("access_token")
        if not _ACCESS_TOKEN.fullmatch(access_token):
            raise ProviderBadReply(provider=self.provider, reason="token reply: access_token is not of its form")
        return Tokens(access_token=access_token, raw_id_token=fields.optional_text("id_token"))

    def _authentication(self, method: AuthMethod) -> OAuth2ClientAuth:
        if method == "client_secret_post":
            return OAuth2ClientAuth(self.client_id, self._client_secret, method)
        # RFC 6749 2.3.1 encodes both before they are joined by a colon; Authlib leaves that to its caller.
        return OAuth2ClientAuth(quote(self.client_id, safe=""), quote(self._client_secret, safe=""), method)
