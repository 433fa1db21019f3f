"""Make encrypted handoffs, honest ones and others, and the endpoint that opens them."""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree

from bridge.keys import SigningKey
from bridge.saml import names
from bridge.saml.encrypt import encrypt_assertion, encryption_key
from bridge.saml.render import render
from bridge.saml.sign import sign
from bridge.saml.trust import DecryptionKey, Endpoint, Signed
from tests.saml.forge import ENDPOINT, HANDOFF, Edit, Element, Forge, exclusive, one, sign_element

DATA = "/p:Response/a:EncryptedAssertion/e:EncryptedData"
KEY = f"{DATA}/d:KeyInfo/e:EncryptedKey"
SPACES = {"p": names.SAMLP, "a": names.SAML, "d": names.DS, "e": names.XENC, "f": names.XENC11}
UNOPENED = ("an assertion encrypted to a key of this organization", "one that none of its keys opens")


def at(root: Element, path: str) -> Element:
    """Return the one element at *path*, also of XML Encryption (prefixes e and f)."""
    found: Element
    (found,) = etree.XPath(path, namespaces=SPACES)(root)
    return found


def seal(assertion: bytes, certificate: SigningKey) -> str:
    """Return *assertion*, or whatever stands in its place, encrypted to the key of a certificate."""
    return encrypt_assertion(assertion.decode(), encryption_key(certificate.certificate), random_bytes=os.urandom)


def flipped(text: str) -> str:
    """Return base64 *text* with one bit of its last byte changed."""
    raw = base64.b64decode(text)
    return base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()


@dataclass(frozen=True)
class Sealer:
    """An organization's two encryption keys, a stranger's, and an endpoint that opens with the two."""

    forge: Forge
    active: SigningKey
    next: SigningKey
    stranger: SigningKey

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of an organization that can decrypt."""
        return replace(ENDPOINT, decryption_keys=(self.key(self.active), self.key(self.next)))

    @staticmethod
    def key(pair: SigningKey) -> DecryptionKey:
        """Return the private half of *pair* as an endpoint holds it."""
        assert isinstance(pair.private_key, RSAPrivateKey)
        return DecryptionKey(pair.private_key)

    def minted(self, *, signed: Signed = "response", to: SigningKey | None = None, key: SigningKey | None = None) -> bytes:
        """Return an honest encrypted handoff as the legacy cell mints it."""
        return sign(
            render(HANDOFF), key or self.forge.key, signed=signed, encrypt=lambda text: seal(text.encode(), to or self.active)
        ).xml

    def forged(
        self,
        *,
        inside: Callable[[bytes], bytes] = lambda assertion: assertion,
        edit: Edit = lambda _root: None,
        around: Edit = lambda _root: None,
        parts: Signed = "response",
        **recipe: Any,
    ) -> bytes:
        """Return a signed Response around what *inside* makes of an assertion that *edit* changed, changed by *around*."""
        root = self.forge.tree()
        edit(root)
        assertion = one(root, "/p:Response/a:Assertion")
        if parts in ("assertion", "both"):
            sign_element(assertion, self.forge.recipe(**recipe))
        root.replace(assertion, etree.fromstring(seal(inside(exclusive(assertion)), self.active)))
        around(root)
        if parts in ("response", "both"):
            sign_element(root, self.forge.recipe(**recipe))
        return etree.tostring(root)

    def judge(self, raw: bytes, **given_: Any) -> Any:
        """Return the verdict of the endpoint that can decrypt."""
        return self.forge.judge(raw, **{"endpoint": self.endpoint, **given_})
