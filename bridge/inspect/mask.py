"""Which values of a document may be shown to somebody who only has to see its structure. Pure.

The law: a value is hidden unless it is on the list: addresses of machines, times, algorithms and words of the protocol. What is
hidden keeps its length and a digest, so that two of them can be compared.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace

from lxml import etree

from bridge.inspect.fields import Field
from bridge.inspect.outcome import Outcome
from bridge.inspect.places import Row
from bridge.saml import checks, names
from bridge.saml.xml import local_name

_ATTRIBUTES = frozenset(
    {
        "Algorithm", "AuthnInstant", "AssertionConsumerServiceURL", "Binding", "Destination", "Format", "ID", "IssueInstant",
        "Location", "Method", "Name", "NameFormat", "NotBefore", "NotOnOrAfter", "Recipient", "SessionNotOnOrAfter", "Type",
        "URI", "Value", "Version", "entityID", "index", "isDefault", "nil", "protocolSupportEnumeration", "type", "use",
        "validUntil",
    }
)  # fmt: skip
_ELEMENTS = frozenset(
    {"Audience", "AuthnContextClassRef", "AuthenticatingAuthority", "DigestValue", "Issuer", "NameIDFormat", "X509Certificate"}
)
_CLAIMS = frozenset(
    {"contract", "email_verified", "email_evidence", "provider", "organization_id", "organization_path", "reference"}
)
_BY_VALUE = (checks.CONTRACT, checks.ATTRIBUTES)
_ATTRIBUTE = re.compile(r"""([\w.:-]+)(\s*=\s*)("[^"]*"|'[^']*')""")


def masked(value: str) -> str:
    """Return what is shown in the place of *value*."""
    return f"[hidden: {len(value)} characters, sha256 {hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:8]}]"


def masked_field(field: Field) -> Field:
    """Return *field*, its value hidden unless it is on the list."""
    name = field.node.rpartition("/")[2].partition("[")[0]
    if field.is_claim:
        plain = field.name in _CLAIMS
    else:
        plain = field.name.rpartition("@")[2] in _ATTRIBUTES if "@" in field.name else name in _ELEMENTS
    return field if plain else replace(field, value=masked(field.value))


def masked_handoff(handoff: Mapping[str, str]) -> dict[str, str]:
    """Return *handoff* with the values hidden that are not on the list."""
    plain = _CLAIMS | {"handoff_id", "issuer"}
    return {name: value if name in plain else masked(value) for name, value in handoff.items()}


def masked_outcome(outcome: Outcome) -> Outcome:
    """Return *outcome*; of a check that judges what a person is called, what was received is hidden."""
    hide = outcome.check in _BY_VALUE and outcome.received
    return replace(outcome, received=masked(outcome.received)) if hide else outcome


def masked_row(row: Row, element: etree._Element | None) -> Row:
    """Return *row*, which begins with the tag of *element*, with its values hidden that are not on the list."""

    def hidden(match: re.Match[str]) -> str:
        name = match[1].rpartition(":")[2]
        if match[1].startswith("xmlns") or name in _ATTRIBUTES:
            return match[0]
        return f'{match[1]}{match[2]}"{masked(match[3][1:-1])}"'

    text = row.text
    if text.strip() and not (element is not None and _is_plain(element)):
        text = masked(text)
    return replace(row, tag=_ATTRIBUTE.sub(hidden, row.tag), text=text)


def _is_plain(element: etree._Element) -> bool:
    parent = element.getparent()
    if element.tag == names.ATTRIBUTE_VALUE and parent is not None:
        return parent.get("Name") in _CLAIMS
    return local_name(element) in _ELEMENTS and all(local_name(above) != "AttributeValue" for above in element.iterancestors())
