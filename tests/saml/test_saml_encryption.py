"""Assertions encrypted to the organization's key: made by us, opened by us and by xmlsec, and only for known senders."""

from dataclasses import replace
from typing import Any

import pytest
import xmlsec
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bridge import errors
from bridge.saml import names
from bridge.saml.encrypt import encryption_key
from bridge.saml.render import render
from bridge.saml.sign import sign
from bridge.saml.trust import Signed
from tests.saml.forge import DANA, HANDOFF, NOW, Element, Forge, exclusive, one, sign_element
from tests.saml.sealer import DATA, KEY, Sealer, at, flipped, seal


class TestMinting:
    """What the legacy cell makes."""

    @given(name=st.text(st.characters(codec="utf-8").filter(str.isprintable), min_size=1, max_size=30))
    def test_the_text_is_its_own_canonical_form(self, sealer: Sealer, name: str) -> None:
        """The encrypted document is canonical by construction, and so is the assertion that comes out of it."""
        handoff = replace(HANDOFF, identity=replace(DANA, name=name.strip() or "x"))
        inside: list[str] = []

        def encrypt(text: str) -> str:
            inside.append(text)
            return seal(text.encode(), sealer.active)

        raw = sign(render(handoff), sealer.forge.p256, signed="both", encrypt=encrypt).xml
        assert exclusive(etree.fromstring(raw)) == raw
        assert exclusive(etree.fromstring(inside[0])) == inside[0].encode()

    def test_nobody_else_can_read_it(self, sealer: Sealer) -> None:
        """Nothing about the person stands in clear, and the same handoff never looks the same twice."""
        raw, again = sealer.minted(), sealer.minted()
        for secret in (b"dana", b"google_oauth2", b"Attribute", HANDOFF.binding.encode(), HANDOFF.id.encode()):
            assert secret not in raw
        for path in (f"{DATA}/e:CipherData/e:CipherValue", f"{KEY}/e:CipherData/e:CipherValue"):
            assert at(etree.fromstring(raw), path).text != at(etree.fromstring(again), path).text

    def test_an_assertion_signature_alone_is_not_enough(self, sealer: Sealer) -> None:
        """A receiver has to know the sender before it decrypts, so the Response around it is always signed."""
        with pytest.raises(ValueError, match="needs a signed Response"):
            sealer.minted(signed="assertion")

    def test_only_rsa_keys_can_be_encrypted_to(self, forge: Forge) -> None:
        """A curve's certificate is a mistake of configuration, said as one."""
        with pytest.raises(ValueError, match="RSA"):
            encryption_key(forge.p256.certificate)


class TestInteroperability:
    """xmlsec reads what we write, and we read what xmlsec writes."""

    def test_xmlsec_opens_ours(self, sealer: Sealer) -> None:
        """An implementation that is not ours gets the very assertion out."""
        root = etree.fromstring(sealer.minted())
        manager = xmlsec.KeysManager()
        manager.add_key(xmlsec.Key.from_memory(sealer.key(sealer.active).pem, xmlsec.constants.KeyDataFormatPem, None))
        opened = xmlsec.EncryptionContext(manager).decrypt(at(root, DATA))
        assert exclusive(opened) == (render(HANDOFF).assertion_opening + render(HANDOFF).assertion_rest).encode()

    @pytest.mark.parametrize("parts", ["response", "both"])
    def test_ours_opens_xmlsecs(self, sealer: Sealer, parts: Signed) -> None:
        """What xmlsec encrypts by these algorithms, in base64 of several lines, is opened, and python3-saml agrees."""
        root = sealer.forge.tree()
        assertion = one(root, "/p:Response/a:Assertion")
        if parts == "both":
            sign_element(assertion, sealer.forge.recipe())
        template = etree.fromstring(seal(b"", sealer.active))
        for value in template.iter(names.CIPHER_VALUE):
            value.text = None
        public = xmlsec.Key.from_memory(sealer.key(sealer.active).pem.encode(), xmlsec.constants.KeyDataFormatPem, None)
        manager = xmlsec.KeysManager()
        manager.add_key(public)
        context = xmlsec.EncryptionContext(manager)
        context.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, 256, xmlsec.constants.KeyDataTypeSession)
        context.encrypt_binary(template[0], exclusive(assertion))
        root.replace(assertion, template)
        sign_element(root, sealer.forge.recipe())
        assert b"\n" in etree.tostring(root)
        assert sealer.judge(etree.tostring(root), trusted=sealer.forge.trusted(signed=parts)).claims.identity == DANA

    def test_a_hint_at_the_certificate_is_not_read(self, sealer: Sealer) -> None:
        """Other senders name the certificate that they encrypted to; whatever it says, our keys are tried."""

        def hint(root: Element) -> None:
            info = etree.Element(names.KEY_INFO)
            data = etree.SubElement(info, f"{{{names.DS}}}X509Data")
            certificate = etree.SubElement(data, f"{{{names.DS}}}X509Certificate")
            certificate.text = sealer.stranger.certificate_base64
            at(root, KEY).insert(1, info)

        assert sealer.judge(sealer.forged(around=hint)).claims.identity == DANA


class TestOpening:
    """What an endpoint with keys accepts."""

    @pytest.mark.parametrize("kind", ["key", "p256", "p384"])
    @pytest.mark.parametrize("signed", ["response", "both"])
    @pytest.mark.parametrize("with_second_opinion", [True, False])
    def test_it_is_a_handoff_like_any_other(
        self, sealer: Sealer, kind: str, signed: Signed, *, with_second_opinion: bool
    ) -> None:
        """The same claims come out as from a document in clear; python3-saml decrypts for itself and agrees."""
        signer = getattr(sealer.forge, kind)
        trusted = sealer.forge.trusted(signed=signed, certificates=(signer.certificate,))
        raw = sealer.minted(signed=signed, key=signer)
        sealed = sealer.judge(raw, trusted=trusted, with_second_opinion=with_second_opinion)
        assert sealed == sealer.judge(sealer.forge.minted(signed=signed, key=signer), trusted=trusted)

    def test_the_next_key_opens_as_the_active_one(self, sealer: Sealer) -> None:
        """A sender may change to the next key whenever it likes: no moment of the rotation refuses anybody."""
        for pair in (sealer.active, sealer.next):
            assert sealer.judge(sealer.minted(to=pair)).handoff_id == HANDOFF.id

    def test_a_trust_that_wants_the_assertion_signed_finds_it_inside(self, sealer: Sealer) -> None:
        """The assertion's own signature is verified after it was opened, and its absence is seen."""
        trusted = sealer.forge.trusted(signed="assertion")
        assert sealer.judge(sealer.minted(signed="both"), trusted=trusted).handoff_id == HANDOFF.id
        with pytest.raises(errors.HandoffSignature):
            sealer.judge(sealer.minted(signed="response"), trusted=trusted)

    def test_the_second_judge_decrypts_for_itself(self, sealer: Sealer) -> None:
        """It is given the bytes as they came: with a key that does not fit, it has nothing to agree to."""
        given_: dict[str, Any] = {"signer": sealer.forge.trusted(), "endpoint": sealer.endpoint, "issued_at": NOW}
        sealer.forge.second_opinion.judge(sealer.minted(), decryption_key=sealer.key(sealer.active), **given_)
        with pytest.raises(errors.HandoffDisagreement):
            sealer.forge.second_opinion.judge(sealer.minted(), decryption_key=sealer.key(sealer.next), **given_)

    def test_the_second_judge_insists_where_the_organization_does(self, sealer: Sealer) -> None:
        """Where encryption is required, python3-saml refuses a handoff in clear, too, and elsewhere it does not."""
        given_: dict[str, Any] = {"signer": sealer.forge.trusted(), "issued_at": NOW}
        judge = sealer.forge.second_opinion.judge
        judge(sealer.forge.minted(), endpoint=sealer.endpoint, **given_)
        with pytest.raises(errors.HandoffDisagreement, match="not encrypted"):
            judge(sealer.forge.minted(), endpoint=replace(sealer.endpoint, require_encryption=True), **given_)

    def test_an_organization_can_insist(self, sealer: Sealer) -> None:
        """Where encryption is required, a handoff in clear is refused, and an encrypted one is not."""
        strict = replace(sealer.endpoint, require_encryption=True)
        assert sealer.judge(sealer.minted(), endpoint=strict).handoff_id == HANDOFF.id
        with pytest.raises(errors.HandoffMalformed) as caught:
            sealer.judge(sealer.forge.minted(), endpoint=strict)
        assert (caught.value.expected, caught.value.received) == ("an encrypted assertion", "one in clear")


class TestOnlyForKnownSenders:
    """Nothing is decrypted for somebody who has not shown a trusted key: there is no oracle to ask."""

    @pytest.mark.parametrize("to", ["active", "stranger"])
    @pytest.mark.parametrize("outer", ["none", "stranger"])
    def test_what_no_trusted_key_signed_is_not_opened(self, sealer: Sealer, to: str, outer: str) -> None:
        """The same refusal for a ciphertext that would open and for one that would not."""
        root = sealer.forge.tree()
        assertion = one(root, "/p:Response/a:Assertion")
        sign_element(assertion, sealer.forge.recipe())
        root.replace(assertion, etree.fromstring(seal(exclusive(assertion), getattr(sealer, to))))
        if outer == "stranger":
            sign_element(root, sealer.forge.recipe(key=sealer.forge.stranger))
        for wanted in ("response", "assertion", "both"):
            with pytest.raises(errors.HandoffSignature) as caught:
                sealer.judge(etree.tostring(root), trusted=sealer.forge.trusted(signed=wanted))
            expected = "a signature around" if outer == "none" else "a signature by a pinned certificate"
            assert caught.value.expected.startswith(expected)

    def test_a_changed_ciphertext_is_a_broken_signature(self, sealer: Sealer) -> None:
        """The Response's digest covers the ciphertext, so changing it never gets as far as a key."""
        root = etree.fromstring(sealer.minted())
        value = at(root, f"{DATA}/e:CipherData/e:CipherValue")
        value.text = flipped(value.text or "")
        with pytest.raises(errors.HandoffSignature):
            sealer.judge(etree.tostring(root))
