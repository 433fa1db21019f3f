"""From a handoff to the text of its SAML Response, canonical by construction.

The law: the text *is* its own exclusive canonical form (xml-exc-c14n): namespaces declared where they are first used,
attributes in order, no empty-element tags, values escaped as c14n escapes them. So it is hashed as it stands, and every value
enters it through `text` or `attribute`, which refuse what XML cannot carry.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from bridge.contract import to_attributes
from bridge.handoff import Handoff
from bridge.identity import MalformedValue
from bridge.saml import names

# XML 1.0 2.2 Char: everything else has no spelling, not even as a character reference.
_NO_CHAR = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT_SPECIAL = re.compile("[&<>\r]")
_ATTRIBUTE_SPECIAL = re.compile('[&<"\t\n\r]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}

_RESPONSE_OPENING = (
    f'<samlp:Response xmlns:samlp="{names.SAMLP}" Destination="{{acs}}" ID="{{response_id}}" '
    'IssueInstant="{issued}" Version="2.0">'
    f'<saml:Issuer xmlns:saml="{names.SAML}">{{issuer}}</saml:Issuer>'
)
_STATUS = f'<samlp:Status><samlp:StatusCode Value="{names.SUCCESS}"></samlp:StatusCode></samlp:Status>'
_ASSERTION_OPENING = (
    f'<saml:Assertion xmlns:saml="{names.SAML}" ID="{{assertion_id}}" IssueInstant="{{issued}}" Version="2.0">'
    "<saml:Issuer>{issuer}</saml:Issuer>"
)
_ASSERTION_REST = (
    f'<saml:Subject><saml:NameID Format="{names.PERSISTENT}">{{name_id}}</saml:NameID>'
    f'<saml:SubjectConfirmation Method="{names.BEARER}">'
    '<saml:SubjectConfirmationData NotOnOrAfter="{expires}" Recipient="{acs}"></saml:SubjectConfirmationData>'
    "</saml:SubjectConfirmation></saml:Subject>"
    '<saml:Conditions NotBefore="{issued}" NotOnOrAfter="{expires}">'
    "<saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>"
    "<saml:OneTimeUse></saml:OneTimeUse></saml:Conditions>"
    '<saml:AuthnStatement AuthnInstant="{issued}" SessionNotOnOrAfter="{session_ends}">'
    "<saml:AuthnContext><saml:AuthnContextClassRef>{authn_context}</saml:AuthnContextClassRef></saml:AuthnContext>"
    "</saml:AuthnStatement><saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"
)
_ATTRIBUTE = (
    f'<saml:Attribute Name="%s" NameFormat="{names.BASIC}"><saml:AttributeValue>%s</saml:AttributeValue></saml:Attribute>'
)
RESPONSE_END = "</samlp:Response>"


@dataclass(frozen=True, slots=True)
class Rendered:
    """An unsigned Response in canonical text, cut where a signature may be put: after each Issuer."""

    response_id: str
    assertion_id: str
    response_opening: str
    status: str
    assertion_opening: str
    assertion_rest: str

    @property
    def xml(self) -> str:
        """The whole unsigned Response."""
        return f"{self.response_opening}{self.status}{self.assertion_opening}{self.assertion_rest}{RESPONSE_END}"


def render(handoff: Handoff) -> Rendered:
    """Return the unsigned Response for *handoff*; raises `MalformedValue` for a value that XML cannot carry.

    NameID is `provider:uid`: unique, persistent and case-sensitive, which is what foreign SPs key their accounts on.
    """
    issued = _time(handoff.issued_at)
    issuer = text(handoff.issuer)
    key = handoff.identity.key
    return Rendered(
        response_id=handoff.response_id,
        assertion_id=handoff.id,
        response_opening=_RESPONSE_OPENING.format(
            acs=attribute(handoff.route.acs_url), response_id=handoff.response_id, issued=issued, issuer=issuer
        ),
        status=_STATUS,
        assertion_opening=_ASSERTION_OPENING.format(assertion_id=handoff.id, issued=issued, issuer=issuer),
        assertion_rest=_ASSERTION_REST.format(
            name_id=text(f"{key.provider}:{key.uid}"),
            expires=_time(handoff.expires_at),
            acs=attribute(handoff.route.acs_url),
            issued=issued,
            audience=text(handoff.route.sp_entity_id),
            session_ends=_time(handoff.session_not_on_or_after),
            authn_context=text(handoff.authn_context),
            attributes="".join([_ATTRIBUTE % (attribute(name), text(value)) for name, value in to_attributes(handoff)]),
        ),
    )


def text(value: str) -> str:
    """Return *value* escaped as canonical text content; raises `MalformedValue`."""
    return _escape(value, _TEXT_SPECIAL)


def attribute(value: str) -> str:
    """Return *value* escaped as the canonical value of an attribute; raises `MalformedValue`."""
    return _escape(value, _ATTRIBUTE_SPECIAL)


def _escape(value: str, special: re.Pattern[str]) -> str:
    if _NO_CHAR.search(value):
        raise MalformedValue("text", "holds a character that XML cannot carry")
    if special.search(value) is None:
        return value
    return special.sub(lambda found: _ESCAPES[found[0]], value)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
