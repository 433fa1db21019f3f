"""Our responses before software that is not ours: each peer accepts them, reads what we wrote, and refuses changed ones."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from onelogin.saml2.errors import OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from signxml.exceptions import InvalidSignature
from signxml.verifier import SignatureConfiguration, XMLVerifier

from bridge.saml import names
from bridge.saml.second_opinion import prepare_process, request_data_of, settings_of
from bridge.saml.sign import SignedResponse
from bridge.saml.trust import Endpoint, Signed, TrustedIssuer
from bridge.saml.xml import canonical
from tests.interop import pysaml2_peer
from tests.interop.node_peer import NodePeers
from tests.interop.setting import DANA, ROUTE, UID, Issuer

EXPECTED = {
    "contract": "cellbridge/1",
    "email": "dana@acme.example",
    "name": "Dana Ål & Söhne <ß>",
    "extern_uid": UID,
    "organization_path": "acme",
    "return_to": "/o/acme/projects/7?tab=2",
}
NAME_ID = f"google_oauth2:{UID}"


@dataclass(frozen=True)
class Read:
    """What a peer read out of a response: the NameID, and one value for each attribute."""

    name_id: str
    attributes: Mapping[str, str]


class RefusedInNode(Exception):
    """Raised with what a peer in Node said against a response."""


REFUSALS = (pysaml2_peer.SignatureError, OneLogin_Saml2_ValidationError, InvalidSignature, RefusedInNode)


@dataclass(frozen=True)
class Around:
    """What only some peers need: the metadata of the organization's endpoint, and software that may not be installed."""

    sp_metadata: Path
    request: pytest.FixtureRequest

    @property
    def node(self) -> NodePeers:
        """The peers in Node; skips the test without them."""
        peers = self.request.getfixturevalue("node")
        assert isinstance(peers, NodePeers)
        return peers


@pytest.fixture
def around(request: pytest.FixtureRequest, sp_metadata: Path) -> Around:
    """What only some peers need."""
    return Around(sp_metadata, request)


def flat(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return one value for each attribute, from a peer that may give lists of one."""
    return {name: value[0] if isinstance(value, list) else value for name, value in attributes.items()}


def by_pysaml2(issuer: Issuer, response: str, signed: Signed, around: Around) -> Read:
    """pysaml2's service provider, told about us by our own metadata."""
    around.request.getfixturevalue("pysaml2")
    name_id, attributes = pysaml2_peer.accepted(issuer, ROUTE, response, signed)
    return Read(name_id, flat(attributes))


def by_python3_saml(issuer: Issuer, response: str, signed: Signed, around: Around) -> Read:
    """python3-saml as it is sold: no cache, its own clock, strict, with every check that applies switched on."""
    prepare_process()
    endpoint = Endpoint(ROUTE.org_id, ROUTE.org_path, ROUTE.acs_url, ROUTE.sp_entity_id, "bound")
    trusted = TrustedIssuer(issuer.entity_id, (issuer.key.certificate,), timedelta(0), timedelta(seconds=300), signed)
    judge = OneLogin_Saml2_Response(OneLogin_Saml2_Settings(settings_of(trusted, endpoint)), response)
    judge.is_valid(request_data_of(endpoint), raise_exceptions=True)
    return Read(judge.get_nameid(), flat(judge.get_attributes()))


def by_signxml(issuer: Issuer, response: str, signed: Signed, around: Around) -> Read:
    """signxml judges XML signatures, not SAML: the pinned certificate, the place, and what was signed."""
    document = etree.fromstring(base64.b64decode(response))
    if signed in ("response", "both"):
        document = _signed_by(issuer, document)
    assertion = document.find(names.ASSERTION)
    assert assertion is not None
    if signed in ("assertion", "both"):
        assertion = _signed_by(issuer, etree.fromstring(canonical(assertion)))
    values = {
        attribute.get("Name", ""): attribute.findtext(names.ATTRIBUTE_VALUE) or ""
        for attribute in assertion.iter(names.ATTRIBUTE)
    }
    return Read(assertion.findtext(f"{names.SUBJECT}/{names.NAME_ID}") or "", values)


def _signed_by(issuer: Issuer, element: etree._Element) -> etree._Element:
    config = SignatureConfiguration(location="./", ignore_ambiguous_key_info=False)
    result = XMLVerifier().verify(
        element, x509_cert=issuer.key.certificate, id_attribute="ID", expect_config=config, validate_schema=True
    )
    assert not isinstance(result, list)
    assert result.signed_xml is not None
    return result.signed_xml


def by_node_saml(issuer: Issuer, response: str, signed: Signed, around: Around) -> Read:
    """node-saml, which passport uses: certificate, issuer, audience, times, InResponseTo, and what must be signed."""
    return _answered(
        around.node.ask(
            "node-saml",
            "accept",
            certificates=[issuer.certificate],
            issuer=issuer.entity_id,
            audience=ROUTE.sp_entity_id,
            acsUrl=ROUTE.acs_url,
            signed=signed,
            response=response,
        )
    )


def by_samlify(issuer: Issuer, response: str, signed: Signed, around: Around) -> Read:
    """samlify with its schema validator, told about both sides by our own metadata."""
    return _answered(
        around.node.ask(
            "samlify",
            "accept",
            idpMetadata=issuer.metadata_file.read_text("utf-8"),
            spMetadata=around.sp_metadata.read_text("utf-8"),
            response=response,
        )
    )


def _answered(answer: Mapping[str, Any]) -> Read:
    if "refused" in answer:
        raise RefusedInNode(answer["refused"])
    return Read(answer["nameId"], flat(answer["attributes"]))


Judge = Callable[[Issuer, str, Signed, Around], Read]
PYTHON: dict[str, Judge] = {"pysaml2": by_pysaml2, "python3-saml": by_python3_saml, "signxml": by_signxml}
NODE: dict[str, Judge] = {"node-saml": by_node_saml, "samlify": by_samlify}
each_peer = pytest.mark.parametrize("judge", [*PYTHON.values(), *NODE.values()], ids=[*PYTHON, *NODE])
each_node_peer = pytest.mark.parametrize("judge", NODE.values(), ids=list(NODE))
each_python_peer = pytest.mark.parametrize("judge", PYTHON.values(), ids=list(PYTHON))
each_way_to_sign = pytest.mark.parametrize("signed", ["response", "assertion", "both"])


def changed(response: SignedResponse, old: str, new: str) -> str:
    """Return the base64 of *response* with *old* replaced by *new*; its signature stays as it was."""
    text = response.xml.decode("utf-8")
    assert old in text
    return base64.b64encode(text.replace(old, new).encode("utf-8")).decode("ascii")


@each_way_to_sign
@each_peer
def test_a_peer_accepts_our_response_and_reads_what_we_wrote(
    issuer: Issuer, around: Around, judge: Judge, signed: Signed
) -> None:
    """What we mint is plain SAML: others accept it, and read the same values, whatever part we sign."""
    read = judge(issuer, issuer.mint(signed=signed).base64, signed, around)
    assert read.name_id == NAME_ID
    assert {name: read.attributes.get(name) for name in EXPECTED} == EXPECTED
    assert read.attributes["extern_uid"] == DANA.key.uid


@each_way_to_sign
@each_peer
def test_a_peer_refuses_our_response_when_it_was_changed(issuer: Issuer, around: Around, judge: Judge, signed: Signed) -> None:
    """The peers really judge here: one changed letter of a value, and each of them says no."""
    response = changed(issuer.mint(signed=signed), "dana@acme.example", "dane@acme.example")
    with pytest.raises(REFUSALS):
        judge(issuer, response, signed, around)


@each_peer
def test_a_peer_refuses_a_stranger_who_uses_the_issuers_name(
    issuer: Issuer, stranger: Issuer, around: Around, judge: Judge
) -> None:
    """A key that the peer was not told about signs nothing, though the response carries its certificate."""
    with pytest.raises(REFUSALS):
        judge(issuer, stranger.mint().base64, "response", around)


@each_way_to_sign
@each_python_peer
def test_a_peer_for_python_accepts_ecdsa(ec_issuer: Issuer, around: Around, judge: Judge, signed: Signed) -> None:
    """r and s are written as XML Signature wants them, not as DER: three implementations agree."""
    assert judge(ec_issuer, ec_issuer.mint(signed=signed).base64, signed, around).name_id == NAME_ID


@each_node_peer
def test_a_peer_for_node_knows_no_ecdsa(ec_issuer: Issuer, around: Around, judge: Judge) -> None:
    """Their library of XML signatures has RSA only: docs/interop.md says so, and this fails when it learns."""
    with pytest.raises(RefusedInNode, match=r"(?i)signature"):
        judge(ec_issuer, ec_issuer.mint().base64, "response", around)
