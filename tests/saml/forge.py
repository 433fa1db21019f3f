"""Make handoffs that nobody honest would make: any XML, signed by real test keys in any way.

A recipe says how to sign, a tree says what; `Forge.judge` is the endpoint's verifier with everything as it should be. Signing
here goes through lxml's canonical form and shares no code with `bridge.saml.render` and `bridge.saml.sign`.
"""

import base64
import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from bridge.handoff import Handoff, ReturnPath, binding_of
from bridge.identity import Email, EmailEvidence, ExternalIdentity, IdentityKey
from bridge.keys import SigningKey
from bridge.saml import names
from bridge.saml.render import render
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.sign import sign
from bridge.saml.trust import Signed
from bridge.saml.verify import Endpoint, TrustedIssuer, VerifiedHandoff, verify
from bridge.urls import org_route

NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
ISSUER = "https://cells.example/saml/metadata"
OTHER_ISSUER = "https://other.example/saml/metadata"
SECRET = "the browser's secret"
ROUTE = org_route(public_url="https://cells.example", org_id=42, org_path="acme", cell_id=2)
ENDPOINT = Endpoint(org_id=42, org_path="acme", acs_url=ROUTE.acs_url, sp_entity_id=ROUTE.sp_entity_id, binding="bound")
DANA = ExternalIdentity(
    key=IdentityKey("google_oauth2", "10820"),
    email=Email("dana@acme.example"),
    evidence=EmailEvidence(verified=True, rule="google.email_verified"),
    name="Dana Hill",
    username="dana",
)
HANDOFF = Handoff(
    id="_" + "a" * 32,
    response_id="_" + "b" * 32,
    reference="7KQ2M-4XD9R",
    issuer=ISSUER,
    identity=DANA,
    route=ROUTE,
    return_to=ReturnPath("/o/acme/projects/7?tab=2"),
    binding=binding_of(SECRET),
    issued_at=NOW,
    expires_at=NOW + timedelta(seconds=60),
)
NAMESPACES = {"p": names.SAMLP, "a": names.SAML, "d": names.DS}

_HASHES = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
    "md5": hashes.MD5(),  # noqa: S303 - what an attacker would do
}
_MAKERS = {
    names.SHA256: hashlib.sha256,
    names.SHA384: hashlib.sha384,
    names.SHA512: hashlib.sha512,
    "http://www.w3.org/2000/09/xmldsig#sha1": hashlib.sha1,
    "http://www.w3.org/2001/04/xmldsig-more#md5": hashlib.md5,
}

Element = etree._Element  # noqa: SLF001 - the type that lxml does not export
Edit = Callable[[Element], object]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to sign one element. `edit` changes SignedInfo before it is signed, `spoil` the Signature after.

    `digested` says what the digest covers where it is not the element, `value` makes the signature value where no key does.
    """

    key: SigningKey
    method: str = names.RSA_SHA256
    digest: str = names.SHA256
    canonicalization: str = names.EXCLUSIVE_C14N
    transforms: tuple[str, ...] = (names.ENVELOPED, names.EXCLUSIVE_C14N)
    uri: str | None = None
    prefixes: tuple[str, ...] = ()
    key_info: bool = True
    at: int | None = None
    digested: Callable[[Element], bytes] | None = None
    value: Callable[[bytes], bytes] | None = None
    edit: Edit = field(default=lambda _info: None)
    spoil: Edit = field(default=lambda _signature: None)


def one(root: Element, path: str) -> Element:
    """Return the one element at *path* (prefixes p, a, d)."""
    found = root.xpath(path, namespaces=NAMESPACES)
    assert isinstance(found, list)
    (element,) = found
    assert isinstance(element, Element)
    return element


def attribute(root: Element, name: str) -> Element:
    """Return the value element of the SAML attribute called *name*."""
    return one(root, f"//a:Attribute[@Name='{name}']/a:AttributeValue")


def put(path: str, name: str, value: str) -> Edit:
    """Return the edit that sets an XML attribute of the element at *path*."""
    return lambda root: one(root, path).set(name, value)


def drop(path: str, name: str) -> Edit:
    """Return the edit that drops an XML attribute of the element at *path*."""
    return lambda root: one(root, path).attrib.pop(name)


def write(path: str, text: str) -> Edit:
    """Return the edit that sets the text of the element at *path*."""

    def edit(root: Element) -> None:
        one(root, path).text = text

    return edit


def cut(path: str) -> Edit:
    """Return the edit that removes the element at *path*."""

    def edit(root: Element) -> None:
        element = one(root, path)
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)

    return edit


def twice(path: str) -> Edit:
    """Return the edit that puts a copy of the element at *path* after it."""

    def edit(root: Element) -> None:
        element = one(root, path)
        element.addnext(copy.deepcopy(element))

    return edit


def add(
    path: str, tag: str, attributes: Mapping[str, str] | None = None, *, at: int | None = None, text: str | None = None
) -> Edit:
    """Return the edit that puts a new element into the one at *path*, last or *at* an index."""

    def edit(root: Element) -> None:
        child = etree.Element(tag, dict(attributes or {}))
        child.text = text
        parent = one(root, path)
        parent.insert(len(parent) if at is None else at, child)

    return edit


def all_of(*edits: Edit) -> Edit:
    """Return the edit that makes all *edits*, in order."""

    def edit(root: Element) -> None:
        for each in edits:
            each(root)

    return edit


def exclusive(element: Element, prefixes: tuple[str, ...] = ()) -> bytes:
    """Return the exclusive canonical form of *element*."""
    etree.fromstring('<x xmlns:y="#default"/>')  # lxml drops a token of *prefixes* that no parser of this thread has met
    return etree.tostring(element, method="c14n", exclusive=True, inclusive_ns_prefixes=list(prefixes) or None)


def sign_element(element: Element, recipe: Recipe) -> Element:
    """Put a Signature made by *recipe* into *element* and return it; the digest covers *element* as it is."""
    digested = exclusive(element, recipe.prefixes) if recipe.digested is None else recipe.digested(element)
    digest = _MAKERS[recipe.digest](digested).digest()
    ds = f"{{{names.DS}}}"
    signature = etree.Element(f"{ds}Signature", nsmap={"ds": names.DS})
    info = etree.SubElement(signature, f"{ds}SignedInfo")
    etree.SubElement(info, f"{ds}CanonicalizationMethod", Algorithm=recipe.canonicalization)
    etree.SubElement(info, f"{ds}SignatureMethod", Algorithm=recipe.method)
    uri = f"#{element.get('ID')}" if recipe.uri is None else recipe.uri
    reference = etree.SubElement(info, f"{ds}Reference", URI=uri)
    transforms = etree.SubElement(reference, f"{ds}Transforms")
    for algorithm in recipe.transforms:
        transform = etree.SubElement(transforms, f"{ds}Transform", Algorithm=algorithm)
        if algorithm == names.EXCLUSIVE_C14N and recipe.prefixes:
            etree.SubElement(
                transform,
                names.INCLUSIVE_NAMESPACES,
                PrefixList=" ".join(recipe.prefixes),
                nsmap={"ec": names.EXCLUSIVE_C14N},
            )
    etree.SubElement(reference, f"{ds}DigestMethod", Algorithm=recipe.digest)
    etree.SubElement(reference, f"{ds}DigestValue").text = base64.b64encode(digest).decode()
    recipe.edit(info)
    after_issuer = int(len(element) > 0 and element[0].tag == names.ISSUER)
    element.insert(after_issuer if recipe.at is None else recipe.at, signature)
    value = etree.SubElement(signature, f"{ds}SignatureValue")
    value.text = base64.b64encode(_raw_signature(_canonical(info, recipe.canonicalization), recipe)).decode()
    if recipe.key_info:
        data = etree.SubElement(etree.SubElement(signature, f"{ds}KeyInfo"), f"{ds}X509Data")
        etree.SubElement(data, f"{ds}X509Certificate").text = recipe.key.certificate_base64
    recipe.spoil(signature)
    return signature


def _canonical(info: Element, algorithm: str) -> bytes:
    if algorithm.startswith("http://www.w3.org/TR/"):
        return etree.tostring(info, method="c14n")
    return exclusive(info)


def _raw_signature(message: bytes, recipe: Recipe) -> bytes:
    if recipe.value is not None:
        return recipe.value(message)
    algorithm = _HASHES.get(recipe.method[-3:], hashes.SHA1())  # noqa: S303 - what an attacker would do
    private_key = recipe.key.private_key
    if isinstance(private_key, RSAPrivateKey):
        return private_key.sign(message, padding.PKCS1v15(), algorithm)
    width = (private_key.key_size + 7) // 8
    r, s = decode_dss_signature(private_key.sign(message, ECDSA(algorithm, deterministic_signing=True)))
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


@dataclass(frozen=True)
class Forge:
    """Test keys and what to do with them: `key` is the trusted issuer's, `stranger` is nobody's that we know."""

    key: SigningKey
    stranger: SigningKey
    p256: SigningKey
    p384: SigningKey
    second_opinion: SecondOpinion

    def minted(self, *, signed: Signed = "response", key: SigningKey | None = None, **changes: Any) -> bytes:
        """Return an honest handoff as the legacy cell mints it, with *changes* to its fields."""
        return sign(render(replace(HANDOFF, **changes)), key or self.key, signed=signed).xml

    def tree(self, **changes: Any) -> Element:
        """Return the unsigned tree of an honest handoff, with *changes* to its fields."""
        return etree.fromstring(render(replace(HANDOFF, **changes)).xml)

    def recipe(self, **changes: Any) -> Recipe:
        """Return the recipe that the legacy cell uses, with *changes*."""
        return Recipe(**{"key": self.key, **changes})

    def signed(self, root: Element, *, parts: Signed = "response", **recipe: Any) -> bytes:
        """Return *root* signed in *parts* by the recipe of the legacy cell with changes, serialized."""
        if parts in ("assertion", "both"):
            sign_element(next(root.iterchildren(names.ASSERTION)), self.recipe(**recipe))
        if parts in ("response", "both"):
            sign_element(root, self.recipe(**recipe))
        return etree.tostring(root)

    def changed(self, edit: Edit, *, parts: Signed = "response", **recipe: Any) -> bytes:
        """Return an honest handoff that was changed by *edit* before it was signed in *parts*."""
        root = self.tree()
        edit(root)
        return self.signed(root, parts=parts, **recipe)

    def trusted(self, **changes: Any) -> TrustedIssuer:
        """Return the trusted issuer of the honest handoff, with *changes*."""
        fields: dict[str, Any] = {
            "entity_id": ISSUER,
            "certificates": (self.key.certificate,),
            "skew": timedelta(seconds=30),
            "max_lifetime": timedelta(seconds=300),
            "signed": "response",
        }
        return TrustedIssuer(**{**fields, **changes})

    def judge(
        self,
        raw_xml: bytes,
        *,
        trusted: TrustedIssuer | None = None,
        endpoint: Endpoint = ENDPOINT,
        now: datetime = NOW,
        secret: str | None = SECRET,
        with_second_opinion: bool = True,
    ) -> VerifiedHandoff:
        """Return the endpoint's verdict on *raw_xml*: trusted issuer, time and browser are right unless said otherwise."""
        issuer = trusted or self.trusted()
        return verify(
            raw_xml,
            trust={issuer.entity_id: issuer},
            endpoint=endpoint,
            now=now,
            binding_secret=secret,
            second_opinion=self.second_opinion if with_second_opinion else None,
        )
