"""Every fault does what its name says, and nothing else."""

import base64
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from bridge.harness.processes import wait_until
from bridge.harness.standin.faults import HTTP_FAULTS, HUGE_BYTES, ID_TOKEN_FAULTS
from bridge.harness.standin.remote import Remote, StandInRefused
from bridge.harness.standin.wires import WIRES

if TYPE_CHECKING:
    from tests.harness.conftest import Attempt, Party

SignIn = Callable[[str, str], tuple["Attempt", dict[str, Any]]]
OIDC = ("google_oauth2", "openid_connect")
KEYS_PATH = {"google_oauth2": "/oauth2/v3/certs", "openid_connect": "/jwks"}
PUBLIC = {"discovery": "/.well-known/openid-configuration", "jwks": "/jwks"}


def ask(party: "Party", endpoint: str) -> requests.Response:
    """Ask one of the four endpoints of the generic provider something."""
    if endpoint in PUBLIC:
        return party.document("openid_connect", PUBLIC[endpoint])
    if endpoint == "token":
        return party.redeem(party.start("openid_connect"), "no-such-code")
    return party.user("openid_connect", "no-such-token")


@pytest.mark.parametrize("endpoint", ["token", "userinfo", "jwks", "discovery"])
class TestOnTheWire:
    """The faults of HTTP, at each of the four endpoints."""

    def test_drop(self, party: "Party", remote: Remote, endpoint: str) -> None:
        """The connection ends without an answer."""
        remote.set_fault("openid_connect", endpoint, "drop")
        with pytest.raises(requests.ConnectionError):
            ask(party, endpoint)
        assert remote.hits("openid_connect", endpoint) == 1

    def test_hang_until_cleared(self, party: "Party", remote: Remote, endpoint: str) -> None:
        """A request waits until the fault is cleared, and is then answered well: the slow provider."""
        good = ask(party, endpoint)
        remote.set_fault("openid_connect", endpoint, "hang")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(ask, party, endpoint)
            wait_until(lambda: remote.hits("openid_connect", endpoint) == 1, seconds=10, what="the request to arrive")
            assert not waiting.done()
            remote.clear_faults()
            assert waiting.result(timeout=10).content == good.content

    def test_hang_until_the_client_leaves(self, party: "Party", remote: Remote, log: Any, endpoint: str) -> None:
        """A client with a timeout leaves, and the server lets its thread go: an access line says so."""
        remote.set_fault("openid_connect", endpoint, "hang")
        before = log.read_text("utf-8").count(" 500 ")
        session = requests.Session()
        url = party.url + "/openid_connect" + {**PUBLIC, "token": "/token", "userinfo": "/userinfo"}[endpoint]
        with session, pytest.raises(requests.ReadTimeout):
            session.request("POST" if endpoint == "token" else "GET", url, timeout=(5, 0.2))
        wait_until(lambda: log.read_text("utf-8").count(" 500 ") > before, seconds=10, what="the server to notice")

    def test_status_500(self, party: "Party", remote: Remote, endpoint: str) -> None:
        """A server error, in JSON."""
        remote.set_fault("openid_connect", endpoint, "status_500")
        answer = ask(party, endpoint)
        assert (answer.status_code, answer.json()) == (500, {"error": "server_error"})

    def test_html(self, party: "Party", remote: Remote, endpoint: str) -> None:
        """A page for people, with 200: what a captive portal or a load balancer says."""
        remote.set_fault("openid_connect", endpoint, "html")
        answer = ask(party, endpoint)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert answer.text.startswith("<!doctype html>")

    def test_huge(self, party: "Party", remote: Remote, endpoint: str) -> None:
        """10 MB of good JSON that no Content-Length announces."""
        remote.set_fault("openid_connect", endpoint, "huge")
        answer = ask(party, endpoint)
        assert (answer.headers.get("Transfer-Encoding"), "Content-Length" in answer.headers) == ("chunked", False)
        assert len(answer.json()["padding"]) == HUGE_BYTES

    def test_gzip_bomb(self, party: "Party", remote: Remote, endpoint: str) -> None:
        """A small body that unpacks to 10 MB."""
        remote.set_fault("openid_connect", endpoint, "gzip_bomb")
        answer = ask(party, endpoint)
        assert int(answer.headers["Content-Length"]) < 20_000
        assert len(answer.content) > HUGE_BYTES

    def test_truncated(self, party: "Party", remote: Remote, endpoint: str) -> None:
        """Half a document, whole as HTTP and broken as JSON (an empty one stays empty)."""
        whole = ask(party, endpoint).content
        remote.set_fault("openid_connect", endpoint, "truncated")
        answer = ask(party, endpoint)
        assert answer.content == whole[: len(whole) // 2]
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.content)

    def test_wrong_type(self, party: "Party", remote: Remote, endpoint: str) -> None:
        """The right document under a content type that is not JSON's."""
        good = ask(party, endpoint)
        remote.set_fault("openid_connect", endpoint, "wrong_type")
        answer = ask(party, endpoint)
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.content == good.content

    def test_redirect(self, party: "Party", remote: Remote, endpoint: str) -> None:
        """A redirect that keeps method and body; who follows it is counted."""
        before = remote.lured()
        remote.set_fault("openid_connect", endpoint, "redirect")
        answer = ask(party, endpoint)
        assert answer.status_code == 307
        assert remote.lured() == before
        requests.get(answer.headers["Location"], timeout=30)
        assert remote.lured() == before + 1

    def test_cleared(self, party: "Party", remote: Remote, endpoint: str) -> None:
        """After a fault is cleared the endpoint is as before, and no other endpoint ever met it."""
        good = {name: ask(party, name).status_code for name in ("token", "userinfo", "jwks", "discovery")}
        with remote.fault("openid_connect", endpoint, "html"):
            others = {name: ask(party, name).status_code for name in good if name != endpoint}
        assert others == {name: status for name, status in good.items() if name != endpoint}
        assert ask(party, endpoint).status_code == good[endpoint]


@pytest.mark.parametrize("provider", WIRES)
def test_refused_is_the_providers_own_error(party: "Party", remote: Remote, signed_in: SignIn, provider: str) -> None:
    """`refused` answers a good request just as the provider answers a bad one."""
    wrong_code, wrong_token = party.redeem(party.start(provider), "no"), party.user(provider, "no")
    _, token = signed_in(provider, "dana")
    remote.set_fault(provider, "token", "refused")
    remote.set_fault(provider, "userinfo", "refused")
    attempt = party.start(provider)
    refused = party.redeem(attempt, remote.code(attempt.authorization_url(), "dana"))
    assert (refused.status_code, party.error(refused)) == (wrong_code.status_code, party.error(wrong_code))
    spoilt = party.user(provider, token.get("access_token") or token["accessToken"])
    assert spoilt.status_code == wrong_token.status_code
    if provider != "dingtalk":  # which numbers every answer
        assert spoilt.content == wrong_token.content


@pytest.mark.parametrize("provider", OIDC)
class TestIdToken:
    """The faults of the ID token: each differs from a good token in one thing."""

    @staticmethod
    def good_and_bad(party: "Party", remote: Remote, provider: str, fault: str) -> tuple[Any, str, KeySet, "Attempt"]:
        """Return the claims of a good token, a faulty one as it came, the published keys, and the faulty one's attempt."""

        def token() -> tuple["Attempt", str]:
            attempt = party.start(provider)
            code = remote.choose(attempt.authorization_url(), "dana")["code"]
            answer: str = party.redeem(attempt, code).json()["id_token"]
            return attempt, answer

        keys = KeySet.import_key_set(party.document(provider, KEYS_PATH[provider]).json())
        good = jwt.decode(token()[1], keys, algorithms=["RS256"]).claims
        with remote.fault(provider, "token", fault):
            attempt, bad = token()
        return good, bad, keys, attempt

    @pytest.mark.parametrize(
        ("fault", "changed"),
        [
            ("wrong_nonce", {"nonce"}),
            ("no_nonce", {"nonce"}),
            ("wrong_audience", {"aud", "azp"}),
            ("wrong_azp", {"aud", "azp"}),
            ("wrong_issuer", {"iss"}),
            ("expired", {"iat", "exp"}),
            ("clock_ahead", {"iat", "exp"}),
        ],
    )
    def test_claims(self, party: "Party", remote: Remote, provider: str, fault: str, changed: set[str]) -> None:
        """The signature is good and one claim is not, so a client that skips that one check lets the token in."""
        good, bad, keys, attempt = self.good_and_bad(party, remote, provider, fault)
        claims = jwt.decode(bad, keys, algorithms=["RS256"]).claims
        honest = {**good, "nonce": attempt.nonce}
        always_new = {"at_hash"} | ({"iat", "exp"} - changed)
        assert {name for name in honest if claims.get(name) != honest[name]} - always_new == changed
        now = datetime.now(UTC).timestamp()
        assert (claims["exp"] < now) is (fault == "expired")
        assert (claims["iat"] > now + 600) is (fault == "clock_ahead")
        assert ("nonce" in claims) is (fault != "no_nonce")
        if fault == "wrong_azp":
            assert "cellbridge" in claims["aud"]

    def test_wrong_signature(self, party: "Party", remote: Remote, provider: str) -> None:
        """The key id is published, the key is not."""
        _, bad, keys, _ = self.good_and_bad(party, remote, provider, "wrong_signature")
        assert jws.extract_compact(bad.encode()).headers()["kid"] in [key.kid for key in keys.keys]
        with pytest.raises(JoseError):
            jwt.decode(bad, keys, algorithms=["RS256"])

    def test_alg_none(self, party: "Party", remote: Remote, provider: str) -> None:
        """No signature; only who allows `none` accepts it."""
        _, bad, keys, attempt = self.good_and_bad(party, remote, provider, "alg_none")
        assert bad.endswith(".")
        with pytest.raises(JoseError):
            jwt.decode(bad, keys, algorithms=["RS256"])
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in bad.split(".")[:2])
        assert (header["alg"], claims["nonce"]) == ("none", attempt.nonce)

    def test_hs256_with_the_public_key(self, party: "Party", remote: Remote, provider: str) -> None:
        """The MAC is right for whoever takes the published PEM for an HMAC secret (RFC 8725 2.1)."""
        _, bad, keys, _ = self.good_and_bad(party, remote, provider, "hs256_public_key")
        signing_input, _, _ = bad.rpartition(".")
        with pytest.raises(JoseError):
            jwt.decode(bad, keys, algorithms=["RS256"])
        assert _hs256(signing_input, keys) == bad

    def test_unknown_kid(self, party: "Party", remote: Remote, provider: str) -> None:
        """The key id is in no published set, also not in a fresh one."""
        _, bad, _, _ = self.good_and_bad(party, remote, provider, "unknown_kid")
        fresh = KeySet.import_key_set(party.document(provider, KEYS_PATH[provider]).json())
        assert jws.extract_compact(bad.encode()).headers()["kid"] not in [key.kid for key in fresh.keys]

    def test_embedded_key(self, party: "Party", remote: Remote, provider: str) -> None:
        """The token verifies under the key that it brings along, which proves nothing (RFC 8725 3.10)."""
        _, bad, keys, _ = self.good_and_bad(party, remote, provider, "embedded_key")
        header, _, _ = bad.partition(".")
        own = RSAKey.import_key(json.loads(base64.urlsafe_b64decode(header + "=="))["jwk"])
        registry = jws.JWSRegistry(algorithms=["RS256"])
        registry.max_header_length = 2048
        assert jwt.decode(bad, own, registry=registry).claims["sub"]
        assert own.kid not in [key.kid for key in keys.keys]

    def test_key_url(self, party: "Party", remote: Remote, provider: str) -> None:
        """The token verifies under the key that its `jku` serves, and whoever fetches that is counted."""
        before = remote.lured()
        _, bad, keys, _ = self.good_and_bad(party, remote, provider, "key_url")
        with pytest.raises(JoseError):
            jwt.decode(bad, keys, algorithms=["RS256"])
        served = requests.get(str(jws.extract_compact(bad.encode()).headers()["jku"]), timeout=30).json()
        assert jwt.decode(bad, KeySet.import_key_set(served), algorithms=["RS256"]).claims["sub"]
        assert remote.lured() == before + 1

    def test_rotated_keys(self, party: "Party", remote: Remote, provider: str) -> None:
        """A new key signs; old copies of the key set do not know it, a fresh one has both."""
        _, bad, old, _ = self.good_and_bad(party, remote, provider, "rotated_keys")
        kid = jws.extract_compact(bad.encode()).headers()["kid"]
        fresh = KeySet.import_key_set(party.document(provider, KEYS_PATH[provider]).json())
        assert kid not in [key.kid for key in old.keys]
        assert [key.kid for key in fresh.keys] == [kid, old.keys[0].kid]
        assert jwt.decode(bad, fresh, algorithms=["RS256"]).claims["iss"] == f"{party.url}/{provider}"

    def test_another_subject_at_userinfo(self, party: "Party", remote: Remote, signed_in: SignIn, provider: str) -> None:
        """Userinfo speaks of somebody else than the ID token (OIDC Core 5.3.2)."""
        _, token = signed_in(provider, "dana")
        remote.set_fault(provider, "userinfo", "other_subject")
        said = party.user(provider, token["access_token"]).json()
        assert (said["sub"], said["email"]) == ("somebody-else", "dana@acme.example")

    def test_another_issuer_in_discovery(self, party: "Party", remote: Remote, provider: str) -> None:
        """The metadata names another issuer than the one that was asked for (OIDC Discovery 4.3)."""
        remote.set_fault(provider, "discovery", "wrong_issuer")
        document = party.document(provider, PUBLIC["discovery"]).json()
        assert document["issuer"] == "https://another-issuer.example"
        assert document["token_endpoint"].startswith(party.url)


def _hs256(signing_input: str, keys: KeySet) -> str:
    (key,) = [key for key in keys.keys if isinstance(key, RSAKey)][:1]
    mac = hmac.digest(key.as_pem(private=False), signing_input.encode(), "sha256")
    return f"{signing_input}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


class TestSetting:
    """Faults that make no sense are refused, so that a test cannot wait in vain for one."""

    @pytest.mark.parametrize(
        ("provider", "endpoint", "fault", "problem"),
        [
            ("nobody", "token", "drop", "provider must be one of"),
            ("github", "jwks", "drop", "endpoint must be one of token, userinfo"),
            ("github", "token", "alg_none", "fault must be one of"),
            ("openid_connect", "userinfo", "alg_none", "fault must be one of"),
            ("openid_connect", "jwks", "wrong_issuer", "fault must be one of"),
            ("openid_connect", "token", "nonsense", "fault must be one of"),
        ],
    )
    def test_what_does_not_exist(self, remote: Remote, provider: str, endpoint: str, fault: str, problem: str) -> None:
        """The answer is 400 and says what exists."""
        with pytest.raises(StandInRefused, match=problem):
            remote.set_fault(provider, endpoint, fault)

    def test_every_fault_that_is_listed_can_be_set(self, remote: Remote) -> None:
        """The two tables are what the control endpoint takes."""
        for fault in (*HTTP_FAULTS, *ID_TOKEN_FAULTS):
            remote.set_fault("openid_connect", "token", fault)
