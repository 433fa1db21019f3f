"""Check 17: python3-saml beside us, cached but complete."""

import base64
import hashlib
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import onelogin.saml2.response
import onelogin.saml2.utils
import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from bridge.errors import HandoffDisagreement, HandoffError
from bridge.saml import names, second_opinion
from bridge.saml.second_opinion import request_data_of, settings_of
from tests.saml.forge import ENDPOINT, HANDOFF, NOW, Edit, Element, Forge, attribute, cut, one

SAMPLES: dict[str, Edit] = {
    "honest": lambda _root: None,
    "another audience": lambda root: setattr(one(root, "//a:Audience"), "text", "https://elsewhere.example"),
    "another issuer": lambda root: setattr(one(root, "/p:Response/a:Assertion/a:Issuer"), "text", "https://elsewhere.example"),
    "another destination": lambda root: root.set("Destination", "https://elsewhere.example/acs"),
    "another recipient": lambda root: one(root, "//a:SubjectConfirmationData").set(
        "Recipient", "https://elsewhere.example/acs"
    ),
    "no status": cut("//p:Status"),
    "a failure": lambda root: one(root, "//p:StatusCode").set("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder"),
    "no conditions": cut("//a:Conditions"),
    "no statement": cut("//a:AuthnStatement"),
    "no attributes": cut("//a:AttributeStatement"),
    "no name id": cut("//a:NameID"),
    "no confirmation": cut("//a:SubjectConfirmation"),
    "version 1": lambda root: root.set("Version", "1.1"),
    "no ID": lambda root: root.attrib.pop("ID"),
    "not by the schema": lambda root: root.set("IssueInstant", "yesterday"),
    "two assertions": lambda root: root.append(etree.fromstring(etree.tostring(one(root, "/p:Response/a:Assertion")))),
    "long over": lambda root: one(root, "//a:Conditions").set("NotOnOrAfter", "2020-01-01T00:00:00Z"),
    "confirmation over": lambda root: one(root, "//a:SubjectConfirmationData").set("NotOnOrAfter", "2020-01-01T00:00:00Z"),
    "session over": lambda root: one(root, "//a:AuthnStatement").set("SessionNotOnOrAfter", "2020-01-01T00:00:00Z"),
    "SHA-1": lambda _root: None,
    "a stranger's signature": lambda _root: None,
    "tampered": lambda _root: None,
}


def document(forge: Forge, name: str, parts: Any) -> bytes:
    """Return the sample called *name*, signed in *parts*."""
    recipe: dict[str, Any] = {}
    if name == "SHA-1":
        recipe = {"method": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}
    if name == "a stranger's signature":
        recipe = {"key": forge.stranger}
    raw = forge.changed(SAMPLES[name], parts=parts, **recipe)
    return raw.replace(b"dana@", b"evil@") if name == "tampered" else raw


def stock_verdict(raw: bytes, forge: Forge, parts: Any, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """Return what the untouched python3-saml says against *raw* at the tests' time, None if it accepts."""
    monkeypatch.setattr(onelogin.saml2.utils.OneLogin_Saml2_Utils, "now", staticmethod(lambda: int(NOW.timestamp())))
    settings = OneLogin_Saml2_Settings(settings_of(forge.trusted(signed=parts), ENDPOINT))
    try:
        response = OneLogin_Saml2_Response(settings, base64.b64encode(raw))
        if response.is_valid(request_data_of(ENDPOINT)) and response.get_nameid():
            return None
    except Exception as error:  # noqa: BLE001 - whatever it raises is its verdict
        return f"{type(error).__name__}: {error}"
    return str(response.get_error())


def cached_verdict(raw: bytes, forge: Forge, parts: Any) -> str | None:
    """Return what the cached python3-saml says against *raw*, None if it accepts."""
    try:
        forge.second_opinion.judge(raw, signer=forge.trusted(signed=parts), endpoint=ENDPOINT, issued_at=NOW)
    except HandoffDisagreement as refusal:
        return refusal.received
    return None


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("parts", ["response", "assertion", "both"])
def test_the_cached_and_the_stock_one_agree(forge: Forge, name: str, parts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caching changes no verdict and no reason: both say the same about every sample, word for word."""
    raw = document(forge, name, parts)
    cached = cached_verdict(raw, forge, parts)
    assert cached == stock_verdict(raw, forge, parts, monkeypatch)
    assert (cached is None) == (name == "honest")


def test_the_stock_package_stays_untouched() -> None:
    """The cached parts live in private copies: whoever else imports python3-saml gets it as shipped."""
    assert onelogin.saml2.response.OneLogin_Saml2_XML.validate_xml.__module__ == "onelogin.saml2.xml_utils"
    assert onelogin.saml2.utils.xmlsec is xmlsec
    assert abs(onelogin.saml2.utils.OneLogin_Saml2_Utils.now() - datetime.now().timestamp()) < 10  # noqa: DTZ005


def test_a_disagreement_is_a_refusal(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """If python3-saml says no to what we accept, the handoff is refused and both verdicts are in the evidence."""

    def judge(*_given: object, **_named: object) -> None:
        raise HandoffDisagreement(expected="python3-saml accepts too", received="it does not")

    monkeypatch.setattr(forge.second_opinion, "judge", judge)
    with pytest.raises(HandoffDisagreement) as caught:
        forge.judge(forge.minted())
    assert caught.value.received == "it does not"
    assert caught.value.unverified_reference == HANDOFF.reference


def test_it_sees_only_documents_that_we_verified(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """xmlsec runs what a document asks for before it checks a key, so a document that we refuse never gets there."""
    seen: list[bytes] = []
    monkeypatch.setattr(forge.second_opinion, "judge", lambda raw, **_named: seen.append(raw))
    for raw in (forge.minted(key=forge.stranger), forge.signed(forge.tree(), uri="file:///dev/zero"), b"<a/>"):
        with pytest.raises(HandoffError):
            forge.judge(raw)
    assert seen == []
    forge.judge(forge.minted())
    assert len(seen) == 1


def test_xmlsec_opens_no_file(forge: Forge, tmp_path: Path) -> None:
    """Even if such a document came through, a Reference to a file fails, though its digest is right: the callbacks are gone."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")

    def edit(info: Element) -> None:
        one(info, "d:Reference").remove(one(info, "d:Reference/d:Transforms"))
        one(info, "d:Reference/d:DigestValue").text = base64.b64encode(hashlib.sha256(b"x").digest()).decode()

    raw = forge.signed(forge.tree(), uri=secret.as_uri(), edit=edit)
    certificate = forge.key.certificate.public_bytes(Encoding.PEM)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(certificate, xmlsec.constants.KeyDataFormatCertPem)
    with pytest.raises(xmlsec.Error):
        context.verify(one(etree.fromstring(raw), "/p:Response/d:Signature"))


def test_its_clock_is_the_documents(forge: Forge) -> None:
    """It knows no skew on the confirmation, so time is ours alone to judge: inside our skew it must not refuse."""
    late = HANDOFF.expires_at + timedelta(seconds=29)
    early = NOW - timedelta(seconds=30)
    for moment in (late, early):
        assert forge.judge(forge.minted(), now=moment).handoff_id == HANDOFF.id


def test_threads_do_not_share_the_clock(forge: Forge) -> None:
    """Two threads that judge documents of two times do not disturb each other."""
    failures: list[str] = []

    def work(day: int) -> None:
        issued = NOW + timedelta(days=day)
        raw = forge.minted(issued_at=issued, expires_at=issued + timedelta(seconds=60))
        for _ in range(20):
            try:
                forge.judge(raw, now=issued)
            except HandoffError as refusal:
                failures.append(str(refusal))

    threads = [threading.Thread(target=work, args=(day,)) for day in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_everything_is_switched_on(forge: Forge) -> None:
    """Strict, and every option that refuses more is on, spelled out."""
    for parts in ("response", "assertion", "both"):
        settings = settings_of(forge.trusted(signed=parts), ENDPOINT)
        assert settings["strict"] is True
        security = settings["security"]
        assert security["wantMessagesSigned"] is (parts != "assertion")
        assert security["wantAssertionsSigned"] is (parts != "response")
        for option in ("wantNameId", "wantAttributeStatement", "rejectDeprecatedAlgorithm"):
            assert security[option] is True
        assert security["allowRepeatAttributeName"] is False


def test_the_request_comes_from_the_configuration() -> None:
    """What python3-saml takes for the current URL is the configured endpoint, whatever a Host header says."""
    data = request_data_of(ENDPOINT)
    assert data == {"https": "on", "http_host": "cells.example", "script_name": "/o/acme/auth/saml/callback"}


@pytest.mark.parametrize(
    ("target", "value"),
    [("xmlsec.get_libxml_version", lambda: (2, 9, 14)), ("bridge.saml.second_opinion.version", lambda _name: "1.17.0")],
)
def test_a_pair_that_does_not_fit_is_refused_at_start(target: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two libxml2 in one process crash; another python3-saml may not be what the cache was built for."""
    monkeypatch.setattr(target, value)
    with pytest.raises(RuntimeError):
        second_opinion.prepare_process.__wrapped__()


def test_the_status_code_quirk(forge: Forge) -> None:
    """python3-saml takes the first XML attribute of StatusCode for its Value; it gets the canonical form, where that is so."""

    def edit(root: Element) -> None:
        code = one(root, "//p:StatusCode")
        code.attrib.pop("Value")
        code.set(f"{{{names.XSI}}}type", "samlp:StatusCodeType")
        code.set("Value", names.SUCCESS)
        attribute(root, "name")

    assert forge.judge(forge.changed(edit)).handoff_id == HANDOFF.id
