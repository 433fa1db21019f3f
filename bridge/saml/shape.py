"""Checks 3 to 6: is it a SAML 2.0 Response of our closed profile, successful, with one assertion.

The law: these checks read an unverified document, so they may refuse and decide nothing else. What holds an assertion or a
signature where none belongs, or one ID twice, is left to the checks that refuse just that (6 and 7), so that
wrapping is called by its name. What `bridge.saml.minted` recognizes has passed all four with that.
"""

import re

from lxml import etree

from bridge.errors import HandoffAssertionCount, HandoffSchema, HandoffStatus
from bridge.saml import names
from bridge.saml.schema import protocol_schema
from bridge.saml.xml import Document, only, path_of

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}")
NAMESPACES = {
    "p": names.SAMLP,
    "a": names.SAML,
    "d": names.DS,
    "e": names.XENC,
    "f": names.XENC11,
    "c": names.EXCLUSIVE_C14N,
}
SIGNATURE_PLACE = "d:Signature[count(preceding-sibling::*) < 2]"
# The closed profile: every element stands at one of these places, or under a signature in the namespace of XML Signature.
_PLACES = tuple(
    place.replace("$response_signature", f"/p:Response/{SIGNATURE_PLACE}")
    .replace("$assertion_signature", f"$assertion/{SIGNATURE_PLACE}")
    .replace("$assertion", "/p:Response/a:Assertion")
    for place in (
        "/p:Response",
        "/p:Response/a:Issuer",
        "$response_signature/descendant-or-self::d:*",
        "$response_signature/d:SignedInfo//c:InclusiveNamespaces",
        "/p:Response/p:Status",
        "/p:Response/p:Status//p:StatusCode",
        "/p:Response/p:Status/p:StatusMessage",
        "$assertion",
        "$assertion/a:Issuer",
        "$assertion_signature/descendant-or-self::d:*",
        "$assertion_signature/d:SignedInfo//c:InclusiveNamespaces",
        "$assertion/a:Subject",
        "$assertion/a:Subject/a:NameID",
        "$assertion/a:Subject/a:SubjectConfirmation",
        "$assertion/a:Subject/a:SubjectConfirmation/a:SubjectConfirmationData",
        "$assertion/a:Conditions",
        "$assertion/a:Conditions/a:OneTimeUse",
        "$assertion/a:Conditions/a:AudienceRestriction",
        "$assertion/a:Conditions/a:AudienceRestriction/a:Audience",
        "$assertion/a:AuthnStatement",
        "$assertion/a:AuthnStatement/a:SubjectLocality",
        "$assertion/a:AuthnStatement/a:AuthnContext",
        "$assertion/a:AuthnStatement/a:AuthnContext/a:AuthnContextClassRef",
        "$assertion/a:AuthnStatement/a:AuthnContext/a:AuthenticatingAuthority",
        "$assertion/a:AttributeStatement",
        "$assertion/a:AttributeStatement/a:Attribute",
        "$assertion/a:AttributeStatement/a:Attribute/a:AttributeValue",
        # A value with an element in it is read by nobody, and check 14 refuses it where the contract has a claim.
        "$assertion/a:AttributeStatement/a:Attribute/a:AttributeValue/a:NameID",
    )
)
_DATA = "/p:Response/a:EncryptedAssertion/e:EncryptedData"
_KEY = f"{_DATA}/d:KeyInfo/e:EncryptedKey"
_ENCRYPTED_PLACES = (
    "/p:Response/a:EncryptedAssertion",
    _DATA,
    f"{_DATA}/e:EncryptionMethod",
    f"{_DATA}/d:KeyInfo",
    f"{_DATA}/e:CipherData",
    f"{_DATA}/e:CipherData/e:CipherValue",
    _KEY,
    f"{_KEY}/e:EncryptionMethod",
    f"{_KEY}/e:EncryptionMethod/d:DigestMethod",
    f"{_KEY}/e:EncryptionMethod/f:MGF",
    # A hint at the certificate, as other senders write it; nobody reads it.
    f"{_KEY}/d:KeyInfo",
    f"{_KEY}/d:KeyInfo/d:X509Data",
    f"{_KEY}/d:KeyInfo/d:X509Data/d:X509Certificate",
    f"{_KEY}/e:CipherData",
    f"{_KEY}/e:CipherData/e:CipherValue",
)
# Counting is for the common document, in clear; an encrypted one is judged element by element below.
_ONLY_PLACES = etree.XPath(f"{' + '.join(f'count({place})' for place in _PLACES)} = count(//*)", namespaces=NAMESPACES)
_AT_THEIR_PLACE = etree.XPath(" | ".join((*_PLACES, *_ENCRYPTED_PLACES)), namespaces=NAMESPACES)
# The schema admits attributes of other namespaces at these two places only, and xmlsec takes any of them called ID for an ID.
_FOREIGN_ATTRIBUTES = etree.XPath(
    "boolean((/p:Response/a:Assertion/a:AttributeStatement/a:Attribute | //a:SubjectConfirmationData)/@*[namespace-uri() != '' "
    f"and not(namespace-uri() = '{names.XSI}' and (local-name() = 'type' or local-name() = 'nil'))])",
    namespaces=NAMESPACES,
)
_COUNTED = (names.ASSERTION, names.ENCRYPTED_ASSERTION, names.SIGNATURE)
_ASSERTIONS = etree.XPath("//a:Assertion | //a:EncryptedAssertion", namespaces=NAMESPACES)


def check_root(document: Document) -> None:
    """Check 3: the root is a samlp:Response of version 2.0 with an ID, and so is each assertion. Raises `HandoffSchema`."""
    if document.minted is not None:
        return
    root = document.root
    if root.tag != names.RESPONSE:
        raise HandoffSchema(expected=names.RESPONSE, received=str(root.tag), node=path_of(root))
    for element in (root, *root.iterchildren(names.ASSERTION)):
        if element.get("Version") != "2.0":
            raise HandoffSchema(expected="Version 2.0", received=element.get("Version", "none"), node=path_of(element))
        if not _ID.fullmatch(element.get("ID", "")):
            raise HandoffSchema(
                expected="an ID of at most 256 characters", received=element.get("ID", "none"), node=path_of(element)
            )


def check_schema(document: Document) -> None:
    """Check 4: the published schema, and the closed profile inside it. Raises `HandoffSchema`."""
    if document.minted is not None:
        return
    # xsi:schemaLocation would make the schema validator open what it names.
    if b"chemaLocation" in document.raw:
        _refuse_foreign_attributes(document)
    schema = protocol_schema()
    valid = schema.validate(document.root)
    if not valid or not _ONLY_PLACES(document.root) or _FOREIGN_ATTRIBUTES(document.root):
        _refuse_foreign_attributes(document)
        strays = set(document.root.iter()) - set(_AT_THEIR_PLACE(document.root))
        if not document.has_duplicate_ids and not any(element.tag in _COUNTED for element in strays):
            _refuse_strays(document, strays)
            if not valid:
                first = next(iter(schema.error_log), None)
                # The validator's message repeats the value that is wrong, which may be an address; its type does not.
                kind, line = (first.type_name, first.line) if first else ("", None)
                raise HandoffSchema(expected="a valid samlp:Response", received=kind, line=line)
    for assertion in document.root.iterchildren(names.ASSERTION):
        only(assertion, names.AUTHN_STATEMENT, HandoffSchema)


def _refuse_foreign_attributes(document: Document) -> None:
    for element in document.root.iter():
        for name in element.attrib:
            if name[0] == "{" and name not in (names.XSI_TYPE, names.XSI_NIL):
                raise HandoffSchema(expected="no attributes of other namespaces", received=name, node=path_of(element))


def _refuse_strays(document: Document, strays: set[etree._Element]) -> None:
    for element in document.root.iter():
        # The shape of SignedInfo is judged by check 7, child by child.
        if element in strays and next(element.iterancestors(names.SIGNED_INFO), None) is None:
            raise HandoffSchema(expected="only elements of the profile", received=str(element.tag), node=path_of(element))


def check_status(document: Document) -> None:
    """Check 5: the top status code is Success (core 3.2.2.2). Raises `HandoffStatus`."""
    if document.minted is not None:
        return
    code = only(only(document.root, names.STATUS, HandoffStatus), names.STATUS_CODE, HandoffStatus)
    if code.get("Value") != names.SUCCESS:
        raise HandoffStatus(expected=names.SUCCESS, received=code.get("Value", "none"), node=path_of(code))


def check_assertion_count(document: Document) -> None:
    """Check 6: one assertion in the whole document, in clear or encrypted, and it is a child of the Response.

    Raises `HandoffAssertionCount`.
    """
    if document.minted is not None:
        return
    found = _ASSERTIONS(document.root)
    if len(found) != 1:
        node = path_of(found[-1]) if found else path_of(document.root)
        raise HandoffAssertionCount(expected="exactly one Assertion", received=str(len(found)), node=node)
    if found[0].getparent() is not document.root:
        raise HandoffAssertionCount(expected="an Assertion in the Response", received="elsewhere", node=path_of(found[0]))
