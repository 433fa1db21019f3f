"""Alibaba Cloud as it speaks: alibabacloud.com/help, "Manage OAuth applications" (web applications).

`expires_in` is text. Userinfo tells `aid` (the account), `uid` (a RAM user) and `bid` for the scope `aliuid`, and for `profile`
the `login_name` of the owner of an account or the `upn` of one of its users; both look like addresses, and no mailbox is behind
them. How errors are worded is not public (unconfirmed): RFC 6749 5.2.

The law: only what Alibaba Cloud documents: there is no email, whatever is asked for.
"""

from collections.abc import Mapping
from typing import Any

from flask import Response

from bridge.harness.personas import Persona
from bridge.harness.standin.oidc_wire import OidcWire


class AliCloud(OidcWire):
    """`alicloud`; the sign-in host and the token host are one. People of an organization are RAM users of its account."""

    name = "alicloud"
    label = "Alibaba Cloud"
    authorize_path = "/oauth2/v1/auth"
    token_path = "/v1/token"  # noqa: S105 - a path
    revoke_path = "/v1/revoke"
    userinfo_path = "/v1/userinfo"
    jwks_path = "/v1/keys"
    client_auth = ("client_secret_post",)
    grants = frozenset({"refresh_token"})
    token_seconds = 3599
    claims_supported = ("aid", "aud", "bid", "exp", "iat", "iss", "login_name", "name", "sub", "uid", "upn")

    def claims(self, persona: Persona) -> dict[str, Any]:
        """Return everything that userinfo can say."""
        number = str(10**15 + int(persona.uid(self.name)[:12], 16))
        claims = {"sub": persona.uid(self.name), "aid": number, "bid": "26842", "name": persona.name}
        if persona.home in (None, "legacy"):
            return {**claims, "uid": number, "login_name": f"{persona.key}@aliyun.example"}
        return {**claims, "uid": number[::-1], "upn": f"{persona.key}@{persona.home}.onaliyun.com"}

    def userinfo(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return the claims of the scopes `aliuid` and `profile`."""
        granted = {"sub", *(("aid", "uid", "bid") if "aliuid" in scope.split() else ())}
        granted |= {"name", "upn", "login_name"} if "profile" in scope.split() else set()
        return {name: value for name, value in self.claims(persona).items() if name in granted}

    def id_claims(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return what userinfo says, too."""
        return self.userinfo(persona, scope)

    def discovery(self) -> dict[str, Any]:
        """Return the metadata with Alibaba Cloud's scopes."""
        scopes = ["openid", "aliuid", "profile"]
        return {**super().discovery(), "scopes_supported": scopes, "revocation_endpoint": self.base_url + self.revoke_path}

    def token_reply(self, token: Mapping[str, Any], *, accept: str) -> Response:
        """Return the token, its lifetime as text."""
        return super().token_reply({**token, "expires_in": str(token["expires_in"])}, accept=accept)
