"""DingTalk: OAuth 2.0 in its own spelling, with its contact API.

Sources: "Obtain user's token" and "Obtain the user's contact information" of open.dingtalk.com (the new API; the legacy one at
`oapi.dingtalk.com` is not spoken). The token request is JSON in camelCase, the access token travels in a header of its own, and
PKCE is not part of it. The email, where the app may see it, is what the person or an administrator wrote.

The law: no address of DingTalk's counts as verified.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from bridge.identity import NO_EVIDENCE, ExternalIdentity
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.grant import Tokens, tokens_of
from bridge.oauth.provider import FIXED, Places, RestProvider


class DingTalk(RestProvider):
    """Identity by `unionId`, one for all apps of a developer; `openId` is another for each app."""

    default_label: ClassVar[str] = "DingTalk"
    takes: ClassVar[frozenset[str]] = FIXED
    scopes: ClassVar[tuple[str, ...]] = ("openid",)
    more: ClassVar[Mapping[str, str]] = MappingProxyType({"prompt": "consent"})
    pkce: ClassVar[bool] = False

    def places(self, own: str | None) -> Places:
        """Return DingTalk's, or the stand-in's."""
        api = f"{own or 'https://api.dingtalk.com'}/v1.0"
        return Places(f"{own or 'https://login.dingtalk.com'}/oauth2/auth", f"{api}/oauth2/userAccessToken", api)

    def redeem(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> Tokens:
        """Return the token for the callback's code; DingTalk takes neither the redirect URI nor a verifier."""
        del attempt, redirect_uri
        credentials = self.grant.credentials
        value = {
            "clientId": credentials.client_id,
            "clientSecret": credentials.client_secret.get_secret_value(),
            "code": callback.code,
            "grantType": "authorization_code",
        }
        reply = self.http.post_json(self.at.token, provider=self.name, document="token reply", value=value)
        return tokens_of(reply.object(), "accessToken")

    def identity_of(self, tokens: Tokens) -> ExternalIdentity:
        """Return the person."""
        url = f"{self.at.api}/contact/users/me"
        headers = {"x-acs-dingtalk-access-token": tokens.access_token}
        person = self.http.get(url, provider=self.name, document="user", headers=headers).object()
        return self.identity(
            uid=person.text("unionId"),
            email=person.email(),
            evidence=NO_EVIDENCE,
            name=person.label("nick"),
            username=person.username("nick"),
            avatar_url=person.url("avatarUrl"),
        )
