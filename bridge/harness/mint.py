"""Handoffs made with a legacy cell's own key, for tests that need to say what only a legacy cell could.

The law: it renders and signs with the very code of the legacy cell; only the values are the test's.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import requests

from bridge.handoff import Handoff, OrgRoute, ReturnPath, binding_of, new_reference
from bridge.harness.browser import Page
from bridge.harness.pair import Pair
from bridge.harness.world import ORGS
from bridge.identity import Email, EmailEvidence, ExternalIdentity, IdentityKey
from bridge.keys import KeyRing, SigningKey
from bridge.saml.render import render
from bridge.saml.sign import sign
from bridge.urls import org_route


@dataclass(frozen=True)
class Mint:
    """Makes handoffs with the legacy cell's own key, so that a test can say what only a legacy cell could.

    It posts through the router, or straight to the cell at *base_url*, an origin without a trailing slash.
    """

    pair: Pair
    base_url: str = ""

    def person(self, org: str = "acme") -> ExternalIdentity:
        """Return somebody new of *org*."""
        home = next(known for known in ORGS if known.path == org)
        uid = secrets.token_hex(8)
        return ExternalIdentity(
            key=IdentityKey("github", uid),
            email=Email(f"minted-{uid}@{home.domain}"),
            evidence=EmailEvidence(verified=True, rule="github.primary_verified"),
            name="Minted Person",
        )

    def handoff(
        self,
        *,
        org: str = "acme",
        binding_secret: str = "",
        now: datetime | None = None,
        lifetime: int = 60,
        identity: ExternalIdentity | None = None,
    ) -> Handoff:
        """Return a good handoff for *identity*, or for a new person of *org*."""
        return Handoff.issue(
            issuer=f"{self.pair.public_url}/saml/metadata",
            identity=identity or self.person(org),
            route=self.route(org),
            return_to=ReturnPath(f"/o/{org}/"),
            binding=binding_of(binding_secret or secrets.token_urlsafe(32)),
            reference=new_reference(secrets.token_bytes),
            lifetime=timedelta(seconds=lifetime),
            now=now or datetime.now(UTC),
            random_bytes=secrets.token_bytes,
        )

    def route(self, org: str) -> OrgRoute:
        """Return the route of *org*."""
        home = next(known for known in ORGS if known.path == org)
        return org_route(public_url=self.pair.public_url, org_id=home.id, org_path=home.path, cell_id=home.cell)

    def key(self) -> SigningKey:
        """Return the legacy cell's active key as it is now; loading it takes longer than signing."""
        return KeyRing.load(self.pair.directory / "certs" / "idp").active

    def sign(self, handoff: Handoff, key: SigningKey | None = None) -> str:
        """Return the base64 of the signed response."""
        return sign(render(handoff), key or self.key()).base64

    def post(self, response: str, *, org: str = "acme", binding_secret: str | None = None, **fields: str) -> Page:
        """Post a response to the endpoint of *org* from a browser that holds *binding_secret*."""
        cookies = {"cb-binding": binding_secret} if binding_secret else {}
        answer = requests.post(
            f"{self.base_url or self.pair.public_url}/o/{org}/auth/saml/callback",
            data={"SAMLResponse": response, **fields},
            cookies=cookies,
            headers={"Accept": "text/html"},
            timeout=30,
            allow_redirects=False,
        )
        return Page(answer.url, answer.status_code, answer.headers, answer.text)
