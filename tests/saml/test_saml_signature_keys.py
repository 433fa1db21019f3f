"""Check 7: who signed what, and which keys count."""

from datetime import timedelta
from typing import Any

import pytest
from lxml import etree

from bridge import errors
from bridge.saml import names
from bridge.saml.trust import Signed
from bridge.saml.verify import verify
from tests.saml.forge import (
    ENDPOINT,
    HANDOFF,
    ISSUER,
    NOW,
    OTHER_ISSUER,
    SECRET,
    Element,
    Forge,
    one,
    sign_element,
)

DS = f"{{{names.DS}}}"
SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
MD5 = "http://www.w3.org/2001/04/xmldsig-more#md5"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
WITH_COMMENTS = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"


def test_tampering_after_signing_is_refused(forge: Forge) -> None:
    """Any change of a signed value breaks the digest."""
    raw = forge.minted()
    for old, new in ((b"dana@acme", b"evil@acme"), (b">42<", b">43<"), (b"Version", b" Version")):
        changed = raw.replace(old, new, 1)
        assert changed != raw
        if new == b" Version":  # white space inside a tag is no content
            assert forge.judge(changed).handoff_id == HANDOFF.id
            continue
        with pytest.raises(errors.HandoffSignature) as caught:
            forge.judge(changed)
        assert "digest" in caught.value.received


def test_an_unsigned_document_is_refused(forge: Forge) -> None:
    """No signature, no handoff."""
    with pytest.raises(errors.HandoffSignature):
        forge.judge(etree.tostring(forge.tree()))


@pytest.mark.parametrize(
    ("made", "wanted", "accepted"),
    [
        ("response", "response", True),
        ("response", "assertion", False),
        ("response", "both", False),
        ("assertion", "response", False),
        ("assertion", "assertion", True),
        ("assertion", "both", False),
        ("both", "response", True),
        ("both", "assertion", True),
        ("both", "both", True),
    ],
)
def test_what_the_trust_wants_must_be_signed(forge: Forge, made: Signed, wanted: Signed, *, accepted: bool) -> None:
    """The configured element must carry a signature that verified; one on the other element does not count for it."""
    raw, trusted = forge.minted(signed=made), forge.trusted(signed=wanted)
    if accepted:
        assert forge.judge(raw, trusted=trusted).handoff_id == HANDOFF.id
        return
    with pytest.raises(errors.HandoffSignature):
        forge.judge(raw, trusted=trusted)


def test_every_signature_must_verify(forge: Forge) -> None:
    """With both signed, one bad signature is enough to refuse, also the one that is not asked for."""
    for parts in ("response", "assertion"):
        root = forge.tree()
        bad = {"key": forge.stranger}
        forge_both(
            forge, root, {"assertion": bad if parts == "assertion" else {}, "response": bad if parts == "response" else {}}
        )
        for wanted in ("response", "assertion"):
            trusted = forge.trusted(signed=wanted)
            with pytest.raises(errors.HandoffSignature):
                forge.judge(etree.tostring(root), trusted=trusted)


def forge_both(forge: Forge, root: Element, recipes: dict[str, dict[str, Any]]) -> None:
    """Sign the assertion and then the Response of *root*, each by its own recipe."""
    sign_element(one(root, "/p:Response/a:Assertion"), forge.recipe(**recipes["assertion"]))
    sign_element(root, forge.recipe(**recipes["response"]))


def test_a_stranger_signs_in_vain(forge: Forge) -> None:
    """The certificate in KeyInfo proves nothing: only pinned keys are tried (CVE-2023-36661)."""
    with pytest.raises(errors.HandoffSignature) as caught:
        forge.judge(forge.minted(key=forge.stranger))
    assert "no pinned key" in caught.value.received


def test_key_info_is_not_read(forge: Forge) -> None:
    """Absent, another's or nonsense: KeyInfo changes nothing."""
    assert forge.judge(forge.signed(forge.tree(), key_info=False)).handoff_id == HANDOFF.id
    swapped = forge.minted().replace(forge.key.certificate_base64.encode(), forge.stranger.certificate_base64.encode())
    assert forge.judge(swapped).handoff_id == HANDOFF.id


def test_the_key_is_looked_up_by_the_issuer(forge: Forge) -> None:
    """One trusted issuer cannot sign in the name of another."""
    first = forge.trusted()
    second = forge.trusted(entity_id=OTHER_ISSUER, certificates=(forge.stranger.certificate,))
    trust = {ISSUER: first, OTHER_ISSUER: second}

    def judge(raw: bytes) -> str:
        return verify(raw, trust=trust, endpoint=ENDPOINT, now=NOW, binding_secret=SECRET, second_opinion=None).issuer

    assert judge(forge.minted(issuer=OTHER_ISSUER, key=forge.stranger)) == OTHER_ISSUER
    for issuer, key in ((ISSUER, forge.stranger), (OTHER_ISSUER, forge.key)):
        with pytest.raises(errors.HandoffSignature):
            judge(forge.minted(issuer=issuer, key=key))


def test_two_pinned_keys_are_tried(forge: Forge) -> None:
    """While keys roll, handoffs of the old and of the new one are accepted, also of different kinds."""
    trusted = forge.trusted(certificates=(forge.p256.certificate, forge.stranger.certificate, forge.key.certificate))
    for key in (forge.key, forge.p256, forge.stranger):
        assert forge.judge(forge.minted(key=key), trusted=trusted).handoff_id == HANDOFF.id


def test_an_expired_certificate_no_longer_counts(forge: Forge) -> None:
    """Past its certificate a key signs nothing, and the refusal says why."""
    later = forge.key.certificate.not_valid_after_utc + timedelta(days=1)
    raw = forge.minted(issued_at=later.replace(microsecond=0), expires_at=later.replace(microsecond=0) + timedelta(seconds=60))
    with pytest.raises(errors.HandoffSignature) as caught:
        forge.judge(raw, now=later)
    assert "expired" in caught.value.received
