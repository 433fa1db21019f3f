"""The documents that our own minter writes, recognized by their text alone, so that they cost half as much to judge.

The grammar is the text of `render` and `sign` with a pattern in every gap. Of a text that matches it is known without a tree:

- nothing varies but values, and each pattern takes only what the schema takes in its place, with every special character
  escaped; so the text is well-formed, stands in the closed profile, and checks 2 to 6 accept it;
- it is canonical (the law of `render`), and stays so without the Signature, which stands where a signature may; so does
  SignedInfo with the declaration that it inherits. Check 7 can hash slices of the text.

The law: a match says what a document looks like, never that it is genuine. Check 7 hashes the very bytes that it then parses,
so that a mistake in the grammar could let in nothing that a trusted key has not signed byte for byte. Any other document takes
the long way through trees and canonicalization, and a document of the grammar gets the same verdict there.
"""

import base64
import re
from collections.abc import Mapping
from typing import NamedTuple

from bridge.saml import names
from bridge.saml.render import (
    ASSERTION_OPENING,
    ASSERTION_REST,
    ATTRIBUTE,
    RESPONSE_END,
    RESPONSE_OPENING,
    STATUS,
)
from bridge.saml.sign import DECLARED, SIGNATURE, SIGNED_INFO_REST

# Every repetition is possessive (`*+`): it never gives back what it took, so that matching takes one pass over any text.
_ID = "_[0-9a-f]{32}"
# xs:dateTime, without the leap day and the years that nobody needs.
_DAY = "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
_TIME = f"2[0-9]{{3}}-{_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
# xs:anyURI, the plain ones.
_URL = "https?://[a-z0-9.-]++(?::[0-9]{1,5})?+(?:/[A-Za-z0-9._~-]*+)*+"
_URN = "urn:[a-z]++(?::[A-Za-z0-9._-]++)++"
# xs:base64Binary: no bit of the last character is left over. The longer group is there for speed.
_BASE64 = "(?:[A-Za-z0-9+/]{64})*+(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?+"
_DIGEST = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
# XML 1.0 2.2 Char, escaped as canonical text escapes them; decoded UTF-8 holds no surrogates.
_CHARS = r"[^\x00-\x08\x0b-\x1f&<>\ufffe\uffff]*+"
_VALUE = f"{_CHARS}(?:&(?:amp|lt|gt|#xD);{_CHARS})*+"

_SIGNED_INFO = SIGNED_INFO_REST % {"method": "%(method)s", "element_id": "%(response_id)s", "digest": "%(digest)s"}
_SIGNATURE = SIGNATURE % {
    "info": f"%(info_from)s{_SIGNED_INFO}%(info_to)s",
    "value": "%(value)s",
    "certificate": "%(certificate)s",
}
_TEXT = (
    f"{RESPONSE_OPENING}%(signature_from)s{_SIGNATURE}%(signature_to)s{STATUS}{ASSERTION_OPENING}{ASSERTION_REST}{RESPONSE_END}"
)
_GAPS = {
    "response_id": _ID,
    "assertion_id": f"(?!(?P=response_id)){_ID}",
    "issued": _TIME,
    "expires": _TIME,
    "session_ends": _TIME,
    "issuer": "[!-%'-;=?-~]++",
    "acs": _URL,
    "audience": _URL,
    "name_id": _VALUE,
    "authn_context": f"(?:{_URL}|{_URN})",
    "attributes": "(?:{}[a-z_]++{}{}{})++".format(*map(re.escape, ATTRIBUTE[:2]), _VALUE, re.escape(ATTRIBUTE[2])),
    "method": "|".join(map(re.escape, (names.RSA_SHA256, names.ECDSA_SHA256))),
    "digest": _DIGEST,
    "value": _BASE64,
    "certificate": _BASE64,
    # Places rather than gaps.
    "signature_from": "",
    "signature_to": "",
    "info_from": "",
    "info_to": "",
}


def _pattern(text: str, gaps: Mapping[str, str]) -> str:
    """Return the pattern of *text*: a gap takes what *gaps* says the first time, and the same again from then on."""
    seen: set[str] = set()

    def filled(gap: re.Match[str]) -> str:
        name = gap[1]
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{gaps[name]})"

    return re.sub(r"%\\\((\w+)\\\)s", filled, re.escape(text))


GRAMMAR = re.compile(_pattern(_TEXT, _GAPS))


class Minted(NamedTuple):
    """What check 7 needs of a document of the grammar: an RSA-SHA256 or ECDSA-SHA256 signature of the Response.

    `signed_info` and `signed_response` are in exclusive canonical form, the latter without its Signature; `digest` is SHA-256.
    """

    unverified_issuer: str
    signature_method: str
    signature_value: bytes
    signed_info: bytes
    digest: bytes
    signed_response: bytes


def recognize(unverified_text: str) -> Minted | None:
    """Return the parts of *unverified_text* if it is a document of the grammar."""
    found = GRAMMAR.fullmatch(unverified_text)
    if found is None:
        return None
    signed_info = unverified_text[found.start("info_from") : found.start("info_to")]
    before, after = unverified_text[: found.start("signature_from")], unverified_text[found.start("signature_to") :]
    return Minted(
        unverified_issuer=found["issuer"],
        signature_method=found["method"],
        signature_value=base64.b64decode(found["value"]),
        signed_info=f"<ds:SignedInfo{DECLARED}>{signed_info}".encode(),
        digest=base64.b64decode(found["digest"]),
        signed_response=f"{before}{after}".encode(),
    )
