"""Assertions encrypted to the organization's key: made, opened, and refused in one way whatever does not open."""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import xmlsec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bridge import errors
from bridge.keys import SigningKey, create_key
from bridge.saml import names
from bridge.saml.encrypt import OAEP, encrypt_assertion, encryption_key
from bridge.saml.render import render
from bridge.saml.sign import sign
from bridge.saml.trust import DecryptionKey, Endpoint, Signed
from tests.saml.forge import DANA, ENDPOINT, HANDOFF, NOW, Edit, Element, Forge, attribute, exclusive, one, put, sign_element

DATA = "/p:Response/a:EncryptedAssertion/e:EncryptedData"
KEY = f"{DATA}/d:KeyInfo/e:EncryptedKey"
SPACES = {"p": names.SAMLP, "a": names.SAML, "d": names.DS, "e": names.XENC, "f": names.XENC11}
XENC = "http://www.w3.org/2001/04/xmlenc#"
SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
UNOPENED = ("an assertion encrypted to a key of this organization", "one that none of its keys opens")


def at(root: Element, path: str) -> Element:
    """Return the one element at *path*, also of XML Encryption (prefixes e and f)."""
    found: Element
    (found,) = etree.XPath(path, namespaces=SPACES)(root)
    return found


def seal(assertion: bytes, certificate: SigningKey) -> str:
    """Return *assertion*, or whatever stands in its place, encrypted to the key of a certificate."""
    return encrypt_assertion(assertion.decode(), encryption_key(certificate.certificate), random_bytes=os.urandom)


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


@pytest.fixture(scope="module")
def sealer(forge: Forge, tmp_path_factory: pytest.TempPathFactory) -> Sealer:
    """Encryption keys, made once."""
    ring = tmp_path_factory.mktemp("encryption")
    made = [create_key(ring / name, now=NOW - timedelta(days=1)) for name in ("active", "next", "stranger")]
    return Sealer(forge, *made)


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


def flipped(text: str) -> str:
    """Return base64 *text* with one bit of its last byte changed."""
    raw = base64.b64decode(text)
    return base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()


def cipher_text(path: str, change: Callable[[str], str]) -> Edit:
    """Return the edit that changes the cipher value below *path*."""

    def edit(root: Element) -> None:
        value = at(root, f"{path}/e:CipherData/e:CipherValue")
        value.text = change(value.text or "")

    return edit


def another_key(sealer: Sealer, content_key: bytes) -> Edit:
    """Return the edit that wraps *content_key* instead, with the assertion encrypted by it."""

    def edit(root: Element) -> None:
        public = encryption_key(sealer.active.certificate)
        wrapped, sealed = public.encrypt(content_key, OAEP), AESGCM(content_key).encrypt(bytes(12), b"<a/>", None)
        at(root, f"{KEY}/e:CipherData/e:CipherValue").text = base64.b64encode(wrapped).decode()
        at(root, f"{DATA}/e:CipherData/e:CipherValue").text = base64.b64encode(bytes(12) + sealed).decode()

    return edit


UNOPENABLE: dict[str, Callable[[Sealer], Edit]] = {
    "tag": lambda _: cipher_text(DATA, flipped),
    "key": lambda _: cipher_text(KEY, flipped),
    "empty key": lambda _: cipher_text(KEY, lambda _text: ""),
    "short key": lambda _: cipher_text(KEY, lambda _text: "AAAA"),
    "empty text": lambda _: cipher_text(DATA, lambda _text: ""),
    "only a nonce": lambda _: cipher_text(DATA, lambda text: text[:16]),
    "AES-128 inside": lambda sealer: another_key(sealer, bytes(16)),
    "AES-192 inside": lambda sealer: another_key(sealer, bytes(24)),
}


class TestRefusals:
    """Whatever cannot be opened is one refusal; whatever comes out is judged as any document is."""

    @pytest.mark.parametrize("name", UNOPENABLE)
    def test_what_does_not_open_is_one_refusal(self, sealer: Sealer, name: str) -> None:
        """A wrong key, a broken tag, a short text: the same code and the same evidence, so that nothing can be learned."""
        raw = sealer.forged(around=UNOPENABLE[name](sealer))
        with pytest.raises(errors.HandoffMalformed) as caught:
            sealer.judge(raw)
        assert (caught.value.expected, caught.value.received) == UNOPENED

    def test_a_strangers_key_and_no_key_at_all_are_that_refusal_too(self, sealer: Sealer) -> None:
        """An endpoint without keys answers as one whose keys do not fit."""
        for raw, endpoint in ((sealer.minted(to=sealer.stranger), sealer.endpoint), (sealer.minted(), ENDPOINT)):
            with pytest.raises(errors.HandoffMalformed) as caught:
                sealer.judge(raw, endpoint=endpoint)
            assert (caught.value.expected, caught.value.received) == UNOPENED

    @pytest.mark.parametrize(
        ("path", "algorithm"),
        [
            (f"{DATA}/e:EncryptionMethod", f"{XENC}aes256-cbc"),
            (f"{DATA}/e:EncryptionMethod", f"{XENC}tripledes-cbc"),
            (f"{DATA}/e:EncryptionMethod", "http://www.w3.org/2009/xmlenc11#aes128-gcm"),
            (f"{KEY}/e:EncryptionMethod", f"{XENC}rsa-1_5"),
            (f"{KEY}/e:EncryptionMethod", f"{XENC}rsa-oaep-mgf1p"),
            (f"{KEY}/e:EncryptionMethod/d:DigestMethod", SHA1),
            (f"{KEY}/e:EncryptionMethod/d:DigestMethod", names.SHA512),
            (f"{KEY}/e:EncryptionMethod/f:MGF", "http://www.w3.org/2009/xmlenc11#mgf1sha1"),
        ],
    )
    def test_there_is_one_way_to_encrypt(self, sealer: Sealer, path: str, algorithm: str) -> None:
        """CBC, RSA 1.5, SHA-1 and every other name are refused, although the keys would open it."""
        raw = sealer.forged(around=lambda root: at(root, path).set("Algorithm", algorithm))
        with pytest.raises(errors.HandoffAlgorithm) as caught:
            sealer.judge(raw)
        assert caught.value.received == algorithm

    @pytest.mark.parametrize("path", [f"{KEY}/e:EncryptionMethod/d:DigestMethod", f"{KEY}/e:EncryptionMethod/f:MGF"])
    def test_no_default_is_filled_in(self, sealer: Sealer, path: str) -> None:
        """Left out, both mean SHA-1 by the standard, so they have to be there."""

        def around(root: Element) -> None:
            element = at(root, path)
            parent = element.getparent()
            assert parent is not None
            parent.remove(element)

        with pytest.raises(errors.HandoffMalformed):
            sealer.judge(sealer.forged(around=around))

    @pytest.mark.parametrize(
        ("name", "value"), [("Type", f"{XENC}Content"), ("Encoding", f"{XENC}base64"), ("MimeType", "text/xml")]
    )
    def test_it_is_an_element_and_nothing_else(self, sealer: Sealer, name: str, value: str) -> None:
        """What is inside is an element of XML as it stands, not content, not something encoded once more."""
        with pytest.raises(errors.HandoffMalformed):
            sealer.judge(sealer.forged(around=lambda root: at(root, DATA).set(name, value)))

    def test_a_second_key_is_refused(self, sealer: Sealer) -> None:
        """One key for one reader: with two, two readers could be shown two contents."""

        def twice(root: Element) -> None:
            key = at(root, KEY)
            key.addnext(etree.fromstring(etree.tostring(key)))

        with pytest.raises(errors.HandoffMalformed):
            sealer.judge(sealer.forged(around=twice))

    @pytest.mark.parametrize("child", ["ds:RetrievalMethod", "ds:KeyName", "xenc:AgreementMethod", "xenc:CipherReference"])
    @pytest.mark.parametrize("parent", [f"{DATA}/d:KeyInfo", KEY, f"{KEY}/e:CipherData"])
    def test_nothing_points_elsewhere(self, sealer: Sealer, parent: str, child: str) -> None:
        """A key or a text is where the document has it: nothing is fetched, agreed or named."""
        prefix, _, local = child.partition(":")
        namespace = names.DS if prefix == "ds" else names.XENC

        def around(root: Element) -> None:
            element = etree.SubElement(at(root, parent), f"{{{namespace}}}{local}", URI="file:///dev/zero")
            at(root, parent).insert(0, element)

        with pytest.raises(errors.HandoffSchema):
            sealer.judge(sealer.forged(around=around))


def wrapped(prefix: str) -> Callable[[bytes], bytes]:
    """Return what puts *prefix* in front of the assertion."""
    return lambda assertion: prefix.encode() + assertion


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    """Return what replaces *old*, which has to be there, in the text of the assertion."""

    def change(assertion: bytes) -> bytes:
        assert old.encode() in assertion
        return assertion.replace(old.encode(), new.encode())

    return change


INSIDE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _assertion: b"",
    "no XML": lambda _assertion: b"assertion",
    "two assertions": lambda assertion: assertion + assertion,
    "a comment": wrapped("<!-- -->"),
    "a comment in a value": replaced("dana@acme.example", "dana@acme.example<!---->.evil.example"),
    "a DOCTYPE": wrapped("<!DOCTYPE a>"),
    "a declaration of another encoding": wrapped('<?xml version="1.0" encoding="UTF-16"?>'),
    "another element": lambda _assertion: b'<a xmlns="urn:a"></a>',
    "a Response": lambda assertion: b'<p:Response xmlns:p="%s">%s</p:Response>' % (names.SAMLP.encode(), assertion),
    "no own namespace": replaced(f' xmlns:saml="{names.SAML}"', ""),
    "another version": replaced('Version="2.0"', 'Version="1.1"'),
    "the ID of the Response's form": replaced(f'ID="{HANDOFF.id}"', 'ID="a b"'),
    "an unknown element": replaced("<saml:Subject>", "<saml:Advice></saml:Advice><saml:Subject>"),
    "an attribute of another namespace": replaced('Name="email"', 'Name="email" xmlns:x="urn:x" x:ID="_x"'),
    "no statement": lambda assertion: assertion.split(b"<saml:AuthnStatement")[0] + b"</saml:Assertion>",
    "too many elements": replaced("<saml:OneTimeUse>", "<saml:OneTimeUse></saml:OneTimeUse>" * 1001 + "<saml:OneTimeUse>"),
    "too deep": lambda _assertion: b"<a>" * 30 + b"</a>" * 30,
    "an assertion in a value": lambda assertion: assertion.replace(
        b"</saml:AttributeValue>", assertion.replace(HANDOFF.id.encode(), b"_evil") + b"</saml:AttributeValue>", 1
    ),
}


class TestInside:
    """What comes out of an encrypted assertion is read as strictly as what comes in the open."""

    @pytest.mark.parametrize("name", INSIDE)
    def test_what_is_not_one_plain_assertion_is_refused(self, sealer: Sealer, name: str) -> None:
        """Even a trusted sender cannot bring past us by encryption what it cannot bring in clear."""
        with pytest.raises(errors.HandoffMalformed) as caught:
            sealer.judge(sealer.forged(inside=INSIDE[name]))
        assert (caught.value.expected, caught.value.received) != UNOPENED

    def test_an_encrypted_assertion_inside_an_encrypted_one_is_refused(self, sealer: Sealer) -> None:
        """It is opened once."""
        with pytest.raises(errors.HandoffMalformed):
            sealer.judge(sealer.forged(inside=lambda assertion: seal(assertion, sealer.active).encode()))

    def test_an_id_that_the_response_has_is_refused(self, sealer: Sealer) -> None:
        """A reference has to mean one element, also after opening."""
        with pytest.raises(errors.HandoffSignature):
            sealer.judge(sealer.forged(inside=replaced(HANDOFF.id, HANDOFF.response_id)))

    def test_a_signature_elsewhere_inside_is_refused(self, sealer: Sealer) -> None:
        """Every signature stands right after an Issuer, whether it came in clear or not."""

        def move(assertion: bytes) -> bytes:
            root = etree.fromstring(assertion)
            root.append(one(root, "d:Signature"))
            return exclusive(root)

        with pytest.raises((errors.HandoffSignature, errors.HandoffMalformed)):
            sealer.judge(sealer.forged(inside=move, parts="both"))

    def test_a_broken_signature_inside_is_refused(self, sealer: Sealer) -> None:
        """Every signature in the document has to verify, also where the Response's alone would do."""
        raw = sealer.forged(inside=replaced("dana@acme.example", "evil@acme.example"), parts="both")
        with pytest.raises(errors.HandoffSignature):
            sealer.judge(raw)

    @pytest.mark.parametrize(
        ("edit", "refusal"),
        [
            (lambda root: setattr(one(root, "//a:Audience"), "text", "https://elsewhere.example"), errors.HandoffAudience),
            (put("//a:SubjectConfirmationData", "Recipient", "https://elsewhere.example"), errors.HandoffRecipient),
            (put("//a:SubjectConfirmationData", "InResponseTo", "_x"), errors.HandoffSolicited),
            (put("//a:Conditions", "NotOnOrAfter", "2026-07-01T11:00:00Z"), errors.HandoffLifetime),
            (lambda root: setattr(attribute(root, "organization_id"), "text", "43"), errors.HandoffOrg),
            (lambda root: setattr(attribute(root, "binding"), "text", "0" * 64), errors.HandoffUnbound),
            (lambda root: setattr(one(root, "//a:Assertion/a:Issuer"), "text", "https://x.example"), errors.HandoffIssuer),
        ],
    )
    def test_every_later_check_reads_what_was_opened(
        self, sealer: Sealer, edit: Edit, refusal: type[errors.HandoffError]
    ) -> None:
        """The list of checks is one list: each refuses by its own code, as it does in clear."""
        with pytest.raises(refusal):
            sealer.judge(sealer.forged(edit=edit))

    def test_another_issuers_response_around_it_is_refused(self, sealer: Sealer) -> None:
        """Response and assertion name one issuer, whose key signed."""
        raw = sealer.forged(around=lambda root: setattr(one(root, "/p:Response/a:Issuer"), "text", "https://x.example"))
        with pytest.raises(errors.HandoffIssuer):
            sealer.judge(raw)


class TestWrapping:
    """An encrypted assertion counts as the one assertion."""

    @pytest.mark.parametrize("encrypted_first", [True, False])
    @pytest.mark.parametrize("which", ["in clear", "encrypted"])
    def test_beside_another_one_it_makes_two(self, sealer: Sealer, which: str, *, encrypted_first: bool) -> None:
        """Whichever comes first: a reader could take either."""

        def around(root: Element) -> None:
            second = one(sealer.forge.tree(), "/p:Response/a:Assertion")
            second.set("ID", "_second")
            if which == "encrypted":
                second = etree.fromstring(seal(exclusive(second), sealer.active))
            root.insert(len(root) if encrypted_first else 2, second)

        with pytest.raises(errors.HandoffAssertionCount):
            sealer.judge(sealer.forged(around=around))

    @pytest.mark.parametrize("signed", ["response", "both"])
    def test_added_to_a_signed_handoff_it_is_refused(self, sealer: Sealer, signed: Signed) -> None:
        """An attacker can encrypt to the organization, too: the certificate is public."""
        evil = one(sealer.forge.tree(), "/p:Response/a:Assertion")
        attribute(evil, "email").text = "evil@acme.example"
        root = etree.fromstring(sealer.forge.minted(signed=signed))
        root.append(etree.fromstring(seal(exclusive(evil), sealer.active)))
        with pytest.raises(errors.HandoffAssertionCount):
            sealer.judge(etree.tostring(root))

    @pytest.mark.parametrize("signed", ["response", "both"])
    def test_put_in_the_place_of_the_signed_one_it_is_refused(self, sealer: Sealer, signed: Signed) -> None:
        """The Response's signature covers the ciphertext that came, and nothing else is opened."""
        evil = one(sealer.forge.tree(), "/p:Response/a:Assertion")
        root = etree.fromstring(sealer.minted(signed=signed))
        root.replace(at(root, "a:EncryptedAssertion"), etree.fromstring(seal(exclusive(evil), sealer.active)))
        with pytest.raises(errors.HandoffSignature):
            sealer.judge(etree.tostring(root))

    def test_hidden_elsewhere_it_is_refused(self, sealer: Sealer) -> None:
        """There is one place where an assertion stands, encrypted or not."""

        def around(root: Element) -> None:
            encrypted = at(root, "a:EncryptedAssertion")
            etree.SubElement(at(root, "p:Status"), f"{{{names.SAMLP}}}StatusDetail").append(encrypted)

        with pytest.raises(errors.HandoffAssertionCount):
            sealer.judge(sealer.forged(around=around))
