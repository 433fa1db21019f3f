"""The keys that an organization decrypts with, as its configuration says."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from bridge.cli import main
from bridge.config import SpConfig, load
from bridge.errors import ConfigInvalid, KeyRingError
from bridge.keys import KeyRing, SigningKey, create_key
from bridge.saml import names
from bridge.saml.schema import compile_schema
from sp.encryption import encryption_keys
from sp.orgs import organizations
from sp.pages import metadata_document
from tests.saml.forge import NOW
from tests.test_config import SP

YESTERDAY = NOW - timedelta(days=1)


def configured(folder: Path, keys: str) -> SpConfig:
    """Return the usual configuration with *keys* in its first organization."""
    file = folder / "sp.toml"
    file.write_text(SP.replace('path = "acme"\n', f'path = "acme"\n{keys}\n'), "utf-8")
    return load(SpConfig, file, {})


def test_every_pair_opens_and_the_active_one_is_shown(tmp_path: Path) -> None:
    """Through a whole rotation, what is encrypted to the old or to the new certificate opens; the metadata follows promote."""
    ring = tmp_path / "acme"
    old, new = create_key(ring, now=YESTERDAY), create_key(ring, now=YESTERDAY)

    def opens() -> set[object]:
        return {key.private_key.private_numbers() for key in encryption_keys(ring).keys}

    def numbers(*pairs: SigningKey) -> set[object]:
        return {pair.private_key.private_numbers() for pair in pairs}

    assert opens() == numbers(old, new)
    assert encryption_keys(ring).certificate == old.certificate
    done = CliRunner().invoke(main, ["keys", "promote", "--encryption", "--dir", str(ring)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert KeyRing.load(ring).active.certificate == new.certificate
    assert opens() == numbers(old, new)
    assert encryption_keys(ring).certificate == new.certificate


def test_a_ring_that_signs_is_not_promoted_unasked(tmp_path: Path) -> None:
    """The shorter way is for keys that decrypt, and goes with nothing that names a legacy cell."""
    for extra in (["--issuer", "x"], ["--cell", "http://x"], ["--config", "idp.toml"]):
        done = CliRunner().invoke(main, ["keys", "promote", "--encryption", "--dir", str(tmp_path), *extra])
        assert done.exit_code == 2


def test_the_metadata_says_what_to_encrypt_to_and_how(tmp_path: Path) -> None:
    """A sender finds certificate, cipher and key transport there; an organization without keys shows none."""
    pair = create_key(tmp_path / "acme", now=YESTERDAY)
    orgs = organizations(configured(tmp_path, 'encryption_keys = "acme"'))
    root = etree.fromstring(metadata_document(orgs["acme"]))
    assert compile_schema("saml-schema-metadata-2.0.xsd").validate(root)
    (key,) = root.iter(f"{{{names.MD}}}KeyDescriptor")
    assert key.get("use") == "encryption"
    assert "".join(key.itertext()) == pair.certificate_base64
    assert [method.get("Algorithm") for method in key.iter(f"{{{names.MD}}}EncryptionMethod")] == [
        names.AES256_GCM,
        names.RSA_OAEP,
    ]
    assert not list(etree.fromstring(metadata_document(orgs["globex"])).iter(f"{{{names.MD}}}KeyDescriptor"))


def test_every_endpoint_of_the_organization_decrypts(tmp_path: Path) -> None:
    """Keys and the wish for encryption belong to the organization, not to one of its addresses, and to no other one."""
    create_key(tmp_path / "acme", now=YESTERDAY)
    orgs = organizations(configured(tmp_path, 'encryption_keys = "acme"\nrequire_encryption = true'))
    for endpoint in orgs["acme"].endpoints.values():
        assert (len(endpoint.decryption_keys), endpoint.require_encryption) == (1, True)
    for endpoint in orgs["globex"].endpoints.values():
        assert (endpoint.decryption_keys, endpoint.require_encryption) == ((), False)


def test_no_key_is_ever_shown(tmp_path: Path) -> None:
    """An endpoint that ends up in a log or a traceback holds no key that can be read."""
    create_key(tmp_path / "acme", now=YESTERDAY)
    organization = organizations(configured(tmp_path, 'encryption_keys = "acme"'))["acme"]
    secret = next((tmp_path / "acme").glob("*.key")).read_text("ascii").splitlines()[5]
    assert secret in organization.default_endpoint.decryption_keys[0].pem
    assert secret not in repr(organization)
    assert secret not in repr(organization.default_endpoint.decryption_keys)


def test_a_curve_is_refused_at_the_start(tmp_path: Path) -> None:
    """Only RSA keys decrypt; the wrong kind is said where it stands."""
    create_key(tmp_path / "acme", now=YESTERDAY, algorithm="ec-p256")
    with pytest.raises(KeyRingError, match="no RSA key"):
        encryption_keys(tmp_path / "acme")


def test_requiring_without_keys_is_a_problem(tmp_path: Path) -> None:
    """Nothing could ever be read."""
    with pytest.raises(ConfigInvalid, match="require_encryption needs encryption_keys"):
        configured(tmp_path, "require_encryption = true")
