"""Checks 13 to 16: contract, attributes, organization, browser. All documents here are signed by the trusted key."""

import copy
from dataclasses import replace

import pytest

from bridge import errors
from bridge.contract import KNOWN, MAX_VALUE_CHARS, REQUIRED
from bridge.saml import names
from tests.saml.forge import (
    ENDPOINT,
    HANDOFF,
    SECRET,
    Edit,
    Element,
    Forge,
    add,
    all_of,
    attribute,
    cut,
    one,
    put,
    twice,
    write,
)

SAML = f"{{{names.SAML}}}"
VALUE = "//a:Attribute[@Name='{}']/a:AttributeValue"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def value(name: str, text: str) -> Edit:
    """Return the edit that gives the attribute *name* another value."""
    return write(VALUE.format(name), text)


def element(root: Element, name: str) -> Element:
    """Return the Attribute element called *name*."""
    return one(root, f"//a:Attribute[@Name='{name}']")


def missing(name: str) -> Edit:
    """Return the edit that removes the attribute *name*."""
    return lambda root: one(root, "//a:AttributeStatement").remove(element(root, name))


def doubled(name: str, other: str) -> Edit:
    """Return the edit that adds a second Attribute of that name with the value *other*."""

    def edit(root: Element) -> None:
        second = copy.deepcopy(element(root, name))
        second[0].text = other
        element(root, name).addnext(second)

    return edit


def two_values(name: str) -> Edit:
    """Return the edit that gives the attribute *name* two values."""
    return lambda root: element(root, name).append(copy.deepcopy(attribute(root, name)))


def no_value(name: str) -> Edit:
    """Return the edit that leaves the attribute *name* without a value element."""
    return lambda root: element(root, name).remove(attribute(root, name))


def renamed(name: str, new: str) -> Edit:
    """Return the edit that calls the attribute *name* otherwise."""
    return lambda root: element(root, name).set("Name", new)


@pytest.mark.parametrize(
    "edit",
    [
        missing("contract"),
        value("contract", "cellbridge/2"),
        value("contract", "cellbridge/1 "),
        value("contract", ""),
        doubled("contract", "cellbridge/1"),
        two_values("contract"),
        renamed("contract", "Contract"),
    ],
    ids=["missing", "another", "space", "empty", "doubled", "two values", "another case"],
)
def test_the_contract_is_named_once(forge: Forge, edit: Edit) -> None:
    """A document of a version that we do not speak is not read any further."""
    with pytest.raises(errors.HandoffContract):
        forge.judge(forge.changed(edit))


@pytest.mark.parametrize("name", [name for name in REQUIRED if name != "contract"])
@pytest.mark.parametrize("change", ["missing", "doubled", "two values", "no value", "empty", "capitals", "nil"])
def test_each_required_attribute_exactly_once(forge: Forge, name: str, change: str) -> None:
    """Zero, two, none, empty and a name that is only similar are all refusals; the evidence names the attribute."""
    edits: dict[str, Edit] = {
        "missing": missing(name),
        "doubled": doubled(name, "x"),
        "two values": two_values(name),
        "no value": no_value(name),
        "empty": value(name, ""),
        "capitals": renamed(name, name.upper()),
        "nil": all_of(value(name, ""), put(VALUE.format(name), f"{XSI}nil", "true")),
    }
    with pytest.raises(errors.HandoffAttribute) as caught:
        forge.judge(forge.changed(edits[change]))
    assert name in caught.value.expected


@pytest.mark.parametrize("name", ["email", "name", "username"])
def test_an_optional_attribute_at_most_once(forge: Forge, name: str) -> None:
    """What may be left out may still not stand twice or empty."""
    for edit in (doubled(name, "x@acme.example"), two_values(name), value(name, ""), no_value(name)):
        with pytest.raises(errors.HandoffAttribute):
            forge.judge(forge.changed(edit))


MALFORMED: dict[str, Edit] = {
    "email with a no-break space": value("email", "dana@acme.example\u00a0"),
    "email with a Kelvin sign": value("email", "\u212adana@acme.example"),
    "email with a dotless i": value("email", "dana@acm\u0131.example"),
    "two emails": value("email", "dana@acme.example,evil@acme.example"),
    "email with a line end": value("email", "dana@acme.example\r\nBcc: x"),
    "email without a domain": value("email", "dana"),
    "email too long": value("email", "d" * 300 + "@acme.example"),
    "uid with a space": value("extern_uid", " 100 "),
    "uid too long": value("extern_uid", "1" * 256),
    "provider with a capital": value("provider", "Google"),
    "provider with markup": value("provider", "<b>"),
    "verified yes": value("email_verified", "yes"),
    "verified 1": value("email_verified", "1"),
    "verified True": value("email_verified", "True"),
    "org id with a sign": value("organization_id", "+42"),
    "org id with a zero": value("organization_id", "042"),
    "org id in other digits": value("organization_id", "\u0664\u0662"),
    "org path that climbs": value("organization_path", "../acme"),
    "return to another host": value("return_to", "//evil.example"),
    "return to another org": value("return_to", "/o/globex/"),
    "return with a backslash": value("return_to", "/\\evil.example"),
    "binding too short": value("binding", "ab"),
    "binding in capitals": value("binding", "AB" * 32),
    "reference of another form": value("reference", "x"),
    "name too long": value("name", "n" * 256),
    "name with an override": value("name", "\u202eanaD"),
    "any value too long": value("email_evidence", "e" * (MAX_VALUE_CHARS + 1)),
    "an element in a value": add(VALUE.format("email"), f"{SAML}NameID"),
    "a second statement": twice("//a:AttributeStatement"),
    "an empty NameID": write("//a:NameID", ""),
    "no NameID": cut("//a:NameID"),
    "a NameID for another SP": put("//a:NameID", "SPNameQualifier", "https://other.example"),
    "another address in the NameID": all_of(
        put("//a:NameID", "Format", names.EMAIL_ADDRESS), write("//a:NameID", "evil@acme.example")
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_values_are_of_their_form_or_refused(forge: Forge, name: str) -> None:
    """Nothing is trimmed, folded or repaired on arrival, and no value falls back to another."""
    refusals = (errors.HandoffAttribute, errors.HandoffContract) if name == "a second statement" else errors.HandoffAttribute
    with pytest.raises(refusals):
        forge.judge(forge.changed(MALFORMED[name]))


def test_a_refusal_does_not_repeat_a_value(forge: Forge) -> None:
    """The evidence of a malformed attribute goes to logs, so it holds no personal data."""
    with pytest.raises(errors.HandoffAttribute) as caught:
        forge.judge(forge.changed(value("email", "dana.secret@@acme.example")))
    assert "dana.secret" not in str(caught.value.evidence())


def test_a_legacy_cell_speaks_for_the_providers_it_is_trusted_with(forge: Forge) -> None:
    """One legacy cell that was taken over does not open the accounts of every provider."""
    trusted = forge.trusted(providers=frozenset({"google_oauth2"}))
    assert forge.judge(forge.minted(), trusted=trusted).handoff_id == HANDOFF.id
    with pytest.raises(errors.HandoffAttribute) as refused:
        forge.judge(forge.changed(value("provider", "github")), trusted=trusted)
    assert refused.value.evidence()["received"] == "github"


def test_no_legacy_cell_speaks_for_a_foreign_issuers_people(forge: Forge) -> None:
    """Their accounts are filed under `saml_...`, which no list of providers can hold."""
    with pytest.raises(errors.HandoffAttribute):
        forge.judge(forge.changed(value("provider", "saml_partner")))


@pytest.mark.parametrize(
    "edit",
    [
        value("organization_id", "43"),
        all_of(value("organization_path", "globex"), value("return_to", "/o/globex/")),
    ],
)
def test_id_and_path_are_the_endpoints(forge: Forge, edit: Edit) -> None:
    """A handoff for another organization of the same cell is refused, even if its addresses are ours."""
    with pytest.raises(errors.HandoffOrg):
        forge.judge(forge.changed(edit))


@pytest.mark.parametrize("secret", [None, "", "another browser's", SECRET + " ", "\ud800"])
def test_the_browser_that_posts_is_the_one_that_started(forge: Forge, secret: str | None) -> None:
    """Without the cookie, or with another one, nothing is opened (login CSRF)."""
    with pytest.raises(errors.HandoffUnbound) as caught:
        forge.judge(forge.minted(), secret=secret)
    assert SECRET not in str(caught.value.evidence())


def test_unbound_is_spelled_out(forge: Forge) -> None:
    """Only an endpoint that says unsafe_unbound does without the cookie."""
    unbound = replace(ENDPOINT, binding="unsafe_unbound")
    assert forge.judge(forge.minted(), endpoint=unbound, secret=None).handoff_id == HANDOFF.id


def test_every_known_attribute_is_minted(forge: Forge) -> None:
    """The tests above would pass by accident if an attribute was never there."""
    root = forge.tree()
    assert {one_.get("Name") for one_ in root.iter(names.ATTRIBUTE)} == set(KNOWN)
