"""What is signed, and by which kind of key: every mode with every key, canonical and accepted."""

import base64
from dataclasses import replace
from datetime import timedelta

import onelogin.saml2.utils
import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from bridge.errors import HandoffSignature
from bridge.keys import SigningKey, create_key
from bridge.saml import names
from bridge.saml.render import render
from bridge.saml.second_opinion import request_data_of, settings_of
from bridge.saml.sign import sign
from bridge.saml.trust import Signed
from tests.saml.forge import DANA, ENDPOINT, HANDOFF, NOW, Forge, exclusive, one

MODES: tuple[Signed, ...] = ("response", "assertion", "both")
PARENTS = {
    "response": ["/p:Response/d:Signature"],
    "assertion": ["/p:Response/a:Assertion/d:Signature"],
    "both": ["/p:Response/d:Signature", "/p:Response/a:Assertion/d:Signature"],
}
ALGORITHMS = ("rsa-2048", "rsa-3072", "ec-p256", "ec-p384")


@pytest.fixture(scope="module")
def keys(forge: Forge, tmp_path_factory: pytest.TempPathFactory) -> dict[str, SigningKey]:
    """A key of every kind that the legacy cell can sign with."""
    ring = tmp_path_factory.mktemp("long")
    long_key = create_key(ring, now=NOW - timedelta(days=1), algorithm="rsa-3072")
    return dict(zip(ALGORITHMS, (forge.key, long_key, forge.p256, forge.p384), strict=True))


def stock_verdict(raw: bytes, key: SigningKey, signed: Signed, forge: Forge) -> object:
    """Return what python3-saml as shipped says about *raw*: True, or its reason."""
    trusted = forge.trusted(signed=signed, certificates=(key.certificate,))
    response = OneLogin_Saml2_Response(OneLogin_Saml2_Settings(settings_of(trusted, ENDPOINT)), base64.b64encode(raw))
    return response.is_valid(request_data_of(ENDPOINT)) or response.get_error()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("signed", MODES)
def test_every_mode_with_every_key_is_accepted(
    forge: Forge, keys: dict[str, SigningKey], algorithm: str, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our endpoint, python3-saml as shipped and xmlsec accept what is minted; it is its own canonical form."""
    key = keys[algorithm]
    raw = forge.minted(signed=signed, key=key)
    root = etree.fromstring(raw)
    assert exclusive(root) == raw
    assert len(list(root.iter(names.SIGNATURE))) == len(PARENTS[signed])
    method = names.RSA_SHA256 if algorithm.startswith("rsa") else names.ECDSA_SHA256
    xmlsec.tree.add_ids(root, ["ID"])
    for path in PARENTS[signed]:
        signature = one(root, path)
        assert one(signature, "d:SignedInfo/d:SignatureMethod").get("Algorithm") == method
        context = xmlsec.SignatureContext()
        pem = key.certificate.public_bytes(Encoding.PEM)
        context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem)
        context.verify(signature)
    verified = forge.judge(raw, trusted=forge.trusted(signed=signed, certificates=(key.certificate,)))
    assert verified.claims.identity == DANA
    monkeypatch.setattr(onelogin.saml2.utils.OneLogin_Saml2_Utils, "now", staticmethod(lambda: int(NOW.timestamp())))
    assert stock_verdict(raw, key, signed, forge) is True


@given(
    name=st.text(st.characters(codec="utf-8").filter(str.isprintable), min_size=1, max_size=30), signed=st.sampled_from(MODES)
)
def test_the_signed_text_is_its_own_canonical_form(forge: Forge, name: str, signed: Signed) -> None:
    """Whatever the values and the mode, what is hashed as text is what a receiver hashes after parsing."""
    raw = sign(render(replace(HANDOFF, identity=replace(DANA, name=name.strip() or "x"))), forge.p256, signed=signed).xml
    assert exclusive(etree.fromstring(raw)) == raw


@pytest.mark.parametrize("signed", MODES)
@pytest.mark.parametrize("wanted", MODES)
def test_a_trust_gets_the_signatures_that_it_wants(forge: Forge, signed: Signed, wanted: Signed) -> None:
    """One signature more than the trust wants is fine, one less is refused."""
    raw = forge.minted(signed=signed)
    trusted = forge.trusted(signed=wanted)
    if signed in (wanted, "both"):
        assert forge.judge(raw, trusted=trusted).handoff_id == HANDOFF.id
    else:
        with pytest.raises(HandoffSignature):
            forge.judge(raw, trusted=trusted)
