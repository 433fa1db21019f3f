"""What python3-saml says about vectors when it stands alone: in a process of its own, since a document can hang it or kill it.

The law: only here is it given documents that nobody has checked. xmlsec's way to files and addresses is closed first, and an
alarm ends the process where a document takes too long. Its schema is ours, which knows one element more: without that it would
refuse whatever is encrypted as we want it, and say nothing of the rest.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import xmlsec
from lxml import etree
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from bridge.saml.schema import PROTOCOL_SCHEMA, protocol_schema
from bridge.saml.second_opinion import request_data_of, settings_of
from tests.saml.wraps import EVIL
from tests.vectors.classes import AGAINST_THE_SIGNATURE
from tests.vectors.deployment import owning_cell
from tests.vectors.issuers import entity_id_of
from tests.vectors.vector import Vector
from tests.vectors.world import FOLDER

MODES = ("as shipped", "everything on")
ACCEPTS, FORGES, REFUSES, HANGS = "accepts", "forges", "refuses", "hangs"
_CPU_SECONDS = 2.0
_SECONDS = 60.0


def opinions(paths: Sequence[Path], mode: str) -> dict[Path, str]:
    """Return what python3-saml, strict and in *mode*, says about each vector.

    `accepts`; `forges`: accepts, and hands out an address that nobody signed; `refuses`; `hangs`.
    """
    found: dict[Path, str] = {}
    waiting = list(paths)
    while waiting:
        done = subprocess.run(
            [sys.executable, "-m", "tests.vectors.python3_saml", mode],
            cwd=FOLDER.parents[1],
            input="\n".join(map(str, waiting)),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        verdicts = done.stdout.split()
        found |= dict(zip(waiting, verdicts, strict=False))
        waiting = waiting[len(verdicts) :]
        if waiting:
            assert done.returncode in (-signal.SIGPROF, -signal.SIGALRM), done.stderr
            found[waiting.pop(0)] = HANGS
    return found


def _verdicts(paths: Iterator[str], mode: str) -> Iterator[str]:
    xmlsec.cleanup_callbacks()
    OneLogin_Saml2_XML.validate_xml = staticmethod(_validated)
    for path in paths:
        vector = Vector.read(Path(path.strip()))
        # By the processor's time, so that a busy machine hangs nothing; the clock is for what waits without computing.
        signal.setitimer(signal.ITIMER_PROF, _CPU_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, _SECONDS)
        verdict = _verdict(vector, mode)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        yield verdict


def _validated(xml: etree._Element, schema: str, _debug: object = None) -> etree._Element | str:
    assert schema == PROTOCOL_SCHEMA
    return xml if protocol_schema().validate(xml) else "invalid_xml"


@cache
def _settings(entity_id: str, org: str, mode: str) -> Any:
    trust, endpoints = owning_cell()
    settings = settings_of(trust[entity_id], endpoints[org])
    for key in endpoints[org].decryption_keys[:1]:
        settings["sp"] |= {"privateKey": key.pem, "x509cert": settings["idp"]["x509cert"]}  # the second is never read
    settings["security"]["wantAssertionsEncrypted"] = endpoints[org].require_encryption
    if mode == MODES[0]:
        del settings["security"]
    return OneLogin_Saml2_Settings(settings)


def _verdict(vector: Vector, mode: str) -> str:
    OneLogin_Saml2_Utils.now = staticmethod(lambda: int(vector.at.timestamp()))
    response_field = next((value for name, value in vector.form if name == "SAMLResponse"), "")
    settings = _settings(entity_id_of(vector.signed, vector.issuer), vector.org, mode)
    try:
        response = OneLogin_Saml2_Response(settings, response_field)
        if response.is_valid(request_data_of(owning_cell().endpoints[vector.org])) is not True or not response.get_nameid():
            return REFUSES
        email = response.get_attributes().get("email")
    except Exception:  # noqa: BLE001 - it raises many types, and each of them is a no
        return REFUSES
    return FORGES if vector.threat in AGAINST_THE_SIGNATURE and email == [EVIL] else ACCEPTS


if __name__ == "__main__":
    for each in _verdicts(iter(sys.stdin), sys.argv[1]):
        print(each, flush=True)  # noqa: T201
