"""Checks 3 to 6: is it a SAML 2.0 Response of our closed profile, successful, with one assertion.

The law: these checks read an unverified document, so they may refuse and decide nothing else. What holds an assertion or a
signature where none belongs, or one ID twice, is left to the checks that refuse just that (6 and 7), so that wrapping is called
by its name.
"""

import re

from lxml import etree

from bridge.errors import HandoffAssertionCount, HandoffSchema, HandoffStatus
from bridge.saml import names
from bridge.saml.schema import protocol_schema
from bridge.saml.xml import Document, only, path_of

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}")
_PROFILE = frozenset(
    {
        names.RESPONSE,
        names.STATUS,
        names.STATUS_CODE,
        names.STATUS_MESSAGE,
        names.ASSERTION,
        names.ISSUER,
        names.SUBJECT,
        names.NAME_ID,
        names.CONFIRMATION,
        names.CONFIRMATION_DATA,
        names.CONDITIONS,
        names.AUDIENCE_RESTRICTION,
        names.AUDIENCE,
        names.ONE_TIME_USE,
        names.AUTHN_STATEMENT,
        names.SUBJECT_LOCALITY,
        names.AUTHN_CONTEXT,
        names.AUTHN_CONTEXT_CLASS,
        names.AUTHENTICATING_AUTHORITY,
        names.ATTRIBUTE_STATEMENT,
        names.ATTRIBUTE,
        names.ATTRIBUTE_VALUE,
    }
)
_COUNTED = (names.ASSERTION, names.ENCRYPTED_ASSERTION, names.SIGNATURE)


def check_root(document: Document) -> None:
    """Check 3: the root is a samlp:Response of version 2.0 with an ID, and so is each assertion. Raises `HandoffSchema`."""
    root = document.root
    if root.tag != names.RESPONSE:
        raise HandoffSchema(expected=names.RESPONSE, received=str(root.tag), node=path_of(root))
    for element in (root, *root.findall(names.ASSERTION)):
        if element.get("Version") != "2.0":
            raise HandoffSchema(expected="Version 2.0", received=element.get("Version", "none"), node=path_of(element))
        if not _ID.fullmatch(element.get("ID", "")):
            raise HandoffSchema(
                expected="an ID of at most 256 characters", received=element.get("ID", "none"), node=path_of(element)
            )


def check_schema(document: Document) -> None:
    """Check 4: the published schema, and the closed profile inside it. Raises `HandoffSchema`.

    The profile comes first: xsi:schemaLocation would make the schema validator open what it names.
    """
    for element, name in document.foreign:
        if name not in (names.XSI_TYPE, names.XSI_NIL):
            raise HandoffSchema(expected="no attributes of other namespaces", received=name, node=path_of(element))
    for tag, element in document.elements:
        if tag in _PROFILE:
            if tag == names.CONFIRMATION_DATA and len(element):
                _refuse_stray(element[0], str(element[0].tag))
        elif tag not in _COUNTED and not tag.startswith(f"{{{names.DS}}}"):
            _refuse_stray(element, tag)
    for assertion in document.root.findall(names.ASSERTION):
        only(assertion, names.AUTHN_STATEMENT, HandoffSchema)
    schema = protocol_schema()
    if not schema.validate(document.root) and not document.has_duplicate_ids:
        first = next(iter(schema.error_log), None)
        message, line = (first.message, first.line) if first else ("", None)
        raise HandoffSchema(expected="a valid samlp:Response", received=message, line=line)


def _refuse_stray(element: etree._Element, tag: str) -> None:
    within_signature = next(element.iterancestors(names.SIGNATURE), None) is not None
    if not within_signature and next(element.iter(*_COUNTED), None) is None:
        raise HandoffSchema(expected="only elements of the cellbridge/1 profile", received=tag, node=path_of(element))


def check_status(document: Document) -> None:
    """Check 5: the top status code is Success (core 3.2.2.2). Raises `HandoffStatus`."""
    code = only(only(document.root, names.STATUS, HandoffStatus), names.STATUS_CODE, HandoffStatus)
    if code.get("Value") != names.SUCCESS:
        raise HandoffStatus(expected=names.SUCCESS, received=code.get("Value", "none"), node=path_of(code))


def check_assertion_count(document: Document) -> None:
    """Check 6: one assertion in the whole document, and it is a child of the Response. Raises `HandoffAssertionCount`."""
    found = [element for tag, element in document.elements if tag in (names.ASSERTION, names.ENCRYPTED_ASSERTION)]
    if len(found) != 1:
        node = path_of(found[-1]) if found else path_of(document.root)
        raise HandoffAssertionCount(expected="exactly one Assertion", received=str(len(found)), node=node)
    if found[0].tag != names.ASSERTION:
        raise HandoffAssertionCount(expected="an Assertion in clear", received="EncryptedAssertion", node=path_of(found[0]))
    if found[0].getparent() is not document.root:
        raise HandoffAssertionCount(expected="an Assertion in the Response", received="elsewhere", node=path_of(found[0]))
