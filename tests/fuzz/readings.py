"""Two plain readings that the truth needs besides that of our contract: what is encrypted, and what a foreign issuer says.

The law: nothing of `bridge.saml` is used; the maps are written out once more, as `sp.toml` of the corpus has them.
"""

import base64
import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from bridge.handoff import new_reference
from tests.saml.forge import NAMESPACES, Element
from tests.vectors.issuers import OTHERS
from tests.vectors.world import ORGANIZATIONS, key

_SPACES = {**NAMESPACES, "e": "http://www.w3.org/2001/04/xmlenc#"}
_NUMBERS = {"acme": 42, "globex": 43, **ORGANIZATIONS}


def opened(root: Element) -> Iterator[bytes]:
    """Yield the text inside each EncryptedAssertion under *root* that a key of the corpus opens."""
    for data in root.iterfind(".//a:EncryptedAssertion/e:EncryptedData", _SPACES):
        with contextlib.suppress(ValueError, InvalidTag):
            wrapped = base64.b64decode(data.findtext(".//e:EncryptedKey//e:CipherValue", "", _SPACES))
            sealed = base64.b64decode(data.findtext("e:CipherData/e:CipherValue", "", _SPACES))
            for name in ("encryption/2026", "encryption/2027"):
                private = key(name).private_key
                assert isinstance(private, RSAPrivateKey)
                with contextlib.suppress(ValueError):
                    content_key = private.decrypt(wrapped, OAEP(MGF1(SHA256()), SHA256(), None))
                    yield AESGCM(content_key).decrypt(sealed[:12], sealed[12:], None)


class _Foreign(NamedTuple):
    provider: str
    domain: str
    sources: Mapping[str, str]


_FOREIGN = {
    OTHERS["partner"]: _Foreign(
        "saml_partner",
        "partner.example",
        {"extern_uid": "employee", "email": "mail", "name": "displayName", "username": "login"},
    ),
    OTHERS["directory"]: _Foreign(
        "saml_directory", "directory.example", {"extern_uid": "NameID", "email": "urn:oid:0.9.2342.19200300.100.1.3"}
    ),
}


def foreign_claims(assertion: Element, values: Mapping[str, str]) -> dict[str, str] | None:
    """Return what *assertion*, whose attributes are *values*, means by its issuer's map; None where the issuer has none."""
    issuer = assertion.findtext("a:Issuer", "", NAMESPACES)
    foreign = _FOREIGN.get(issuer)
    if foreign is None:
        return None
    stated = {**values, "NameID": assertion.findtext("a:Subject/a:NameID", "", NAMESPACES)}
    said = {claim: stated.get(source, "") for claim, source in foreign.sources.items()}
    verified = said["email"].rpartition("@")[2].lower() == foreign.domain
    audience = assertion.findtext("a:Conditions/a:AudienceRestriction/a:Audience", "", NAMESPACES)
    org = audience.removeprefix("https://cells.example/o/").partition("/")[0]
    digest = hashlib.sha256(f"{issuer}\n{assertion.get('ID')}".encode()).digest()
    return {
        "name": "",
        "username": "",
        **said,
        "email_verified": "true" if verified else "false",
        "email_evidence": f"trust.{foreign.provider}" if verified else "none",
        "provider": foreign.provider,
        "organization_id": str(_NUMBERS.get(org, "")),
        "organization_path": org,
        "return_to": f"/o/{org}/",
        "binding": "",
        "reference": new_reference(lambda count: digest[:count]),
    }
