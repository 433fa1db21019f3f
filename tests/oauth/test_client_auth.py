"""How the client proves who it is: its secret in a header or a body, or an assertion that its private key signs."""

import base64
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from pydantic import ValidationError

from bridge.errors import ConfigInvalid, ProviderBadReply
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.client_auth import ASSERTION_SECONDS, ASSERTION_TYPE
from bridge.oauth.providers import Provider, build
from tests.oauth.kinds import issuer_of
from tests.oauth.loopback import LoopbackProvider, Received
from tests.oauth.samples import CLIENT_ID, CLIENT_SECRET, NOW, REDIRECT_URI, Clock, begin, config

RSA = rsa.generate_private_key(65537, 2048)
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """Return *key* as a file holds it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def keyed(http: ProviderHttp, clock: Clock, folder: Path, text: str, url: str, **more: Any) -> Provider:
    """Return an `openid_connect` provider at *url* whose client has the private key in *text*."""
    file = folder / "client.pem"
    file.write_text(text, "utf-8")
    settings: dict[str, Any] = {
        "issuer": url,
        "client_secret": None,
        "client_auth": "private_key_jwt",
        "private_key_file": file,
    }
    return build([config("openid_connect", **settings, **more)], http=http, clock=clock)["it"]


def redeemed(one: Provider, provider: LoopbackProvider) -> Received:
    """Return the token request for a code that the provider then refuses."""
    provider.received.clear()
    with pytest.raises(ProviderBadReply):
        one.identify(Callback("code-secret-1"), begin(), REDIRECT_URI)
    [received] = provider.asked("POST", "/token")
    assert CLIENT_SECRET not in str(received.query)
    return received


class TestPrivateKeyJwt:
    """RFC 7523 2.2 and OIDC Core 9."""

    @pytest.mark.parametrize("alg", ["RS256", *CURVES])
    def test_the_assertion_is_ours_short_and_for_that_endpoint(
        self, alg: str, provider: LoopbackProvider, http: ProviderHttp, clock: Clock, tmp_path: Path
    ) -> None:
        """Nobody else can make it, no other endpoint can use it, and a minute later nobody can; no secret travels."""
        issuer_of("openid_connect", provider)
        key = RSA if alg == "RS256" else ec.generate_private_key(CURVES[alg])
        received = redeemed(keyed(http, clock, tmp_path, pem(key), provider.url, private_key_id="key-7"), provider)
        assert "authorization" not in received.headers
        assert received.form["client_assertion_type"] == ASSERTION_TYPE
        assert received.form["code_verifier"] == begin().code_verifier
        assert "client_secret" not in received.form
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        imported = RSAKey.import_key(public) if alg == "RS256" else ECKey.import_key(public)
        token = jwt.decode(received.form["client_assertion"], imported, algorithms=[alg])
        assert (token.header["alg"], token.header["kid"]) == (alg, "key-7")
        issued = int(NOW.timestamp())
        jti = token.claims.pop("jti")
        assert len(jti) >= 22
        assert token.claims == {
            "iss": CLIENT_ID,
            "sub": CLIENT_ID,
            "aud": f"{provider.url}/token",
            "iat": issued,
            "exp": issued + ASSERTION_SECONDS,
        }

    def test_no_assertion_is_used_twice(
        self, provider: LoopbackProvider, http: ProviderHttp, clock: Clock, tmp_path: Path
    ) -> None:
        """A `jti` of its own for each, by which the provider knows a replay."""
        issuer_of("openid_connect", provider)
        one = keyed(http, clock, tmp_path, pem(RSA), provider.url)
        assertions = [redeemed(one, provider).form["client_assertion"] for _ in range(2)]
        tokens = [jwt.decode(assertion, RSAKey.import_key(pem(RSA))) for assertion in assertions]
        assert tokens[0].claims["jti"] != tokens[1].claims["jti"]
        assert "kid" not in tokens[0].header

    @pytest.mark.parametrize(
        "text",
        [
            "no key at all",
            "a-client-secret",
            pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505
            pem(ec.generate_private_key(ec.SECP256K1())),
            RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        ],
        ids=["no key", "secret", "short", "curve", "public"],
    )
    def test_another_key_is_refused_at_the_start(self, text: str, http: ProviderHttp, clock: Clock, tmp_path: Path) -> None:
        """The key's place in the configuration is named, and nothing of the file is repeated."""
        with pytest.raises(ConfigInvalid) as refused:
            keyed(http, clock, tmp_path, text, "https://id.example")
        [problem] = refused.value.problems
        assert problem.startswith("provider.0.private_key_file: ")
        assert text[:20] not in problem


class TestSecret:
    """RFC 6749 2.3.1: in the header or in the body, as the provider takes it, never in a URL."""

    @pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
    @pytest.mark.parametrize("offered", [["client_secret_basic"], ["client_secret_post"], ["private_key_jwt"], []])
    def test_the_configured_way_is_taken(
        self, method: str, offered: list[str], provider: LoopbackProvider, http: ProviderHttp, clock: Clock
    ) -> None:
        """What the operator says counts, whatever the issuer's document offers."""
        issuer_of("openid_connect", provider).metadata["token_endpoint_auth_methods_supported"] = offered
        one = build([config("openid_connect", issuer=provider.url, client_auth=method)], http=http, clock=clock)["it"]
        received = redeemed(one, provider)
        assert ("authorization" in received.headers) is (method == "client_secret_basic")
        assert received.form.get("client_secret") == (CLIENT_SECRET if method == "client_secret_post" else None)

    @pytest.mark.parametrize("offered", [["private_key_jwt"], ["none"], []])
    def test_nothing_is_guessed(self, offered: list[str], provider: LoopbackProvider, http: ProviderHttp, clock: Clock) -> None:
        """An issuer that takes no secret gets none, and nobody is sent there for nothing."""
        issuer_of("openid_connect", provider).metadata["token_endpoint_auth_methods_supported"] = offered
        one = build([config("openid_connect", issuer=provider.url)], http=http, clock=clock)["it"]
        for step in (
            lambda: one.authorization_url(begin(), REDIRECT_URI),
            lambda: one.identify(Callback("c"), begin(), REDIRECT_URI),
        ):
            with pytest.raises(ProviderBadReply, match="offers neither"):
                step()
        assert not provider.asked("POST", "/token")

    def test_a_generic_provider_takes_it_in_the_body_where_that_is_configured(
        self, provider: LoopbackProvider, http: ProviderHttp, clock: Clock
    ) -> None:
        """`oauth2` has no document that offers anything."""
        places = {f"{name}_url": f"{provider.url}/{name}" for name in ("authorization", "token", "userinfo")}
        one = config("oauth2", **places, fields={"uid": "id"}, client_auth="client_secret_post")
        received = redeemed(build([one], http=http, clock=clock)["it"], provider)
        assert received.form["client_secret"] == CLIENT_SECRET

    def test_basic_is_what_rfc_6749_says(self, provider: LoopbackProvider, http: ProviderHttp, clock: Clock) -> None:
        """Both halves are form-encoded before they are joined."""
        issuer_of("openid_connect", provider)
        one = build([config("openid_connect", issuer=provider.url)], http=http, clock=clock)["it"]
        scheme, _, credentials = redeemed(one, provider).headers["authorization"].partition(" ")
        assert (scheme, urlsplit(provider.url).scheme) == ("Basic", "http")
        assert base64.b64decode(credentials).decode().startswith(f"{CLIENT_ID}:a%20secret%3A")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"client_auth": "private_key_jwt"}, "goes with private_key_file"),
        ({"client_auth": "private_key_jwt", "client_secret": None}, "goes with private_key_file"),
        ({"client_auth": "private_key_jwt", "private_key_file": "k"}, "no client secret"),
        ({"private_key_file": "k"}, "go with client_auth = private_key_jwt"),
        ({"private_key_id": "k"}, "go with client_auth = private_key_jwt"),
        ({"client_secret": None}, "exactly one of client_secret and client_secret_file"),
        ({"client_secret_file": "s"}, "exactly one of client_secret and client_secret_file"),
        ({"client_auth": "none"}, "client_secret_basic"),
    ],
)
def test_a_client_has_exactly_one_way_to_prove_itself(settings: dict[str, Any], words: str) -> None:
    """A secret beside a key would go unused and unguarded."""
    with pytest.raises(ValidationError, match=words):
        config("openid_connect", issuer="https://id.example", **settings)
