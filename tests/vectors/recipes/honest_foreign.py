"""Unusual but honest: issuers that do not speak our contract, read as their maps say, and a legacy cell that may say little."""

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Element, all_of, cut, drop, exclusive, one, put, write
from tests.saml.variety import typed
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.stated import MAIL, PAT, SAM, by, directory, of_the_directory, of_the_partner, partner, states
from tests.vectors.sealing import Sealing, sealed
from tests.vectors.world import SECRET, World, key, member_of

_LIES = {
    "provider": ("google_oauth2",),
    "extern_uid": ("10820",),
    "email": ("dana@acme.example",),
    "email_verified": ("true",),
    "email_evidence": ("google.email_verified",),
    "organization_id": ("42",),
    "organization_path": ("acme",),
    "return_to": ("/o/acme/",),
    "binding": ("0" * 64,),
    "reference": ("7KQ2M-4XD9R",),
}


def _friendly_names(root: Element) -> None:
    """Describe every attribute as many products do: a URI for the format, a friendly name, here the same for all."""
    for attribute in root.iter(names.ATTRIBUTE):
        attribute.set("NameFormat", "urn:oasis:names:tc:SAML:2.0:attrname-format:uri")
        attribute.set("FriendlyName", "employee")


def _encrypted(world: World) -> bytes:
    """Return what the partner signs in both parts and encrypts."""
    root = world.tree(**member_of("hooli"))
    states(PAT)(root)
    root = world.sign(root, parts="assertion", key=key("partner"))
    assertion = one(root, "/p:Response/a:Assertion")
    root.replace(assertion, sealed(exclusive(assertion), Sealing(), world.id("sealed")))
    return etree.tostring(world.sign(root, parts="response", key=key("partner")))


_PARTNER = [
    of_the_partner("foreign-attributes", "The trust says which attribute is which claim.", partner(PAT)),
    of_the_partner("foreign-both-signed", "A second, good signature does no harm.", partner(PAT, parts="both")),
    of_the_partner("foreign-encrypted", "A foreign issuer encrypts, too.", _encrypted),
    of_the_partner(
        "foreign-name-left-out",
        "Name and username may be missing.",
        partner({name: PAT[name] for name in ("employee", "mail")}),
    ),
    of_the_partner(
        "foreign-friendly-names", "A FriendlyName is for people, and nobody reads it.", partner(PAT, _friendly_names)
    ),
    of_the_partner("foreign-typed-values", "Values with an xsi:type.", partner(PAT, typed)),
    of_the_partner("foreign-order", "Attributes have no order.", partner(dict(reversed(list(PAT.items()))))),
    of_the_partner(
        "foreign-domain-in-capitals", "A domain is one in capitals, too.", partner({**PAT, "mail": ("pat@PARTNER.example",)})
    ),
    of_the_partner(
        "foreign-unread-attributes",
        "What the map does not name is not read, though it has our names.",
        partner({**_LIES, **PAT}),
    ),
    of_the_partner(
        "foreign-many-groups",
        "An attribute that nobody reads may have many values.",
        partner({**PAT, "groups": ("a", "b", "c")}),
    ),
    of_the_partner(
        "foreign-transient-name-id",
        "A NameID that nobody reads may be transient.",
        partner(PAT, put("//a:NameID", "Format", names.TRANSIENT)),
    ),
    of_the_partner(
        "foreign-other-address-as-name-id",
        "A NameID that nobody reads may be another address.",
        partner(PAT, all_of(put("//a:NameID", "Format", names.EMAIL_ADDRESS), write("//a:NameID", "pl@partner.example"))),
    ),
    of_the_partner(
        "foreign-response-without-issuer", "The Response's own Issuer is optional.", partner(PAT, cut("/p:Response/a:Issuer"))
    ),
    of_the_partner(
        "foreign-cookie-of-our-own", "The browser may hold a secret from another sign-in.", partner(PAT), binding=SECRET
    ),
]

_DIRECTORY = [
    of_the_directory("foreign-name-id", "The trust says that NameID is the uid.", directory(SAM)),
    of_the_directory(
        "foreign-name-id-without-format",
        "The format of a NameID may be left out.",
        directory(SAM, drop("//a:NameID", "Format")),
    ),
    of_the_directory(
        "foreign-name-id-qualified",
        "A NameID may name its issuer's space, and us.",
        directory(
            SAM,
            all_of(
                put("//a:NameID", "NameQualifier", "https://directory.example/idp"),
                put("//a:NameID", "SPNameQualifier", "https://cells.example/o/hooli/auth/saml/metadata"),
            ),
        ),
    ),
    of_the_directory(
        "foreign-attribute-called-name-id",
        "An attribute called NameID is not the subject's name.",
        directory({**SAM, "NameID": ("eve",)}),
    ),
    of_the_directory(
        "foreign-address-by-oid",
        "An attribute may be named by an object identifier.",
        directory({MAIL: SAM[MAIL], "mail": ("eve@directory.example",)}),
    ),
]

_LIMITED = [
    Case(
        name="limited-to-its-provider",
        because="A legacy cell that may speak for Google speaks for Google.",
        build=by("limited", org="initech"),
        org="initech",
        issuer="limited",
    ),
]

CASES = [*_PARTNER, *_DIRECTORY, *_LIMITED]
