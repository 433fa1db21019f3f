"""Unsolicited responses that identity providers of others signed, before our verifier, their attributes mapped by the trust."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge import errors
from bridge.handoff import is_reference, org_home
from bridge.identity import NO_EVIDENCE, EmailEvidence
from bridge.saml import names
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.trust import AttributeMap, Endpoint, Signed, TrustedIssuer
from bridge.saml.verify import VerifiedHandoff, verify
from tests.interop import pysaml2_peer
from tests.interop.node_peer import NodePeers
from tests.interop.setting import ROUTE, Issuer, now

MAIL = "urn:oid:0.9.2342.19200300.100.1.3"
DISPLAY_NAME = "urn:oid:2.16.840.1.113730.3.1.241"
USER = "urn:oid:0.9.2342.19200300.100.1.1"
PAT = {"mail": "pat@partner.example", "displayName": "Pat Ål", "uid": "pat"}
ENDPOINT = Endpoint(ROUTE.org_id, ROUTE.org_path, ROUTE.acs_url, ROUTE.sp_entity_id, "unsafe_unbound")
BY_PYSAML2 = AttributeMap(
    provider="saml_partner",
    sources=(("extern_uid", "NameID"), ("email", MAIL), ("name", DISPLAY_NAME), ("username", USER)),
    verified_domains=frozenset({"partner.example"}),
)
BY_SAMLIFY = replace(
    BY_PYSAML2, sources=(("extern_uid", "NameID"), ("email", "mail"), ("name", "displayName"), ("username", "uid"))
)


@pytest.fixture(scope="module")
def second_opinion() -> SecondOpinion:
    """python3-saml, which has to agree about foreign responses as about ours."""
    return SecondOpinion()


def judged(
    raw: bytes,
    issuer: Issuer,
    second_opinion: SecondOpinion,
    *,
    attribute_map: AttributeMap | None = BY_PYSAML2,
    signed: Signed = "both",
    endpoint: Endpoint = ENDPOINT,
    binding_secret: str | None = None,
) -> VerifiedHandoff:
    """Return what our verifier makes of *raw*."""
    trusted = TrustedIssuer(
        entity_id=issuer.entity_id,
        certificates=(issuer.key.certificate,),
        skew=timedelta(seconds=30),
        max_lifetime=timedelta(seconds=300),
        signed=signed,
        attribute_map=attribute_map,
    )
    return verify(
        raw,
        trust={issuer.entity_id: trusted},
        endpoint=endpoint,
        now=now(),
        binding_secret=binding_secret,
        second_opinion=second_opinion,
    )


def assert_pat(verified: VerifiedHandoff, issuer: Issuer) -> None:
    """Check everything that a foreign issuer's sign-in becomes."""
    claims = verified.claims
    assert verified.issuer == issuer.entity_id
    assert (claims.identity.key.provider, claims.identity.key.uid) == ("saml_partner", "pat-1")
    assert claims.identity.email is not None
    assert claims.identity.email.address == "pat@partner.example"
    assert claims.identity.evidence == EmailEvidence(verified=True, rule="trust.saml_partner")
    assert (claims.identity.name, claims.identity.username) == ("Pat Ål", "pat")
    assert (claims.org_id, claims.org_path) == (42, "acme")
    assert claims.return_to == org_home("acme")
    assert claims.binding is None
    assert is_reference(claims.reference)


class TestPysaml2:
    """pysaml2's identity provider, on our own metadata."""

    pytestmark = pytest.mark.usefixtures("pysaml2")

    @pytest.mark.parametrize("signed", ["response", "assertion", "both"])
    def test_its_response_is_accepted(
        self, issuer: Issuer, sp_metadata: Path, second_opinion: SecondOpinion, signed: Signed
    ) -> None:
        """Its prefixes, line breaks, Id attributes and types are not ours; what it says is read all the same."""
        raw = pysaml2_peer.issued(issuer, ROUTE, sp_metadata, attributes=PAT, signed=signed)
        assert_pat(judged(raw, issuer, second_opinion, signed=signed), issuer)

    @pytest.mark.parametrize(
        ("changes", "refusal"),
        [
            ({"algorithms": None}, errors.HandoffAlgorithm),
            ({"minutes": 60}, errors.HandoffLifetime),
            ({"name_id": (names.TRANSIENT, "8759d48d")}, errors.HandoffAttribute),
        ],
        ids=["its default is SHA-1", "an hour", "a transient NameID"],
    )
    def test_its_other_habits_are_refused(
        self,
        issuer: Issuer,
        sp_metadata: Path,
        second_opinion: SecondOpinion,
        changes: dict[str, Any],
        refusal: type[errors.HandoffError],
    ) -> None:
        """A foreign issuer meets our checks, not the other way round: docs/interop.md says what it has to be told."""
        raw = pysaml2_peer.issued(issuer, ROUTE, sp_metadata, attributes=PAT, **changes)
        with pytest.raises(refusal):
            judged(raw, issuer, second_opinion)

    def test_an_address_outside_its_domains_is_not_verified(
        self, issuer: Issuer, sp_metadata: Path, second_opinion: SecondOpinion
    ) -> None:
        """Nobody vouches for other people's domains, and a subdomain is another domain."""
        for address in ("dana@acme.example", "pat@evil.partner.example", "pat@partner.example.evil.example"):
            raw = pysaml2_peer.issued(issuer, ROUTE, sp_metadata, attributes={**PAT, "mail": address})
            identity = judged(raw, issuer, second_opinion).claims.identity
            assert identity.email is not None
            assert (identity.email.address, identity.evidence) == (address, NO_EVIDENCE)

    def test_what_it_does_not_say_is_not_there(self, issuer: Issuer, sp_metadata: Path, second_opinion: SecondOpinion) -> None:
        """Absence is never consent: no address, nothing verified."""
        raw = pysaml2_peer.issued(issuer, ROUTE, sp_metadata, attributes={"uid": "pat"})
        identity = judged(raw, issuer, second_opinion).claims.identity
        assert (identity.email, identity.name, identity.evidence) == (None, None, NO_EVIDENCE)

    def test_a_bound_organization_refuses_it(self, issuer: Issuer, sp_metadata: Path, second_opinion: SecondOpinion) -> None:
        """It cannot bind a sign-in to a browser; whatever cookie is there, it is not its own."""
        raw = pysaml2_peer.issued(issuer, ROUTE, sp_metadata, attributes=PAT)
        for secret in (None, "", "a cookie"):
            with pytest.raises(errors.HandoffUnbound):
                judged(raw, issuer, second_opinion, endpoint=replace(ENDPOINT, binding="bound"), binding_secret=secret)

    def test_where_the_person_is_asked_it_is_to_be_confirmed(
        self, issuer: Issuer, sp_metadata: Path, second_opinion: SecondOpinion
    ) -> None:
        """In `confirm` no cookie spares the question."""
        raw = pysaml2_peer.issued(issuer, ROUTE, sp_metadata, attributes=PAT)
        for secret in (None, "", "a cookie"):
            endpoint = replace(ENDPOINT, binding="confirm")
            assert judged(raw, issuer, second_opinion, endpoint=endpoint, binding_secret=secret).to_be_confirmed

    def test_without_a_map_it_speaks_no_contract(
        self, issuer: Issuer, sp_metadata: Path, second_opinion: SecondOpinion
    ) -> None:
        """A trust without `attributes` is a legacy cell's."""
        raw = pysaml2_peer.issued(issuer, ROUTE, sp_metadata, attributes=PAT)
        with pytest.raises(errors.HandoffContract):
            judged(raw, issuer, second_opinion, attribute_map=None)

    def test_one_response_has_one_reference(self, issuer: Issuer, sp_metadata: Path, second_opinion: SecondOpinion) -> None:
        """Posted twice, it is found under one reference; another response has another."""
        first, other = (pysaml2_peer.issued(issuer, ROUTE, sp_metadata, attributes=PAT) for _ in range(2))
        references = [judged(raw, issuer, second_opinion).claims.reference for raw in (first, first, other)]
        assert references[0] == references[1] != references[2]

    def test_a_stranger_with_its_name_is_refused(
        self, issuer: Issuer, stranger: Issuer, sp_metadata: Path, second_opinion: SecondOpinion
    ) -> None:
        """The pinned certificate decides."""
        raw = pysaml2_peer.issued(stranger, ROUTE, sp_metadata, attributes=PAT)
        with pytest.raises(errors.HandoffSignature):
            judged(raw, issuer, second_opinion)


class TestSamlify:
    """samlify's identity provider, on our own metadata."""

    @pytest.fixture
    def issue(self, node: NodePeers, issuer: Issuer, sp_metadata: Path) -> Callable[[], bytes]:
        """Let it make an unsolicited response."""

        def issued() -> bytes:
            answer = samlify_issued(node, issuer, sp_metadata)
            return base64.b64decode(answer)

        return issued

    def test_its_response_is_accepted(self, issue: Callable[[], bytes], issuer: Issuer, second_opinion: SecondOpinion) -> None:
        """Its white space, empty-element tags and milliseconds are not ours; what it says is read all the same."""
        assert_pat(judged(issue(), issuer, second_opinion, signed="response", attribute_map=BY_SAMLIFY), issuer)

    def test_a_changed_response_is_refused(
        self, issue: Callable[[], bytes], issuer: Issuer, second_opinion: SecondOpinion
    ) -> None:
        """What it signed is what is read."""
        raw = issue().replace(b"pat@partner.example", b"eve@partner.example")
        with pytest.raises(errors.HandoffSignature):
            judged(raw, issuer, second_opinion, signed="response", attribute_map=BY_SAMLIFY)


def samlify_issued(node: NodePeers, issuer: Issuer, sp_metadata: Path) -> str:
    """Return the base64 of a response that samlify's IdP made for the endpoint in *sp_metadata*."""
    answer = node.ask(
        "samlify",
        "issue",
        idpMetadata=issuer.metadata_file.read_text("utf-8"),
        spMetadata=sp_metadata.read_text("utf-8"),
        issuer=issuer.entity_id,
        audience=ROUTE.sp_entity_id,
        acsUrl=ROUTE.acs_url,
        keyFile=str(issuer.key_file),
        nameId="pat-1",
        attributes=PAT,
        signed="response",
    )
    assert "refused" not in answer, answer["refused"]
    return str(answer["response"])
