"""pysaml2 with Debian's xmlsec1 under it, as a service provider and as an identity provider."""

import shutil
import warnings
from pathlib import Path
from typing import Any

from bridge.handoff import OrgRoute
from bridge.saml import names
from tests.interop.setting import Issuer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports ciphers that cryptography is about to drop, and uses none of them here
    from saml2.client import Saml2Client
    from saml2.config import IdPConfig, SPConfig
    from saml2.saml import NameID
    from saml2.server import Server
    from saml2.sigver import SignatureError

__all__ = ["SignatureError", "accepted", "issued", "xmlsec1"]
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"


def xmlsec1() -> str | None:
    """Return the path of the xmlsec1 command, or None."""
    return shutil.which("xmlsec1")


def service_provider(issuer: Issuer, route: OrgRoute, signed: str) -> Any:
    """Return pysaml2's client at *route*, which trusts *issuer*'s metadata and wants *signed* signed."""
    return Saml2Client(
        config=SPConfig().load(
            {
                "entityid": route.sp_entity_id,
                "xmlsec_binary": xmlsec1(),
                "metadata": {"local": [str(issuer.metadata_file)]},
                "allow_unknown_attributes": True,
                "service": {
                    "sp": {
                        "endpoints": {"assertion_consumer_service": [(route.acs_url, names.HTTP_POST)]},
                        "allow_unsolicited": True,
                        "want_response_signed": signed in ("response", "both"),
                        "want_assertions_signed": signed in ("assertion", "both"),
                    }
                },
            }
        )
    )


def accepted(issuer: Issuer, route: OrgRoute, response: str, signed: str) -> tuple[str, dict[str, list[str]]]:
    """Return the NameID and the attributes that pysaml2 read; raises what it raises."""
    return accepted_by(service_provider(issuer, route, signed), response)


def accepted_by(client: Any, response: str) -> tuple[str, dict[str, list[str]]]:
    """Return the NameID and the attributes that *client*, a `service_provider`, read; raises what it raises."""
    answer = client.parse_authn_request_response(response, names.HTTP_POST)
    assert answer is not None, "pysaml2 read nothing"
    return answer.name_id.text, answer.ava


def issued(
    issuer: Issuer,
    route: OrgRoute,
    sp_metadata: Path,
    *,
    attributes: dict[str, str],
    signed: str = "both",
    minutes: int = 1,
    name_id: tuple[str, str] = (names.PERSISTENT, "pat-1"),
    algorithms: tuple[str, str] | None = (names.RSA_SHA256, names.SHA256),
) -> bytes:
    """Return the unsolicited response that pysaml2's IdP makes for *route*; `algorithms` None leaves it to its default."""
    with_algorithms = dict(zip(("sign_alg", "digest_alg"), algorithms, strict=True)) if algorithms else {}
    server = identity_provider(issuer, sp_metadata, minutes=minutes)
    try:
        return issued_by(server, issuer, route, attributes=attributes, signed=signed, name_id=name_id, **with_algorithms)
    finally:
        server.close()


def identity_provider(issuer: Issuer, sp_metadata: Path, *, minutes: int = 1) -> Any:
    """Return pysaml2's IdP with *issuer*'s key, whose responses live so many *minutes*; the caller closes it."""
    return Server(
        config=IdPConfig().load(
            {
                "entityid": issuer.entity_id,
                "xmlsec_binary": xmlsec1(),
                "key_file": str(issuer.key_file),
                "cert_file": str(issuer.certificate_file),
                "metadata": {"local": [str(sp_metadata)]},
                "service": {
                    "idp": {
                        "endpoints": {"single_sign_on_service": [(issuer.sso_url, names.HTTP_POST)]},
                        "policy": {"default": {"lifetime": {"minutes": minutes}}},
                    }
                },
            }
        )
    )


def issued_by(
    server: Any,
    issuer: Issuer,
    route: OrgRoute,
    *,
    attributes: dict[str, str],
    signed: str,
    name_id: tuple[str, str],
    **more: str,
) -> bytes:
    """Return an unsolicited response of *server*, pysaml2's IdP with *issuer*'s key, for *route*."""
    form, value = name_id
    return str(
        server.create_authn_response(
            identity=attributes,
            in_response_to=None,
            destination=route.acs_url,
            sp_entity_id=route.sp_entity_id,
            name_id=NameID(format=form, name_qualifier=issuer.entity_id, sp_name_qualifier=route.sp_entity_id, text=value),
            authn={"class_ref": PASSWORD},
            sign_response=signed in ("response", "both"),
            sign_assertion=signed in ("assertion", "both"),
            **more,
        )
    ).encode("utf-8")
