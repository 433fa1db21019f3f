"""Signed by the trusted issuer, and not for us: audience, recipient, destination, issuer."""

import copy

from lxml import etree

from bridge.saml import names
from bridge.saml.trust import Signed
from tests.saml.forge import ROUTE, Edit, Element, all_of, cut, drop, one, put, write
from tests.vectors.issuers import OTHERS
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.conditions import ASSERTION, CONDITIONS, DATA, SAML, edited

ACS, ENTITY = ROUTE.acs_url, ROUTE.sp_entity_id


def _audience(name: str, because: str, edit: Edit, node: str = f"{CONDITIONS}/AudienceRestriction/Audience") -> Case:
    return edited(f"audience-{name}", because, 27, "handoff.audience", edit, node)


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
    return edited(f"recipient-{name}", because, 28, "handoff.recipient", edit, node)


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
    return edited(f"destination-{name}", because, 29, "handoff.destination", edit, "Response", signed=signed)


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
    return edited(f"issuer-{name}", because, 30, expect, edit, node)


_ISSUERS = [
    _issuer(
        "unknown",
        "An issuer that nobody trusts, with a key that somebody else is trusted for.",
        all_of(write(_A_ISSUER, "https://evil.example/"), write(_R_ISSUER, "https://evil.example/")),
    ),
    _issuer(
        "other-trusted",
        "Another trusted issuer's name over this one's key.",
        all_of(write(_A_ISSUER, OTHERS["limited"]), write(_R_ISSUER, OTHERS["limited"])),
        "Response/Signature",
        "handoff.signature",
    ),
    _issuer(
        "of-the-response-other",
        "The Response names another issuer than the assertion.",
        write(_R_ISSUER, OTHERS["limited"]),
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

CASES = [*_AUDIENCES, *_RECIPIENTS, *_DESTINATIONS, *_ISSUERS]
