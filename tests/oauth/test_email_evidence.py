"""Whose word on an address counts: the provider's rule, made stricter by the configuration, or looser by an unsafe name."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.config import IdpConfig, validate
from bridge.errors import ConfigInvalid
from bridge.identity import ExternalIdentity
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.providers import build
from tests.oauth.kinds import issuer_of, settings
from tests.oauth.loopback import LoopbackProvider, json_answer
from tests.oauth.samples import REDIRECT_URI, Clock, begin, config

ADDRESS = {"email": "dana@acme.example", "email_verified": True, "name": "Dana"}


@pytest.fixture
def read(provider: LoopbackProvider, http: ProviderHttp, clock: Clock) -> Any:
    """Return a function that signs a person in at an OpenID provider of *kind* and returns the identity."""

    def read(kind: str, claims: dict[str, Any], **more: Any) -> ExternalIdentity:
        issuer = issuer_of(kind, provider)
        issuer.gives(issuer.sign(issuer.claims(begin(), **claims)))
        provider.on("GET", "/userinfo", json_answer({"sub": "person-1"}))
        one = build([config(kind, **settings(kind, provider.url) | more)], http=http, clock=clock)["it"]
        return one.identify(Callback("c"), begin(), REDIRECT_URI)

    return read


class TestStricter:
    """What the configuration takes away."""

    @pytest.mark.parametrize("kind", ["google_oauth2", "openid_connect", "authentik", "casdoor"])
    def test_never_means_never(self, kind: str, read: Any) -> None:
        """However sure the provider is, the address is carried and vouches for nobody."""
        trusted, never = read(kind, ADDRESS), read(kind, ADDRESS, email_evidence="never")
        assert (trusted.evidence.verified, never.evidence.verified) == (True, False)
        assert never.evidence.rule == "configured.never"
        assert never.email == trusted.email

    @pytest.mark.parametrize(
        ("claims", "verified"),
        [
            ({"hd": "acme.example"}, True),
            ({"hd": "acme.test"}, True),
            ({"hd": "other.example"}, False),
            ({"hd": "sub.acme.example"}, False),
            ({"hd": "ACME.example"}, False),
            ({}, False),
            ({"hd": ""}, False),
            ({"hd": "acme.example", "email_verified": False}, False),
            ({"hd": "acme.example", "email_verified": "true"}, False),
        ],
    )
    def test_google_speaks_for_hosted_domains_alone(self, claims: dict[str, Any], verified: bool, read: Any) -> None:
        """`hd` comes of a Workspace account; a consumer account of that domain has none, and `hd` alone verifies nothing."""
        found = read("google_oauth2", ADDRESS | claims, hosted_domains=("acme.example", "acme.test"))
        assert (found.evidence.verified, found.evidence.rule) == (verified, "google.hosted_domain")


class TestText:
    """`email_verified` of "true" in quotes, as some issuers send it."""

    @pytest.mark.parametrize(
        ("value", "verified"), [("true", True), (True, True), ("True", False), ("false", False), (1, False), ("1", False)]
    )
    def test_it_is_true_only_by_option(self, value: object, verified: bool, read: Any) -> None:
        """One spelling, to the letter; without the option no text is true."""
        claims = ADDRESS | {"email_verified": value}
        assert read("openid_connect", claims, email_verified_as_text=True).evidence.verified is verified
        assert read("openid_connect", claims).evidence.verified is (value is True)

    def test_the_rule_says_so(self, read: Any) -> None:
        """Whoever reads the audit sees by which reading it was."""
        found = read("openid_connect", ADDRESS | {"email_verified": "true"}, email_verified_as_text=True)
        assert found.evidence.rule == "oidc.email_verified_as_text"


class TestLooser:
    """`unsafe_email_verified`: on loopback only, and named in the evidence."""

    def test_every_address_counts_and_the_rule_says_why(self, read: Any) -> None:
        """An address that nobody vouched for; without an address there is nothing to vouch for."""
        found = read("casdoor", {"email": "dana@acme.example"}, unsafe_email_verified=True)
        assert (found.evidence.verified, found.evidence.rule) == (True, "configured.unsafe_email_verified")
        assert not read("casdoor", {}, unsafe_email_verified=True).evidence.verified

    def test_it_is_refused_in_the_open(self, tmp_path: Path) -> None:
        """A provider that anybody can write addresses at would open any account of an organization."""
        tables: dict[str, Any] = {
            "service": {
                "public_url": "https://cells.example",
                "database_url": "sqlite:///idp.db",
                "secret_files": ["seal.key"],
            },
            "cell": {"id": 1, "session_prefix": "cell-1"},
            "topology": {"file": "directory.toml"},
            "saml": {"entity_id": "https://cells.example/saml/metadata", "keys": "certs"},
            "provider": [{"name": "github", "client_id": "c", "client_secret": "s"}],
        }
        validate(IdpConfig, tables, tmp_path / "idp.toml")
        tables["provider"][0]["unsafe_email_verified"] = True
        with pytest.raises(ConfigInvalid) as refused:
            validate(IdpConfig, tables, tmp_path / "idp.toml")
        assert "provider github: unsafe_email_verified is refused" in str(refused.value)

    def test_it_contradicts_never(self) -> None:
        """Neither wins by accident."""
        with pytest.raises(ValidationError, match="contradicts"):
            config("github", unsafe_email_verified=True, email_evidence="never")
