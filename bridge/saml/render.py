"""From a handoff to the text of its SAML Response, canonical by construction.

The law: the text *is* its own exclusive canonical form (xml-exc-c14n): namespaces declared where they are first used,
attributes in order, no empty-element tags, values escaped as c14n escapes them. So it is hashed as it stands, and every value
enters it through `text` or `attribute`, which refuse what XML cannot carry.
"""

import re
from datetime import datetime
from typing import NamedTuple

from bridge.contract import to_attributes
from bridge.handoff import Handoff
from bridge.identity import MalformedValue
from bridge.saml import names

# XML 1.0 2.2 Char: everything else has no spelling, not even as a character reference.
_NO_CHAR = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Most values: ASCII without a character that is escaped anywhere. One look instead of two.
_PLAIN = re.compile("[ !#-%'-;=?-~]*")
_TEXT_SPECIAL = re.compile("[&<>\r]")
_ATTRIBUTE_SPECIAL = re.compile('[&<"\t\n\r]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}

RESPONSE_OPENING = (
    f'<samlp:Response xmlns:samlp="{names.SAMLP}" Destination="%(acs)s" ID="%(response_id)s" '
    'IssueInstant="%(issued)s" Version="2.0">'
    f'<saml:Issuer xmlns:saml="{names.SAML}">%(issuer)s</saml:Issuer>'
)
STATUS = f'<samlp:Status><samlp:StatusCode Value="{names.SUCCESS}"></samlp:StatusCode></samlp:Status>'
ASSERTION_OPENING = (
    f'<saml:Assertion xmlns:saml="{names.SAML}" ID="%(assertion_id)s" IssueInstant="%(issued)s" Version="2.0">'
    "<saml:Issuer>%(issuer)s</saml:Issuer>"
)
ASSERTION_REST = (
    f'<saml:Subject><saml:NameID Format="{names.PERSISTENT}">%(name_id)s</saml:NameID>'
    f'<saml:SubjectConfirmation Method="{names.BEARER}">'
    '<saml:SubjectConfirmationData NotOnOrAfter="%(expires)s" Recipient="%(acs)s"></saml:SubjectConfirmationData>'
    "</saml:SubjectConfirmation></saml:Subject>"
    '<saml:Conditions NotBefore="%(issued)s" NotOnOrAfter="%(expires)s">'
    "<saml:AudienceRestriction><saml:Audience>%(audience)s</saml:Audience></saml:AudienceRestriction>"
    "<saml:OneTimeUse></saml:OneTimeUse></saml:Conditions>"
    '<saml:AuthnStatement AuthnInstant="%(issued)s" SessionNotOnOrAfter="%(session_ends)s">'
    "<saml:AuthnContext><saml:AuthnContextClassRef>%(authn_context)s</saml:AuthnContextClassRef></saml:AuthnContext>"
    "</saml:AuthnStatement><saml:AttributeStatement>%(attributes)s</saml:AttributeStatement></saml:Assertion>"
)
# What stands around the name and the value of an attribute.
ATTRIBUTE = (
    '<saml:Attribute Name="',
    f'" NameFormat="{names.BASIC}"><saml:AttributeValue>',
    "</saml:AttributeValue></saml:Attribute>",
)
RESPONSE_END = "</samlp:Response>"
_TIME = "%04d-%02d-%02dT%02d:%02d:%02dZ"


class Rendered(NamedTuple):
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
    key, route = handoff.identity.key, handoff.route
    before, between, after = ATTRIBUTE
    values = {
        "response_id": handoff.response_id,
        "assertion_id": handoff.id,
        "issued": _time(handoff.issued_at),
        "expires": _time(handoff.expires_at),
        "session_ends": _time(handoff.session_not_on_or_after),
        "issuer": text(handoff.issuer),
        "acs": attribute(route.acs_url),
        "audience": text(route.sp_entity_id),
        "name_id": text(f"{key.provider}:{key.uid}"),
        "authn_context": text(handoff.authn_context),
        # The names are those of the contract, which need no escaping.
        "attributes": "".join([f"{before}{name}{between}{text(value)}{after}" for name, value in to_attributes(handoff)]),
    }
    return Rendered(
        response_id=handoff.response_id,
        assertion_id=handoff.id,
        response_opening=RESPONSE_OPENING % values,
        status=STATUS,
        assertion_opening=ASSERTION_OPENING % values,
        assertion_rest=ASSERTION_REST % values,
    )


def text(value: str) -> str:
    """Return *value* escaped as canonical text content; raises `MalformedValue`."""
    return value if _PLAIN.fullmatch(value) else _escape(value, _TEXT_SPECIAL)


def attribute(value: str) -> str:
    """Return *value* escaped as the canonical value of an attribute; raises `MalformedValue`."""
    return value if _PLAIN.fullmatch(value) else _escape(value, _ATTRIBUTE_SPECIAL)


def _escape(value: str, special: re.Pattern[str]) -> str:
    if _NO_CHAR.search(value):
        raise MalformedValue("text", "holds a character that XML cannot carry")
    return special.sub(lambda found: _ESCAPES[found[0]], value)


def _time(moment: datetime) -> str:
    # A handoff's times are whole seconds in UTC. Three times as fast as `strftime`.
    return _TIME % (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
