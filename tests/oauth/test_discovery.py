"""An issuer's documents: believed where they name the issuer itself, kept within bounds, and looked at again for a new key."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey

from bridge.errors import ProviderBadReply, ProviderBadToken
from bridge.oauth.client import ProviderHttp
from bridge.oauth.discovery import Issuer, IssuerMetadata, read_metadata
from bridge.oauth.fields import Fields
from tests.oauth.loopback import Answer, LoopbackProvider, Received, json_answer
from tests.oauth.samples import Clock
from tests.oauth.signing_issuer import RSA_KEYS, SigningIssuer

DISCOVERY = "/op/.well-known/openid-configuration"
ID = "https://id.example"
DOCUMENT = {
    "issuer": ID,
    "authorization_endpoint": f"{ID}/authorize",
    "token_endpoint": f"{ID}/token",
    "jwks_uri": f"{ID}/jwks",
}


def short_modulus() -> str:
    """Return the modulus of a 1024-bit RSA key, base64url."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505
    number = key.public_key().public_numbers().n
    return base64.urlsafe_b64encode(number.to_bytes(128, "big")).rstrip(b"=").decode()


def read(**changed: Any) -> IssuerMetadata:
    """Return what a discovery document says, changed; a field set to `...` is left out."""
    values = {name: value for name, value in (DOCUMENT | changed).items() if value is not ...}
    return read_metadata(Fields(values, provider="it", document="discovery"), issuer=ID)


@pytest.fixture
def known(issuer: SigningIssuer, http: ProviderHttp, clock: Clock) -> Issuer:
    """The issuer as its client knows it."""
    return Issuer(issuer.url, provider="it", http=http, clock=clock)


class TestDocument:
    """What a discovery document must say (OIDC Discovery 3 and 4.3)."""

    def test_a_plain_one(self) -> None:
        """Without more, the client authenticates by Basic (OIDC Discovery 3), and there is no userinfo."""
        metadata = read()
        assert metadata.token_endpoint == f"{ID}/token"
        assert metadata.auth_method == "client_secret_basic"
        assert metadata.userinfo_endpoint is None
        assert not metadata.names_itself_in_callbacks

    @pytest.mark.parametrize("issuer", ["https://evil.example", f"{ID}/", ID.upper(), ..., "", None, 7, [ID]])
    def test_the_issuer_is_equal_to_the_letter(self, issuer: object) -> None:
        """Else one issuer could speak for another."""
        with pytest.raises(ProviderBadReply) as refused:
            read(issuer=issuer)
        assert "issuer" in refused.value.reason

    @pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
    @pytest.mark.parametrize("value", [..., None, "", 7, "http://id.example/x", "file:///etc/passwd", "//id.example", "x"])
    def test_every_endpoint_is_an_https_url(self, name: str, value: object) -> None:
        """Codes, secrets and tokens go there."""
        with pytest.raises(ProviderBadReply) as refused:
            read(**{name: value})
        assert name in refused.value.reason

    @pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
    def test_no_document_leads_into_this_machine(self, name: str) -> None:
        """Plain http is for loopback, and loopback for an issuer that is there itself (SSRF)."""
        for url in ("http://127.0.0.1:6379/", "http://localhost/", "https://[::1]/"):
            with pytest.raises(ProviderBadReply) as refused:
                read(**{name: url})
            assert name in refused.value.reason

    @pytest.mark.parametrize(
        ("offered", "used"),
        [
            (["client_secret_post", "client_secret_basic"], "client_secret_basic"),
            (["client_secret_post"], "client_secret_post"),
            (["private_key_jwt", "client_secret_post"], "client_secret_post"),
            (["private_key_jwt"], None),
            ([], None),
        ],
    )
    def test_the_client_authenticates_as_the_issuer_offers(self, offered: list[str], used: str | None) -> None:
        """Basic where it may, as RFC 6749 2.3.1 prefers; nothing where it takes no secret."""
        assert read(token_endpoint_auth_methods_supported=offered).auth_method == used

    @pytest.mark.parametrize("offered", ["client_secret_basic", None, 7])
    def test_what_is_no_list_of_ways_is_refused(self, offered: object) -> None:
        """Nothing is guessed."""
        with pytest.raises(ProviderBadReply):
            read(token_endpoint_auth_methods_supported=offered)


class TestKept:
    """Documents are fetched once in their time."""

    def test_a_slash_at_the_issuers_end_is_not_doubled(
        self, provider: LoopbackProvider, http: ProviderHttp, clock: Clock
    ) -> None:
        """OIDC Discovery 4.1: it is dropped for the address, and kept for the comparison (authentik)."""
        slashed = SigningIssuer(provider)
        slashed.metadata["issuer"] = slashed.url + "/"
        assert Issuer(slashed.url + "/", provider="it", http=http, clock=clock).metadata().issuer.endswith("/")
        assert len(provider.asked("GET", DISCOVERY)) == 1

    @pytest.mark.parametrize(
        ("control", "kept_seconds"),
        [
            (None, 3600),
            ("public", 3600),
            ("max-age=600", 600),
            ("max-age=1", 60),
            ("no-store", 60),
            ("max-age=99999999", 24 * 3600),
        ],
    )
    def test_they_are_kept_as_their_headers_say_within_bounds(
        self, issuer: SigningIssuer, known: Issuer, clock: Clock, control: str | None, kept_seconds: int
    ) -> None:
        """An hour by default, a minute at least, a day at most."""
        server = issuer.server
        headers = {} if control is None else {"Cache_Control": control}
        server.on("GET", DISCOVERY, json_answer(issuer.metadata, **headers))  # type: ignore[arg-type]
        known.metadata()
        clock.move(seconds=kept_seconds - 1)
        known.metadata()
        assert len(server.asked("GET", DISCOVERY)) == 1
        clock.move(seconds=1)
        known.metadata()
        assert len(server.asked("GET", DISCOVERY)) == 2

    def test_threads_that_come_together_fetch_once(self, issuer: SigningIssuer, known: Issuer) -> None:
        """A cold start under load does not storm the provider."""
        everybody = threading.Barrier(8)

        def one(_: int) -> str:
            everybody.wait(5)
            return known.key(alg="RS256", kid="k1").key.key_type

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(one, range(8))) == {"RSA"}
        assert len(issuer.server.asked("GET", DISCOVERY)) == 1
        assert len(issuer.server.asked("GET", "/op/jwks")) == 1


class TestKeys:
    """The one key that a token names."""

    def test_rotated_keys_are_found_at_once(self, issuer: SigningIssuer, known: Issuer) -> None:
        """Our copy is fresh by its headers, and a moment old: an unknown kid makes us look again all the same."""
        known.key(alg="RS256", kid="k1")
        issuer.kid = "k2"
        assert known.key(alg="RS256", kid="k2").key.key_type == "RSA"
        with pytest.raises(ProviderBadToken):
            known.key(alg="RS256", kid="k1")

    def test_unknown_keys_are_looked_for_once_in_a_while(self, issuer: SigningIssuer, known: Issuer, clock: Clock) -> None:
        """Tokens with invented kids must not make us storm the issuer."""
        known.key(alg="RS256", kid="k1")
        clock.move(seconds=10)
        for number in range(20):
            with pytest.raises(ProviderBadToken):
                known.key(alg="RS256", kid=f"invented-{number}")
        assert len(issuer.server.asked("GET", "/op/jwks")) == 2
        clock.move(seconds=10)
        with pytest.raises(ProviderBadToken):
            known.key(alg="RS256", kid="invented")
        assert len(issuer.server.asked("GET", "/op/jwks")) == 3

    def test_without_a_kid_the_only_fitting_key_is_meant(self, known: Issuer) -> None:
        """OIDC Core 10.1: a kid may be missing only where there is one key; nothing is tried out."""
        assert known.key(alg="RS256", kid=None).key.key_type == "RSA"
        with pytest.raises(ProviderBadToken):
            known.key(alg="ES256", kid=None)

    @pytest.mark.parametrize("kid", [None, "k1"])
    def test_two_fitting_keys_are_refused(self, issuer: SigningIssuer, known: Issuer, kid: str | None) -> None:
        """Exactly one: two keys of one name are an accident or an attack."""
        issuer.server.on("GET", "/op/jwks", json_answer({"keys": [published(RSA_KEYS[0]), published(RSA_KEYS[1])]}))
        with pytest.raises(ProviderBadToken) as refused:
            known.key(alg="RS256", kid=kid)
        assert "several" in refused.value.reason

    @pytest.mark.parametrize(
        "changed",
        [
            {"use": "enc"},
            {"alg": "RS384"},
            {"kty": "EC"},
            {"kty": "oct", "k": "c2VjcmV0"},
            {"kid": 1},
            {"n": ...},
            {"n": "AQAB"},
            pytest.param({"n": short_modulus()}, id="a modulus of 1024 bits"),
            {"n": "A" * 2000},
            {"n": "!" * 342},
            {"n": 7},
            {"e": "AA"},
        ],
        ids=lambda changed: str(changed)[:24],
    )
    def test_a_key_that_cannot_verify_is_passed_over(
        self, issuer: SigningIssuer, known: Issuer, changed: dict[str, Any]
    ) -> None:
        """For encryption, for another algorithm, broken, below 2048 bits or absurdly large; the others still count."""
        bad = {name: value for name, value in (published(RSA_KEYS[0]) | changed).items() if value is not ...}
        issuer.server.on("GET", "/op/jwks", json_answer({"keys": [bad, "odd", None]}))
        with pytest.raises(ProviderBadToken):
            known.key(alg="RS256", kid="k1")

    def test_one_bad_key_does_not_hide_the_others(self, issuer: SigningIssuer, known: Issuer) -> None:
        """RFC 7517 5: what is not understood is ignored."""
        broken = {"kty": "RSA", "kid": "k0", "n": "AQAB", "e": "AQAB"}
        future = {"kty": "AKP", "kid": "k2", "pub": "x"}
        keys = [broken, future, published(ECKey.generate_key("P-256")), published(RSA_KEYS[0])]
        issuer.server.on("GET", "/op/jwks", json_answer({"keys": keys}))
        assert known.key(alg="RS256", kid="k1").key.key_type == "RSA"
        assert known.key(alg="ES256", kid="k1").key.key_type == "EC"

    @pytest.mark.parametrize("keys", [None, {}, "k", [{"kty": "RSA"}] * 51])
    def test_keys_are_a_list_of_modest_length(self, issuer: SigningIssuer, known: Issuer, keys: object) -> None:
        """Anything else is no JWK set."""
        issuer.server.on("GET", "/op/jwks", json_answer({"keys": keys}))
        with pytest.raises(ProviderBadReply):
            known.key(alg="RS256", kid="k1")

    def test_moved_keys_are_followed(self, issuer: SigningIssuer, known: Issuer, clock: Clock) -> None:
        """A new `jwks_uri` counts as soon as the configuration is read anew."""
        known.key(alg="RS256", kid="k1")

        def moved(_: Received) -> Answer:
            return json_answer({"keys": [published(RSA_KEYS[1], kid="k2")]})

        issuer.server.on("GET", "/op/other-jwks", moved)
        issuer.metadata["jwks_uri"] = f"{issuer.url}/other-jwks"
        clock.move(hours=1)
        assert known.key(alg="RS256", kid="k2").key.key_type == "RSA"


def published(key: Any, kid: str = "k1") -> dict[str, Any]:
    """Return *key* as it stands in a JWK set."""
    return {**key.as_dict(private=False), "kid": kid, "use": "sig"}
