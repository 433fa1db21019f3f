"""Checks 13 to 16 of an issuer that does not speak cellbridge/1. All documents here are signed by the trusted key."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from bridge import errors
from bridge.contract import MAX_VALUE_CHARS
from bridge.identity import NO_EVIDENCE, EmailEvidence
from bridge.saml import names
from bridge.saml.trust import AttributeMap
from bridge.saml.verify import VerifiedHandoff
from tests.saml.forge import ENDPOINT, ISSUER, SECRET, Edit, Forge, one

SAML = f"{{{names.SAML}}}"
HONEST = {"mail": ["pat@partner.example"], "displayName": ["Pat"], "employee": ["e-17"], "contractor": ["cellbridge/1"]}
MAP = AttributeMap(
    provider="saml_partner",
    sources=(("extern_uid", "employee"), ("email", "mail"), ("name", "displayName"), ("username", "login")),
    verified_domains=frozenset({"partner.example"}),
)
BY_NAME_ID = replace(MAP, sources=(("extern_uid", "NameID"), ("email", "mail")))


def stated(values: Mapping[str, list[str]], *, name_id: Mapping[str, str] | None = None) -> Edit:
    """Return the edit that lets the issuer state *values* and nothing of ours, about `pat-1`."""

    def edit(root: etree._Element) -> None:
        statement = one(root, "//a:AttributeStatement")
        for attribute in list(statement):
            statement.remove(attribute)
        for name, texts in values.items():
            attribute = etree.SubElement(statement, f"{SAML}Attribute", Name=name)
            for text in texts:
                etree.SubElement(attribute, f"{SAML}AttributeValue").text = text
        subject = one(root, "//a:NameID")
        subject.text = "pat-1"
        for name, value in (name_id or {}).items():
            subject.set(name, value)

    return edit


def judged(
    forge: Forge, edit: Edit, *, attribute_map: AttributeMap = MAP, binding: Any = "unsafe_unbound", **how: Any
) -> VerifiedHandoff:
    """Return the verdict on what the issuer states, under *attribute_map*."""
    trusted = forge.trusted(attribute_map=attribute_map)
    return forge.judge(forge.changed(edit), trusted=trusted, endpoint=replace(ENDPOINT, binding=binding), **how)


def test_its_attributes_are_read_by_the_map(forge: Forge) -> None:
    """The trust says what is what; an attribute that the issuer leaves out is not there."""
    claims = judged(forge, stated(HONEST)).claims
    identity = claims.identity
    assert (identity.key.provider, identity.key.uid, identity.name, identity.username) == ("saml_partner", "e-17", "Pat", None)
    assert identity.evidence == EmailEvidence(verified=True, rule="trust.saml_partner")
    assert (claims.org_id, claims.org_path, claims.return_to.path, claims.binding) == (42, "acme", "/o/acme/", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"employee": []},
        {"employee": [""]},
        {"employee": ["e-17", "e-17"]},
        {"employee": ["e-17", "e-18"]},
        {"employee": [" e-17"]},
        {"employee": ["x" * (MAX_VALUE_CHARS + 1)]},
        {"mail": []},
        {"mail": [""]},
        {"mail": ["pat@partner.example", "dana@acme.example"]},
        {"mail": ["pat@partner.example "]},
        {"mail": ["Pat <pat@partner.example>"]},
        {"displayName": ["Pat\u202e"]},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_mapped_attribute_stands_once_in_its_form(forge: Forge, changes: dict[str, list[str]]) -> None:
    """Exactly one, unfolded and untrimmed, holds for a foreign issuer's attributes as for ours."""
    with pytest.raises(errors.HandoffAttribute):
        judged(forge, stated({**HONEST, **changes}))


def test_the_uid_is_required(forge: Forge) -> None:
    """Nobody is signed in by an address alone."""
    with pytest.raises(errors.HandoffAttribute) as refused:
        judged(forge, stated({"mail": ["pat@partner.example"]}))
    assert "extern_uid" in str(refused.value.expected)


@pytest.mark.parametrize("name", ["Employee", "employee ", "urn:employee"])
def test_names_are_compared_exactly(forge: Forge, name: str) -> None:
    """An attribute of nearly the name is another attribute, and a FriendlyName is none."""

    def edit(root: etree._Element) -> None:
        stated({**{key: HONEST[key] for key in ("mail", "displayName")}, name: ["e-17"]})(root)
        one(root, f"//a:Attribute[@Name='{name}']").set("FriendlyName", "employee")

    with pytest.raises(errors.HandoffAttribute):
        judged(forge, edit)


def test_its_own_word_for_our_claims_is_not_read(forge: Forge) -> None:
    """Provider, evidence, organization, binding, return path and reference are never a foreign issuer's to say."""
    lies = {
        "provider": ["google_oauth2"],
        "extern_uid": ["10820"],
        "email": ["dana@acme.example"],
        "email_verified": ["true"],
        "email_evidence": ["google.email_verified"],
        "organization_id": ["43"],
        "organization_path": ["globex"],
        "return_to": ["/o/globex/"],
        "reference": ["7KQ2M-4XD9R"],
    }
    claims = judged(forge, stated({**HONEST, **lies, "mail": ["pat@elsewhere.example"]})).claims
    assert (claims.identity.key.provider, claims.identity.key.uid) == ("saml_partner", "e-17")
    assert claims.identity.evidence == NO_EVIDENCE
    assert (claims.org_id, claims.return_to.path) == (42, "/o/acme/")
    assert claims.reference != "7KQ2M-4XD9R"


@pytest.mark.parametrize("values", [["cellbridge/1"], ["cellbridge/2"], [""], []], ids=str)
def test_an_issuer_that_is_mapped_states_no_contract(forge: Forge, values: list[str]) -> None:
    """A legacy cell that was mapped by mistake is refused, and not robbed of its binding."""
    with pytest.raises(errors.HandoffContract):
        judged(forge, stated({**HONEST, "contract": values}))


@pytest.mark.parametrize("address", ["pat@PARTNER.example", "PAT@partner.example"])
def test_domains_are_compared_without_case(forge: Forge, address: str) -> None:
    """A domain is one in capitals too."""
    assert judged(forge, stated({**HONEST, "mail": [address]})).claims.identity.evidence.verified


@pytest.mark.parametrize("address", ["pat@sub.partner.example", "pat@notpartner.example", "pat@acme.example"])
def test_an_address_elsewhere_is_not_verified(forge: Forge, address: str) -> None:
    """The issuer vouches for the listed domains only, not for what ends like one."""
    assert judged(forge, stated({**HONEST, "mail": [address]})).claims.identity.evidence == NO_EVIDENCE


def test_no_listed_domain_means_nothing_is_verified(forge: Forge) -> None:
    """Absence is never consent."""
    silent = replace(MAP, verified_domains=frozenset())
    assert judged(forge, stated(HONEST), attribute_map=silent).claims.identity.evidence == NO_EVIDENCE


class TestNameId:
    """Where the subject's name is a claim."""

    def test_a_lasting_one_is_read(self, forge: Forge) -> None:
        """A persistent NameID of the issuer's own is somebody's name for good."""
        edit = stated(HONEST, name_id={"NameQualifier": ISSUER})
        assert judged(forge, edit, attribute_map=BY_NAME_ID).claims.identity.key.uid == "pat-1"

    @pytest.mark.parametrize(
        "name_id",
        [{"Format": names.TRANSIENT}, {"NameQualifier": "https://elsewhere.example"}, {"SPNameQualifier": "https://x.example"}],
        ids=["transient", "another's", "for another"],
    )
    def test_one_that_names_nobody_for_good_is_refused(self, forge: Forge, name_id: dict[str, str]) -> None:
        """Core 8.3.7 and 8.3.8: a transient name is new each time, and a qualified one is unique in its own space only."""
        with pytest.raises(errors.HandoffAttribute):
            judged(forge, stated(HONEST, name_id=name_id), attribute_map=BY_NAME_ID)

    def test_its_form_does_not_matter_where_it_is_not_read(self, forge: Forge) -> None:
        """A login name that looks like an address contradicts nothing: the map has named the one source."""
        for form in (names.TRANSIENT, names.EMAIL_ADDRESS):
            assert judged(forge, stated(HONEST, name_id={"Format": form})).claims.identity.key.uid == "e-17"

    def test_an_attribute_of_that_name_is_not_the_subjects(self, forge: Forge) -> None:
        """`NameID` in the map is the subject's name, whatever attributes call themselves so."""
        edit = stated({**HONEST, "NameID": ["eve"]})
        assert judged(forge, edit, attribute_map=BY_NAME_ID).claims.identity.key.uid == "pat-1"


@pytest.mark.parametrize("secret", [None, "", SECRET])
def test_nothing_binds_it_to_a_browser(forge: Forge, secret: str | None) -> None:
    """No cookie makes a foreign response bound: refused where it must be, to be confirmed where the person is asked."""
    with pytest.raises(errors.HandoffUnbound):
        judged(forge, stated(HONEST), binding="bound", secret=secret)
    assert judged(forge, stated(HONEST), binding="confirm", secret=secret).to_be_confirmed


def test_an_honest_legacy_cell_is_refused_under_a_map(forge: Forge) -> None:
    """A document with a contract, signed and bound as it should be, is still not read in the foreign way."""
    with pytest.raises(errors.HandoffContract):
        judged(forge, lambda _root: None)
