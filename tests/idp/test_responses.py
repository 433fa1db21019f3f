"""How the legacy cell writes handoffs down, as its configuration says."""

from dataclasses import replace
from datetime import timedelta
from os import urandom
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree

from bridge.config import IdpConfig, load
from bridge.errors import ConfigInvalid, KeyRingError
from bridge.keys import create_key
from bridge.saml import names
from bridge.saml.decrypt import open_response
from bridge.saml.trust import DecryptionKey
from bridge.saml.xml import local_name, parse
from idp.responses import Responses
from tests.saml.forge import HANDOFF, NOW, ROUTE
from tests.test_config import IDP

YESTERDAY = NOW - timedelta(days=1)


def configured(folder: Path, *, saml: str = "", tail: str = "") -> IdpConfig:
    """Return the usual configuration with keys added to `[saml]`, and tables at the end."""
    file = folder / "idp.toml"
    file.write_text(IDP.replace("[[provider]]", f"{saml}\n[[provider]]") + tail, "utf-8")
    return load(IdpConfig, file, {})


def encrypt(folder: Path, org: str = "acme") -> str:
    """Return a table that encrypts to the certificate of the first pair in *folder*."""
    return f'[[encrypt]]\norg = "{org}"\ncertificate = "{next(folder.glob("*.crt"))}"\n'


@pytest.mark.parametrize(
    ("saml", "places"),
    [
        ("", ["Response"]),
        ('signed = "response"', ["Response"]),
        ('signed = "assertion"', ["Assertion"]),
        ('signed = "both"', ["Response", "Assertion"]),
    ],
)
def test_what_is_signed_is_configured(tmp_path: Path, saml: str, places: list[str]) -> None:
    """The response unless something else is asked for."""
    key = create_key(tmp_path / "ring", now=YESTERDAY, algorithm="ec-p256")
    response = Responses.configured(configured(tmp_path, saml=saml)).write(HANDOFF, key, random_bytes=urandom)
    signatures = etree.fromstring(response.xml).iter(names.SIGNATURE)
    parents = [local_name(parent) for one in signatures if (parent := one.getparent()) is not None]
    assert parents == places


def test_only_who_is_named_gets_it_encrypted(tmp_path: Path) -> None:
    """One organization's key opens what is written for it; others get theirs in clear."""
    key = create_key(tmp_path / "ring", now=YESTERDAY, algorithm="ec-p256")
    pair = create_key(tmp_path / "acme", now=YESTERDAY)
    responses = Responses.configured(configured(tmp_path, tail=encrypt(tmp_path / "acme")))
    for_acme = parse(responses.write(HANDOFF, key, random_bytes=urandom).xml)
    assert for_acme.find(names.ASSERTION) is None
    assert isinstance(pair.private_key, RSAPrivateKey)
    opened = open_response(for_acme, [DecryptionKey(pair.private_key)]).document.root.find(names.ASSERTION)
    assert opened is not None
    assert opened.get("ID") == HANDOFF.id
    globex = replace(HANDOFF, route=replace(ROUTE, org_path="globex"))
    assert parse(responses.write(globex, key, random_bytes=urandom).xml).find(names.ASSERTION) is not None


def test_a_curve_cannot_be_encrypted_to(tmp_path: Path) -> None:
    """The wrong kind of certificate is found at the start, not at the first sign-in."""
    create_key(tmp_path / "acme", now=YESTERDAY, algorithm="ec-p256")
    with pytest.raises(KeyRingError, match="RSA"):
        Responses.configured(configured(tmp_path, tail=encrypt(tmp_path / "acme")))


def test_one_certificate_is_one_reader(tmp_path: Path) -> None:
    """A file with two certificates does not say who reads."""
    for _ in range(2):
        create_key(tmp_path / "acme", now=YESTERDAY)
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes(b"".join(path.read_bytes() for path in (tmp_path / "acme").glob("*.crt")))
    tail = f'[[encrypt]]\norg = "acme"\ncertificate = "{bundle}"\n'
    with pytest.raises(KeyRingError, match="2 certificates"):
        Responses.configured(configured(tmp_path, tail=tail))


@pytest.mark.parametrize(
    ("saml", "tables", "problem"),
    [
        ('signed = "assertion"', ("acme",), "encrypt needs saml.signed"),
        ("", ("acme", "acme"), "encrypt org acme stands more than once"),
        ("", ("Acme",), "is not an organization's path"),
        ('signed = "nothing"', (), "'response', 'assertion' or 'both'"),
    ],
)
def test_what_contradicts_itself_is_a_problem(tmp_path: Path, saml: str, tables: tuple[str, ...], problem: str) -> None:
    """An assertion that nobody may open, and one organization with two readers, are refused at the start."""
    create_key(tmp_path / "acme", now=YESTERDAY)
    tail = "".join(encrypt(tmp_path / "acme", org) for org in tables)
    with pytest.raises(ConfigInvalid, match=problem):
        configured(tmp_path, saml=saml, tail=tail)
