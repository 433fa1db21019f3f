"""What a foreign issuer states and may not: values out of form, other people, addresses that it does not vouch for."""

from typing import Any

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Element, cut, one, put, write
from tests.saml.variety import SAML
from tests.vectors.recipes.attributes import path_to, place_of
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.stated import (
    ATTRIBUTE,
    PAT,
    SAM,
    STATEMENT,
    by,
    directory,
    of_the_directory,
    of_the_partner,
    partner,
)

_NAME_ID = "Response/Assertion/Subject/NameID"


def _value(number: int, value: int | None = None) -> str:
    """Return the place of a value of the attribute *number*, the one called *value* where there are several."""
    return f"{STATEMENT}/Attribute[{number}]/AttributeValue" + (f"[{value}]" if value else "")


def _stated(name: str, because: str, threat: int, changes: dict[str, tuple[str, ...]], node: str, **more: Any) -> Case:
    return of_the_partner(
        f"foreign-{name}", because, partner({**PAT, **changes}), **{"threat": threat, "expect": ATTRIBUTE, "node": node, **more}
    )


def _without(name: str) -> dict[str, tuple[str, ...]]:
    return {each: values for each, values in PAT.items() if each != name}


def _second_attribute(root: Element) -> None:
    statement = one(root, "//a:AttributeStatement")
    added = etree.SubElement(statement, f"{SAML}Attribute", Name="employee")
    etree.SubElement(added, f"{SAML}AttributeValue").text = "e-18"


def _second_statement(root: Element) -> None:
    statement = one(root, "//a:AttributeStatement")
    second = etree.Element(names.ATTRIBUTE_STATEMENT)
    added = etree.SubElement(second, f"{SAML}Attribute", Name="employee")
    etree.SubElement(added, f"{SAML}AttributeValue").text = "e-18"
    statement.addnext(second)


def _only_friendly(root: Element) -> None:
    one(root, "//a:Attribute[@Name='urn:employee']").set("FriendlyName", "employee")


_VALUES = [
    of_the_partner(
        "foreign-uid-missing",
        "Nobody is signed in by an address alone.",
        partner(_without("employee")),
        threat=38,
        expect=ATTRIBUTE,
        node=STATEMENT,
    ),
    _stated("uid-without-value", "The uid is stated without a value.", 38, {"employee": ()}, f"{STATEMENT}/Attribute[1]"),
    _stated("uid-empty", "The uid is empty.", 38, {"employee": ("",)}, _value(1)),
    _stated("uid-twice", "The uid has two values.", 37, {"employee": ("e-17", "e-18")}, _value(1, 2)),
    of_the_partner(
        "foreign-uid-in-two-attributes",
        "Two attributes of one name.",
        partner(PAT, _second_attribute),
        threat=37,
        expect=ATTRIBUTE,
        node=_value(5),
    ),
    of_the_partner(
        "foreign-two-statements",
        "Two statements, each with a uid.",
        partner(PAT, _second_statement),
        threat=37,
        expect=ATTRIBUTE,
        node="Response/Assertion",
    ),
    _stated("uid-padded", "White space around the uid.", 39, {"employee": (" e-17",)}, _value(1)),
    _stated("uid-with-line-end", "A line end in the uid.", 40, {"employee": ("e-17\nx",)}, _value(1)),
    _stated("uid-too-long", "A uid that is longer than any.", 40, {"employee": ("x" * 2049,)}, _value(1)),
    of_the_partner(
        "foreign-uid-is-an-element",
        "The uid is an element, read in part by some.",
        partner(
            PAT, lambda root: etree.SubElement(one(root, "//a:Attribute[@Name='employee']/a:AttributeValue"), f"{SAML}NameID")
        ),
        threat=19,
        expect=ATTRIBUTE,
        node=_value(1),
    ),
    of_the_partner(
        "foreign-uid-by-friendly-name",
        "Only the FriendlyName says that it is the uid.",
        partner({**_without("employee"), "urn:employee": ("e-17",)}, _only_friendly),
        threat=8,
        expect=ATTRIBUTE,
        node=STATEMENT,
    ),
    of_the_partner(
        "foreign-uid-by-a-like-name",
        "Nearly the name of the attribute.",
        partner({**_without("employee"), "Employee": ("e-17",)}),
        threat=8,
        expect=ATTRIBUTE,
        node=STATEMENT,
    ),
    _stated("email-twice", "Two addresses.", 37, {"mail": ("pat@partner.example", "dana@acme.example")}, _value(2, 2)),
    _stated(
        "email-list", "A list of addresses in one value.", 40, {"mail": ("pat@partner.example,dana@acme.example",)}, _value(2)
    ),
    _stated("email-padded", "White space after the address.", 39, {"mail": ("pat@partner.example ",)}, _value(2)),
    _stated("email-with-a-name", "A name and an address.", 40, {"mail": ("Pat <pat@partner.example>",)}, _value(2)),
    _stated(
        "email-look-alike-domain",
        "A letter of another script in the domain.",
        39,
        {"mail": ("pat@p\u0430rtner.example",)},
        _value(2),
    ),
    _stated("email-empty", "An empty address is no missing one.", 38, {"mail": ("",)}, _value(2)),
    of_the_partner(
        "foreign-stranger-without-address",
        "A stranger whose address it does not tell gets no account.",
        partner({"employee": ("e-40",)}),
        threat=38,
        expect="account.email_unverified",
        check=0,
    ),
    _stated("name-turns-around", "A name that writes itself backwards.", 39, {"displayName": ("Pat\u202e",)}, _value(3)),
]


def _unverified(name: str, because: str, *, subject: str, address: str) -> Case:
    values = {**PAT, "employee": (subject,), "mail": (address,), "email": (address,), "email_verified": ("true",)}
    return of_the_partner(f"foreign-{name}", because, partner(values), threat=48, expect="account.email_unverified", check=0)


_DOMAINS = [
    _unverified(
        "domain-of-another",
        "It vouches for its own domain, and not for another's.",
        subject="e-30",
        address="dana@acme.example",
    ),
    _unverified("domain-below", "A domain below the listed one is another.", subject="e-31", address="pat@sub.partner.example"),
    _unverified(
        "domain-with-that-end", "A domain that ends like the listed one.", subject="e-32", address="pat@notpartner.example"
    ),
    _unverified(
        "domain-with-that-beginning",
        "A domain that begins like the listed one.",
        subject="e-33",
        address="pat@partner.example.evil.example",
    ),
    _unverified(
        "domain-of-the-directory",
        "It does not vouch for what another issuer vouches for.",
        subject="e-34",
        address="sam@directory.example",
    ),
]


def _directory(name: str, because: str, *edits: Any, node: str = _NAME_ID, **more: Any) -> Case:
    return of_the_directory(
        f"foreign-{name}", because, directory(SAM, *edits), **{"threat": 48, "expect": ATTRIBUTE, "node": node, **more}
    )


_NAME_IDS = [
    _directory(
        "name-id-transient", "A transient NameID is nobody's name for good.", put("//a:NameID", "Format", names.TRANSIENT)
    ),
    _directory(
        "name-id-of-another-space",
        "A NameID of somebody else's name space.",
        put("//a:NameID", "NameQualifier", "https://evil.example"),
    ),
    _directory("name-id-of-no-space", "A NameID of a name space without a name.", put("//a:NameID", "NameQualifier", "")),
    _directory(
        "name-id-for-another",
        "A NameID that is meant for another service.",
        put("//a:NameID", "SPNameQualifier", "https://evil.example"),
    ),
    _directory("name-id-empty", "An empty NameID.", write("//a:NameID", ""), threat=38),
    of_the_directory(
        "foreign-name-id-missing",
        "No NameID, but an attribute of that name.",
        directory({**SAM, "NameID": ("eve",)}, cut("//a:NameID")),
        threat=38,
        expect=ATTRIBUTE,
        node="Response/Assertion/Subject",
    ),
    _directory("name-id-padded", "White space before the NameID.", write("//a:NameID", " sam-1"), threat=39),
]


def _provider(name: str, because: str, issuer: str, provider: str, org: str = "initech") -> Case:
    return Case(
        name=name,
        because=because,
        build=by(issuer, write(f"{path_to('provider')}/a:AttributeValue", provider), org=org)
        if issuer
        else lambda world: world.signed(write(f"{path_to('provider')}/a:AttributeValue", provider)),
        threat=41,
        expect=ATTRIBUTE,
        node=place_of("provider"),
        org=org,
        issuer=issuer,
    )


_PROVIDERS = [
    _provider(
        "provider-beyond-the-limit", "A legacy cell speaks for a provider that it may not speak for.", "limited", "github"
    ),
    _provider(
        "provider-of-a-foreign-issuer",
        "A legacy cell speaks for the people of a foreign issuer.",
        "",
        "saml_partner",
        org="acme",
    ),
    _provider(
        "provider-foreign-and-limited",
        "A legacy cell with a limit speaks for a foreign issuer's people.",
        "limited",
        "saml_partner",
    ),
]

CASES = [*_VALUES, *_DOMAINS, *_NAME_IDS, *_PROVIDERS]
