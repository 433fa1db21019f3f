"""The walk through the checks: what an accepted handoff holds, and what a refusal tells."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge import errors
from bridge.handoff import MAX_SESSION
from bridge.saml import signature
from bridge.saml.trust import Signed
from tests.saml.forge import DANA, ENDPOINT, HANDOFF, ISSUER, NOW, SECRET, Element, Forge, attribute


@pytest.mark.parametrize("algorithm", ["key", "p256", "p384"])
@pytest.mark.parametrize("signed", ["response", "assertion", "both"])
def test_a_minted_handoff_is_accepted(forge: Forge, algorithm: str, signed: Signed) -> None:
    """What the legacy cell mints is accepted by our checks and by python3-saml, for every kind of key and signature."""
    key = getattr(forge, algorithm)
    trusted = forge.trusted(certificates=(key.certificate,), signed=signed)
    verified = forge.judge(forge.minted(key=key, signed=signed), trusted=trusted)
    assert verified.handoff_id == HANDOFF.id


def test_a_verified_handoff_says_what_was_minted(forge: Forge) -> None:
    """Every claim comes out as it went in, and the times say how long to remember and how long a session may last."""
    verified = forge.judge(forge.minted())
    assert verified.issuer == ISSUER
    assert verified.claims.identity == DANA
    assert (verified.claims.org_id, verified.claims.org_path) == (42, "acme")
    assert verified.claims.return_to == HANDOFF.return_to
    assert verified.claims.reference == HANDOFF.reference
    assert verified.spent_until == HANDOFF.expires_at + timedelta(seconds=30)
    assert verified.session_not_on_or_after == NOW + MAX_SESSION
    assert verified.authn_context == HANDOFF.authn_context


def test_what_is_unknown_stays_unknown(forge: Forge) -> None:
    """An identity without email, name and username arrives without them: absence is not the empty string."""
    identity = replace(DANA, email=None, evidence=replace(DANA.evidence, verified=False), name=None, username=None)
    assert forge.judge(forge.minted(identity=identity)).claims.identity == identity


def test_the_second_opinion_may_be_switched_off(forge: Forge) -> None:
    """Without a second opinion the other checks decide alone."""
    assert forge.judge(forge.minted(), with_second_opinion=False).handoff_id == HANDOFF.id


def test_a_refusal_says_where_and_which(forge: Forge) -> None:
    """The evidence names what was compared, the place and line in the posted document, and the claimed reference."""
    root = forge.tree()
    subject = root.find(".//{*}Subject")
    assert subject is not None
    subject.tail = "\n\n"
    audience = root.find(".//{*}Audience")
    assert audience is not None
    audience.text = "https://elsewhere.example"
    with pytest.raises(errors.HandoffAudience) as caught:
        forge.judge(forge.signed(root))
    refusal = caught.value
    assert refusal.expected == ENDPOINT.sp_entity_id
    assert refusal.received == "https://elsewhere.example"
    assert refusal.node == "Response/Assertion/Conditions/AudienceRestriction/Audience"
    assert refusal.line == 3
    assert refusal.unverified_reference == HANDOFF.reference


def test_the_line_is_found_in_a_document_signed_in_its_assertion(forge: Forge) -> None:
    """Where the Assertion alone is signed, the place is still told as a path in the posted Response."""

    def edit(root: Element) -> None:
        root.text = "\n\n\n"
        attribute(root, "contract").text = "cellbridge/0"

    with pytest.raises(errors.HandoffContract) as caught:
        forge.judge(forge.changed(edit, parts="assertion"), trusted=forge.trusted(signed="assertion"))
    assert caught.value.line == 4
    assert caught.value.node.startswith("Response/Assertion/AttributeStatement/Attribute")


def test_a_claimed_reference_of_another_form_is_not_logged(forge: Forge) -> None:
    """Text that is no reference does not reach the evidence."""
    raw = forge.changed(lambda root: setattr(attribute(root, "reference"), "text", "<script>"))
    with pytest.raises(errors.HandoffAttribute) as caught:
        forge.judge(raw)
    assert caught.value.unverified_reference == ""


def test_only_the_reparsed_signed_bytes_are_read(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """After check 7 every claim comes from the bytes that were hashed: whatever the posted tree says by then is not read."""
    honest = signature.check_signature

    def and_then_poison(received: signature.Received) -> signature.SignedHandoff:
        signed = honest(received)
        for element in received.document.root.iter():
            element.text = "poison"
            for name in element.attrib:
                element.set(name, "poison")
        return signed

    monkeypatch.setattr("bridge.saml.checks.SIGNATURE", replace_judge(and_then_poison))
    verified = forge.judge(forge.minted(), with_second_opinion=False)
    assert verified.claims.identity == DANA
    assert verified.handoff_id == HANDOFF.id


def replace_judge(judge: object) -> object:
    """Return check 7 with another judge."""
    from bridge.saml import checks  # noqa: PLC0415

    return replace(checks.SIGNATURE, judge=judge)  # type: ignore[arg-type]


def test_nobody_trusted_means_refused(forge: Forge) -> None:
    """An empty trust accepts nothing."""
    from bridge.saml.verify import verify  # noqa: PLC0415

    with pytest.raises(errors.HandoffSignature):
        verify(forge.minted(), trust={}, endpoint=ENDPOINT, now=NOW, binding_secret=SECRET, second_opinion=None)
