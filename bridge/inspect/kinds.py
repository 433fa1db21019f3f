"""What a document is, by its root: a Response, a request, metadata, or something else. Pure.

The law: it is only named here. Whether it is any good is for the checks to say.
"""

import re
from dataclasses import dataclass

from bridge.saml import names
from bridge.saml.xml import Document

_FIRST_TAG = re.compile(r"<(?:[\w.-]{1,64}:)?([A-Za-z][\w.-]{0,64})[\s/>]")
_KINDS = {
    f"{{{names.SAMLP}}}Response": ("response", "a SAML Response"),
    f"{{{names.SAMLP}}}AuthnRequest": ("authn_request", "a SAML AuthnRequest, by which a service asks for a sign-in"),
    f"{{{names.SAMLP}}}LogoutRequest": ("logout_request", "a SAML LogoutRequest, which ends sessions"),
    f"{{{names.SAMLP}}}LogoutResponse": ("logout_response", "a SAML LogoutResponse, the answer to a request to end sessions"),
    f"{{{names.SAMLP}}}ArtifactResponse": ("artifact_response", "a SAML ArtifactResponse, which travels between servers"),
    f"{{{names.SAML}}}Assertion": ("assertion", "a SAML Assertion alone, without the Response around it"),
    f"{{{names.SAML}}}EncryptedAssertion": ("assertion", "an encrypted SAML Assertion alone, without the Response around it"),
    f"{{{names.MD}}}EntityDescriptor": ("metadata", "SAML metadata of one entity"),
    f"{{{names.MD}}}EntitiesDescriptor": ("metadata", "SAML metadata of several entities"),
}
_BY_LOCAL_NAME = {tag.rpartition("}")[2]: kind for tag, kind in _KINDS.items()}
_ROLES = {"IDPSSODescriptor": "an identity provider", "SPSSODescriptor": "a service provider"}


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` is a word for programs, `sentence` what a person reads after "This is"."""

    name: str
    sentence: str


def kind_of(document: Document | None, raw_xml: bytes) -> Kind:
    """Return what the document is; where it could not be parsed, what its first tag promises."""
    if document is None:
        first = _FIRST_TAG.search(raw_xml[:4096].decode("utf-8", "replace"))
        name, words = _BY_LOCAL_NAME.get(first[1], ("xml", f"XML with the root {first[1]}")) if first else ("unknown", "no XML")
        return Kind(name, words)
    tag = str(document.root.tag)
    if tag not in _KINDS:
        return Kind("xml", f"XML with the root {tag}")
    name, words = _KINDS[tag]
    if tag.endswith("}EntityDescriptor"):
        roles = [words for role, words in _ROLES.items() if document.root.find(f"{{{names.MD}}}{role}") is not None]
        who = document.root.get("entityID", "nobody")
        return Kind(name, f"SAML metadata of {who}" + (f", {' and '.join(roles)}" if roles else ""))
    issuer = document.root.findtext(names.ISSUER)
    return Kind(name, f"{words} by {issuer}" if issuer and name != "response" else words)
