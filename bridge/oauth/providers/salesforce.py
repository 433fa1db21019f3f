"""Salesforce, at login.salesforce.com, a sandbox or a My Domain: OAuth 2.0 with its identity URL.

Sources: "OAuth 2.0 Web Server Flow", "Identity URLs" and "Identity URL Response" of help.salesforce.com. The token reply names
the identity URL and signs it with the client secret. Asked elsewhere than at the reply's `instance_url`, Salesforce redirects.

The law: an access token goes to Salesforce's own hosts or to the configured place, whatever a reply names.
"""

import base64
import hmac
import re
from typing import ClassVar

from bridge.errors import ProviderBadToken
from bridge.identity import EmailEvidence, ExternalIdentity
from bridge.oauth.fields import Fields
from bridge.oauth.grant import Tokens
from bridge.oauth.provider import SELF_HOSTED, Places, RestProvider

RULE = "salesforce.email_verified"

_SALESFORCE = re.compile(r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+salesforce\.com", re.IGNORECASE)
_IDENTITY = re.compile(r"(.{1,500})/id/([A-Za-z0-9]{15}|[A-Za-z0-9]{18})/([A-Za-z0-9]{15}|[A-Za-z0-9]{18})")


class Salesforce(RestProvider):
    """Identity by organization and user, as the signed identity URL names them."""

    default_label: ClassVar[str] = "Salesforce"
    takes: ClassVar[frozenset[str]] = SELF_HOSTED
    scopes: ClassVar[tuple[str, ...]] = ("openid", "id", "profile", "email")

    def places(self, own: str | None) -> Places:
        """Return those of production, a sandbox or a My Domain."""
        base = own or "https://login.salesforce.com"
        return Places(f"{base}/services/oauth2/authorize", f"{base}/services/oauth2/token", base)

    def identity_of(self, tokens: Tokens) -> ExternalIdentity:
        """Return the user of the identity URL; raises `ProviderBadToken` where its signature is not the client secret's."""
        reply = tokens.reply
        self._require_signature(reply)
        place, organization, user = self._identity_url(reply)
        if "instance_url" in reply:
            place = self._trusted(reply, "instance_url", reply.text("instance_url").rstrip("/"))
        person = self.http.get(
            f"{place}/id/{organization}/{user}", provider=self.name, document="identity", bearer=tokens.access_token
        ).object()
        for name, expected in (("organization_id", organization), ("user_id", user)):
            if person.text(name)[:15] != expected[:15]:  # the longer form only adds a checksum
                raise person.refusal(name, "is not the identity URL's")
        return self.identity(
            uid=f"{organization}/{user}",
            email=person.email(),
            evidence=EmailEvidence(person.is_true("email_verified"), RULE),
            name=person.label("display_name"),
            username=person.username("username"),
            avatar_url=person.inside("photos").url("thumbnail"),
        )

    def _require_signature(self, reply: Fields) -> None:
        secret = self.grant.credentials.client_secret.get_secret_value().encode()
        signed = (reply.text("id") + reply.text("issued_at")).encode()
        expected = base64.b64encode(hmac.digest(secret, signed, "sha256"))
        if not hmac.compare_digest(expected, reply.text("signature").encode()):
            raise ProviderBadToken(provider=self.name, reason="signature: of the identity URL does not verify")

    def _identity_url(self, reply: Fields) -> tuple[str, str, str]:
        """Return place, organization and user of the identity URL (Salesforce ids have 15 or 18 characters)."""
        found = _IDENTITY.fullmatch(reply.text("id"))
        if found is None:
            raise reply.refusal("id", "is no identity URL")
        return self._trusted(reply, "id", found[1]), found[2], found[3]

    def _trusted(self, reply: Fields, name: str, place: str) -> str:
        """Return *place* if it is the configured one or a host of Salesforce's (SSRF); a stand-in is alone with itself."""
        if place != self.at.api and (self.config.unsafe_base_url or not is_salesforce(place)):
            raise reply.refusal(name, "does not lead to Salesforce")
        return place


def is_salesforce(place: str) -> bool:
    """Whether *place* is the https origin of a host below salesforce.com, without a port."""
    return _SALESFORCE.fullmatch(place) is not None
