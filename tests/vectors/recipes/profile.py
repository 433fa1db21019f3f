"""Signed by the trusted issuer, and no sign-in: confirmation, request, status, version, what nobody knows."""

import copy

from lxml import etree

from bridge.saml import names
from bridge.saml.trust import Signed
from tests.saml.forge import Edit, Element, add, all_of, cut, one, put, twice
from tests.saml.variety import XSI
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.conditions import ASSERTION, CONDITIONS, CONFIRMATION, DATA, SAML, SAMLP, SCHEMA, edited


def _spread(root: Element) -> None:
    """Write two confirmations, each good in part: one has our recipient, the other the time."""
    second = copy.deepcopy(one(root, "//a:SubjectConfirmation"))
    one(second, "a:SubjectConfirmationData").set("Recipient", "https://evil.example/")
    one(root, "//a:SubjectConfirmationData").attrib.pop("NotOnOrAfter")
    one(root, "//a:Subject").append(second)


def _confirmation(name: str, because: str, edit: Edit, node: str) -> Case:
    return edited(f"confirmation-{name}", because, 32, "handoff.recipient", edit, node)


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
    return edited(f"status-{name}", because, 34, "handoff.status", edit, node)


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
    edited("status-missing", "No status at all.", 34, SCHEMA, cut("//p:Status"), mark=b"<saml:Assertion"),
    edited("status-twice", "Two statuses, one of them Success.", 34, SCHEMA, twice("//p:Status"), mark=b"<samlp:Status>"),
    edited("status-two-codes", "Two codes in one status.", 34, SCHEMA, twice("//p:StatusCode"), mark=b"<samlp:StatusCode"),
    edited("version-1", "A Response of version 1.1.", 34, SCHEMA, put("/p:Response", "Version", "1.1"), "Response", check=3),
    edited(
        "version-of-the-assertion",
        "An assertion of version 1.1, which python3-saml does not look at.",
        34,
        SCHEMA,
        put("/p:Response/a:Assertion", "Version", "1.1"),
        ASSERTION,
        check=3,
    ),
    edited("version-2-00", "Another spelling of 2.0.", 34, SCHEMA, put("/p:Response", "Version", "2.00"), "Response", check=3),
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
    edited(
        "condition-unknown",
        "A condition that nobody knows makes an assertion void (core 2.5.1.1).",
        35,
        SCHEMA,
        add("//a:Conditions", f"{SAML}Condition", {f"{XSI}type": "x"}),
        f"{CONDITIONS}/Condition",
    ),
    edited(
        "condition-proxy-restriction",
        "A ProxyRestriction is not for us to judge.",
        35,
        SCHEMA,
        add("//a:Conditions", f"{SAML}ProxyRestriction", {"Count": "0"}),
        f"{CONDITIONS}/ProxyRestriction",
    ),
    edited(
        "advice",
        "Advice may hold anything.",
        35,
        SCHEMA,
        add("/p:Response/a:Assertion", f"{SAML}Advice", at=3),
        f"{ASSERTION}/Advice",
    ),
    edited(
        "authorization-decision",
        "A statement that decides about authorization.",
        35,
        SCHEMA,
        add("/p:Response/a:Assertion", f"{SAML}AuthzDecisionStatement", {"Resource": "x", "Decision": "Permit"}),
        f"{ASSERTION}/AuthzDecisionStatement",
    ),
    edited(
        "statement-unknown",
        "A statement of a type that nobody knows.",
        35,
        SCHEMA,
        add("/p:Response/a:Assertion", f"{SAML}Statement", {f"{XSI}type": "x"}),
        f"{ASSERTION}/Statement",
    ),
    edited("two-authn-statements", "Two sign-ins in one assertion.", 35, SCHEMA, twice("//a:AuthnStatement"), ASSERTION),
    edited("no-authn-statement", "An assertion that nobody signed in.", 35, SCHEMA, cut("//a:AuthnStatement"), ASSERTION),
    edited(
        "encrypted-attribute",
        "An attribute that cannot be read.",
        35,
        SCHEMA,
        add("//a:AttributeStatement", f"{SAML}EncryptedAttribute"),
        f"{ASSERTION}/AttributeStatement/EncryptedAttribute",
    ),
    edited(
        "status-detail",
        "StatusDetail may hold anything.",
        35,
        SCHEMA,
        add("//p:Status", f"{SAMLP}StatusDetail"),
        "Response/Status/StatusDetail",
    ),
    edited("unknown-element", "An element that nobody knows.", 35, SCHEMA, add("/p:Response", "{urn:x}y"), "Response/y"),
    edited(
        "key-info-confirmation",
        "A key stands in the confirmation data.",
        35,
        SCHEMA,
        add("//a:SubjectConfirmationData", f"{{{names.DS}}}KeyInfo"),
        f"{DATA}/KeyInfo",
    ),
]

CASES = [*_CONFIRMATIONS, *_SOLICITED, *_STATES, *_UNKNOWN]
