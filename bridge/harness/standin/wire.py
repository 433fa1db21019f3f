"""What one provider's wire format is: paths, replies, errors and documents, as values.

The law: a wire knows how its provider speaks and nothing of the flow; `authorization.py` runs the flow and knows no provider.
The defaults are plain OAuth 2.0 (RFC 6749, RFC 6750); a provider's file says where it differs, `oidc_wire.py` what OpenID
Connect adds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from flask import Request, Response, json

from bridge.harness.personas import Persona
from bridge.harness.standin.faults import Endpoint
from bridge.harness.standin.ledger import AccessToken, Client

Document = Mapping[str, Any] | list[dict[str, Any]]
BearerProblem = Literal["missing", "unknown", "expired", "scope"]


@dataclass(frozen=True, slots=True)
class Resource:
    """An endpoint that wants an access token with *scope*, or with one of several words; "" is any.

    `document` takes a persona and the token's scope; a response that it returns is sent as it is.
    """

    path: str
    scope: str
    document: Callable[[Persona, str], Document | Response]


def json_reply(document: Document, status: int = 200, *, cache: str = "no-store", **headers: str) -> Response:
    """Return *document* as JSON."""
    sent = {"Cache-Control": cache, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Response(json.dumps(document), status, sent, content_type="application/json")


class Wire:
    """A provider that speaks plain OAuth 2.0; `base_url` is its own corner of the server.

    `grants` are the ones that it takes beside the code: `refresh_token`, `implicit`, `password`. Where `knows_pkce` is not set
    the provider ignores a challenge, and where `repeats_redirect_uri` is not set the exchange comes without the redirect URI.
    `wants` are parameters that the authorization request cannot go without, each with its one value; `own_faults` are faults
    that only this provider can have, by endpoint and name, with what they are.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    authorize_path: ClassVar[str]
    token_path: ClassVar[str]
    client_auth: ClassVar[tuple[str, ...]] = ("client_secret_basic", "client_secret_post")
    grants: ClassVar[frozenset[str]] = frozenset()
    default_scope: ClassVar[str] = ""
    requires_types: ClassVar[bool] = True  # response_type and grant_type
    wants: ClassVar[tuple[tuple[str, str], ...]] = ()
    own_faults: ClassVar[Mapping[tuple[Endpoint, str], str]] = MappingProxyType({})
    knows_pkce: ClassVar[bool] = True
    repeats_redirect_uri: ClassVar[bool] = True
    token_seconds: ClassVar[int] = 3600
    code_field: ClassVar[str] = "code"  # what the callback calls it
    code_prefix: ClassVar[str] = ""
    token_prefix: ClassVar[str] = ""
    token_info_path: ClassVar[str | None] = None
    revoke_path: ClassVar[str | None] = None
    denied_description: ClassVar[str] = "The resource owner or authorization server denied the request."

    def __init__(self, public_url: str) -> None:
        self.base_url = f"{public_url}/{self.name}"

    @property
    def lure(self) -> str:
        """The address that faults point to and no client may ask."""
        return f"{self.base_url}/lure"

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The endpoints behind the access token."""
        raise NotImplementedError

    def callback_extras(self, persona: Persona | None, scope: str) -> dict[str, str]:
        """Return what the provider adds to the callback beside code or error and state; no persona when refused."""
        del persona, scope
        return {}

    def token_form(self, request: Request) -> Mapping[str, str]:
        """Return the fields of a token request, under the names of RFC 6749."""
        return request.form

    def access_token(self, request: Request) -> str | None:
        """Return the access token that *request* carries (RFC 6750 2.1)."""
        given = request.authorization
        return given.token if given and given.type == "bearer" else None

    def token_extras(self, persona: Persona, client: Client, now: datetime, fault: str | None) -> dict[str, Any]:
        """Return what an answer of the token endpoint holds beside RFC 6749 5.1, wrong as an own *fault* says."""
        del persona, client, now, fault
        return {}

    def token_reply(self, token: Mapping[str, Any], *, accept: str) -> Response:
        """Return the answer to a good exchange (RFC 6749 5.1)."""
        del accept
        return json_reply(dict(token))

    def token_error(self, error: str, description: str, *, accept: str) -> Response:
        """Return the answer to a refused exchange (RFC 6749 5.2); the code `redirect_uri_mismatch` is not in the RFC."""
        del accept
        error = "invalid_grant" if error == "redirect_uri_mismatch" else error
        return json_reply({"error": error, "error_description": description}, 401 if error == "invalid_client" else 400)

    def token_info(self, token: AccessToken, persona: Persona, now: datetime, fault: str | None) -> Document:
        """Return what the endpoint at `token_info_path` says of a good token, wrong as an own *fault* says."""
        raise NotImplementedError

    def token_info_error(self, problem: BearerProblem) -> Response:
        """Return what the endpoint at `token_info_path` says of another one."""
        return self.bearer_error(problem)

    def bearer_error(self, problem: BearerProblem) -> Response:
        """Return the answer of a resource to a wrong access token (RFC 6750 3.1)."""
        if problem == "missing":
            return json_reply({}, 401, WWW_Authenticate="Bearer")
        error, status = ("insufficient_scope", 403) if problem == "scope" else ("invalid_token", 401)
        return json_reply({"error": error}, status, WWW_Authenticate=f'Bearer error="{error}"')
