"""Check 7 at its edges: parameters of canonical form, the last moment of a certificate, how long an ECDSA value is."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from lxml import etree

from bridge import errors
from bridge.keys import SigningKey
from bridge.saml import names
from bridge.saml.signature import Received, check_signature
from bridge.saml.xml import Document
from tests.saml.forge import ENDPOINT, HANDOFF, ISSUER, NOW, Edit, Element, Forge, one

INCLUSIVE = f"{{{names.EXCLUSIVE_C14N}}}InclusiveNamespaces"
TRANSFORM = "d:Reference/d:Transforms/d:Transform[2]"


def parameter(path: str, tag: str, attributes: dict[str, str], *, inside: str = "") -> Edit:
    """Return the edit that gives the method at *path* below SignedInfo a parameter *tag*, with an element *inside* it."""

    def edit(info: Element) -> None:
        added = etree.SubElement(one(info, path), tag, attributes)
        if inside:
            etree.SubElement(added, inside)

    return edit


def both(first: Edit, second: Edit) -> Edit:
    """Return the edit that makes both."""

    def edit(info: Element) -> None:
        first(info)
        second(info)

    return edit


LIST = {"PrefixList": "xs"}
PARAMETERS: dict[str, Edit] = {
    "a second parameter": both(parameter(TRANSFORM, INCLUSIVE, LIST), parameter(TRANSFORM, f"{{{names.DS}}}XPath", {})),
    "the same parameter twice": both(parameter(TRANSFORM, INCLUSIVE, LIST), parameter(TRANSFORM, INCLUSIVE, LIST)),
    "an element inside": parameter(TRANSFORM, INCLUSIVE, LIST, inside=INCLUSIVE),
    "another attribute": parameter(TRANSFORM, INCLUSIVE, {**LIST, "Unknown": "x"}),
    "another name before": parameter(TRANSFORM, "{http://a.example}InclusiveNamespaces", LIST),
    "another name after": parameter(TRANSFORM, "{urn:x}InclusiveNamespaces", LIST),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_exclusive_c14n_has_one_parameter(forge: Forge, name: str) -> None:
    """One InclusiveNamespaces with one PrefixList, and nothing beside or inside: what we do not read, another reader may."""
    with pytest.raises(errors.HandoffSignature):
        forge.judge(forge.signed(forge.tree(), edit=PARAMETERS[name]))


@pytest.mark.parametrize("count", [1, 16])
def test_a_short_prefix_list_is_read(forge: Forge, count: int) -> None:
    """Up to sixteen prefixes; the refusal of seventeen is told elsewhere."""
    raw = forge.signed(forge.tree(), prefixes=tuple(f"p{number}" for number in range(count)))
    assert forge.judge(raw).handoff_id == HANDOFF.id


def test_signed_info_itself_has_no_prefix_list(forge: Forge) -> None:
    """The schema lets nothing stand in CanonicalizationMethod that it does not know, and it does not know this."""
    with pytest.raises(errors.HandoffSchema):
        forge.judge(forge.signed(forge.tree(), edit=parameter("d:CanonicalizationMethod", INCLUSIVE, LIST)))


def raw_value(der: bytes, width: int) -> bytes:
    """Return an ECDSA signature as XML Signature writes it."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def test_p521_signs_as_wide_as_its_curve(forge: Forge) -> None:
    """The halves of an ECDSA value are as many bytes as the curve needs: 66, where 521 bits are no whole bytes."""
    private = ec.generate_private_key(ec.SECP521R1())
    key = SigningKey(name="p521", certificate=certificate_of(private), private_key=private, state="active")
    raw = forge.signed(forge.tree(), key=key, method=names.ECDSA_SHA512)
    assert forge.judge(raw, trusted=forge.trusted(certificates=(key.certificate,))).handoff_id == HANDOFF.id


def certificate_of(private: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Return a certificate of a key, signed by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    made = made.serial_number(1).not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1))
    return made.sign(private, hashes.SHA256())


@pytest.mark.parametrize("half", ["r", "s"])
def test_an_ecdsa_value_has_one_spelling(forge: Forge, half: str) -> None:
    """Without the leading zero of a half the numbers are the same; xmldsig-core1 6.4.3 fixes its width."""

    def value(message: bytes) -> bytes:
        private: Any = forge.p256.private_key
        while True:
            made = raw_value(private.sign(message, ec.ECDSA(hashes.SHA256())), 32)
            if half == "s" and made[32] == 0:
                return made[:32] + made[33:]
            if half == "r" and made[0] == 0:
                return made[1:]

    raw = forge.signed(forge.tree(), value=value, method=names.ECDSA_SHA256, key=forge.p256)
    with pytest.raises(errors.HandoffSignature):
        forge.judge(raw, trusted=forge.trusted(certificates=(forge.p256.certificate,)))


def test_a_value_as_wide_as_an_rsa_key_is_no_ecdsa_value(forge: Forge) -> None:
    """A method is only tried with keys of its kind, whatever a value looks like: here two halves as wide as the modulus."""
    raw = forge.signed(forge.tree(), value=lambda _message: b"\1" * 512, method=names.ECDSA_SHA256)
    with pytest.raises(errors.HandoffSignature):
        forge.judge(raw)


class TestExpiry:
    """Until when a certificate counts: its last second, and the skew."""

    @pytest.mark.parametrize(
        ("after", "accepted"),
        [
            (timedelta(seconds=-31), True),
            (timedelta(seconds=-29), True),
            (timedelta(seconds=29), True),
            (timedelta(seconds=30), False),
            (timedelta(seconds=31), False),
        ],
    )
    def test_a_certificate_counts_until_the_skew_is_over(self, forge: Forge, after: timedelta, *, accepted: bool) -> None:
        """Clocks differ: a certificate counts a skew longer, and not a moment more."""
        now = self.end(forge) + after
        raw = forge.minted(issued_at=now, expires_at=now + timedelta(seconds=60))
        if accepted:
            assert forge.judge(raw, now=now).handoff_id == HANDOFF.id
            return
        with pytest.raises(errors.HandoffSignature) as caught:
            forge.judge(raw, now=now)
        assert "expired" in caught.value.received

    @staticmethod
    def end(forge: Forge) -> datetime:
        """Return the last moment of the trusted certificate."""
        return forge.key.certificate.not_valid_after_utc.astimezone(UTC)


def test_a_canonical_form_that_fails_is_a_refusal(forge: Forge) -> None:
    """Should a document ever reach this check that cannot be made canonical, it is refused: no error, no empty digest."""
    root = etree.fromstring(forge.signed(forge.tree()))
    broken = etree.tostring(root).replace(b"<samlp:Status>", b'<samlp:Status xmlns:x="relative">', 1)
    received = Received(Document(broken, etree.fromstring(broken)), {ISSUER: forge.trusted()}, NOW, ENDPOINT)
    with pytest.raises(errors.HandoffSignature) as caught:
        check_signature(received)
    assert caught.value.received == "none"


def test_encryption_is_required_of_every_form(forge: Forge) -> None:
    """Minted, in canonical form or not, signed here or there: what comes in clear is refused where that is not wanted."""
    endpoint = dataclasses.replace(ENDPOINT, require_encryption=True)
    signed = (forge.minted(), forge.minted(signed="assertion"), forge.minted(signed="both"), forge.signed(forge.tree()))
    for raw, wanted in zip(signed, ("response", "assertion", "both", "response"), strict=True):
        trusted = forge.trusted(signed=wanted)
        assert forge.judge(raw, trusted=trusted).handoff_id == HANDOFF.id
        with pytest.raises(errors.HandoffMalformed):
            forge.judge(raw, trusted=trusted, endpoint=endpoint)
