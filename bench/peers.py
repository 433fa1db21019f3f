"""Software of others at the same work: an unsolicited response made and signed, and one of ours judged.

The law: a peer is asked as it ships, with everything built before that can be built once; one that is missing is left out.
"""

import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from bench.rounds import Turn, turns_of
from bench.setting import ENDPOINT, IDENTITY, LIFETIME, ROUTE, Setting
from bridge.contract import to_attributes
from bridge.saml import names
from bridge.saml.render import render
from bridge.saml.second_opinion import request_data_of, settings_of
from tests.interop.node_peer import NodePeers, Unavailable, install
from tests.interop.setting import write_sp_metadata

NAME_ID = f"{IDENTITY.key.provider}:{IDENTITY.key.uid}"


@contextmanager
def peers(setting: Setting) -> Iterator[dict[str, Turn]]:
    """Yield what every peer that is here does, as `<peer> mint` and `<peer> verify`."""
    found = {**_python3_saml(setting), **_pysaml2(setting)}
    try:
        install()
    except Unavailable as error:
        print(error, file=sys.stderr)
        yield found
        return
    with NodePeers() as node:
        yield {**found, **_node_saml(setting, node)}


def _python3_saml(setting: Setting) -> dict[str, Turn]:
    key = setting.issuer.key
    secret = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    settings, request = OneLogin_Saml2_Settings(settings_of(setting.trusted, ENDPOINT)), request_data_of(ENDPOINT)

    def mint() -> bytes:
        rendered = render(next(setting.handoffs)).xml
        return base64.b64encode(OneLogin_Saml2_Utils.add_sign(rendered, secret, setting.issuer.certificate))

    def verify() -> None:
        assert OneLogin_Saml2_Response(settings, next(setting.forms)).is_valid(request)

    return {"python3-saml mint": turns_of(mint), "python3-saml verify": turns_of(verify)}


def _attributes(setting: Setting) -> dict[str, str]:
    return dict(to_attributes(next(setting.handoffs)))


def _pysaml2(setting: Setting) -> dict[str, Turn]:
    try:
        from tests.interop import pysaml2_peer  # noqa: PLC0415 - it may not be installed
    except ImportError as error:
        print(f"pysaml2 is not measured: {error}", file=sys.stderr)
        return {}
    if not pysaml2_peer.xmlsec1():
        print("pysaml2 is not measured: its xmlsec1 command is missing", file=sys.stderr)
        return {}
    issuer = setting.issuer
    server = pysaml2_peer.identity_provider(
        issuer, write_sp_metadata(issuer.folder, ROUTE), minutes=int(LIFETIME.total_seconds() // 60)
    )
    client = pysaml2_peer.service_provider(issuer, ROUTE, "response")

    def mint() -> bytes:
        return base64.b64encode(
            pysaml2_peer.issued_by(
                server,
                issuer,
                ROUTE,
                attributes=_attributes(setting),
                signed="response",
                name_id=(names.PERSISTENT, NAME_ID),
                sign_alg=names.RSA_SHA256,
                digest_alg=names.SHA256,
            )
        )

    def verify() -> None:
        pysaml2_peer.accepted_by(client, next(setting.forms))

    return {"pysaml2 mint": turns_of(mint), "pysaml2 verify": turns_of(verify)}


def _node_saml(setting: Setting, node: NodePeers) -> dict[str, Turn]:
    common: dict[str, Any] = {
        "issuer": setting.issuer.entity_id,
        "certificate": setting.issuer.certificate,
        "audience": ROUTE.sp_entity_id,
        "acsUrl": ROUTE.acs_url,
    }
    to_verify = {**common, "responses": setting.fifty}
    to_mint = {
        **common,
        "keyFile": str(setting.issuer.key_file),
        "nameId": NAME_ID,
        "attributes": _attributes(setting),
    }

    def turn(peer: str, job: dict[str, Any]) -> Turn:
        def run(repeats: int) -> float:
            answer = node.ask(peer, "time", repeats=repeats, **job)
            assert "refused" not in answer, answer["refused"]
            return float(answer["seconds"])

        return run

    return {"node-saml mint": turn("saml", to_mint), "node-saml verify": turn("node-saml", to_verify)}
