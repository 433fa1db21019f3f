"""Signed by the trusted issuer and for us, and yet nothing to sign in with: attributes, NameID, binding, replay."""

import base64
from typing import Any
from urllib.parse import urlencode

from lxml import etree

from bridge import contract
from bridge.saml import names
from tests.saml.forge import Edit, Element, all_of, attribute, cut, one, put, twice, write
from tests.saml.variety import SAML, XSI, extra_attribute
from tests.saml.wraps import assertion_of
from tests.vectors.recipes.case import Case
from tests.vectors.world import SECRET, World

ATTRIBUTE = "handoff.attribute"
STATEMENT = "Response/Assertion/AttributeStatement"
# The place of each attribute, as the legacy cell writes them.
_ORDER = ["contract", "email", "name", "username", "email_verified", "email_evidence", "provider", "extern_uid",
          "organization_id", "organization_path", "return_to", "binding", "reference"]  # fmt: skip


def _place(name: str) -> str:
    return f"{STATEMENT}/Attribute[{_ORDER.index(name) + 1}]/AttributeValue"


def _path(name: str) -> str:
    return f"//a:Attribute[@Name='{name}']"


def _value(name: str, because: str, threat: int, attribute_name: str, text: str, **more: Any) -> Case:
    """Return the case of an attribute with another value."""
    return Case(
        name=name,
        because=because,
        build=lambda world: world.signed(write(f"{_path(attribute_name)}/a:AttributeValue", text)),
        threat=threat,
        **{"expect": ATTRIBUTE, "node": _place(attribute_name), **more},
    )


def _edited(name: str, because: str, threat: int, edit: Edit, node: str, expect: str = ATTRIBUTE, **more: Any) -> Case:
    return Case(
        name=name, because=because, build=lambda world: world.signed(edit), threat=threat, expect=expect, node=node, **more
    )


def _second_value(name: str, text: str) -> Edit:
    return lambda root: setattr(etree.SubElement(one(root, _path(name)), f"{SAML}AttributeValue"), "text", text)


def _second_statement(root: Element) -> None:
    statement = etree.SubElement(assertion_of(root), f"{SAML}AttributeStatement")
    added = etree.SubElement(statement, f"{SAML}Attribute", Name="email")
    etree.SubElement(added, f"{SAML}AttributeValue").text = "evil@acme.example"


_EVIL = "evil@acme.example"
_DOUBLED = [
    _edited(
        "email-twice",
        "Two attributes called email.",
        37,
        extra_attribute("email", _EVIL),
        f"{STATEMENT}/Attribute[14]/AttributeValue",
    ),
    _edited(
        "email-two-values",
        "One attribute email with two values.",
        37,
        _second_value("email", _EVIL),
        f"{STATEMENT}/Attribute[2]/AttributeValue[2]",
    ),
    _edited(
        "uid-twice",
        "Two attributes called extern_uid.",
        37,
        extra_attribute("extern_uid", "1"),
        f"{STATEMENT}/Attribute[14]/AttributeValue",
    ),
    _edited(
        "uid-twice-alike",
        "The same attribute twice.",
        37,
        twice(_path("extern_uid")),
        f"{STATEMENT}/Attribute[9]/AttributeValue",
    ),
    _edited(
        "organization-two-values",
        "Two organizations in one attribute.",
        37,
        _second_value("organization_id", "43"),
        f"{STATEMENT}/Attribute[9]/AttributeValue[2]",
    ),
    _edited("two-statements", "Two statements, each with an email.", 37, _second_statement, "Response/Assertion"),
    _edited(
        "email-in-capitals-only",
        "The attribute is called Email: names are exact, so the email is missing.",
        37,
        put(_path("email"), "Name", "Email"),
        _place("email_verified"),
    ),
    _edited(
        "uid-by-friendly-name",
        "FriendlyName says extern_uid, the Name does not.",
        37,
        all_of(put(_path("extern_uid"), "FriendlyName", "extern_uid"), put(_path("extern_uid"), "Name", "urn:oid:1.2.3")),
        STATEMENT,
    ),
    _edited(
        "uid-with-a-space-in-its-name",
        "The attribute's name ends with a space.",
        37,
        put(_path("extern_uid"), "Name", "extern_uid "),
        STATEMENT,
    ),
]


def _nil(root: Element) -> None:
    value = attribute(root, "extern_uid")
    value.text = None
    value.set(f"{XSI}nil", "true")


_MISSING = [
    _edited(f"without-{name.replace('_', '-')}", f"The attribute {name} is missing.", 38, cut(_path(name)), STATEMENT)
    for name in contract.REQUIRED
    if name != "contract"
] + [
    _edited(
        "email-missing-but-verified",
        "There is no email, and yet it counts as verified.",
        38,
        cut(_path("email")),
        f"{STATEMENT}/Attribute[4]/AttributeValue",
    ),
    _edited("uid-without-value", "extern_uid has no value.", 38, cut(f"{_path('extern_uid')}/a:AttributeValue"), STATEMENT),
    _value("uid-empty", "extern_uid is empty.", 38, "extern_uid", ""),
    _value("email-empty", "The email is empty: absent values are left out, never sent empty.", 38, "email", ""),
    _value("name-empty", "The name is empty.", 38, "name", ""),
    _edited("uid-nil", "extern_uid is nil, which many read as an empty string.", 38, _nil, _place("extern_uid")),
    _edited("no-attributes", "No attributes at all.", 38, cut("//a:AttributeStatement"), STATEMENT, "handoff.contract"),
    _value("verified-maybe", "email_verified is neither true nor false.", 38, "email_verified", "maybe"),
    _value("verified-one", "email_verified in another spelling of true.", 38, "email_verified", "1"),
    _value("verified-in-capitals", "email_verified in capitals.", 38, "email_verified", "True"),
    _value("evidence-none", "The email counts as verified, and no rule says so.", 38, "email_evidence", "none"),
]

_UNICODE = [
    _value("email-cyrillic", "A Cyrillic letter looks like an a.", 39, "email", "d\u0430na@acme.example"),
    _value("email-kelvin", "The Kelvin sign folds to k (CVE-2019-19844).", 39, "email", "dana@acme-\u212a.example"),
    _value("email-dotless-i", "A dotless i folds to i.", 39, "email", "dana@acme.l\u0131mited.example"),
    _value("email-fullwidth", "Fullwidth letters normalize to ASCII.", 39, "email", "\uff44ana@acme.example"),
    _value("email-long-s", "A long s folds to s.", 39, "email", "dana@acme.example\u017f"),
    _value(
        "email-no-break-space",
        "A no-break space at the end, which python3-saml takes off.",
        39,
        "email",
        "dana@acme.example\u00a0",
    ),
    _value("email-zero-width", "A zero-width space inside.", 39, "email", "da\u200bna@acme.example"),
    _value("email-soft-hyphen", "A soft hyphen that nobody sees.", 39, "email", "da\u00adna@acme.example"),
    _value("email-fullwidth-at", "Another at sign.", 39, "email", "dana\uff20acme.example"),
    _value(
        "email-u-domain", "A domain in Unicode: on the wire it is written in A-labels.", 39, "email", "dana@\u00e4cme.example"
    ),
    _value("uid-no-break-space", "A uid that trimming turns into another.", 39, "extern_uid", "10820\u00a0"),
    _value("uid-space", "A uid that trimming turns into another.", 39, "extern_uid", " 10820"),
    _value("uid-zero-width", "A uid with a character that cannot be seen.", 39, "extern_uid", "108\u200b20"),
    _value("name-bidi-override", "A name that is written backwards from there on.", 39, "name", "Dana \u202elliH"),
    _value("provider-cyrillic", "A Cyrillic letter in the provider's name.", 39, "provider", "google_\u043eauth2"),
    _value("organization-id-arabic-digits", "Digits that are not ASCII.", 39, "organization_id", "\u0664\u0662"),
]

_INJECTIONS = [
    _value(
        "email-line-end",
        "A line end in the address begins a new header.",
        40,
        "email",
        "dana@acme.example\r\nBcc: evil@evil.example",
    ),
    _value("email-list", "Two addresses in one value.", 40, "email", "dana@acme.example,evil@evil.example"),
    _value(
        "email-list-with-semicolon",
        "Two addresses, parted as people part them.",
        40,
        "email",
        "dana@acme.example; evil@evil.example",
    ),
    _value("email-display-name", "A name with the address in angle brackets.", 40, "email", "Dana <dana@acme.example>"),
    _value("email-quoted", "A quoted local part may hold another at sign.", 40, "email", '"dana@acme.example"@evil.example'),
    _value("email-two-ats", "Two at signs.", 40, "email", "dana@acme.example@evil.example"),
    _value("email-route", "A source route before the address.", 40, "email", "@evil.example:dana@acme.example"),
    _value("email-comment", "A comment in parentheses (RFC 5322).", 40, "email", "dana(x)@acme.example"),
    _value("email-too-long", "An address of 300 characters.", 40, "email", "d" * 287 + "@acme.example"),
    _value("email-without-domain", "No domain.", 40, "email", "dana"),
    _value("email-ip", "An address literal instead of a domain.", 40, "email", "dana@[127.0.0.1]"),
    _value("email-space", "A space at the end.", 40, "email", "dana@acme.example "),
    _value("name-line-end", "A line end in the name.", 40, "name", "Dana\r\nSet-Cookie: x=y"),
    _value("name-control", "A control character in the name.", 40, "name", "Dana\u0085Hill"),
    _value("name-too-long", "A name of 256 characters.", 40, "name", "x" * 256),
    _value("username-tab", "A tab in the username.", 40, "username", "dana\thill"),
    _value("uid-too-long", "A uid of 256 characters.", 40, "extern_uid", "1" * 256),
    _value("value-too-long", "A value longer than any may be.", 40, "return_to", "/o/acme/" + "x" * 2048),
    _value("reference-with-markup", "The reference is shown to people, so it has one form.", 40, "reference", "<b>7KQ2M</b>"),
    _value("evidence-line-end", "The rule's name goes to the log.", 40, "email_evidence", "google\nfake: line"),
]

_PROVIDERS = [
    _value(
        "provider-not-allowed",
        "A provider that the organization does not allow.",
        41,
        "provider",
        "github",
        expect="provider.disabled",
        check=0,
        node="",
    ),
    _value(
        "provider-internal",
        "A strategy of the inside, which no provider may claim to be.",
        41,
        "provider",
        "ldapmain",
        expect="provider.disabled",
        check=0,
        node="",
    ),
    _value("provider-path", "A provider's name that climbs.", 41, "provider", "../ldap"),
    _value("provider-in-capitals", "A provider's name in capitals.", 41, "provider", "Google_OAuth2"),
    _value("provider-with-line-end", "A provider's name with a line end.", 41, "provider", "google_oauth2\n"),
]

_NAME_ID = "Response/Assertion/Subject/NameID"
_NAME_IDS = [
    _edited(
        "name-id-other-email",
        "NameID is another address than the email.",
        42,
        all_of(put("//a:NameID", "Format", names.EMAIL_ADDRESS), write("//a:NameID", _EVIL)),
        _NAME_ID,
    ),
    _edited(
        "name-id-email-in-capitals",
        "NameID is the email in other letters.",
        42,
        all_of(put("//a:NameID", "Format", names.EMAIL_ADDRESS), write("//a:NameID", "Dana@acme.example")),
        _NAME_ID,
    ),
    _edited(
        "name-id-email-alone",
        "NameID is an address, and there is no email attribute.",
        42,
        all_of(
            put("//a:NameID", "Format", names.EMAIL_ADDRESS),
            write("//a:NameID", "dana@acme.example"),
            cut(_path("email")),
            write(f"{_path('email_verified')}/a:AttributeValue", "false"),
        ),
        _NAME_ID,
    ),
    _edited("name-id-empty", "An empty NameID.", 42, write("//a:NameID", ""), _NAME_ID),
    _edited("name-id-missing", "No NameID.", 42, cut("//a:NameID"), _NAME_ID.rpartition("/")[0]),
    _edited(
        "name-id-for-another",
        "NameID is meant for another service.",
        42,
        put("//a:NameID", "SPNameQualifier", "https://evil.example"),
        _NAME_ID,
    ),
]

_RETURNS = [
    _value(f"return-{name}", because, 43, "return_to", path)
    for name, because, path in (
        ("other-host", "Two slashes begin another host.", "//evil.example/"),
        ("backslash", "Browsers read a backslash as a slash.", "/\\evil.example/"),
        ("tab", "Browsers drop a tab.", "/\t/evil.example/"),
        ("line-end", "A line end in a header.", "/o/acme/\r\nLocation: https://evil.example/"),
        ("url", "A whole URL.", "https://evil.example/o/acme/"),
        ("script", "Script instead of a path.", "javascript:alert(1)//o/acme/"),
        ("other-organization", "A path of another organization.", "/o/globex/"),
        ("climbing", "Dot segments that climb out.", "/o/acme/../globex/"),
        ("climbing-encoded", "Dot segments, percent-encoded.", "/o/acme/%2e%2e/globex/"),
        ("encoded-slash", "A slash that only shows when decoded.", "/o/acme/%2f%2fevil.example"),
        ("root", "The root of the site is not the organization's.", "/"),
        ("without-slash", "A path without its slash.", "o/acme/"),
    )
]

_OTHER_SECRET = "another-browser-holds-another-secret-than-t"
_BINDINGS = [
    Case(
        name="binding-without-cookie",
        because="A stolen response, posted by a browser that did not start.",
        build=lambda world: world.signed(),
        threat=44,
        expect="handoff.unbound",
        node=STATEMENT,
        binding=None,
    ),
    Case(
        name="binding-other-cookie",
        because="The attacker's own response, posted in the victim's browser.",
        build=lambda world: world.signed(),
        threat=44,
        expect="handoff.unbound",
        node=STATEMENT,
        binding=_OTHER_SECRET,
    ),
    _value("binding-in-capitals", "The binding in capital letters.", 44, "binding", "A" * 64),
    _value("binding-short", "A binding of 63 digits.", 44, "binding", "a" * 63),
    _value(
        "binding-of-nothing",
        "The binding of an empty secret, from a browser with an empty one.",
        44,
        "binding",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        expect="handoff.unbound",
        node=STATEMENT,
        binding=None,
    ),
    _value("binding-is-the-secret", "The binding is the secret itself, not its hash.", 44, "binding", SECRET),
]


def _other_org(name: str, because: str, number: str, path: str) -> Case:
    return _edited(
        name,
        because,
        45,
        all_of(
            write(f"{_path('organization_id')}/a:AttributeValue", number),
            write(f"{_path('organization_path')}/a:AttributeValue", path),
            write(f"{_path('return_to')}/a:AttributeValue", f"/o/{path}/"),
        ),
        STATEMENT,
        "handoff.org",
    )


_ORGANIZATIONS = [
    _other_org("organization-other", "Everything else is ours, but the organization is another.", "43", "globex"),
    _other_org("organization-id-other", "The path is ours, the id is another's.", "43", "acme"),
    _other_org("organization-path-other", "The id is ours, the path is another's.", "42", "globex"),
    _value("organization-id-leading-zero", "Another spelling of 42.", 45, "organization_id", "042"),
    _value("organization-id-plus", "Another spelling of 42.", 45, "organization_id", "+42"),
    _value("organization-id-space", "Another spelling of 42.", 45, "organization_id", "42 "),
    _value("organization-id-huge", "A number larger than databases hold.", 45, "organization_id", "9" * 19),
    _value("organization-path-in-capitals", "The path in capitals.", 45, "organization_path", "Acme"),
    _value("organization-path-climbing", "A path that climbs.", 45, "organization_path", "../acme"),
    Case(
        name="organization-posted-elsewhere",
        because="Acme's handoff, posted to Globex on the same cell.",
        build=lambda world: world.signed(),
        threat=45,
        expect="handoff.destination",
        node="Response",
        org="globex",
    ),
    _value(
        "contract-unknown",
        "A version of the contract that nobody speaks.",
        35,
        "contract",
        "cellbridge/2",
        expect="handoff.contract",
    ),
    _value(
        "contract-with-a-space", "Almost the contract's version.", 35, "contract", "cellbridge/1 ", expect="handoff.contract"
    ),
    _edited("contract-missing", "No contract.", 35, cut(_path("contract")), STATEMENT, "handoff.contract"),
    _edited(
        "contract-twice",
        "Two contracts, one of them known.",
        35,
        extra_attribute("contract", "cellbridge/2"),
        STATEMENT,
        "handoff.contract",
    ),
]


def _again(name: str, because: str, build: Any, *, signed: str = "response", body: str = "xml") -> Case:
    """Return the case of a document whose assertion was posted before, in the honest vector for what is *signed*."""
    replays = {"response": "indented", "assertion": "assertion-signed"}[signed]
    return Case(name=name, because=because, build=build, threat=36, expect="handoff.replayed", check=18, replays=replays,
                signed=signed, body=body)  # type: ignore[arg-type]  # fmt: skip


def _new_envelope(world: World) -> bytes:
    """Return the signed assertion in a new Response with another ID, which nobody has to sign."""
    return world.spoiled(put("/p:Response", "ID", "_another"))


def _wrapped_base64(world: World) -> bytes:
    return urlencode({"SAMLResponse": base64.encodebytes(world.signed()).decode()}).encode()


_REPLAYS = [
    _again("replay", "The same bytes again.", lambda world: world.signed()),
    _again(
        "replay-other-spelling",
        "The same document in another spelling.",
        lambda world: world.respelled((">Dana Hill<", "><![CDATA[Dana Hill]]><")),
    ),
    _again(
        "replay-canonical-form",
        "The same document in canonical form.",
        lambda world: etree.tostring(etree.fromstring(world.signed()), method="c14n"),
    ),
    _again("replay-other-base64", "The same document in base64 of other lines.", _wrapped_base64, body="form"),
    _again("replay-new-envelope", "The same signed assertion in a new envelope.", _new_envelope, signed="assertion"),
    _again(
        "replay-signed-again",
        "The same assertion, in a Response that the issuer signed anew.",
        lambda world: world.signed(put("/p:Response", "ID", "_another")),
    ),
]

CASES = [
    *_DOUBLED,
    *_MISSING,
    *_UNICODE,
    *_INJECTIONS,
    *_PROVIDERS,
    *_NAME_IDS,
    *_RETURNS,
    *_BINDINGS,
    *_ORGANIZATIONS,
    *_REPLAYS,
]
