"""The world that vectors are made in: fixed test keys, one honest handoff, a time, and the pen of an attacker.

The law: the same name, time and salt make the same bytes, so that a vector can be made again for any time.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from bridge.handoff import Handoff, ReturnPath, binding_of
from bridge.identity import Email, IdentityKey
from bridge.keys import PrivateKey, SigningKey
from bridge.saml import names
from bridge.saml.render import render
from bridge.saml.sign import sign
from bridge.saml.trust import Signed
from bridge.urls import org_route
from tests.saml.forge import DANA, HANDOFF, Edit, Element, Recipe, sign_element
from tests.saml.variety import extra_attribute
from tests.vectors.issuers import entity_id_of

FOLDER = Path(__file__).parent
AT = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
# The organizations of sp.toml besides acme and globex: the first two decrypt, the second wants nothing else, the third asks.
ORGANIZATIONS = {"initech": 44, "umbrella": 45, "hooli": 46}
SECRET = "the-browser-that-started-holds-this-secret-"  # 43 characters, as our cookies have
TIME = "%Y-%m-%dT%H:%M:%SZ"


@functools.cache
def key(name: str) -> SigningKey:
    """Return the test key called *name*."""
    certificate = x509.load_pem_x509_certificate((FOLDER / "keys" / f"{name}.crt").read_bytes())
    private_key = load_pem_private_key((FOLDER / "keys" / f"{name}.key").read_bytes(), password=None)
    assert isinstance(private_key, PrivateKey)
    return SigningKey(name=name, certificate=certificate, private_key=private_key, state="active")


def member_of(org: str) -> dict[str, Any]:
    """Return the fields of a handoff that bring a person of *org* there."""
    if org == "acme":
        return {}
    number = ORGANIZATIONS[org]
    person = replace(DANA, key=IdentityKey("google_oauth2", f"{number}820"), email=Email(f"dana@{org}.example"))
    route = org_route(public_url="https://cells.example", org_id=number, org_path=org, cell_id=2)
    return {"identity": person, "route": route, "return_to": ReturnPath(f"/o/{org}/projects/7")}


@dataclass(frozen=True)
class World:
    """Makes documents for one vector: for a time, with IDs that belong to *name* and *salt*, by the issuer of its header."""

    name: str
    wanted: Signed
    now: datetime = AT
    salt: str = ""
    issuer: str = ""

    def id(self, what: str) -> str:
        """Return the ID of the assertion or the response."""
        return "_" + hashlib.sha256(f"{self.salt}/{self.name}/{what}".encode()).hexdigest()[:32]

    @property
    def handoff(self) -> Handoff:
        """The honest handoff, issued now, for a minute."""
        return replace(
            HANDOFF,
            id=self.id("assertion"),
            response_id=self.id("response"),
            issuer=entity_id_of(self.wanted, self.issuer),
            binding=binding_of(SECRET),
            issued_at=self.now,
            expires_at=self.now + timedelta(seconds=60),
        )

    def time(self, seconds: float) -> str:
        """Return the time so many *seconds* after now, as SAML writes it."""
        return (self.now + timedelta(seconds=seconds)).strftime(TIME)

    def minted(self, **changes: Any) -> bytes:
        """Return the honest handoff exactly as the legacy cell mints it, with *changes* to its fields."""
        return sign(render(replace(self.handoff, **changes)), key("rsa-2048"), signed=self.wanted).xml

    def tree(self, **changes: Any) -> Element:
        """Return the unsigned tree of the honest handoff, an element a line, with *changes* to its fields."""
        root = etree.fromstring(render(replace(self.handoff, **changes)).xml)
        etree.indent(root)
        return root

    def sign(self, root: Element, *, parts: Signed | None = None, **recipe: Any) -> Element:
        """Return *root* signed where its issuer's trust wants it, or in *parts*, an element a line."""
        wanted = parts or self.wanted
        by = Recipe(**{"key": key("rsa-2048"), **recipe})
        root = etree.fromstring(etree.tostring(root))  # c14n finds an inclusive prefix only where a parser has met it
        if wanted in ("assertion", "both"):
            sign_element(next(root.iterchildren(names.ASSERTION)), _laid_out(by, level=2))
        if wanted in ("response", "both"):
            sign_element(root, _laid_out(by, level=1))
        return root

    def signed(self, edit: Edit = lambda _root: None, *, parts: Signed | None = None, **recipe: Any) -> bytes:
        """Return the honest handoff, changed by *edit*, then signed."""
        root = self.tree()
        edit(root)
        return etree.tostring(self.sign(root, parts=parts, **recipe))

    def signed_tree(self, *, parts: Signed | None = None, **recipe: Any) -> Element:
        """Return the tree of the honest handoff, signed."""
        return etree.fromstring(self.signed(parts=parts, **recipe))

    def spoiled(self, edit: Edit, *, parts: Signed | None = None, **recipe: Any) -> bytes:
        """Return the honest handoff, signed, then changed by *edit*."""
        root = self.signed_tree(parts=parts, **recipe)
        edit(root)
        return etree.tostring(root)

    def respelled(self, *changes: tuple[str, str], edit: Edit = lambda _root: None) -> bytes:
        """Return the honest handoff, changed by *edit*, signed, with each text replaced by another where it first stands."""
        text = self.signed(edit).decode()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        return text.encode("utf-8", "surrogatepass")


def _laid_out(recipe: Recipe, *, level: int) -> Recipe:
    """Return the recipe that writes a signature's elements on lines of their own; white space in SignedInfo is signed."""

    def edit(info: Element) -> None:
        recipe.edit(info)
        etree.indent(info, level=level + 1)

    def spoil(signature: Element) -> None:
        etree.indent(signature, level=level)
        recipe.spoil(signature)

    return replace(recipe, edit=edit, spoil=spoil)


def padded(to: int) -> Callable[[World], bytes]:
    """Return what makes an honest handoff of exactly *to* bytes in canonical form, by a long value that nobody reads."""

    def build(world: World) -> bytes:
        def with_value_of(length: int) -> bytes:
            signed = world.signed(extra_attribute("urn:large", "x" * length))
            return etree.tostring(etree.fromstring(signed), method="c14n")

        return with_value_of(to - len(with_value_of(1)) + 1)

    return build
