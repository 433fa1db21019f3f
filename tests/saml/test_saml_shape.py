"""Checks 3 to 6: root, schema and closed profile, status, one assertion."""

import pytest
from lxml import etree

from bridge import errors
from bridge.saml import names
from tests.saml.forge import Edit, Element, Forge, add, all_of, cut, drop, one, put, twice

SAML = f"{{{names.SAML}}}"
SAMLP = f"{{{names.SAMLP}}}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


@pytest.mark.parametrize(
    "edit",
    [
        put("/p:Response", "Version", "1.1"),
        put("/p:Response", "Version", "2.00"),
        put("/p:Response/a:Assertion", "Version", "1.1"),
        drop("/p:Response/a:Assertion", "Version"),
        put("/p:Response", "ID", "1starts-with-a-digit"),
        put("/p:Response", "ID", "_" * 300),
    ],
)
def test_root_version_and_ids(forge: Forge, edit: Edit) -> None:
    """Version 2.0 on both, and IDs that are IDs: a version that nobody knows is read by nobody."""
    with pytest.raises(errors.HandoffSchema):
        forge.judge(forge.changed(edit))


@pytest.mark.parametrize("raw", [b"<Response/>", b'<x:Response xmlns:x="urn:oasis:names:tc:SAML:2.0:protoco1"/>'])
def test_another_root_is_refused(forge: Forge, raw: bytes) -> None:
    """A look-alike namespace is another name."""
    with pytest.raises(errors.HandoffSchema):
        forge.judge(raw)


def test_an_assertion_alone_is_refused(forge: Forge) -> None:
    """The message is a Response; a signed assertion posted by itself is not one."""
    root = etree.fromstring(forge.minted(signed="assertion"))
    with pytest.raises(errors.HandoffSchema):
        forge.judge(etree.tostring(one(root, "//a:Assertion")))


STRAYS = {
    "extensions": add("/p:Response", f"{SAMLP}Extensions", at=2),
    "advice": add("//a:Conditions", f"{SAML}Advice"),
    "advice after conditions": add("/p:Response/a:Assertion", f"{SAML}Advice", at=3),
    "status detail": add("//p:Status", f"{SAMLP}StatusDetail"),
    "base id": add("//a:SubjectConfirmation", f"{SAML}NameID", at=0, text="x"),
    "unknown condition": add("//a:Conditions", f"{SAML}Condition", {f"{XSI}type": "x"}),
    "proxy restriction": add("//a:Conditions", f"{SAML}ProxyRestriction"),
    "child of confirmation data": add("//a:SubjectConfirmationData", "{urn:x}y"),
    "child of a value": add("//a:Attribute[@Name='name']/a:AttributeValue", "{urn:x}y"),
    "authorization statement": add(
        "/p:Response/a:Assertion", f"{SAML}AuthzDecisionStatement", {"Resource": "x", "Decision": "Permit"}
    ),
    "encrypted attribute": add("//a:AttributeStatement", f"{SAML}EncryptedAttribute"),
    "unknown element": add("/p:Response", "{urn:x}y"),
    "a second status": add("/p:Response", f"{SAMLP}Status"),
    "two authentication statements": twice("//a:AuthnStatement"),
    "no authentication statement": cut("//a:AuthnStatement"),
    "no issuer": cut("/p:Response/a:Assertion/a:Issuer"),
    "issue instant is no time": put("/p:Response", "IssueInstant", "yesterday"),
    "a foreign ID beside the ID": put("/p:Response", f"{SAMLP}ID", "_x"),
    "xml:id on an attribute": put("//a:Attribute[@Name='name']", "{http://www.w3.org/XML/1998/namespace}id", "_x"),
    "a foreign ID on an attribute": put("//a:Attribute[@Name='name']", "{urn:x}ID", "_x"),
    "an xsi ID on an attribute": put("//a:Attribute[@Name='name']", f"{XSI}ID", "_x"),
    "a foreign attribute of the data": put("//a:SubjectConfirmationData", "{urn:x}ID", "_x"),
    "xsi:schemaLocation": put("/p:Response", f"{XSI}schemaLocation", "urn:x file:///dev/zero"),
    "xsi:noNamespaceSchemaLocation": put("//p:StatusCode", f"{XSI}noNamespaceSchemaLocation", names.SUCCESS),
    "xsi:type that does not fit": put("//a:Conditions", f"{XSI}type", "saml:AssertionType"),
}


@pytest.mark.parametrize("name", STRAYS)
def test_only_the_closed_profile(forge: Forge, name: str) -> None:
    """What the profile does not know is refused, signed or not: an unknown condition may not be ignored (core 2.5.1.1)."""
    with pytest.raises(errors.HandoffSchema):
        forge.judge(forge.changed(STRAYS[name]))


@pytest.mark.parametrize(
    ("attributes", "refusal"), [({}, errors.HandoffSchema), ({"ID": "_" + "b" * 32}, errors.HandoffSignature)]
)
def test_key_info_holds_nothing_foreign(forge: Forge, attributes: dict[str, str], refusal: type[errors.HandoffError]) -> None:
    """KeyInfo is not signed: an element smuggled in there could carry an ID for somebody who looks it up."""

    def spoil(made: Element) -> None:
        etree.SubElement(made[2], "{urn:x}y", attributes)

    with pytest.raises(refusal):
        forge.judge(forge.signed(forge.tree(), spoil=spoil))


@pytest.mark.parametrize(
    "edit",
    [
        put("//p:StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Responder"),
        put("//p:StatusCode", "Value", ""),
        put("//p:StatusCode", "Value", names.SUCCESS + " "),
        all_of(
            add("//p:StatusCode", f"{SAMLP}StatusCode", {"Value": names.SUCCESS}),
            put("/p:Response/p:Status/p:StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Requester"),
        ),
    ],
    ids=["responder", "empty", "space", "success below"],
)
def test_only_success_succeeds(forge: Forge, edit: Edit) -> None:
    """The Value of the one top status code decides, and nothing else."""
    with pytest.raises(errors.HandoffStatus):
        forge.judge(forge.changed(edit))


def test_a_response_without_an_assertion_is_refused(forge: Forge) -> None:
    """A signed Response that carries no assertion says nothing about anybody."""
    with pytest.raises(errors.HandoffAssertionCount):
        forge.judge(forge.changed(cut("/p:Response/a:Assertion")))


def test_the_one_assertion_stands_in_the_response(forge: Forge) -> None:
    """A single assertion at another place is refused as well, though the issuer signed it there."""

    def edit(root: Element) -> None:
        extensions = etree.Element(f"{SAMLP}Extensions")
        extensions.append(one(root, "/p:Response/a:Assertion"))
        root.insert(1, extensions)

    with pytest.raises(errors.HandoffAssertionCount):
        forge.judge(forge.changed(edit))


def test_the_evidence_of_a_schema_error_has_a_line_and_no_value(forge: Forge) -> None:
    """A schema error names its kind and the line of the posted document; the value, which may be an address, is not logged."""
    root = forge.tree()
    root.text = "\n\n"
    one(root, "/p:Response").set("IssueInstant", "yesterday")
    with pytest.raises(errors.HandoffSchema) as caught:
        forge.judge(forge.signed(root))
    assert caught.value.received.startswith("SCHEMAV_")
    assert "yesterday" not in str(caught.value)
    assert caught.value.line == 1
