"""What does not open is one refusal, and what comes out of an encrypted assertion is judged as any document is."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from bridge import errors
from bridge.saml import names
from bridge.saml.encrypt import OAEP, encryption_key
from bridge.saml.trust import Signed
from tests.saml.forge import ENDPOINT, HANDOFF, Edit, Element, attribute, exclusive, one, put
from tests.saml.sealer import DATA, KEY, UNOPENED, Sealer, at, flipped, seal

XENC = "http://www.w3.org/2001/04/xmlenc#"
SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"


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
