"""What stands in a transcript in the place of values. Pure.

The law: a value is replaced unless its name is on a list. One value has one mask in one transcript, of the same length and the
same kinds of characters, drawn with a key that nobody keeps: without the key no guess can be tried against a mask.
"""

import hashlib
import re
import string
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit

from lxml import etree

from bridge.saml import names
from bridge.saml.xml import local_name

KEY_BYTES = 32
_PLAIN_ELEMENTS = frozenset(
    {
        "Audience", "AuthenticatingAuthority", "AuthnContextClassRef", "DigestValue", "Issuer", "X509Certificate",
    }
)  # fmt: skip
_PLAIN_ATTRIBUTES = frozenset(
    {
        "Algorithm", "AuthnInstant", "Destination", "Format", "IssueInstant", "Method", "Name", "NameFormat", "NotBefore",
        "NotOnOrAfter", "PrefixList", "Recipient", "SPNameQualifier", "SessionNotOnOrAfter", "Type", "Value", "Version", "nil",
        "type",
    }
)  # fmt: skip
_PLAIN_CLAIMS = frozenset(
    {"contract", "email_verified", "email_evidence", "provider", "organization_id", "organization_path", "reference"}
)
_PLAIN_QUERY = frozenset(
    {"client_id", "code_challenge_method", "iss", "language", "redirect_uri", "response_mode", "response_type", "scope"}
)
_PATHS = frozenset({"return_to", "RelayState"})
_OWN_PATH = re.compile(r"/o/[^/]+/(?:auth|users|-)(?:/|$)")
_ORG_HOME = re.compile(r"/o/[^/]+/")
_HEX = re.compile(r"[0-9a-f]{16,}")
_HEX_DIGITS = "0123456789abcdef"


class Mask:
    """The masks of one transcript; *random_bytes* is asked once, and what it gave is forgotten with the object."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._key = random_bytes(KEY_BYTES)

    def value(self, text: str) -> str:
        """Return the mask of *text*: letters for letters, digits for digits, everything else as it is."""
        drawn = hashlib.shake_256(self._key + text.encode("utf-8", "surrogatepass")).digest(2 * len(text))
        numbers = [int.from_bytes(drawn[at : at + 2], "big") for at in range(0, len(drawn), 2)]
        if _HEX.fullmatch(text):
            return "".join(_HEX_DIGITS[number % 16] for number in numbers)
        return "".join(map(_alike, text, numbers))

    def xml_id(self, text: str) -> str:
        """Return the mask of an ID or of a reference to it: the letter that it begins with stays."""
        start = len(text) - len(text.lstrip("#_"))
        return text[:start] + self.value(text[start:])

    def base64(self, text: str) -> str:
        """Return the mask of a long run of base64, whose last group stays: its spare bits have to fit."""
        return self.value(text[:-4]) + text[-4:]

    def path(self, text: str) -> str:
        """Return the mask of a path on our origin: the organization, and what is the product's own, stay."""
        plain, mark, query = text.partition("?")
        if not _OWN_PATH.match(plain) and (home := _ORG_HOME.match(plain)):
            rest = plain[home.end() :]
            plain = home[0] + "/".join(self.value(segment) for segment in rest.split("/"))
        return plain + mark + self._query(query)

    def url(self, text: str) -> str:
        """Return the mask of an absolute URL: origin, names of fields and the product's own paths stay."""
        if not text:
            return ""
        parts = urlsplit(text)
        return f"{parts.scheme}://{parts.netloc}" + self.path(f"{parts.path}?{parts.query}" if parts.query else parts.path)

    def _query(self, query: str) -> str:
        return "&".join(self._field(field) for field in query.split("&")) if query else ""

    def _field(self, field: str) -> str:
        name, mark, raw = field.partition("=")
        text = unquote(raw)
        if name in _PLAIN_QUERY:
            return field
        return name + mark + quote(self.path(text) if name in _PATHS else self.value(text), safe="")

    def document(self, root: etree._Element) -> bytes:
        """Return the document of *root* with its values masked: every element and attribute stands where it stood."""
        copy = etree.fromstring(etree.tostring(root))
        for element in copy.iter(etree.Element):
            for name, value in element.attrib.items():
                element.set(name, self._attribute(str(name).rpartition("}")[2], value))
            if element.text and element.text.strip():
                element.text = self._text(element, element.text)
            if element.tail and element.tail.strip():
                element.tail = self.value(element.tail)
        return etree.tostring(copy)

    def _attribute(self, name: str, value: str) -> str:
        if name in _PLAIN_ATTRIBUTES:
            return value
        return self.xml_id(value) if name in ("ID", "Id", "URI", "InResponseTo") else self.value(value)

    def _text(self, element: etree._Element, text: str) -> str:
        parent = element.getparent()
        claim = parent.get("Name") if element.tag == names.ATTRIBUTE_VALUE and parent is not None else None
        if claim is not None:
            return text if claim in _PLAIN_CLAIMS else self.path(text) if claim == "return_to" else self.value(text)
        if element.tag in (names.SIGNATURE_VALUE, names.CIPHER_VALUE):
            return self.base64(text)
        inside = any(above.tag == names.ATTRIBUTE_VALUE for above in element.iterancestors())
        return text if local_name(element) in _PLAIN_ELEMENTS and not inside else self.value(text)


def _alike(character: str, number: int) -> str:
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
        if character in kind:
            return kind[number % len(kind)]
    return "\u00e4" if unicodedata.category(character)[0] == "L" else character
