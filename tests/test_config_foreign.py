"""The configuration of a foreign issuer: what is missing or contradicts itself is a problem at start, not at a sign-in."""

from pathlib import Path

import pytest

from bridge.config import IdpConfig, SpConfig, load
from bridge.errors import ConfigInvalid
from bridge.saml.trust import AttributeMap

SP = """
[service]
public_url = "http://localhost:8080"
database_url = "sqlite:///sp.db"
secret_files = ["seal.key"]
[cell]
id = 2
session_prefix = "cell-2"
[topology]
file = "directory.toml"
[[trust]]
entity_id = "https://cells.example/saml/metadata"
certificates = ["certs/idp.crt"]
[[trust]]
entity_id = "https://login.partner.example/metadata"
certificates = ["certs/partner.crt"]
provider = "saml_partner"
attributes = { extern_uid = "NameID", email = "mail" }
email_verified_domains = ["partner.example"]
[[org]]
id = 42
path = "acme"
name = "Acme"
binding = "unsafe_unbound"
providers = ["github", "saml_partner"]
"""
IDP = """
[service]
public_url = "http://localhost:8080"
database_url = "sqlite:///idp.db"
secret_files = ["seal.key"]
[cell]
id = 1
session_prefix = "cell-1"
[topology]
file = "directory.toml"
[saml]
entity_id = "https://cells.example/saml/metadata"
keys = "certs/idp"
[[provider]]
name = "github"
client_id = "abc"
client_secret = "shh"
"""


def loaded(folder: Path, text: str = SP) -> SpConfig:
    """Load *text* as an owning cell's file."""
    file = folder / "service.toml"
    file.write_text(text, "utf-8")
    return load(SpConfig, file, {})


def test_a_foreign_issuer_is_a_map_and_a_legacy_cell_is_none(tmp_path: Path) -> None:
    """What the table says is what the checks ask; what it leaves out is not mapped."""
    legacy, partner = (AttributeMap.from_config(trust) for trust in loaded(tmp_path).trust)
    assert legacy is None
    assert partner == AttributeMap(
        provider="saml_partner",
        sources=(("extern_uid", "NameID"), ("email", "mail")),
        verified_domains=frozenset({"partner.example"}),
    )


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('provider = "saml_partner"\n', "", "trust.1"),
        ('attributes = { extern_uid = "NameID", email = "mail" }\n', "", "trust.1"),
        ('extern_uid = "NameID", ', "", "trust.1.attributes.extern_uid"),
        ('"NameID"', '""', "trust.1.attributes.extern_uid"),
        ('email = "mail" }', 'email = "mail", role = "role" }', "trust.1.attributes.role"),
        (', email = "mail" }', " }", "trust.1"),
        ('provider = "saml_partner"', 'provider = "google_oauth2"', "trust.1.provider"),
        ('provider = "saml_partner"', 'provider = "saml_"', "trust.1.provider"),
        ('provider = "saml_partner"', f'provider = "saml_{"x" * 51}"', "trust.1.provider"),
        ('["partner.example"]', '["*.partner.example"]', "trust.1.email_verified_domains.0"),
        ('["partner.example"]', '["Partner.example"]', "trust.1.email_verified_domains.0"),
        ('["partner.example"]', '["@partner.example"]', "trust.1.email_verified_domains.0"),
        ('["partner.example"]', '["example"]', "trust.1.email_verified_domains.0"),
        (
            'certificates = ["certs/idp.crt"]',
            'certificates = ["certs/idp.crt"]\nemail_verified_domains = ["a.example"]',
            "trust.0",
        ),
        ('provider = "saml_partner"', 'provider = "saml_partner"\nproviders = ["github"]', "trust.1"),
        ('certificates = ["certs/idp.crt"]', 'certificates = ["certs/idp.crt"]\nproviders = ["saml_partner"]', "trust.0"),
        ('certificates = ["certs/idp.crt"]', 'certificates = ["certs/idp.crt"]\nproviders = []', "trust.0.providers"),
        (
            'certificates = ["certs/idp.crt"]',
            'certificates = ["certs/idp.crt"]\nproviders = ["Git Hub"]',
            "trust.0.providers.0",
        ),
        ('binding = "unsafe_unbound"', 'binding = "bound"', "file"),
        ('binding = "unsafe_unbound"\n', "", "file"),
    ],
)
def test_what_could_be_read_in_two_ways_is_a_problem(tmp_path: Path, old: str, new: str, key: str) -> None:
    """Half a map, a name of somebody else's, a domain that is a pattern, an organization that could never be entered."""
    assert SP.count(old) == 1
    with pytest.raises(ConfigInvalid) as refused:
        loaded(tmp_path, SP.replace(old, new))
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [key]


def test_no_two_issuers_share_a_name(tmp_path: Path) -> None:
    """Two directories may give one uid to two people."""
    second = SP[SP.index('[[trust]]\nentity_id = "https://login') : SP.index("[[org]]")].replace("login.", "other.")
    with pytest.raises(ConfigInvalid) as refused:
        loaded(tmp_path, SP + second)
    assert "trust provider saml_partner stands more than once" in refused.value.problems[0]


def test_no_oauth_provider_is_named_like_an_issuer(tmp_path: Path) -> None:
    """The legacy cell cannot speak for an issuer's people, nor an issuer for a provider's."""
    file = tmp_path / "service.toml"
    file.write_text(IDP.replace('name = "github"', 'name = "saml_partner"'), "utf-8")
    with pytest.raises(ConfigInvalid) as refused:
        load(IdpConfig, file, {})
    assert [problem.partition(":")[0] for problem in refused.value.problems] == ["provider.0.name"]
