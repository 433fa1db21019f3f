"""How a provider of each kind is configured against a loopback provider, and what it calls there."""

from typing import Any

from bridge.oauth.provider import OpenIdProvider
from bridge.oauth.providers import PROVIDERS
from tests.oauth.loopback import LoopbackProvider
from tests.oauth.signing_issuer import SigningIssuer

TENANT = "5d6f1c3a-0b2e-4a7d-9c48-1f2e3d4c5b6a"
OPEN_ID = tuple(kind for kind, found in PROVIDERS.items() if isinstance(found, type) and issubclass(found, OpenIdProvider))
ENDPOINTS = {
    "alicloud": ("/oauth2/v1/auth", "/v1/token"),
    "atlassian_oauth2": ("/authorize", "/oauth/token"),
    "bitbucket": ("/site/oauth2/authorize", "/site/oauth2/access_token"),
    "dingtalk": ("/oauth2/auth", "/v1.0/oauth2/userAccessToken"),
    "github": ("/login/oauth/authorize", "/login/oauth/access_token"),
    "gitlab": ("/oauth/authorize", "/oauth/token"),
    "oauth2": ("/authorize", "/token"),
    "salesforce": ("/services/oauth2/authorize", "/services/oauth2/token"),
    **dict.fromkeys(OPEN_ID, ("/authorize", "/token")),
}
"""Authorization and token endpoint, by path."""

_ISSUERS = {"authentik": "/application/o/cells/", "microsoft": f"/{TENANT}/v2.0"}


def settings(kind: str, url: str) -> dict[str, Any]:
    """Return what a `[[provider]]` of *kind* needs, beside name and client, to be asked at *url*."""
    special: dict[str, dict[str, Any]] = {
        "authentik": {"unsafe_base_url": url, "application": "cells"},
        "microsoft": {"unsafe_base_url": url, "tenant": TENANT},
        "oauth2": {
            "authorization_url": f"{url}/authorize",
            "token_url": f"{url}/token",
            "userinfo_url": f"{url}/userinfo",
            "fields": {"uid": "id"},
            "scopes": ("profile",),
        },
        "openid_connect": {"issuer": url},
    }
    return special.get(kind, {"unsafe_base_url": url})


def issuer_of(kind: str, server: LoopbackProvider) -> SigningIssuer:
    """Let *server* be the issuer of an OpenID provider of *kind*, its endpoints at the root."""
    return SigningIssuer(server, path=_ISSUERS.get(kind, ""), endpoints="")
