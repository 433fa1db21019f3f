"""What a document truly says: a plain second reading of signed elements, which shares no code with `bridge.saml`.

The law: only an element whose bytes a trusted key vouches for can say anything; that it may be refused is not judged here.
"""

import base64
import binascii
import contextlib
import copy
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from bridge.saml.trust import TrustedIssuer
from bridge.saml.verify import VerifiedHandoff
from tests.fuzz.readings import foreign_claims, opened
from tests.saml.forge import NAMESPACES, Element, exclusive

Told = frozenset[tuple[str, str]]
Trust = Mapping[str, TrustedIssuer]
ASSERTION = f"{{{NAMESPACES['a']}}}Assertion"
_TOLD = (
    *("email", "email_verified", "email_evidence", "name", "username", "provider", "extern_uid"),
    *("organization_id", "organization_path", "return_to", "binding", "reference"),
)
_UNSPECIFIED = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
_SKEW, _LONGEST_SESSION = timedelta(seconds=30), timedelta(hours=24)
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_DIGESTS = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
_READ_ERRORS = (etree.Error, ValueError, LookupError, TypeError, InvalidSignature)
_LENIENT = etree.XMLParser(
    resolve_entities=True, load_dtd=False, no_network=True, remove_comments=True, remove_pis=True, recover=True
)
_RELATIVE = re.compile(rb"""\sxmlns:[\w.-]+=(?:"[^":]*"|'[^':]*')""")
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)


def told_by_verdict(verified: VerifiedHandoff) -> Told:
    """Return what the product read."""
    claims, identity = verified.claims, verified.claims.identity
    said = {
        "issuer": verified.issuer,
        "id": verified.handoff_id,
        "spent_until": _time(verified.spent_until),
        "authn_context": verified.authn_context,
        "session_ends": _time(verified.session_not_on_or_after),
        "email": identity.email.address if identity.email else "",
        "email_verified": "true" if identity.evidence.verified else "false",
        "email_evidence": identity.evidence.rule,
        "name": identity.name or "",
        "username": identity.username or "",
        "provider": identity.key.provider,
        "extern_uid": identity.key.uid,
        "organization_id": str(claims.org_id),
        "organization_path": claims.org_path,
        "return_to": claims.return_to.path,
        "binding": claims.binding or "",
        "reference": claims.reference,
    }
    return frozenset(said.items())


def told_by_assertion(assertion: Element) -> Told:
    """Return what *assertion* says, read plainly; raises one of several errors where it says nothing that could be accepted."""

    def text(path: str) -> str:
        found = assertion.find(path, NAMESPACES)
        return "" if found is None else "".join(str(part) for part in found.itertext())

    values = {}
    for attribute in assertion.iterfind("a:AttributeStatement/a:Attribute", NAMESPACES):
        value = attribute.find("a:AttributeValue", NAMESPACES)
        values[attribute.get("Name", "")] = "" if value is None else "".join(str(part) for part in value.itertext())
    ends = [datetime.fromisoformat(str(end)) for end in _strings(assertion, "//a:Assertion//@NotOnOrAfter")]
    sessions = [datetime.fromisoformat(str(end)) for end in _strings(assertion, "//@SessionNotOnOrAfter")]
    issued_at = datetime.fromisoformat(assertion.get("IssueInstant", ""))
    said = {
        "issuer": text("a:Issuer"),
        "id": assertion.get("ID", ""),
        "spent_until": _time(_later(min(ends), _SKEW)),
        "authn_context": text("a:AuthnStatement/a:AuthnContext/a:AuthnContextClassRef") or _UNSPECIFIED,
        "session_ends": _time(min([*sessions, _later(issued_at, _LONGEST_SESSION)])),
        **(foreign_claims(assertion, values) or {name: values.get(name, "") for name in _TOLD}),
    }
    return frozenset(said.items())


def _later(moment: datetime, by: timedelta) -> datetime:
    """Return *moment* and *by*, or the end of time."""
    end_of_time = datetime.max.replace(tzinfo=UTC)
    return moment + by if moment < end_of_time - by else end_of_time


def assertions_told(root: Element) -> frozenset[Told]:
    """Return what each assertion under *root* says, in clear or encrypted."""
    found = set()
    for text in (*map(exclusive, root.iter(ASSERTION)), *opened(root)):
        with contextlib.suppress(*_READ_ERRORS):
            assertion = etree.fromstring(text, _LENIENT)
            if assertion is not None:  # what is no XML at all is recovered as None
                found.add(told_by_assertion(assertion))
    return frozenset(found)


def told_by_form(form: Iterable[tuple[str, str]], trust: Trust) -> frozenset[Told]:
    """Return everything that keys of *trust* vouch for in any field of *form*."""
    found: set[Told] = set()
    for _name, value in form:
        with contextlib.suppress(binascii.Error, *_READ_ERRORS):
            raw = base64.b64decode(value.replace("-", "+").replace("_", "/") + "==")
            for xml in {raw, raw[raw.find(b"<") :], _DOCTYPE.sub(b"", raw), _RELATIVE.sub(b"", raw)}:  # as they were signed
                root = etree.fromstring(xml, _LENIENT)
                for element in _vouched(root, trust) if root is not None else ():
                    found |= assertions_told(element)
    return frozenset(found)


def _vouched(root: Element, trust: Trust) -> Iterator[Element]:
    for signature in root.iterfind(".//d:Signature", NAMESPACES):
        with contextlib.suppress(binascii.Error, *_READ_ERRORS):
            yield from _signed_by(root, signature, trust)


def _signed_by(root: Element, signature: Element, trust: Trust) -> Iterator[Element]:
    info, value = signature.find("d:SignedInfo", NAMESPACES), signature.findtext("d:SignatureValue", "", NAMESPACES)
    if info is None or not _is_signed(info, base64.b64decode(value), trust):
        return
    wanted = base64.b64decode(info.findtext("d:Reference/d:DigestValue", "", NAMESPACES))
    uri = str(info.xpath("string(d:Reference/@URI)", namespaces=NAMESPACES))
    method = str(info.xpath("string(d:Reference/d:DigestMethod/@Algorithm)", namespaces=NAMESPACES))
    prefixes = tuple(str(info.xpath("string(d:Reference//@PrefixList)", namespaces=NAMESPACES)).split())
    for element in root.iter("{*}*"):
        if uri in ("", f"#{element.get('ID')}"):
            for copied in _bare(element):
                if _DIGESTS[method[-3:]](exclusive(copied, prefixes)).digest() == wanted:
                    yield copied


def _bare(element: Element) -> Iterator[Element]:
    """Yield *element* as it is, and without each signature in it, in the scope where it stands."""
    yield element
    for index, child in enumerate(element):
        if child.tag == f"{{{NAMESPACES['d']}}}Signature":
            tree = copy.deepcopy(element.getroottree())
            place = (
                tree.find(element.getroottree().getelementpath(element)) if element.getparent() is not None else tree.getroot()
            )
            assert place is not None
            gone = place[index]
            before = place[index - 1] if index else None
            if before is None:
                place.text = (place.text or "") + (gone.tail or "")
            else:
                before.tail = (before.tail or "") + (gone.tail or "")
            place.remove(gone)
            yield place


def _is_signed(info: Element, value: bytes, trust: Trust) -> bool:
    prefixes = tuple(str(info.xpath("string(d:CanonicalizationMethod//@PrefixList)", namespaces=NAMESPACES)).split())
    message = exclusive(info, prefixes)
    algorithm = _HASHES[str(info.xpath("string(d:SignatureMethod/@Algorithm)", namespaces=NAMESPACES))[-3:]]
    for pinned in (key for issuer in trust.values() for key in issuer.keys):
        with contextlib.suppress(InvalidSignature):
            if isinstance(pinned.key, RSAPublicKey):
                pinned.key.verify(value, message, padding.PKCS1v15(), algorithm)
            else:
                half = len(value) // 2
                r, s = int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
                pinned.key.verify(encode_dss_signature(r, s), message, ECDSA(algorithm))
            return True
    return False


def _strings(element: Element, path: str) -> list[str]:
    found = element.xpath(path, namespaces=NAMESPACES)
    assert isinstance(found, list)
    return [str(each) for each in found]


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
