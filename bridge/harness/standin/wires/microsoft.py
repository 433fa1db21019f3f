"""Microsoft Entra ID as it speaks: learn.microsoft.com, "OpenID Connect on the Microsoft identity platform" (v2.0).

The tenant is part of every path. Under `common` and `organizations` the issuer of the discovery document is a template with
`{tenantid}`, which the `tid` of a token fills; published keys carry that template too, and no `alg`. `email` is what
the tenant's administrator wrote there, `sub` differs from application to application, and there is no `email_verified`. This
application has asked for the optional claim `xms_edov`, which says whether the domain's owner has verified the address.

The law: only what Microsoft documents; everybody here is of one tenant.
"""

from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from flask import Response, request

from bridge.clock import utc_now
from bridge.harness.personas import Persona
from bridge.harness.standin.ledger import Client
from bridge.harness.standin.oidc_wire import OidcWire
from bridge.harness.standin.wire import BearerProblem, Document, Resource, json_reply
from bridge.harness.uids import MICROSOFT_TENANT, uid_of

ANOTHER_TENANT = "c0ffee00-1111-4222-8333-444455556666"
_CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
_TENANT = f'<any(common, organizations, consumers, "{MICROSOFT_TENANT}"):tenant>'
_ISSUERS = {"common": "{tenantid}", "organizations": "{tenantid}", "consumers": _CONSUMERS}
_ERRORS = {
    "invalid_grant": (70000, "The provided value for the input parameter 'code' is not valid."),
    "invalid_client": (7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the value."),
    "redirect_uri_mismatch": (50011, "The redirect URI specified in the request does not match those of the application."),
}


class Microsoft(OidcWire):
    """`microsoft`; the login host and Graph are one."""

    name = "microsoft"
    label = "Microsoft"
    authorize_path = f"/{_TENANT}/oauth2/v2.0/authorize"
    token_path = f"/{_TENANT}/oauth2/v2.0/token"
    discovery_path = f"/{_TENANT}/v2.0/.well-known/openid-configuration"
    jwks_path = f"/{_TENANT}/discovery/v2.0/keys"
    userinfo_path = "/oidc/userinfo"
    client_auth = ("client_secret_post", "client_secret_basic")
    token_seconds = 4799
    own_faults = MappingProxyType(
        {
            ("token", "other_tenant"): "the ID token is a good one of another tenant, whose administrator wrote the address",
            ("token", "tenant_mixed"): "the ID token names one tenant in `tid` and another one in `iss`",
        }
    )
    denied_description = "the user canceled the authentication"

    @property
    def issuer(self) -> str:
        """The issuer of the one tenant."""
        return f"{self.base_url}/{MICROSOFT_TENANT}/v2.0"

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Userinfo, and Graph's own document."""
        return (*super().resources, Resource("/v1.0/me", "User.Read user.read openid", self._me))

    def _me(self, persona: Persona, scope: str) -> Document:
        del scope
        return {
            "@odata.context": f"{self.base_url}/v1.0/$metadata#users/$entity",
            "id": _oid(persona),
            "displayName": persona.name,
            "userPrincipalName": _principal(persona),
            "mail": persona.email,
        }

    def claims(self, persona: Persona) -> dict[str, Any]:
        """Return the claims of userinfo: nothing of them is evidence."""
        given, _, family = persona.name.partition(" ")
        claims = {"sub": _pairwise(persona), "name": persona.name, "given_name": given, "family_name": family}
        return claims if persona.email is None else {**claims, "email": persona.email}

    def id_claims(self, persona: Persona, scope: str) -> dict[str, Any]:
        """Return the claims of a v2.0 ID token."""
        claims = {
            "sub": _pairwise(persona),
            "oid": _oid(persona),
            "tid": MICROSOFT_TENANT,
            "ver": "2.0",
            "uti": uuid4().hex[:22],
        }
        if "profile" in scope.split():
            claims |= {"name": persona.name, "preferred_username": _principal(persona)}
        if "email" in scope.split() and persona.email is not None:
            return {**claims, "email": persona.email, "xms_edov": persona.email_verified}
        return claims

    def spoilt_claims(self, claims: dict[str, Any], fault: str | None) -> dict[str, Any]:
        """Return the claims with another tenant in `tid`, and in `iss` where the token is to be that tenant's own."""
        if fault not in ("other_tenant", "tenant_mixed"):
            return claims
        issuer = f"{self.base_url}/{ANOTHER_TENANT}/v2.0" if fault == "other_tenant" else claims["iss"]
        return {**claims, "tid": ANOTHER_TENANT, "iss": issuer}

    def discovery(self) -> dict[str, Any]:
        """Return the metadata of the tenant that the path names; PKCE works and is not announced."""
        tenant = str((request.view_args or {})["tenant"])
        metadata = {**super().discovery(), "issuer": f"{self.base_url}/{_ISSUERS.get(tenant, tenant)}/v2.0"}
        del metadata["code_challenge_methods_supported"]
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            metadata[name] = str(metadata[name]).replace(_TENANT, tenant)
        return {**metadata, "subject_types_supported": ["pairwise"], "tenant_region_scope": None}

    def jwks_reply(self) -> Response:
        """Return the keys, with the issuer whose tokens they sign."""
        issuer = f"{self.base_url}/{{tenantid}}/v2.0"
        published = [
            {**{name: value for name, value in key.items() if name != "alg"}, "issuer": issuer}
            for key in self.keys.jwks()["keys"]
        ]
        return json_reply({"keys": published}, cache="max-age=86400, private")

    def token_extras(self, persona: Persona, client: Client, now: datetime, fault: str | None) -> dict[str, Any]:
        """Add `ext_expires_in`."""
        return {**super().token_extras(persona, client, now, fault), "ext_expires_in": self.token_seconds}

    def token_error(self, error: str, description: str, *, accept: str) -> Response:
        """Return Entra's error, with its number and traces."""
        del accept
        number, said = _ERRORS.get(error, (9000, description))
        trace, now = str(uuid4()), utc_now()
        at = now.strftime("%Y-%m-%d %H:%M:%SZ")
        document = {
            "error": "invalid_grant" if error == "redirect_uri_mismatch" else error,
            "error_description": f"AADSTS{number}: {said} Trace ID: {trace} Correlation ID: {trace} Timestamp: {at}",
            "error_codes": [number],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": trace,
            "error_uri": f"{self.base_url}/error?code={number}",
        }
        return json_reply(document, 401 if error == "invalid_client" else 400)

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return Graph's error."""
        code, status = ("Authorization_RequestDenied", 403) if problem == "scope" else ("InvalidAuthenticationToken", 401)
        said = (
            "Insufficient privileges to complete the operation." if problem == "scope" else "Access token is empty or invalid."
        )
        return json_reply({"error": {"code": code, "message": said}}, status)


def _oid(persona: Persona) -> str:
    return persona.uid(Microsoft.name).removeprefix(MICROSOFT_TENANT)


def _pairwise(persona: Persona) -> str:
    return uid_of("microsoft, for one application", persona.key)


def _principal(persona: Persona) -> str:
    return persona.email or f"{persona.key}@standin.onmicrosoft.com"
