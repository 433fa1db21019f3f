"""Salesforce as it speaks: help.salesforce.com, "OAuth 2.0 Web Server Flow" and "Use Identity URLs".

The token reply names the identity URL as `id` and signs it: base64 of HMAC-SHA256, under the client secret, over `id` followed
by `issued_at`, which is in milliseconds and text. The identity URL answers whoever holds the token; errors are one word of text
with HTTP 403. OpenID Connect is there too, and its `sub` is the identity URL.

The law: only what Salesforce documents; `username` looks like an address and is none.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from flask import Response, request

from bridge.harness.personas import Persona
from bridge.harness.standin.ledger import Client
from bridge.harness.standin.oidc_wire import OidcWire
from bridge.harness.standin.wire import BearerProblem, Document, Resource, json_reply

_DESCRIPTIONS = {
    "invalid_grant": "invalid authorization code",
    "invalid_client": "invalid client credentials",
    "redirect_uri_mismatch": "redirect_uri must match configuration",
}
_WORDS: dict[BearerProblem, str] = {
    "missing": "Missing_OAuth_Token",
    "unknown": "Bad_OAuth_Token",
    "expired": "Bad_OAuth_Token",
    "scope": "Bad_OAuth_Token",
}


class Salesforce(OidcWire):
    """`salesforce`; login host and instance are one."""

    name = "salesforce"
    label = "Salesforce"
    authorize_path = "/services/oauth2/authorize"
    token_path = "/services/oauth2/token"  # noqa: S105 - a path
    revoke_path = "/services/oauth2/revoke"
    userinfo_path = "/services/oauth2/userinfo"
    jwks_path = "/id/keys"
    client_auth = ("client_secret_post", "client_secret_basic")
    denied_description = "end-user denied authorization"
    own_faults = MappingProxyType(
        {
            ("token", "other_user_signed"): "the identity URL is another one than was signed",
            ("token", "foreign_identity"): "the identity URL is signed, and leads elsewhere (`lured` counts who followed)",
            ("token", "foreign_instance"): "the instance is elsewhere (`lured` counts who asked there)",
        }
    )

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Userinfo, and the identity URL."""
        identity = Resource("/id/<organization>/<user>", "id openid api full", self._identity)
        return (*super().resources, identity)

    def _identity_url(self, persona: Persona) -> str:
        return f"{self.base_url}/id/{persona.uid(self.name)}"

    def _identity(self, persona: Persona, scope: str) -> Document | Response:
        del scope
        organization, user = persona.uid(self.name).split("/")
        asked = request.view_args or {}
        if asked.get("organization") != organization:
            return _word("Wrong_Org")
        if asked.get("user") != user:
            return _word("Bad_Id")
        first, _, last = persona.name.partition(" ")
        thumbnail = f"https://standin.file.force.com/profilephoto/005/{persona.key}"
        return {
            "id": self._identity_url(persona),
            "asserted_user": True,
            "user_id": user,
            "organization_id": organization,
            "username": f"{persona.key}@standin.my.salesforce.example",
            "nick_name": persona.username,
            "display_name": persona.name,
            "email": persona.email,
            "email_verified": persona.email_verified,
            "first_name": first,
            "last_name": last,
            "timezone": "America/Los_Angeles",
            "photos": {"picture": f"{thumbnail}/F", "thumbnail": f"{thumbnail}/T"},
            "active": True,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "is_app_installed": True,
        }

    def claims(self, persona: Persona) -> dict[str, Any]:
        """Return the claims of userinfo: Salesforce's own beside the standard ones."""
        organization, user = persona.uid(self.name).split("/")
        named = {"sub": self._identity_url(persona), "user_id": user, "organization_id": organization}
        username = f"{persona.key}@standin.my.salesforce.example"
        return {**super().claims(persona), **named, "preferred_username": username, "nickname": persona.username}

    def id_claims(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return the identity URL as `sub`."""
        del scope
        return {"sub": self._identity_url(persona)}

    def token_extras(self, persona: Persona, client: Client, now: datetime, fault: str | None) -> dict[str, Any]:
        """Add the identity URL and the signature over it."""
        url, issued_at = self._identity_url(persona), str(int(now.timestamp() * 1000))
        if fault == "foreign_identity":
            url = url.replace(self.base_url, self.lure)
        signature = hmac.digest(client.client_secret.encode(), (url + issued_at).encode(), sha256)
        signed = {"id": url, "issued_at": issued_at, "signature": base64.b64encode(signature).decode("ascii")}
        if fault == "other_user_signed":
            signed["id"] = self._identity_url(replace(persona, key="somebody-else"))
        instance = self.lure if fault == "foreign_instance" else self.base_url
        return {**super().token_extras(persona, client, now, fault), "instance_url": instance, **signed}

    def token_reply(self, token: Mapping[str, Any], *, accept: str) -> Response:
        """Return the token; Salesforce does not say how long it lasts."""
        return super().token_reply({name: value for name, value in token.items() if name != "expires_in"}, accept=accept)

    def token_error(self, error: str, description: str, *, accept: str) -> Response:
        """Return Salesforce's words; all of them with 400."""
        del accept
        said = _DESCRIPTIONS.get(error, description)
        return json_reply({"error": error, "error_description": said}, 400)

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return the one word that the identity service answers."""
        return _word(_WORDS[problem])


def _word(word: str) -> Response:
    return Response(word, 403, content_type="text/html;charset=UTF-8")
