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

from bridge.errors import ProviderBadReply
from tests.oauth.loopback import json_answer
from tests.oauth.samples import CLIENT_ID, NOW
from tests.oauth.signing_issuer import RSA_KEYS, IssuersClient

SECONDS = int(NOW.timestamp())


def b64(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(header: dict[str, Any], claims: dict[str, Any], signature: Callable[[bytes], bytes]) -> str:
    """Return a token put together by hand, as a forger does."""
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{signed}.{b64(signature(signed.encode()))}"


def test_a_good_token_is_read(client: IssuersClient) -> None:
    """The base that each attack changes in one place."""
    assert client.claims(client.issuer.sign(client.issuer.claims(client.attempt))).text("sub") == "person-1"


@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS256", "PS384"])
def test_the_rsa_algorithms_of_the_list_verify(client: IssuersClient, alg: str) -> None:
    """RFC 7518 3.1."""
    client.claims(client.issuer.sign(client.issuer.claims(client.attempt), alg=alg))


@pytest.mark.parametrize(("alg", "curve"), [("ES256", "P-256"), ("ES384", "P-384")])
def test_the_ec_algorithms_of_the_list_verify(client: IssuersClient, alg: str, curve: str) -> None:
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
def test_a_claim_that_does_not_hold_is_named(client: IssuersClient, changed: dict[str, Any], claim: str) -> None:
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
def test_what_the_standard_allows_is_accepted(client: IssuersClient, changed: dict[str, Any]) -> None:
    """A list of one, our own azp, a project's audience beside ours, a minute's difference of clocks."""
    client.claims(client.issuer.sign(client.issuer.claims(client.attempt, **changed)))


class TestSignature:
    """The key is the issuer's published one, the algorithm one of our list; the header decides neither."""

    def test_another_key(self, client: IssuersClient) -> None:
        """Signed by somebody else under the issuer's kid."""
        raw = client.issuer.sign(client.issuer.claims(client.attempt), key=RSA_KEYS[1])
        assert client.refused(raw).startswith("signature: ")

    def test_changed_claims(self, client: IssuersClient) -> None:
        """The signature of another payload."""
        header, _, signature = client.issuer.sign(client.issuer.claims(client.attempt)).split(".")
        payload = b64(json.dumps(client.issuer.claims(client.attempt, sub="admin")).encode())
        assert client.refused(f"{header}.{payload}.{signature}").startswith("signature: ")

    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
    def test_alg_none(self, client: IssuersClient, alg: str) -> None:
        """RFC 8725 3.1: no signature, however it is spelled."""
        claims = client.issuer.claims(client.attempt)
        assert client.refused(compact({"alg": alg, "kid": "k1"}, claims, lambda _: b"")).startswith("alg: ")

    @pytest.mark.parametrize("bits", [256, 384, 512])
    def test_hmac_with_the_public_key(self, client: IssuersClient, bits: int) -> None:
        """RFC 8725 2.1: everybody has the public key; used as an HMAC secret it would be everybody's signature."""
        for secret in (client.issuer.key.as_pem(private=False), client.issuer.key.as_pem(private=False).strip(), b"secret"):

            def sign(signed: bytes, secret: bytes = secret) -> bytes:
                return hmac.new(secret, signed, getattr(hashlib, f"sha{bits}")).digest()

            raw = compact({"alg": f"HS{bits}", "kid": "k1"}, client.issuer.claims(client.attempt), sign)
            assert client.refused(raw).startswith("alg: ")

    def test_a_published_symmetric_key(self, client: IssuersClient) -> None:
        """A symmetric key among the published ones verifies nothing."""
        secret = b"published to everybody, 32 bytes"
        client.issuer.server.on(
            "GET", "/op/jwks", json_answer({"keys": [{"kty": "oct", "kid": "k1", "k": b64(secret), "alg": "HS256"}]})
        )
        claims = client.issuer.claims(client.attempt)
        raw = compact({"alg": "HS256", "kid": "k1"}, claims, lambda signed: hmac.digest(secret, signed, "sha256"))
        assert client.refused(raw).startswith("alg: ")
        assert client.refused(client.issuer.sign(claims)).startswith("kid: ")

    def test_unknown_kid(self, client: IssuersClient) -> None:
        """Not published, and not after looking once more."""
        raw = client.issuer.sign(client.issuer.claims(client.attempt), kid="k9")
        assert client.refused(raw).startswith("kid: ")

    @pytest.mark.parametrize("key", [RSAKey.generate_key(2048), ECKey.generate_key("P-256")], ids=["rsa", "ec"])
    def test_an_embedded_key_is_not_used(self, client: IssuersClient, key: RSAKey | ECKey) -> None:
        """RFC 8725 3.10: a `jwk` in the header is the forger's own."""
        raw = client.issuer.sign(
            client.issuer.claims(client.attempt),
            key=key,
            alg="RS256" if key.key_type == "RSA" else "ES256",
            jwk=key.as_dict(private=False),
        )
        assert client.refused(raw).partition(":")[0] in ("signature", "kid", "form")

    def test_an_embedded_key_is_not_used_beside_one_of_its_kind(self, client: IssuersClient) -> None:
        """The issuer's key has the same type and kid, and it is the one that decides."""
        client.issuer.key = ECKey.generate_key("P-256")
        forger = ECKey.generate_key("P-256")
        claims = client.issuer.claims(client.attempt)
        raw = client.issuer.sign(claims, key=forger, alg="ES256", jwk=forger.as_dict(private=False))
        assert client.refused(raw).startswith("signature: ")
        client.claims(client.issuer.sign(claims, alg="ES256", jwk=forger.as_dict(private=False)))

    @pytest.mark.parametrize("header", ["jku", "x5u"])
    def test_an_address_in_the_header_is_not_asked(self, client: IssuersClient, header: str) -> None:
        """SSRF and the forger's own keys in one."""
        client.issuer.server.on("GET", "/evil", json_answer({"keys": [{**RSA_KEYS[1].as_dict(private=False), "kid": "k1"}]}))
        raw = client.issuer.sign(
            client.issuer.claims(client.attempt), key=RSA_KEYS[1], **{header: client.issuer.server.url + "/evil"}
        )
        assert client.refused(raw).startswith("signature: ")
        assert not client.issuer.server.asked("GET", "/evil")

    def test_a_critical_extension_is_refused(self, client: IssuersClient) -> None:
        """RFC 7515 4.1.11: what must be understood and is not; also `b64`, which the library would understand."""
        claims = client.issuer.claims(client.attempt)
        raw = client.issuer.sign(claims, crit=["b64"], b64=True)
        assert client.refused(raw).partition(":")[0] in ("crit", "form")

    def test_a_header_of_a_providers_own_is_ignored(self, client: IssuersClient) -> None:
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
def test_what_is_no_token_is_refused(client: IssuersClient, raw: str) -> None:
    """Whatever the library makes of it, it ends as one refusal of ours and never as an error."""
    assert client.refused(raw).partition(":")[0] in ("form", "alg", "kid")


def test_a_signed_payload_that_is_no_object_is_refused(client: IssuersClient) -> None:
    """Genuine, and still no claims."""
    header = {"alg": "RS256", "kid": "k1"}
    for payload in (b"[]", b"null", b"{", b"[" * 90_000, b"\xff"):
        raw = jws.serialize_compact(header, payload, client.issuer.key, algorithms=["RS256"])
        assert client.refused(raw).startswith("form: ")


def test_no_id_token_is_refused(client: IssuersClient) -> None:
    """The scope is `openid`; an answer without a token proves nothing about who signed in."""
    assert client.refused(None).startswith("form: ")
    assert client.refused("").startswith("form: ")


def test_an_id_token_of_another_type_is_a_bad_reply(client: IssuersClient) -> None:
    """Not even text."""
    assert client.refused({"a": 1}, ProviderBadReply).startswith("token reply: id_token")  # type: ignore[arg-type]
