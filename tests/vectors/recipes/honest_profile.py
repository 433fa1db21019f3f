"""Unusual but honest: what the profile leaves open, times within the skew, sizes within the caps."""

from collections.abc import Callable

from lxml import etree

from bridge.identity import NO_EVIDENCE, ExternalIdentity, IdentityKey
from bridge.saml import names
from bridge.saml.xml import MAX_XML_BYTES
from tests.saml.forge import Edit, Element, add, all_of, attribute, cut, drop, one, put, write
from tests.saml.variety import (
    SAML,
    extra_attribute,
)
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.honesty import SAMLP, built, edited
from tests.vectors.world import World, padded


def _timed(name: str, because: str, edit: Callable[[World], Edit]) -> Case:
    return built(name, because, lambda world: world.signed(edit(world)))


def _many_attributes(root: Element) -> None:
    for number in range(200):
        extra_attribute(f"urn:extra:{number}", "x")(root)


def _deep(root: Element) -> None:
    code = one(root, "//p:StatusCode")
    for number in range(21):
        code = etree.SubElement(code, f"{SAMLP}StatusCode", Value=f"urn:example:{number}")


def _no_email(world: World) -> bytes:
    nobody = ExternalIdentity(key=IdentityKey("google_oauth2", "10820"), email=None, evidence=NO_EVIDENCE, name="Dana Hill")
    return etree.tostring(world.sign(world.tree(identity=nobody)))


_PROFILE = [
    edited(
        "name-id-email",
        "NameID may be the address, if it is the same.",
        all_of(put("//a:NameID", "Format", names.EMAIL_ADDRESS), write("//a:NameID", "dana@acme.example")),
    ),
    edited(
        "name-id-transient", "NameID may be transient; it identifies nobody here.", put("//a:NameID", "Format", names.TRANSIENT)
    ),
    edited("name-id-without-format", "The format of a NameID may be left out.", drop("//a:NameID", "Format")),
    edited(
        "name-id-qualified",
        "NameID may say for whom it is meant, if that is us.",
        put("//a:NameID", "SPNameQualifier", "https://cells.example/o/acme/auth/saml/metadata"),
    ),
    edited(
        "issuer-is-an-entity", "An Issuer may say that it is an entity.", put("/p:Response/a:Issuer", "Format", names.ENTITY)
    ),
    edited("response-without-issuer", "The Response's own Issuer is optional.", cut("/p:Response/a:Issuer")),
    edited(
        "consent",
        "A Response may speak of consent.",
        put("/p:Response", "Consent", "urn:oasis:names:tc:SAML:2.0:consent:unspecified"),
    ),
    edited("status-message", "Success may come with a message.", add("//p:Status", f"{SAMLP}StatusMessage", text="ok")),
    edited("one-time-use-left-out", "OneTimeUse changes nothing: every handoff is used once.", cut("//a:OneTimeUse")),
    edited(
        "one-time-use-first",
        "Conditions have no order.",
        lambda root: one(root, "//a:Conditions").insert(0, one(root, "//a:OneTimeUse")),
    ),
    edited(
        "session-index-and-locality",
        "An AuthnStatement may name a session and an address.",
        all_of(
            put("//a:AuthnStatement", "SessionIndex", "_s"),
            add("//a:AuthnStatement", f"{SAML}SubjectLocality", {"Address": "192.0.2.1"}, at=0),
        ),
    ),
    edited(
        "confirmation-address",
        "The confirmation may name an address.",
        put("//a:SubjectConfirmationData", "Address", "192.0.2.1"),
    ),
    edited(
        "authenticating-authority",
        "The context may name who authenticated.",
        add("//a:AuthnContext", f"{SAML}AuthenticatingAuthority", text="https://idp.example"),
    ),
    edited(
        "email-in-capitals",
        "An address keeps its letter case.",
        lambda root: setattr(attribute(root, "email"), "text", "Dana@ACME.example"),
    ),
    built("without-email", "A provider may give no address; a known identity signs in all the same.", _no_email),
]


_TIMES = [
    _timed(
        "skew-on-not-before",
        "Conditions begin in the near future, within the skew.",
        lambda world: put("//a:Conditions", "NotBefore", world.time(25)),
    ),
    _timed(
        "skew-on-not-on-or-after",
        "Conditions ended a moment ago, within the skew.",
        lambda world: all_of(
            put("//a:Conditions", "NotOnOrAfter", world.time(-20)),
            put("//a:Conditions", "NotBefore", world.time(-80)),
            put("/p:Response/a:Assertion", "IssueInstant", world.time(-80)),
            put("/p:Response", "IssueInstant", world.time(-80)),
            put("//a:AuthnStatement", "AuthnInstant", world.time(-80)),
        ),
    ),
    _timed(
        "skew-on-the-confirmation",
        "The confirmation ended a moment ago, within the skew.",
        lambda world: all_of(
            put("//a:SubjectConfirmationData", "NotOnOrAfter", world.time(-20)),
            put("//a:Conditions", "NotBefore", world.time(-80)),
            put("/p:Response/a:Assertion", "IssueInstant", world.time(-80)),
            put("/p:Response", "IssueInstant", world.time(-80)),
            put("//a:AuthnStatement", "AuthnInstant", world.time(-80)),
        ),
    ),
    _timed(
        "issued-in-the-near-future",
        "The sender's clock is ahead, within the skew.",
        lambda world: all_of(
            put("/p:Response/a:Assertion", "IssueInstant", world.time(25)),
            put("/p:Response", "IssueInstant", world.time(25)),
            put("//a:AuthnStatement", "AuthnInstant", world.time(25)),
            put("//a:Conditions", "NotBefore", world.time(25)),
        ),
    ),
    _timed(
        "fractions-of-seconds",
        "Times may have fractions.",
        lambda world: all_of(
            put("//a:Conditions", "NotBefore", world.time(-1).replace("Z", ".123456Z")),
            put("//a:Conditions", "NotOnOrAfter", world.time(50).replace("Z", ".5Z")),
        ),
    ),
    _timed(
        "the-longest-life",
        "Five minutes are as long as a handoff may live.",
        lambda world: all_of(
            put("//a:Conditions", "NotOnOrAfter", world.time(300)),
            put("//a:SubjectConfirmationData", "NotOnOrAfter", world.time(300)),
        ),
    ),
    _timed("without-not-before", "NotBefore may be left out.", lambda _world: drop("//a:Conditions", "NotBefore")),
    _timed(
        "signed-in-long-ago",
        "The person may have signed in at the provider hours ago.",
        lambda world: put("//a:AuthnStatement", "AuthnInstant", world.time(-7200)),
    ),
]


_SIZES = [
    edited("many-attributes", "Two hundred attributes that nobody reads.", _many_attributes, body="bzip2"),
    edited("as-deep-as-allowed", "As many levels as are allowed, in nested status codes.", _deep),
    built("as-large-as-allowed", "Not one byte more than is allowed.", padded(MAX_XML_BYTES), body="bzip2"),
]

CASES = [*_PROFILE, *_TIMES, *_SIZES]
