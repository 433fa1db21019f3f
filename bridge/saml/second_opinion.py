"""Check 17: python3-saml, and xmlsec under it, judge the same document independently.

The law: it sees only documents whose signature we have verified, only its verdict is used, and it is made fast only by doing
once what it does again and again (compile the schema and XPath expressions, load keys, ask a tree the same); no check of it is
left out. The stock package stays untouched: the cached parts live in private copies of two of its modules.
"""

import copy
import functools
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from bridge.errors import HandoffDisagreement
from bridge.saml import names
from bridge.saml.schema import PROTOCOL_SCHEMA, protocol_schema
from bridge.saml.signature import SignedHandoff
from bridge.saml.trust import DecryptionKey, Endpoint, TrustedIssuer
from bridge.saml.xml import Document

PINNED_VERSION = "1.16.0"

_clock: ContextVar[int] = ContextVar("clock")


@functools.cache
def prepare_process() -> None:
    """Make this process safe for xmlsec, once. Raises `RuntimeError` if the installed pair cannot work together.

    lxml and xmlsec hand each other trees of libxml2, so both must carry the same one. Without the clean-up, xmlsec opens what a
    Reference names, before any key is checked: one document with `file:///dev/zero` keeps a worker for ever.
    """
    if xmlsec.get_libxml_version() != etree.LIBXML_VERSION:
        raise RuntimeError(
            f"lxml carries libxml2 {etree.LIBXML_VERSION}, xmlsec {xmlsec.get_libxml_version()}: install a matching pair"
        )
    if version("python3-saml") != PINNED_VERSION:
        raise RuntimeError(f"the second opinion is built on python3-saml {PINNED_VERSION}, not {version('python3-saml')}")
    xmlsec.cleanup_callbacks()


@functools.cache
def _xpath(query: str) -> etree.XPath:
    return etree.XPath(query, namespaces=OneLogin_Saml2_Constants.NSMAP)


class _CachedXml(OneLogin_Saml2_XML):  # type: ignore[misc]
    """python3-saml's schema validation and queries, each compiled once."""

    @staticmethod
    def validate_xml(xml: etree._Element, schema: str, _debug: object = None) -> etree._Element | str:
        if schema != PROTOCOL_SCHEMA:
            raise ValueError(schema)
        return xml if protocol_schema().validate(xml) else "invalid_xml"

    @staticmethod
    def query(dom: etree._Element, query: str, context: etree._Element | None = None, tagid: str | None = None) -> Any:
        variables = {} if tagid is None else {"tagid": tagid}
        return _xpath(query)(dom if context is None else context, **variables)


class _CachedKey:
    """xmlsec's keys, each loaded once."""

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def from_memory(data: str, key_format: int, password: str | None) -> Any:
        if key_format != xmlsec.constants.KeyDataFormatCertPem:
            return xmlsec.Key.from_memory(data, key_format, password)
        # The key of a certificate without the certificate: a signature context copies all that it is given, once a document.
        public_key = load_pem_x509_certificate(data.encode("ascii")).public_key()
        pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem, None)


def _private_copy(module_name: str, **replaced: object) -> Any:
    """Return a fresh copy of a module, not registered, with the global names in *replaced* set."""
    spec = importlib.util.find_spec(module_name)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{module_name} is not installed")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module).update(replaced)
    return module


@functools.cache
def _response_class() -> Any:
    """Return python3-saml's response class over the cached parts, and with the clock of the document that is judged."""
    cached_xmlsec = SimpleNamespace(**{**vars(xmlsec), "Key": _CachedKey})
    utils = _private_copy("onelogin.saml2.utils", OneLogin_Saml2_XML=_CachedXml, xmlsec=cached_xmlsec).OneLogin_Saml2_Utils
    utils.now = staticmethod(_clock.get)
    utils.b64decode = staticmethod(bytes)  # the document comes decoded; nothing else is decoded by it in a response
    utils.parse_SAML_to_time = staticmethod(functools.lru_cache(maxsize=16)(utils.parse_SAML_to_time))
    response = _private_copy("onelogin.saml2.response", OneLogin_Saml2_XML=_CachedXml, OneLogin_Saml2_Utils=utils)

    class CachedResponse(response.OneLogin_Saml2_Response):  # type: ignore[misc, name-defined]
        """python3-saml's response. It never changes the trees that it asks, and asks 22 times where it is signed."""

        def __init__(self, settings: _Settings, response: bytes) -> None:
            self._answers: dict[tuple[object, ...], Any] = {}
            super().__init__(settings, response)

        def _query(self, query: str, tagid: str | None = None) -> Any:
            question = (self.encrypted, query, tagid)  # once it has decrypted, it asks another tree
            if question not in self._answers:
                self._answers[question] = super()._query(query, tagid)
            return self._answers[question]

    return CachedResponse


class _Settings(OneLogin_Saml2_Settings):  # type: ignore[misc]
    """python3-saml's settings of one issuer, which any organization can borrow."""

    def for_endpoint(self, endpoint: Endpoint, decryption_key: DecryptionKey | None) -> "_Settings":
        """Return a copy of these settings for *endpoint*, which may decrypt with *decryption_key*."""
        settings = copy.copy(self)
        own = {"privateKey": decryption_key.pem} if decryption_key else {}
        settings._sp = _sp_settings(endpoint) | own  # noqa: SLF001 - its own class
        settings._security = self._security | {"wantAssertionsEncrypted": endpoint.require_encryption}  # noqa: SLF001
        return settings


def _sp_settings(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "entityId": endpoint.sp_entity_id,
        "assertionConsumerService": {"url": endpoint.acs_url, "binding": names.HTTP_POST},
        "allowSingleLabelDomains": True,
    }


def settings_of(issuer: TrustedIssuer, endpoint: Endpoint) -> dict[str, Any]:
    """Return the settings that python3-saml judges by: strict, with every check that applies switched on."""
    certificates = [certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in issuer.certificates]
    return {
        "strict": True,
        "debug": False,
        "sp": _sp_settings(endpoint),
        "idp": {
            "entityId": issuer.entity_id,
            "singleSignOnService": {"url": endpoint.acs_url},
            "x509cert": certificates[0],
            "x509certMulti": {"signing": certificates},
            "allowSingleLabelDomains": True,
        },
        "security": {
            "wantMessagesSigned": issuer.signed in ("response", "both"),
            "wantAssertionsSigned": issuer.signed in ("assertion", "both"),
            "wantNameId": True,
            "wantAttributeStatement": True,
            "wantAssertionsEncrypted": False,
            "wantNameIdEncrypted": False,
            "rejectDeprecatedAlgorithm": True,
            "allowRepeatAttributeName": False,
            "requestedAuthnContext": False,
            "failOnAuthnContextMismatch": False,
        },
    }


def request_data_of(endpoint: Endpoint) -> dict[str, str]:
    """Return the request as python3-saml wants to see it: from the configured URL, never from a Host header."""
    url = urlsplit(endpoint.acs_url)
    return {"https": "on" if url.scheme == "https" else "off", "http_host": url.netloc, "script_name": url.path}


@contextmanager
def _clock_at(moment: datetime) -> Iterator[None]:
    token = _clock.set(int(moment.timestamp()))
    try:
        yield
    finally:
        _clock.reset(token)


class SecondOpinion:
    """python3-saml as a second judge; build one for each process. Raises `RuntimeError` if the installed pair does not fit."""

    def __init__(self) -> None:
        prepare_process()
        self._response_class = _response_class()
        self._settings: dict[TrustedIssuer, _Settings] = {}

    def judge(
        self,
        raw_xml: bytes,
        *,
        signer: TrustedIssuer,
        endpoint: Endpoint,
        issued_at: datetime,
        decryption_key: DecryptionKey | None = None,
    ) -> None:
        """Return if python3-saml accepts *raw_xml* for *endpoint* at *issued_at* (aware, UTC).

        Call it only with a document whose signature was verified. What is encrypted it decrypts itself, from the bytes as they
        came, with the key that opened them for us. Its clock stands at the verified IssueInstant, since it
        allows no skew on SubjectConfirmationData: time is judged by check 12. Raises `HandoffDisagreement`.
        """
        if signer not in self._settings:
            self._settings = {**self._settings, signer: _Settings(settings_of(signer, endpoint))}
        settings = self._settings[signer].for_endpoint(endpoint, decryption_key)
        try:
            with _clock_at(issued_at):
                response = self._response_class(settings, raw_xml)
                accepted = response.is_valid(request_data_of(endpoint)) is True and bool(response.get_nameid())
                reason = response.get_error()
        except Exception as error:  # noqa: BLE001 - it raises many types, and each of them is a no
            accepted, reason = False, f"{type(error).__name__}: {error}"
        if not accepted:
            raise HandoffDisagreement(expected="python3-saml accepts too", received=str(reason))


class Asked(NamedTuple):
    """What check 17 judges; `second_opinion` is None where the configuration switches it off."""

    signed: SignedHandoff
    issued_at: datetime
    endpoint: Endpoint
    second_opinion: SecondOpinion | None


def ask_second_opinion(asked: Asked) -> None:
    """Check 17: python3-saml accepts the same document. Raises `HandoffDisagreement`."""
    if asked.second_opinion is None:
        return
    document = asked.signed.document
    asked.second_opinion.judge(
        document.raw if _has_plain_status(document) else etree.tostring(document.root, method="c14n"),
        signer=asked.signed.signer,
        endpoint=asked.endpoint,
        issued_at=asked.issued_at,
        decryption_key=asked.signed.opened_by,
    )


def _has_plain_status(document: Document) -> bool:
    # python3-saml takes the first XML attribute of StatusCode for its Value; in canonical form that is what comes first.
    if document.minted is not None:
        return True
    status_code = document.root.find(f"{names.STATUS}/{names.STATUS_CODE}")
    return status_code is not None and len(status_code.attrib) == 1
