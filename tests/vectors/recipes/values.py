"""Attributes that are doubled, missing, empty, or not of their form."""

from lxml import etree

from bridge import contract
from tests.saml.forge import Edit, Element, all_of, attribute, cut, one, put, twice
from tests.saml.variety import SAML, XSI, extra_attribute
from tests.saml.wraps import EVIL, assertion_of
from tests.vectors.recipes.attributes import STATEMENT, path_to, place_of, with_edit, with_value


def _second_value(name: str, text: str) -> Edit:
    return lambda root: setattr(etree.SubElement(one(root, path_to(name)), f"{SAML}AttributeValue"), "text", text)


def _second_statement(root: Element) -> None:
    statement = etree.SubElement(assertion_of(root), f"{SAML}AttributeStatement")
    added = etree.SubElement(statement, f"{SAML}Attribute", Name="email")
    etree.SubElement(added, f"{SAML}AttributeValue").text = "evil@acme.example"


_DOUBLED = [
    with_edit(
        "email-twice",
        "Two attributes called email.",
        37,
        extra_attribute("email", EVIL),
        f"{STATEMENT}/Attribute[14]/AttributeValue",
    ),
    with_edit(
        "email-two-values",
        "One attribute email with two values.",
        37,
        _second_value("email", EVIL),
        f"{STATEMENT}/Attribute[2]/AttributeValue[2]",
    ),
    with_edit(
        "uid-twice",
        "Two attributes called extern_uid.",
        37,
        extra_attribute("extern_uid", "1"),
        f"{STATEMENT}/Attribute[14]/AttributeValue",
    ),
    with_edit(
        "uid-twice-alike",
        "The same attribute twice.",
        37,
        twice(path_to("extern_uid")),
        f"{STATEMENT}/Attribute[9]/AttributeValue",
    ),
    with_edit(
        "organization-two-values",
        "Two organizations in one attribute.",
        37,
        _second_value("organization_id", "43"),
        f"{STATEMENT}/Attribute[9]/AttributeValue[2]",
    ),
    with_edit("two-statements", "Two statements, each with an email.", 37, _second_statement, "Response/Assertion"),
    with_edit(
        "email-in-capitals-only",
        "The attribute is called Email: names are exact, so the email is missing.",
        37,
        put(path_to("email"), "Name", "Email"),
        place_of("email_verified"),
    ),
    with_edit(
        "uid-by-friendly-name",
        "FriendlyName says extern_uid, the Name does not.",
        37,
        all_of(put(path_to("extern_uid"), "FriendlyName", "extern_uid"), put(path_to("extern_uid"), "Name", "urn:oid:1.2.3")),
        STATEMENT,
    ),
    with_edit(
        "uid-with-a-space-in-its-name",
        "The attribute's name ends with a space.",
        37,
        put(path_to("extern_uid"), "Name", "extern_uid "),
        STATEMENT,
    ),
]


def _nil(root: Element) -> None:
    value = attribute(root, "extern_uid")
    value.text = None
    value.set(f"{XSI}nil", "true")


_MISSING = [
    with_edit(f"without-{name.replace('_', '-')}", f"The attribute {name} is missing.", 38, cut(path_to(name)), STATEMENT)
    for name in contract.REQUIRED
    if name != "contract"
] + [
    with_edit(
        "email-missing-but-verified",
        "There is no email, and yet it counts as verified.",
        38,
        cut(path_to("email")),
        f"{STATEMENT}/Attribute[4]/AttributeValue",
    ),
    with_edit(
        "uid-without-value",
        "extern_uid has no value.",
        38,
        cut(f"{path_to('extern_uid')}/a:AttributeValue"),
        f"{STATEMENT}/Attribute[8]",
    ),
    with_value("uid-empty", "extern_uid is empty.", 38, "extern_uid", ""),
    with_value("email-empty", "The email is empty: absent values are left out, never sent empty.", 38, "email", ""),
    with_value("name-empty", "The name is empty.", 38, "name", ""),
    with_edit("uid-nil", "extern_uid is nil, which many read as an empty string.", 38, _nil, place_of("extern_uid")),
    with_edit("no-attributes", "No attributes at all.", 38, cut("//a:AttributeStatement"), STATEMENT, "handoff.contract"),
    with_value("verified-maybe", "email_verified is neither true nor false.", 38, "email_verified", "maybe"),
    with_value("verified-one", "email_verified in another spelling of true.", 38, "email_verified", "1"),
    with_value("verified-in-capitals", "email_verified in capitals.", 38, "email_verified", "True"),
    with_value("evidence-none", "The email counts as verified, and no rule says so.", 38, "email_evidence", "none"),
]


_UNICODE = [
    with_value("email-cyrillic", "A Cyrillic letter looks like an a.", 39, "email", "d\u0430na@acme.example"),
    with_value("email-kelvin", "The Kelvin sign folds to k (CVE-2019-19844).", 39, "email", "dana@acme-\u212a.example"),
    with_value("email-dotless-i", "A dotless i folds to i.", 39, "email", "dana@acme.l\u0131mited.example"),
    with_value("email-fullwidth", "Fullwidth letters normalize to ASCII.", 39, "email", "\uff44ana@acme.example"),
    with_value("email-long-s", "A long s folds to s.", 39, "email", "dana@acme.example\u017f"),
    with_value(
        "email-no-break-space",
        "A no-break space at the end, which python3-saml takes off.",
        39,
        "email",
        "dana@acme.example\u00a0",
    ),
    with_value("email-zero-width", "A zero-width space inside.", 39, "email", "da\u200bna@acme.example"),
    with_value("email-soft-hyphen", "A soft hyphen that nobody sees.", 39, "email", "da\u00adna@acme.example"),
    with_value("email-fullwidth-at", "Another at sign.", 39, "email", "dana\uff20acme.example"),
    with_value(
        "email-u-domain", "A domain in Unicode: on the wire it is written in A-labels.", 39, "email", "dana@\u00e4cme.example"
    ),
    with_value("uid-no-break-space", "A uid that trimming turns into another.", 39, "extern_uid", "10820\u00a0"),
    with_value("uid-space", "A uid that trimming turns into another.", 39, "extern_uid", " 10820"),
    with_value("uid-zero-width", "A uid with a character that cannot be seen.", 39, "extern_uid", "108\u200b20"),
    with_value("name-bidi-override", "A name that is written backwards from there on.", 39, "name", "Dana \u202elliH"),
    with_value("provider-cyrillic", "A Cyrillic letter in the provider's name.", 39, "provider", "google_\u043eauth2"),
    with_value("organization-id-arabic-digits", "Digits that are not ASCII.", 39, "organization_id", "\u0664\u0662"),
]


_INJECTIONS = [
    with_value(
        "email-line-end",
        "A line end in the address begins a new header.",
        40,
        "email",
        "dana@acme.example\r\nBcc: evil@evil.example",
    ),
    with_value("email-list", "Two addresses in one value.", 40, "email", "dana@acme.example,evil@evil.example"),
    with_value(
        "email-list-with-semicolon",
        "Two addresses, parted as people part them.",
        40,
        "email",
        "dana@acme.example; evil@evil.example",
    ),
    with_value("email-display-name", "A name with the address in angle brackets.", 40, "email", "Dana <dana@acme.example>"),
    with_value(
        "email-quoted", "A quoted local part may hold another at sign.", 40, "email", '"dana@acme.example"@evil.example'
    ),
    with_value("email-two-ats", "Two at signs.", 40, "email", "dana@acme.example@evil.example"),
    with_value("email-route", "A source route before the address.", 40, "email", "@evil.example:dana@acme.example"),
    with_value("email-comment", "A comment in parentheses (RFC 5322).", 40, "email", "dana(x)@acme.example"),
    with_value("email-too-long", "An address of 300 characters.", 40, "email", "d" * 287 + "@acme.example"),
    with_value("email-without-domain", "No domain.", 40, "email", "dana"),
    with_value("email-ip", "An address literal instead of a domain.", 40, "email", "dana@[127.0.0.1]"),
    with_value("email-space", "A space at the end.", 40, "email", "dana@acme.example "),
    with_value("name-line-end", "A line end in the name.", 40, "name", "Dana\r\nSet-Cookie: x=y"),
    with_value("name-control", "A control character in the name.", 40, "name", "Dana\u0085Hill"),
    with_value("name-too-long", "A name of 256 characters.", 40, "name", "x" * 256),
    with_value("username-tab", "A tab in the username.", 40, "username", "dana\thill"),
    with_value("uid-too-long", "A uid of 256 characters.", 40, "extern_uid", "1" * 256),
    with_value("value-too-long", "A value longer than any may be.", 40, "return_to", "/o/acme/" + "x" * 2048),
    with_value(
        "reference-with-markup", "The reference is shown to people, so it has one form.", 40, "reference", "<b>7KQ2M</b>"
    ),
    with_value("evidence-line-end", "The rule's name goes to the log.", 40, "email_evidence", "google\nfake: line"),
]

CASES = [*_DOUBLED, *_MISSING, *_UNICODE, *_INJECTIONS]
