"""Unusual but honest: assertions that are encrypted to the organization as other software writes them."""

from dataclasses import replace
from typing import Any

from lxml import etree

from bridge.saml import names
from bridge.saml.render import render
from bridge.saml.sign import sign
from tests.saml.forge import Edit, Element, all_of
from tests.saml.sealer import DATA, KEY, at
from tests.saml.variety import chunks, extra_attribute, typed
from tests.vectors.recipes.case import Build, Case
from tests.vectors.recipes.honesty import built
from tests.vectors.recipes.sealed import sealing
from tests.vectors.sealing import Sealing, sealed
from tests.vectors.world import World, key, member_of

_XENC = f"{{{names.XENC}}}"
_DS = f"{{{names.DS}}}"


def _sealed(name: str, because: str, build: Build, *, org: str = "initech", **more: Any) -> Case:
    return built(f"encrypted-{name}", because, build, org=org, **more)


def _minted(world: World) -> bytes:
    """Return the handoff as our own legacy cell encrypts it, but for the random bytes."""

    def encrypt(assertion: str) -> str:
        return etree.tostring(sealed(assertion.encode(), Sealing(), world.id("sealed")), method="c14n", exclusive=True).decode()

    rendered = render(replace(world.handoff, **member_of("initech")))
    return sign(rendered, key("rsa-2048"), signed=world.wanted, encrypt=encrypt).xml


def _wrapped_lines(root: Element) -> None:
    for path in (DATA, KEY):
        value = at(root, f"{path}/e:CipherData/e:CipherValue")
        value.text = "\n" + "\n".join(chunks(value.text)) + "\n"


def _hint(root: Element) -> None:
    """Say whose key it is, with the certificate, as xmlsec and OpenSAML do."""
    info = etree.Element(f"{_DS}KeyInfo")
    data = etree.SubElement(info, f"{_DS}X509Data")
    etree.SubElement(data, f"{_DS}X509Certificate").text = key("encryption/2026").certificate_base64
    at(root, f"{KEY}/e:EncryptionMethod").addnext(info)


def _default_namespace(root: Element) -> None:
    """Write the names of XML Encryption in a default namespace."""
    data = at(root, DATA)
    text = etree.tostring(data).decode().replace("xmlns:xenc=", "xmlns=").replace("xenc:", "")
    parent = data.getparent()
    assert parent is not None
    parent.replace(data, etree.fromstring(text))


def _with_xs(assertion: bytes) -> bytes:
    """Return *assertion* with the prefix declared that its types name; canonical form sees no name in a value."""
    return assertion.replace(b" ID=", b' xmlns:xs="http://www.w3.org/2001/XMLSchema" ID=', 1)


def _set(path: str, name: str, value: str) -> Edit:
    return lambda root: at(root, path).set(name, value)


_SENDERS = [
    _sealed("as-minted", "This is what our own legacy cell encrypts.", _minted),
    _sealed("as-minted-both", "Our own legacy cell signs both and encrypts.", _minted, signed="both"),
    _sealed("indented", "White space between the elements around what is encrypted.", sealing()),
    _sealed("both-signed", "Signed inside and outside.", sealing(), signed="both"),
    _sealed(
        "assertion-wanted",
        "The trust wants the assertion signed, and inside it is; the Response vouches for the encryption.",
        sealing(parts="both"),
        signed="assertion",
    ),
    _sealed("both-signed-response-wanted", "A second, good signature inside does no harm.", sealing(parts="both")),
    _sealed("to-the-next-key", "Encrypted to the key that is to come.", sealing(Sealing(to="encryption/2027"))),
    _sealed("where-it-is-required", "The organization takes nothing else.", sealing(org="umbrella"), org="umbrella"),
    built(
        "plain-where-encryption-is-possible",
        "Who can decrypt takes an assertion in clear, too, unless encryption is required.",
        lambda world: etree.tostring(world.sign(world.tree(**member_of("initech")))),
        org="initech",
    ),
    _sealed("ecdsa", "ECDSA signs what RSA encrypts.", sealing(key=key("ec-p256"), method=names.ECDSA_SHA256)),
    _sealed("sha512", "RSA with SHA-512 around it.", sealing(method=names.RSA_SHA512, digest=names.SHA512)),
]

_SPELLINGS = [
    _sealed("in-lines", "Base64 in lines of 64 characters.", sealing(around=_wrapped_lines)),
    _sealed("with-a-hint", "The certificate beside the key is a hint that nobody reads.", sealing(around=_hint)),
    _sealed(
        "with-ids",
        "The data and the key may have an Id.",
        sealing(around=all_of(_set(DATA, "Id", "_data"), _set(KEY, "Id", "_key"))),
    ),
    _sealed(
        "with-a-recipient",
        "The key may say for whom it is.",
        sealing(around=_set(KEY, "Recipient", "https://cells.example/o/initech/auth/saml/metadata")),
    ),
    _sealed("default-namespace", "A default namespace instead of a prefix.", sealing(around=_default_namespace)),
    _sealed("typed-values", "Values with an xsi:type inside.", sealing(edit=typed, inside=_with_xs)),
    _sealed("unknown-attribute", "An attribute that nobody reads inside.", sealing(edit=extra_attribute("urn:extra", "x"))),
    _sealed(
        "cdata",
        "CDATA inside, where nothing is signed.",
        sealing(inside=lambda assertion: assertion.replace(b">Dana Hill<", b"><![CDATA[Dana Hill]]><")),
    ),
    _sealed(
        "quotes",
        "Single quotes inside, where nothing is signed.",
        sealing(inside=lambda assertion: assertion.replace(b'Version="2.0"', b"Version='2.0'")),
    ),
    _sealed(
        "white-space-around",
        "White space around the assertion inside.",
        sealing(inside=lambda assertion: b"\n" + assertion + b"\n"),
    ),
]

CASES = [*_SENDERS, *_SPELLINGS]
