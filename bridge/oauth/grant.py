"""The authorization-code grant of one registered client: the way to the provider, and the code's exchange for tokens.

The law: always with PKCE S256 (RFC 7636, RFC 9700 2.1.1) where the provider is not known to have none, always with the redirect
URI that the attempt went out with, and a code goes nowhere but to its own provider's token endpoint. Authlib writes the wire:
the authorization request, the token request and the code challenge; the request itself goes through `ProviderHttp`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.client_auth import AuthMethod, ClientCredentials
from bridge.oauth.fields import Fields
from bridge.sections import ProviderConfig

_ACCESS_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")  # RFC 6749 A.12, without the space that would break a header


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave, an access token of its form and the whole reply; nothing else in it is verified yet."""

    access_token: str = field(repr=False)
    reply: Fields = field(repr=False)


class CodeGrant:
    """The grant for the client that *config* registers; `scopes` are what is asked for unless the configuration says."""

    def __init__(
        self,
        config: ProviderConfig,
        http: ProviderHttp,
        *,
        scopes: tuple[str, ...],
        clock: Callable[[], datetime],
        pkce: bool = True,
    ) -> None:
        self.client_id = config.client_id
        self.provider = config.name
        self.credentials = ClientCredentials(config, clock=clock)
        self._scopes = config.scopes or scopes
        self._http = http
        self._pkce = pkce

    def authorization_url(self, endpoint: str, attempt: LoginAttempt, redirect_uri: str, **extra: str | None) -> str:
        """Return the URL to send the browser to (RFC 6749 4.1.1), with the *extra* parameters that are not None."""
        if self._pkce:
            extra["code_challenge"] = create_s256_code_challenge(attempt.code_verifier)
            extra["code_challenge_method"] = "S256"
        url: str = prepare_grant_uri(
            endpoint,
            client_id=self.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=" ".join(self._scopes),
            state=attempt.state,
            **extra,
        )
        return url

    def redeem(
        self, endpoint: str, callback: Callback, attempt: LoginAttempt, redirect_uri: str, *, auth_method: AuthMethod
    ) -> Tokens:
        """Return the tokens for the callback's code (RFC 6749 4.1.3); raises `ProviderUnavailable` and `ProviderBadReply`.

        The client authenticates by *auth_method*, unless the configuration names another.
        """
        form = prepare_token_request(
            "authorization_code", code=callback.code, redirect_uri=redirect_uri, code_verifier=attempt.code_verifier
        )
        auth = self.credentials.authentication(self.credentials.configured_method or auth_method)
        reply = self._http.post_form(endpoint, provider=self.provider, document="token reply", form=form, auth=auth).object()
        if reply.text("token_type").lower() != "bearer":
            raise reply.refusal("token_type", "is not Bearer")
        return tokens_of(reply, "access_token")


def tokens_of(reply: Fields, name: str) -> Tokens:
    """Return the tokens in *reply*, whose access token is called *name*; raises `ProviderBadReply`."""
    access_token = reply.text(name)
    if not _ACCESS_TOKEN.fullmatch(access_token):
        raise reply.refusal(name, "is not of its form")
    return Tokens(access_token, reply)
