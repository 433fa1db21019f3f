"""Alibaba Cloud (AliCloud): OAuth 2.0 with its userinfo.

Source: "Manage OAuth applications" and "Obtain user information" of help.aliyun.com. A root account has a `login_name`, a RAM
user a `upn`; both are shaped like an address, and neither is one. `expires_in` comes as text, and is not read.

The law: AliCloud gives no email, and none is made up.
"""

from typing import ClassVar

from bridge.identity import NO_EVIDENCE, ExternalIdentity
from bridge.oauth.grant import Tokens
from bridge.oauth.provider import FIXED, Places, RestProvider


class AliCloud(RestProvider):
    """Identity by `sub`."""

    default_label: ClassVar[str] = "Alibaba Cloud"
    takes: ClassVar[frozenset[str]] = FIXED
    scopes: ClassVar[tuple[str, ...]] = ("openid", "aliuid", "profile")

    def places(self, own: str | None) -> Places:
        """Return AliCloud's, or the stand-in's."""
        api = f"{own or 'https://oauth.aliyun.com'}/v1"
        return Places(f"{own or 'https://signin.aliyun.com'}/oauth2/v1/auth", f"{api}/token", api)

    def identity_of(self, tokens: Tokens) -> ExternalIdentity:
        """Return the account or the RAM user."""
        person = self.ask("userinfo", "/userinfo", tokens).object()
        return self.identity(
            uid=person.text("sub"),
            email=None,
            evidence=NO_EVIDENCE,
            name=person.label("name"),
            username=person.username("login_name") or person.username("upn"),
        )
