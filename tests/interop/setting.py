"""Both sides of a meeting with a peer: an issuer's key and metadata as files, an organization's endpoint, and its metadata."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from bridge.handoff import Handoff, OrgRoute, ReturnPath, binding_of, new_reference
from bridge.identity import Email, EmailEvidence, ExternalIdentity, IdentityKey
from bridge.keys import Algorithm, SigningKey, create_key
from bridge.saml.metadata import idp_metadata, sp_metadata
from bridge.saml.render import render
from bridge.saml.sign import SignedResponse, sign
from bridge.saml.trust import Signed
from bridge.urls import org_route

SECRET = "the browser's secret"
ROUTE = org_route(public_url="https://cells.example", org_id=42, org_path="acme", cell_id=2)
UID = "10820/Ω&<\"'>"
DANA = ExternalIdentity(
    key=IdentityKey("google_oauth2", UID),
    email=Email("dana@acme.example"),
    evidence=EmailEvidence(verified=True, rule="google.email_verified"),
    name="Dana Ål & Söhne <ß>",
    username="dana",
)


def now() -> datetime:
    """Return the time; peers read the machine's clock, and so does who meets them."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Issuer:
    """An issuer with one key: `folder` holds the key pair and the metadata that its peers read."""

    folder: Path
    entity_id: str = "https://login.partner.example/metadata"
    sso_url: str = "https://login.partner.example/sso"
    algorithm: Algorithm = "rsa-2048"
    key: SigningKey = field(init=False)

    def __post_init__(self) -> None:
        key = create_key(self.folder / "ring", now=now() - timedelta(days=1), algorithm=self.algorithm)
        object.__setattr__(self, "key", key)
        self.metadata_file.write_bytes(
            idp_metadata(entity_id=self.entity_id, sso_url=self.sso_url, certificates=[key.certificate])
        )

    @property
    def metadata_file(self) -> Path:
        """The issuer's metadata."""
        return self.folder / "idp.xml"

    @property
    def key_file(self) -> Path:
        """The private key, PEM."""
        (found,) = (self.folder / "ring").glob("*.key")
        return found

    @property
    def certificate_file(self) -> Path:
        """The certificate, PEM."""
        (found,) = (self.folder / "ring").glob("*.crt")
        return found

    @property
    def certificate(self) -> str:
        """The certificate, PEM."""
        return self.key.certificate.public_bytes(Encoding.PEM).decode("ascii")

    def mint(self, *, route: OrgRoute = ROUTE, signed: Signed = "response") -> SignedResponse:
        """Return a fresh response of ours, as a legacy cell renders and signs it."""
        handoff = Handoff.issue(
            issuer=self.entity_id,
            identity=DANA,
            route=route,
            return_to=ReturnPath(f"/o/{route.org_path}/projects/7?tab=2"),
            binding=binding_of(SECRET),
            reference=new_reference(secrets.token_bytes),
            lifetime=timedelta(seconds=60),
            now=now(),
            random_bytes=secrets.token_bytes,
        )
        return sign(render(handoff), self.key, signed=signed)


def write_sp_metadata(folder: Path, route: OrgRoute) -> Path:
    """Write the metadata of the endpoint at *route*, as the owning cell publishes it, and return its file."""
    file = folder / f"sp-{route.org_path}.xml"
    file.write_bytes(sp_metadata(entity_id=route.sp_entity_id, acs_url=route.acs_url))
    return file
