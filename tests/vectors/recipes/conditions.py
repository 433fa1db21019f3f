"""Signed by the trusted issuer, and yet not for us, not now, or not a sign-in: audience, addresses, issuer, time, status."""

import copy
from collections.abc import Callable

from lxml import etree

from bridge.saml import names
from bridge.saml.trust import Signed
from tests.saml.forge import ROUTE, Edit, Element, add, all_of, cut, drop, one, put, twice, write
from tests.saml.variety import XSI
from tests.vectors.recipes.case import Case
from tests.vectors.world import OTHER_ISSUER, World

SAML, SAMLP = f"{{{names.SAML}}}", f"{{{names.SAMLP}}}"
SCHEMA = "handoff.schema"
ACS, ENTITY = ROUTE.acs_url, ROUTE.sp_entity_id
ASSERTION = "Response/Assertion"
CONDITIONS = f"{ASSERTION}/Conditions"
CONFIRMATION = f"{ASSERTION}/Subject/SubjectConfirmation"
DATA = f"{CONFIRMATION}/SubjectConfirmationData"


def _signed(
    name: str,
    because: str,
    threat: int,
    expect: str,
    edit: Edit | Callable[[World], Edit],
    node: str = "",
    *,
    mark: bytes = b"",
    check: int | None = None,
    signed: Signed = "response",
) -> Case:
    return Case(
        name=name,
        because=because,
        build=lambda world: world.signed(edit),  # type: ignore[arg-type]
        threat=threat,
        expect=expect,
        node=node,
        mark=mark,
        check=check,
        signed=signed,
    )


def _audience(name: str, because: str, edit: Edit, node: str = f"{CONDITIONS}/AudienceRestriction/Audience") -> Case:
    return _signed(f"audience-{name}", because, 27, "handoff.audience", edit, node)


def _to(value: str) -> Edit:
    return write("//a:Audience", value)


def _second_audience(root: Element) -> None:
    etree.SubElement(one(root, "//a:AudienceRestriction"), f"{SAML}Audience").text = "https://evil.example"


def _second_restriction(root: Element) -> None:
    restriction = copy.deepcopy(one(root, "//a:AudienceRestriction"))
    one(restriction, "a:Audience").text = "https://evil.example"
    one(root, "//a:AudienceRestriction").addnext(restriction)


_AUDIENCES = [
    _audience("missing", "No audience: python3-saml checks none then.", cut("//a:AudienceRestriction"), CONDITIONS),
    _audience("other", "For another service.", _to("https://evil.example/saml/metadata")),
    _audience("of-another-organization", "For another organization of the same cell.", _to(ENTITY.replace("acme", "globex"))),
    _audience(
        "two", "For us or for another: two audiences in one restriction.", _second_audience, f"{CONDITIONS}/AudienceRestriction"
    ),
    _audience(
        "two-restrictions", "For us and for another: every restriction counts (core 2.5.1.4).", _second_restriction, CONDITIONS
    ),
    _audience("with-suffix", "Our entity ID with something after it.", _to(ENTITY + "0")),
    _audience("prefix", "The beginning of our entity ID.", _to(ENTITY[:-1])),
    _audience("in-capitals", "Our entity ID in other letter case.", _to(ENTITY.upper())),
    _audience("with-white-space", "White space around our entity ID is not taken off.", _to(f"\n{ENTITY}\n")),
    _audience("empty", "An empty audience.", _to("")),
]


def _recipient(name: str, because: str, edit: Edit, node: str = DATA) -> Case:
    return _signed(f"recipient-{name}", because, 28, "handoff.recipient", edit, node)


def _sent_to(value: str) -> Edit:
    return put("//a:SubjectConfirmationData", "Recipient", value)


_RECIPIENTS = [
    _recipient("missing", "No recipient.", drop("//a:SubjectConfirmationData", "Recipient")),
    _recipient("empty", "An empty recipient.", _sent_to("")),
    _recipient("other", "For another endpoint.", _sent_to("https://evil.example/acs")),
    _recipient(
        "holds-ours", "Our URL inside another: python3-saml looks for it anywhere.", _sent_to(f"https://evil.example/?{ACS}")
    ),
    _recipient("with-suffix", "Our URL with something after it.", _sent_to(ACS + "0")),
    _recipient("with-slash", "Our URL with a slash after it.", _sent_to(ACS + "/")),
    _recipient(
        "of-another-organization", "Another organization's endpoint on the same cell.", _sent_to(ACS.replace("acme", "globex"))
    ),
    _recipient("http", "Our URL without TLS.", _sent_to(ACS.replace("https:", "http:"))),
    _recipient("in-capitals", "Our URL with its host in capitals.", _sent_to(ACS.replace("cells.example", "CELLS.example"))),
]


def _destination(name: str, because: str, edit: Edit, *, signed: Signed = "response") -> Case:
    return _signed(f"destination-{name}", because, 29, "handoff.destination", edit, "Response", signed=signed)


def _bound_for(value: str) -> Edit:
    return put("/p:Response", "Destination", value)


_DESTINATIONS = [
    _destination("missing", "No destination.", drop("/p:Response", "Destination")),
    _destination("empty", "An empty destination.", _bound_for("")),
    _destination("other", "For another endpoint.", _bound_for("https://evil.example/acs")),
    _destination("with-suffix", "Our URL with something after it: python3-saml compares the beginning.", _bound_for(ACS + "0")),
    _destination("with-query", "Our URL with a query.", _bound_for(ACS + "?x=1")),
    _destination("prefix", "The beginning of our URL.", _bound_for(ACS.rpartition("/")[0])),
    _destination(
        "of-another-organization",
        "Another organization's endpoint on the same cell.",
        _bound_for(ACS.replace("acme", "globex")),
    ),
    _destination(
        "with-port", "Our URL with its default port spelled out.", _bound_for(ACS.replace("cells.example", "cells.example:443"))
    ),
    _destination(
        "missing-in-envelope",
        "No destination in an envelope that nobody signed.",
        drop("/p:Response", "Destination"),
        signed="assertion",
    ),
]

_R_ISSUER, _A_ISSUER = "/p:Response/a:Issuer", "/p:Response/a:Assertion/a:Issuer"


def _issuer(name: str, because: str, edit: Edit, node: str = f"{ASSERTION}/Issuer", expect: str = "handoff.issuer") -> Case:
    return _signed(f"issuer-{name}", because, 30, expect, edit, node)


_ISSUERS = [
    _issuer(
        "unknown",
        "An issuer that nobody trusts, with a key that somebody else is trusted for.",
        all_of(write(_A_ISSUER, "https://evil.example/"), write(_R_ISSUER, "https://evil.example/")),
    ),
    _issuer(
        "other-trusted",
        "Another trusted issuer's name over this one's key.",
        all_of(write(_A_ISSUER, OTHER_ISSUER), write(_R_ISSUER, OTHER_ISSUER)),
        "Response/Signature",
        "handoff.signature",
    ),
    _issuer(
        "of-the-response-other",
        "The Response names another issuer than the assertion.",
        write(_R_ISSUER, OTHER_ISSUER),
        "Response/Issuer",
    ),
    _issuer("of-the-response-empty", "The Response names nobody.", write(_R_ISSUER, ""), "Response/Issuer"),
    _issuer("empty", "The assertion names nobody: python3-saml skips it then.", write(_A_ISSUER, "")),
    _issuer(
        "with-suffix", "The issuer's name with a slash after it.", write(_A_ISSUER, "https://cells.example/saml/metadata/")
    ),
    _issuer(
        "with-white-space",
        "White space around the name is not taken off.",
        write(_A_ISSUER, " https://cells.example/saml/metadata "),
    ),
    _issuer("in-capitals", "The issuer's name in other letter case.", write(_A_ISSUER, "https://CELLS.example/saml/metadata")),
    _issuer("format", "The issuer is not an entity.", put(_A_ISSUER, "Format", names.EMAIL_ADDRESS)),
]


def _moved(seconds: float) -> Callable[[World], Edit]:
    """Return the edit that issues the handoff so many *seconds* from now."""

    def edit_in(world: World) -> Edit:
        return all_of(
            *(put(path, "IssueInstant", world.time(seconds)) for path in ("/p:Response", "/p:Response/a:Assertion")),
            put("//a:AuthnStatement", "AuthnInstant", world.time(seconds)),
            put("//a:Conditions", "NotBefore", world.time(seconds)),
            put("//a:Conditions", "NotOnOrAfter", world.time(seconds + 60)),
            put("//a:SubjectConfirmationData", "NotOnOrAfter", world.time(seconds + 60)),
        )

    return edit_in


def _timed(name: str, because: str, expect: str, edit: Callable[[World], Edit], node: str) -> Case:
    return Case(
        name=f"time-{name}",
        because=because,
        build=lambda world: world.signed(edit(world)),
        threat=31,
        expect=f"handoff.{expect}",
        node=node,
    )


def _spelled(
    name: str,
    because: str,
    spell: Callable[[str], str],
    node: str = CONDITIONS,
    path: str = "//a:Conditions",
    attribute: str = "NotOnOrAfter",
    expect: str = "lifetime",
) -> Case:
    return _timed(name, because, expect, lambda world: put(path, attribute, spell(world.time(50))), node)


_TIMES = [
    _timed("expired", "Issued two minutes ago, for one.", "expired", _moved(-120), CONDITIONS),
    _timed("expired-long-ago", "A document of last year.", "expired", _moved(-365 * 86400), CONDITIONS),
    _timed(
        "confirmation-expired",
        "The confirmation is over, though the conditions are not.",
        "expired",
        lambda world: all_of(_moved(-120)(world), put("//a:Conditions", "NotOnOrAfter", world.time(60))),
        DATA,
    ),
    _timed(
        "conditions-expired",
        "The conditions are over, though the confirmation is not.",
        "expired",
        lambda world: all_of(_moved(-120)(world), put("//a:SubjectConfirmationData", "NotOnOrAfter", world.time(60))),
        CONDITIONS,
    ),
    _timed(
        "session-over",
        "The session at the provider is over.",
        "expired",
        lambda world: put("//a:AuthnStatement", "SessionNotOnOrAfter", world.time(-60)),
        f"{ASSERTION}/AuthnStatement",
    ),
    _timed("not-yet", "Issued in the future.", "not_yet_valid", _moved(120), ASSERTION),
    _timed(
        "conditions-not-yet",
        "The conditions begin in the future.",
        "not_yet_valid",
        lambda world: put("//a:Conditions", "NotBefore", world.time(45)),
        CONDITIONS,
    ),
    _timed(
        "confirmation-not-yet",
        "The confirmation begins in the future.",
        "not_yet_valid",
        lambda world: put("//a:SubjectConfirmationData", "NotBefore", world.time(45)),
        DATA,
    ),
    _timed(
        "signed-in-in-the-future",
        "The person signed in in the future.",
        "not_yet_valid",
        lambda world: put("//a:AuthnStatement", "AuthnInstant", world.time(45)),
        f"{ASSERTION}/AuthnStatement",
    ),
    _timed(
        "sent-in-the-future",
        "The Response was sent in the future.",
        "not_yet_valid",
        lambda world: put("/p:Response", "IssueInstant", world.time(45)),
        "Response",
    ),
    _timed(
        "conditions-endless",
        "The conditions have no end.",
        "lifetime",
        lambda _world: drop("//a:Conditions", "NotOnOrAfter"),
        CONDITIONS,
    ),
    _timed(
        "confirmation-endless",
        "The confirmation has no end.",
        "lifetime",
        lambda _world: drop("//a:SubjectConfirmationData", "NotOnOrAfter"),
        DATA,
    ),
    _timed(
        "too-long",
        "Good for five minutes and a second.",
        "lifetime",
        lambda world: put("//a:Conditions", "NotOnOrAfter", world.time(301)),
        CONDITIONS,
    ),
    _timed(
        "confirmation-too-long",
        "The confirmation is good for a day.",
        "lifetime",
        lambda world: put("//a:SubjectConfirmationData", "NotOnOrAfter", world.time(86400)),
        DATA,
    ),
    _timed(
        "end-of-days",
        "Good to the end of days.",
        "lifetime",
        lambda _world: put("//a:Conditions", "NotOnOrAfter", "9999-12-31T23:59:59Z"),
        CONDITIONS,
    ),
    _timed(
        "end-before-start",
        "It ends before it begins.",
        "lifetime",
        lambda world: all_of(
            put("//a:Conditions", "NotBefore", world.time(20)), put("//a:Conditions", "NotOnOrAfter", world.time(10))
        ),
        CONDITIONS,
    ),
    _spelled("without-zone", "A time without its zone: which one would it be.", lambda time: time.removesuffix("Z")),
    _spelled("with-offset", "A time with an offset instead of Z (core 1.3.3).", lambda time: time.replace("Z", "+00:00")),
    _spelled("long-fraction", "A fraction of twenty digits.", lambda time: time.replace("Z", "." + "0" * 20 + "Z")),
    _spelled("midnight-as-24", "The hour 24 is a legal spelling that few read alike.", lambda time: time[:11] + "24:00:00Z"),
    Case(
        name="time-with-white-space",
        because="White space around a time.",
        build=lambda world: world.signed(put("//a:Conditions", "NotOnOrAfter", f" {world.time(50)} ")),
        threat=31,
        expect=SCHEMA,
        mark=b'NotOnOrAfter=" ',
    ),
    _spelled("far-year", "A year of five digits.", lambda time: "1" + time),
    _spelled("negative-year", "A year before Christ.", lambda time: "-" + time),
    Case(
        name="time-no-time",
        because="A word instead of a time.",
        build=lambda world: world.signed(put("//a:Conditions", "NotOnOrAfter", "tomorrow")),
        threat=31,
        expect=SCHEMA,
        mark=b"tomorrow",
    ),
    Case(
        name="time-no-conditions",
        because="No conditions at all: no audience either, which is asked first.",
        build=lambda world: world.signed(cut("//a:Conditions")),
        threat=31,
        expect="handoff.audience",
        node=ASSERTION,
    ),
]


def _spread(root: Element) -> None:
    """Write two confirmations, each good in part: one has our recipient, the other the time."""
    second = copy.deepcopy(one(root, "//a:SubjectConfirmation"))
    one(second, "a:SubjectConfirmationData").set("Recipient", "https://evil.example/")
    one(root, "//a:SubjectConfirmationData").attrib.pop("NotOnOrAfter")
    one(root, "//a:Subject").append(second)


def _confirmation(name: str, because: str, edit: Edit, node: str) -> Case:
    return _signed(f"confirmation-{name}", because, 32, "handoff.recipient", edit, node)


_SUBJECT = f"{ASSERTION}/Subject"
_CONFIRMATIONS = [
    _confirmation("missing", "A subject that nothing confirms.", cut("//a:SubjectConfirmation"), _SUBJECT),
    _confirmation(
        "sender-vouches",
        "Confirmed by the sender's word.",
        put("//a:SubjectConfirmation", "Method", "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"),
        CONFIRMATION,
    ),
    _confirmation(
        "holder-of-key",
        "For the holder of a key, which a browser does not show.",
        put("//a:SubjectConfirmation", "Method", "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"),
        CONFIRMATION,
    ),
    _confirmation(
        "empty-method", "An empty method: python3-saml passes it.", put("//a:SubjectConfirmation", "Method", ""), CONFIRMATION
    ),
    _confirmation("two-bearers", "Two confirmations, both good.", twice("//a:SubjectConfirmation"), _SUBJECT),
    _confirmation("spread-over-two", "Two confirmations, each good in part.", _spread, _SUBJECT),
    _confirmation(
        "without-data",
        "A confirmation without data confirms anybody anywhere.",
        cut("//a:SubjectConfirmationData"),
        CONFIRMATION,
    ),
    Case(
        name="confirmation-no-subject",
        because="An assertion about nobody.",
        build=lambda world: world.signed(cut("//a:Subject")),
        threat=32,
        expect="handoff.recipient",
        node=ASSERTION,
    ),
]


def _solicited(
    name: str, because: str, path: str, node: str, value: str = "_request", *, signed: Signed = "response", after: bool = False
) -> Case:
    edit = put(path, "InResponseTo", value)
    return Case(
        name=f"in-response-to-{name}",
        because=because,
        build=lambda world: world.spoiled(edit) if after else world.signed(edit),
        threat=33,
        expect="handoff.solicited",
        node=node,
        signed=signed,
    )


_SOLICITED = [
    _solicited("on-the-response", "A stolen answer to somebody's request.", "/p:Response", "Response"),
    _solicited(
        "on-the-confirmation", "The confirmation alone says that it answers a request.", "//a:SubjectConfirmationData", DATA
    ),
    _solicited(
        "in-a-signed-assertion",
        "A stolen answer, whose envelope was made new.",
        "//a:SubjectConfirmationData",
        DATA,
        signed="assertion",
    ),
    _solicited(
        "added-to-the-envelope",
        "A request is named in an envelope that nobody signed.",
        "/p:Response",
        "Response",
        signed="assertion",
        after=True,
    ),
]

_CODE = "Response/Status/StatusCode"
_REQUESTER = "urn:oasis:names:tc:SAML:2.0:status:Requester"


def _status(name: str, because: str, edit: Edit, node: str = _CODE) -> Case:
    return _signed(f"status-{name}", because, 34, "handoff.status", edit, node)


_STATES = [
    _status(
        "responder",
        "The issuer reports a failure.",
        put("//p:StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Responder"),
    ),
    _status("empty", "An empty status: python3-saml passes it.", put("//p:StatusCode", "Value", "")),
    _status("with-a-space", "Success with a space after it.", put("//p:StatusCode", "Value", names.SUCCESS + " ")),
    _status(
        "success-below",
        "Success as the second-level code of a failure.",
        all_of(
            add("//p:StatusCode", f"{SAMLP}StatusCode", {"Value": names.SUCCESS}),
            put("/p:Response/p:Status/p:StatusCode", "Value", _REQUESTER),
        ),
    ),
    _signed("status-missing", "No status at all.", 34, SCHEMA, cut("//p:Status"), mark=b"<saml:Assertion"),
    _signed("status-twice", "Two statuses, one of them Success.", 34, SCHEMA, twice("//p:Status"), mark=b"<samlp:Status>"),
    _signed("status-two-codes", "Two codes in one status.", 34, SCHEMA, twice("//p:StatusCode"), mark=b"<samlp:StatusCode"),
    _signed("version-1", "A Response of version 1.1.", 34, SCHEMA, put("/p:Response", "Version", "1.1"), "Response", check=3),
    _signed(
        "version-of-the-assertion",
        "An assertion of version 1.1, which python3-saml does not look at.",
        34,
        SCHEMA,
        put("/p:Response/a:Assertion", "Version", "1.1"),
        ASSERTION,
        check=3,
    ),
    _signed("version-2-00", "Another spelling of 2.0.", 34, SCHEMA, put("/p:Response", "Version", "2.00"), "Response", check=3),
    Case(
        name="assertion-alone",
        because="A signed assertion, posted without its Response.",
        signed="assertion",
        threat=34,
        expect=SCHEMA,
        check=3,
        node="Assertion",
        build=lambda world: etree.tostring(one(world.signed_tree(), "//a:Assertion"), with_tail=False),
    ),
    Case(
        name="logout-response",
        because="A message of another kind, signed by the issuer.",
        threat=3,
        expect=SCHEMA,
        check=3,
        node="LogoutResponse",
        build=lambda world: world.signed().replace(b"samlp:Response", b"samlp:LogoutResponse"),
    ),
]

_UNKNOWN = [
    _signed(
        "condition-unknown",
        "A condition that nobody knows makes an assertion void (core 2.5.1.1).",
        35,
        SCHEMA,
        add("//a:Conditions", f"{SAML}Condition", {f"{XSI}type": "x"}),
        f"{CONDITIONS}/Condition",
    ),
    _signed(
        "condition-proxy-restriction",
        "A ProxyRestriction is not for us to judge.",
        35,
        SCHEMA,
        add("//a:Conditions", f"{SAML}ProxyRestriction", {"Count": "0"}),
        f"{CONDITIONS}/ProxyRestriction",
    ),
    _signed(
        "advice",
        "Advice may hold anything.",
        35,
        SCHEMA,
        add("/p:Response/a:Assertion", f"{SAML}Advice", at=3),
        f"{ASSERTION}/Advice",
    ),
    _signed(
        "authorization-decision",
        "A statement that decides about authorization.",
        35,
        SCHEMA,
        add("/p:Response/a:Assertion", f"{SAML}AuthzDecisionStatement", {"Resource": "x", "Decision": "Permit"}),
        f"{ASSERTION}/AuthzDecisionStatement",
    ),
    _signed(
        "statement-unknown",
        "A statement of a type that nobody knows.",
        35,
        SCHEMA,
        add("/p:Response/a:Assertion", f"{SAML}Statement", {f"{XSI}type": "x"}),
        f"{ASSERTION}/Statement",
    ),
    _signed("two-authn-statements", "Two sign-ins in one assertion.", 35, SCHEMA, twice("//a:AuthnStatement"), ASSERTION),
    _signed("no-authn-statement", "An assertion that nobody signed in.", 35, SCHEMA, cut("//a:AuthnStatement"), ASSERTION),
    _signed(
        "encrypted-attribute",
        "An attribute that cannot be read.",
        35,
        SCHEMA,
        add("//a:AttributeStatement", f"{SAML}EncryptedAttribute"),
        f"{ASSERTION}/AttributeStatement/EncryptedAttribute",
    ),
    _signed(
        "status-detail",
        "StatusDetail may hold anything.",
        35,
        SCHEMA,
        add("//p:Status", f"{SAMLP}StatusDetail"),
        "Response/Status/StatusDetail",
    ),
    _signed("unknown-element", "An element that nobody knows.", 35, SCHEMA, add("/p:Response", "{urn:x}y"), "Response/y"),
    _signed(
        "key-info-confirmation",
        "A key stands in the confirmation data.",
        35,
        SCHEMA,
        add("//a:SubjectConfirmationData", f"{{{names.DS}}}KeyInfo"),
        f"{DATA}/KeyInfo",
    ),
]

CASES = [
    *_AUDIENCES,
    *_RECIPIENTS,
    *_DESTINATIONS,
    *_ISSUERS,
    *_TIMES,
    *_CONFIRMATIONS,
    *_SOLICITED,
    *_STATES,
    *_UNKNOWN,
]
