"""Every known attack on an ID token ends in `provider.bad_token`, and the reason names the claim or the step."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from bridge.errors import ProviderBadReply, ProviderBadToken, ProviderError
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.fields import Fields
from bridge.oauth.oidc import OpenIdClient
from tests.oauth.conftest import (
    CLIENT_ID,
    NOW,
    REDIRECT_URI,
    RSA_KEYS,
    Clock,
    SigningIssuer,
    begin,
    config,
    json_answer,
)

SECONDS = int(NOW.timestamp())


def b64(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(header: dict[str, Any], claims: dict[str, Any], signature: Callable[[bytes], bytes]) -> str:
    """Return a token put together by hand, as a forger does."""
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{signed}.{b64(signature(signed.encode()))}"


@pytest.fixture
def attempt() -> LoginAttempt:
    """The attempt that the tokens answer."""
    return begin()


class Client:
    """A client of the loopback issuer."""

    def __init__(self, issuer: SigningIssuer, http: ProviderHttp, clock: Clock, attempt: LoginAttempt) -> None:
        self.issuer, self.attempt = issuer, attempt
        self.open_id = OpenIdClient(config("openid_connect", issuer=issuer.url), issuer.url, http=http, clock=clock)
        issuer.server.on("GET", f"{issuer.path}/userinfo", json_answer({"sub": "person-1"}))

    def claims(self, raw_id_token: str | None, *, iss: str | None = None) -> Fields:
        """Return what the client reads when the token endpoint gives this token."""
        self.issuer.gives(raw_id_token)
        return self.open_id.claims(Callback("code-secret-1", iss), self.attempt, REDIRECT_URI)

    def refused(self, raw_id_token: str | None, kind: type[ProviderError] = ProviderBadToken) -> str:
        """Return the reason for which it is refused; no userinfo was asked for, and nothing of the token is repeated."""
        with pytest.raises(ProviderError) as refused:
            self.claims(raw_id_token)
        assert type(refused.value) is kind
        assert not raw_id_token or str(raw_id_token) not in str(refused.value)
        assert self.attempt.nonce not in str(refused.value)
        assert not self.issuer.server.asked("GET", f"{self.issuer.path}/userinfo")
        return refused.value.reason


@pytest.fixture
def client(issuer: SigningIssuer, http: ProviderHttp, clock: Clock, attempt: LoginAttempt) -> Client:
    """A client of the loopback issuer."""
    return Client(issuer, http, clock, attempt)


def test_a_good_token_is_read(client: Client) -> None:
    """The base that each attack changes in one place."""
    assert client.claims(client.issuer.sign(client.issuer.claims(client.attempt))).text("sub") == "person-1"


@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS256", "PS384"])
def test_the_rsa_algorithms_of_the_list_verify(client: Client, alg: str) -> None:
    """RFC 7518 3.1."""
    client.claims(client.issuer.sign(client.issuer.claims(client.attempt), alg=alg))


@pytest.mark.parametrize(("alg", "curve"), [("ES256", "P-256"), ("ES384", "P-384")])
def test_the_ec_algorithms_of_the_list_verify(client: Client, alg: str, curve: str) -> None:
    """Each with its own curve."""
    client.issuer.key = ECKey.generate_key(curve)
    client.claims(client.issuer.sign(client.issuer.claims(client.attempt), alg=alg))


@pytest.mark.parametrize(
    ("changed", "claim"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": ...}, "iss"),
        ({"iss": ["https://evil.example"]}, "iss"),
        ({"aud": "another-client"}, "aud"),
        ({"aud": ...}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": {CLIENT_ID: 1}}, "aud"),
        ({"aud": CLIENT_ID + "2"}, "aud"),
        ({"aud": [CLIENT_ID, "another-client"]}, "azp"),
        ({"aud": [CLIENT_ID, "another-client"], "azp": "another-client"}, "azp"),
        ({"azp": "another-client"}, "azp"),
        ({"azp": None}, "azp"),
        ({"exp": SECONDS - 60}, "exp"),
        ({"exp": ...}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": -1}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"exp": float("inf")}, "exp"),
        ({"exp": None}, "exp"),
        ({"iat": SECONDS + 61}, "iat"),
        ({"iat": ...}, "iat"),
        ({"iat": True}, "iat"),
        ({"iat": str(SECONDS)}, "iat"),
        ({"nbf": SECONDS + 61}, "nbf"),
        ({"nbf": "soon"}, "nbf"),
        ({"nonce": "A" * 43}, "nonce"),
        ({"nonce": ...}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"nonce": 7}, "nonce"),
        ({"nonce": "\ud800"}, "nonce"),
        ({"sub": ...}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "x" * 256}, "sub"),
    ],
    ids=str,
)
def test_a_claim_that_does_not_hold_is_named(client: Client, changed: dict[str, Any], claim: str) -> None:
    """OIDC Core 3.1.3.7: a genuine token, but of another issuer, for another client, another time, another attempt."""
    raw = client.issuer.sign(client.issuer.claims(client.attempt, **changed))
    assert client.refused(raw).startswith(f"{claim}: ")


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": [CLIENT_ID]},
        {"azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "project-1"], "azp": CLIENT_ID},
        {"exp": SECONDS - 59},
        {"exp": SECONDS + 0.5},
        {"iat": SECONDS + 60},
        {"nbf": SECONDS + 60},
        {"unknown": {"claims": "are ignored"}},
    ],
    ids=str,
)
def test_what_the_standard_allows_is_accepted(client: Client, changed: dict[str, Any]) -> None:
    """A list of one, our own azp, a project's audience beside ours, a minute's difference of clocks."""
    client.claims(client.issuer.sign(client.issuer.claims(client.attempt, **changed)))


class TestSignature:
    """The key is the issuer's published one, the algorithm one of our list; the header decides neither."""

    def test_another_key(self, client: Client) -> None:
        """Signed by somebody else under the issuer's kid."""
        raw = client.issuer.sign(client.issuer.claims(client.attempt), key=RSA_KEYS[1])
        assert client.refused(raw).startswith("signature: ")

    def test_changed_claims(self, client: Client) -> None:
        """The signature of another payload."""
        header, _, signature = client.issuer.sign(client.issuer.claims(client.attempt)).split(".")
        payload = b64(json.dumps(client.issuer.claims(client.attempt, sub="admin")).encode())
        assert client.refused(f"{header}.{payload}.{signature}").startswith("signature: ")

    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
    def test_alg_none(self, client: Client, alg: str) -> None:
        """RFC 8725 3.1: no signature, however it is spelled."""
        claims = client.issuer.claims(client.attempt)
        assert client.refused(compact({"alg": alg, "kid": "k1"}, claims, lambda _: b"")).startswith("alg: ")

    @pytest.mark.parametrize("bits", [256, 384, 512])
    def test_hmac_with_the_public_key(self, client: Client, bits: int) -> None:
        """RFC 8725 2.1: everybody has the public key; used as an HMAC secret it would be everybody's signature."""
        for secret in (client.issuer.key.as_pem(private=False), client.issuer.key.as_pem(private=False).strip(), b"secret"):

            def sign(signed: bytes, secret: bytes = secret) -> bytes:
                return hmac.new(secret, signed, getattr(hashlib, f"sha{bits}")).digest()

            raw = compact({"alg": f"HS{bits}", "kid": "k1"}, client.issuer.claims(client.attempt), sign)
            assert client.refused(raw).startswith("alg: ")

    def test_a_published_symmetric_key(self, client: Client) -> None:
        """A symmetric key among the published ones verifies nothing."""
        secret = b"published to everybody, 32 bytes"
        client.issuer.server.on(
            "GET", "/op/jwks", json_answer({"keys": [{"kty": "oct", "kid": "k1", "k": b64(secret), "alg": "HS256"}]})
        )
        claims = client.issuer.claims(client.attempt)
        raw = compact({"alg": "HS256", "kid": "k1"}, claims, lambda signed: hmac.digest(secret, signed, "sha256"))
        assert client.refused(raw).startswith("alg: ")
        assert client.refused(client.issuer.sign(claims)).startswith("kid: ")

    def test_unknown_kid(self, client: Client) -> None:
        """Not published, and not after looking once more."""
        raw = client.issuer.sign(client.issuer.claims(client.attempt), kid="k9")
        assert client.refused(raw).startswith("kid: ")

    @pytest.mark.parametrize("key", [RSAKey.generate_key(2048), ECKey.generate_key("P-256")], ids=["rsa", "ec"])
    def test_an_embedded_key_is_not_used(self, client: Client, key: RSAKey | ECKey) -> None:
        """RFC 8725 3.10: a `jwk` in the header is the forger's own."""
        raw = client.issuer.sign(
            client.issuer.claims(client.attempt),
            key=key,
            alg="RS256" if key.key_type == "RSA" else "ES256",
            jwk=key.as_dict(private=False),
        )
        assert client.refused(raw).partition(":")[0] in ("signature", "kid", "form")

    def test_an_embedded_key_is_not_used_beside_one_of_its_kind(self, client: Client) -> None:
        """The issuer's key has the same type and kid, and it is the one that decides."""
        client.issuer.key = ECKey.generate_key("P-256")
        forger = ECKey.generate_key("P-256")
        claims = client.issuer.claims(client.attempt)
        raw = client.issuer.sign(claims, key=forger, alg="ES256", jwk=forger.as_dict(private=False))
        assert client.refused(raw).startswith("signature: ")
        client.claims(client.issuer.sign(claims, alg="ES256", jwk=forger.as_dict(private=False)))

    @pytest.mark.parametrize("header", ["jku", "x5u"])
    def test_an_address_in_the_header_is_not_asked(self, client: Client, header: str) -> None:
        """SSRF and the forger's own keys in one."""
        client.issuer.server.on("GET", "/evil", json_answer({"keys": [{**RSA_KEYS[1].as_dict(private=False), "kid": "k1"}]}))
        raw = client.issuer.sign(
            client.issuer.claims(client.attempt), key=RSA_KEYS[1], **{header: client.issuer.server.url + "/evil"}
        )
        assert client.refused(raw).startswith("signature: ")
        assert not client.issuer.server.asked("GET", "/evil")

    def test_a_critical_extension_is_refused(self, client: Client) -> None:
        """RFC 7515 4.1.11: what must be understood and is not; also `b64`, which the library would understand."""
        claims = client.issuer.claims(client.attempt)
        raw = client.issuer.sign(claims, crit=["b64"], b64=True)
        assert client.refused(raw).partition(":")[0] in ("crit", "form")

    def test_a_header_of_a_providers_own_is_ignored(self, client: Client) -> None:
        """RFC 7515 4: unknown parameters must be ignored."""
        client.claims(client.issuer.sign(client.issuer.claims(client.attempt), ver="1"))


@pytest.mark.parametrize(
    "raw",
    [
        "x",
        "a.b.c",
        "..",
        "e30.e30.",
        "e30.e30.e30.e30.e30",
        "é.é.é",
        f"{b64(b'[]')}.e30.e30",
        f"{b64(b'null')}.e30.e30",
        f"{b64(b'7')}.e30.e30",
        f'{b64(b"""["alg"]""")}.e30.e30',
        f'{b64(b"""{"alg": 7}""")}.e30.e30',
        f'{b64(b"""{"alg": ["RS256"]}""")}.e30.e30',
        f'{b64(b"""{"alg": "RS256", "crit": 7}""")}.e30.e30',
        f'{b64(b"""{"alg": "RS256", "kid": ["k1"]}""")}.e30.e30',
        b64(b"[" * 100000) + ".e30.e30",
        "e30." + "e" * 200_000 + ".e30",
    ],
    ids=lambda raw: raw[:40],
)
def test_what_is_no_token_is_refused(client: Client, raw: str) -> None:
    """Whatever the library makes of it, it ends as one refusal of ours and never as an error."""
    assert client.refused(raw).partition(":")[0] in ("form", "alg", "kid")


def test_a_signed_payload_that_is_no_object_is_refused(client: Client) -> None:
    """Genuine, and still no claims."""
    header = {"alg": "RS256", "kid": "k1"}
    for payload in (b"[]", b"null", b"{", b"[" * 90_000, b"\xff"):
        raw = jws.serialize_compact(header, payload, client.issuer.key, algorithms=["RS256"])
        assert client.refused(raw).startswith("form: ")


def test_no_id_token_is_refused(client: Client) -> None:
    """The scope is `openid`; an answer without a token proves nothing about who signed in."""
    assert client.refused(None).startswith("form: ")
    assert client.refused("").startswith("form: ")


def test_an_id_token_of_another_type_is_a_bad_reply(client: Client) -> None:
    """Not even text."""
    assert client.refused({"a": 1}, ProviderBadReply).startswith("token reply: id_token")  # type: ignore[arg-type]


class TestUserinfo:
    """Userinfo adds to the token, of the same person, and email and evidence come from one document."""

    def test_it_is_asked_only_for_what_the_token_lacks(self, client: Client) -> None:
        """A token with email, evidence and name saves the person a round trip."""
        whole = {"email": "dana@acme.example", "email_verified": False, "name": "Dana"}
        client.claims(client.issuer.sign(client.issuer.claims(client.attempt, **whole)))
        assert not client.issuer.server.asked("GET", "/op/userinfo")
        client.claims(client.issuer.sign(client.issuer.claims(client.attempt)))
        [received] = client.issuer.server.asked("GET", "/op/userinfo")
        assert received.headers["authorization"] == "Bearer at-1"

    def test_another_sub_is_refused(self, client: Client) -> None:
        """OIDC Core 5.3.2: the access token of somebody else was slipped in."""
        client.issuer.server.on("GET", "/op/userinfo", json_answer({"sub": "person-2", "email": "a@b.example"}))
        with pytest.raises(ProviderBadToken) as refused:
            client.claims(client.issuer.sign(client.issuer.claims(client.attempt)))
        assert refused.value.reason.startswith("sub: ")

    @pytest.mark.parametrize("userinfo", [{}, {"sub": None}, {"sub": 7}, {"sub": ""}])
    def test_no_sub_is_refused(self, client: Client, userinfo: dict[str, Any]) -> None:
        """Userinfo that does not say whose it is, is nobody's."""
        client.issuer.server.on("GET", "/op/userinfo", json_answer(userinfo | {"email": "a@b.example"}))
        with pytest.raises(ProviderBadReply):
            client.claims(client.issuer.sign(client.issuer.claims(client.attempt)))

    @pytest.mark.parametrize(
        ("token", "userinfo", "email", "verified"),
        [
            ({}, {"email": "u@x.example", "email_verified": True}, "u@x.example", True),
            ({"email": "t@x.example"}, {"email_verified": True}, "t@x.example", False),
            ({"email": "t@x.example"}, {"email": "u@x.example", "email_verified": True}, "u@x.example", True),
            ({"email": "t@x.example", "email_verified": True}, {"email": "u@x.example"}, "t@x.example", True),
            ({"email": "t@x.example", "email_verified": False}, {"email_verified": True}, "t@x.example", False),
            ({"email_verified": True}, {"email": "u@x.example"}, "u@x.example", False),
            ({"email_verified": True}, {}, None, True),
        ],
    )
    def test_email_and_evidence_are_never_mixed(
        self, client: Client, token: dict[str, Any], userinfo: dict[str, Any], email: str | None, verified: bool
    ) -> None:
        """ "Verified" of one document must not vouch for the address of another."""
        client.issuer.server.on("GET", "/op/userinfo", json_answer({"sub": "person-1", **userinfo}))
        claims = client.claims(client.issuer.sign(client.issuer.claims(client.attempt, **token)))
        assert claims.optional_text("email") == email
        assert claims.is_true("email_verified") is verified

    def test_the_token_wins_where_both_speak(self, client: Client) -> None:
        """What is signed is not replaced by what is not."""
        client.issuer.server.on("GET", "/op/userinfo", json_answer({"sub": "person-1", "name": "U", "picture": "p"}))
        claims = client.claims(client.issuer.sign(client.issuer.claims(client.attempt, name="T")))
        assert (claims.text("name"), claims.text("picture")) == ("T", "p")


class TestMixUp:
    """RFC 9207: the callback may say which issuer sent it."""

    def test_another_issuers_callback_is_refused_before_the_code_travels(self, client: Client) -> None:
        """Its code must not reach our provider's token endpoint, nor the reverse."""
        raw = client.issuer.sign(client.issuer.claims(client.attempt))
        with pytest.raises(ProviderBadReply):
            client.claims(raw, iss="https://evil.example")
        assert not client.issuer.server.asked("POST", "/op/token")
        client.claims(raw, iss=client.issuer.url)

    def test_an_issuer_that_names_itself_must_do_so(self, client: Client) -> None:
        """RFC 9207 2.4: if it is announced, a callback without it is not the issuer's."""
        client.issuer.metadata["authorization_response_iss_parameter_supported"] = True
        raw = client.issuer.sign(client.issuer.claims(client.attempt))
        with pytest.raises(ProviderBadReply):
            client.claims(raw)
        assert not client.issuer.server.asked("POST", "/op/token")
        client.claims(raw, iss=client.issuer.url)
