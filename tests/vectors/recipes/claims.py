"""Well-formed, signed, and not for this organization, provider, browser or page."""

from bridge.saml import names
from tests.saml.forge import all_of, cut, put, write
from tests.saml.variety import extra_attribute
from tests.saml.wraps import EVIL
from tests.vectors.recipes.attributes import STATEMENT, path_to, with_edit, with_value
from tests.vectors.recipes.case import Case
from tests.vectors.world import SECRET

_PROVIDERS = [
    with_value(
        "provider-not-allowed",
        "A provider that the organization does not allow.",
        41,
        "provider",
        "github",
        expect="provider.disabled",
        check=0,
        node="",
    ),
    with_value(
        "provider-internal",
        "A strategy of the inside, which no provider may claim to be.",
        41,
        "provider",
        "ldapmain",
        expect="provider.disabled",
        check=0,
        node="",
    ),
    with_value("provider-path", "A provider's name that climbs.", 41, "provider", "../ldap"),
    with_value("provider-in-capitals", "A provider's name in capitals.", 41, "provider", "Google_OAuth2"),
    with_value("provider-with-line-end", "A provider's name with a line end.", 41, "provider", "google_oauth2\n"),
]


_NAME_ID = "Response/Assertion/Subject/NameID"
_NAME_IDS = [
    with_edit(
        "name-id-other-email",
        "NameID is another address than the email.",
        42,
        all_of(put("//a:NameID", "Format", names.EMAIL_ADDRESS), write("//a:NameID", EVIL)),
        _NAME_ID,
    ),
    with_edit(
        "name-id-email-in-capitals",
        "NameID is the email in other letters.",
        42,
        all_of(put("//a:NameID", "Format", names.EMAIL_ADDRESS), write("//a:NameID", "Dana@acme.example")),
        _NAME_ID,
    ),
    with_edit(
        "name-id-email-alone",
        "NameID is an address, and there is no email attribute.",
        42,
        all_of(
            put("//a:NameID", "Format", names.EMAIL_ADDRESS),
            write("//a:NameID", "dana@acme.example"),
            cut(path_to("email")),
            write(f"{path_to('email_verified')}/a:AttributeValue", "false"),
        ),
        _NAME_ID,
    ),
    with_edit("name-id-empty", "An empty NameID.", 42, write("//a:NameID", ""), _NAME_ID),
    with_edit("name-id-missing", "No NameID.", 42, cut("//a:NameID"), _NAME_ID.rpartition("/")[0]),
    with_edit(
        "name-id-for-nobody",
        "NameID is meant for a service without a name.",
        42,
        put("//a:NameID", "SPNameQualifier", ""),
        _NAME_ID,
    ),
    with_edit(
        "name-id-for-another",
        "NameID is meant for another service.",
        42,
        put("//a:NameID", "SPNameQualifier", "https://evil.example"),
        _NAME_ID,
    ),
]


_RETURNS = [
    with_value(f"return-{name}", because, 43, "return_to", path)
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
    with_value("binding-in-capitals", "The binding in capital letters.", 44, "binding", "A" * 64),
    with_value("binding-short", "A binding of 63 digits.", 44, "binding", "a" * 63),
    with_value(
        "binding-of-nothing",
        "The binding of an empty secret, from a browser with an empty one.",
        44,
        "binding",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        expect="handoff.unbound",
        node=STATEMENT,
        binding=None,
    ),
    with_value("binding-is-the-secret", "The binding is the secret itself, not its hash.", 44, "binding", SECRET),
]


def _other_org(name: str, because: str, number: str, path: str) -> Case:
    return with_edit(
        name,
        because,
        45,
        all_of(
            write(f"{path_to('organization_id')}/a:AttributeValue", number),
            write(f"{path_to('organization_path')}/a:AttributeValue", path),
            write(f"{path_to('return_to')}/a:AttributeValue", f"/o/{path}/"),
        ),
        STATEMENT,
        "handoff.org",
    )


_ORGANIZATIONS = [
    _other_org("organization-other", "Everything else is ours, but the organization is another.", "43", "globex"),
    _other_org("organization-id-other", "The path is ours, the id is another's.", "43", "acme"),
    _other_org("organization-path-other", "The id is ours, the path is another's.", "42", "globex"),
    with_value("organization-id-leading-zero", "Another spelling of 42.", 45, "organization_id", "042"),
    with_value("organization-id-plus", "Another spelling of 42.", 45, "organization_id", "+42"),
    with_value("organization-id-space", "Another spelling of 42.", 45, "organization_id", "42 "),
    with_value("organization-id-huge", "A number larger than databases hold.", 45, "organization_id", "9" * 19),
    with_value("organization-path-in-capitals", "The path in capitals.", 45, "organization_path", "Acme"),
    with_value("organization-path-climbing", "A path that climbs.", 45, "organization_path", "../acme"),
    Case(
        name="organization-posted-elsewhere",
        because="Acme's handoff, posted to Globex on the same cell.",
        build=lambda world: world.signed(),
        threat=45,
        expect="handoff.destination",
        node="Response",
        org="globex",
    ),
    with_value(
        "contract-unknown",
        "A version of the contract that nobody speaks.",
        35,
        "contract",
        "cellbridge/2",
        expect="handoff.contract",
    ),
    with_value(
        "contract-with-a-space", "Almost the contract's version.", 35, "contract", "cellbridge/1 ", expect="handoff.contract"
    ),
    with_edit("contract-missing", "No contract.", 35, cut(path_to("contract")), STATEMENT, "handoff.contract"),
    with_edit(
        "contract-twice",
        "Two contracts, one of them known.",
        35,
        extra_attribute("contract", "cellbridge/2"),
        STATEMENT,
        "handoff.contract",
    ),
]

CASES = [*_PROVIDERS, *_NAME_IDS, *_RETURNS, *_BINDINGS, *_ORGANIZATIONS]
