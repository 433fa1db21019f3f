"""Attacks on the client, against every provider: what it asks, where a code goes, and what a document may lead it to."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from bridge.errors import ProviderBadReply, ProviderBadToken, ProviderError
from bridge.oauth.callback import Callback
from bridge.oauth.client import MAX_BODY_BYTES, ProviderHttp
from bridge.oauth.providers import PROVIDERS, build
from bridge.oauth.providers.salesforce import is_salesforce
from tests.oauth.kinds import ENDPOINTS, OPEN_ID, issuer_of, settings
from tests.oauth.loopback import Answer, LoopbackProvider, Received, json_answer
from tests.oauth.replay import CASES, answers, configured, outcome_of, response_of
from tests.oauth.samples import REDIRECT_URI, Clock, begin, config, counting_bytes
from tests.oauth.signing_issuer import RSA_KEYS, IssuersClient, SigningIssuer

GOOD = {case.parent.name: case for case in CASES if outcome_of(case, ".identity.json").exists()}
"""One case of each kind that ends in an identity."""
DOCUMENTS = [(kind, place) for kind, case in GOOD.items() for place in json.loads(case.read_text("utf-8"))["replies"]]
PKCE = [kind for kind in PROVIDERS if kind != "dingtalk"]

every_document = pytest.mark.parametrize(("kind", "place"), DOCUMENTS, ids=[f"{kind} {place}" for kind, place in DOCUMENTS])


@pytest.fixture
def lure() -> Iterator[LoopbackProvider]:
    """A server that nobody may ask."""
    server = LoopbackProvider()
    yield server
    server.stop()
    assert server.received == []


def refusal(kind: str, provider: LoopbackProvider, http: ProviderHttp, place: str, answer: Answer) -> str:
    """Return why a sign-in at *provider*, the good case of *kind* but for one answer, is refused; "" where it is not."""
    response = response_of(GOOD[kind], provider)
    answers(provider, kind, response)
    method, path = place.split(" ")
    provider.on(method, path, answer)
    try:
        configured(GOOD[kind], response, provider, http).identify(Callback("code-secret-1"), begin(), REDIRECT_URI)
    except (ProviderBadReply, ProviderBadToken) as error:
        return error.reason
    return ""


class TestWhereItIsLed:
    """No answer of a provider leads us anywhere but where the configuration and the provider's documents say (SSRF)."""

    @every_document
    @pytest.mark.parametrize("status", [302, 307])
    def test_no_redirect_is_followed(
        self, kind: str, place: str, status: int, provider: LoopbackProvider, http: ProviderHttp, lure: LoopbackProvider
    ) -> None:
        """A redirect would take the code, the secret or the access token along."""
        away = Answer(b"{}", status, {"Location": f"{lure.url}/away", "Content-Type": "application/json"})
        reason = refusal(kind, provider, http, place, away)
        asked = provider.asked(*place.split(" "))
        assert len(asked) == ("redirects are not followed" in reason)

    @every_document
    def test_a_body_over_the_cap_is_cut(self, kind: str, place: str, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Memory is ours, whoever answers."""
        reason = refusal(kind, provider, http, place, Answer(b" " * (MAX_BODY_BYTES + 1)))
        assert len(provider.asked(*place.split(" "))) == ("is larger than" in reason)

    @pytest.mark.parametrize("kind", GOOD)
    def test_no_address_in_an_answer_is_asked(
        self, kind: str, provider: LoopbackProvider, http: ProviderHttp, lure: LoopbackProvider
    ) -> None:
        """Avatars, profile pages, next pages: carried or passed over, never fetched."""
        text = GOOD[kind].read_text("utf-8")
        response = json.loads(text.replace('": "https://', f'": "{lure.url}/').replace("{base}", provider.url))
        answers(provider, kind, response)
        configured(GOOD[kind], response, provider, http).identify(Callback("c"), begin(), REDIRECT_URI)
        known = {*response["replies"], "GET /jwks"}
        asked = {f"{received.method} {received.path}" for received in provider.received}
        assert {one for one in asked if not one.endswith("/.well-known/openid-configuration")} <= known

    @pytest.mark.parametrize(
        ("place", "ours"),
        [
            ("https://login.salesforce.com", True),
            ("https://acme--dev.sandbox.my.salesforce.com", True),
            ("https://LOGIN.salesforce.com", True),
            ("https://salesforce.com", False),
            ("http://login.salesforce.com", False),
            ("https://login.salesforce.com:8443", False),
            ("https://login.salesforce.com.evil.example", False),
            ("https://evilsalesforce.com", False),
            ("https://evil.example/.salesforce.com", False),
            ("https://evil.example#.salesforce.com", False),
            ("https://evil.example\\.salesforce.com", False),
            ("https://evil@login.salesforce.com", False),
            ("https://login.salesforce.com/services", False),
            ("https://-.salesforce.com", False),
            ("https://login.salesforce.com\n", False),
        ],
    )
    def test_salesforces_hosts_are_told_from_others(self, place: str, ours: bool) -> None:
        """The identity URL gets the access token."""
        assert is_salesforce(place) is ours


class TestWhereACodeGoes:
    """A code is worth a sign-in: it goes to its own provider's token endpoint, once, with its own verifier."""

    @pytest.mark.parametrize("kind", PROVIDERS)
    def test_to_no_other_provider(
        self, kind: str, provider: LoopbackProvider, http: ProviderHttp, lure: LoopbackProvider
    ) -> None:
        """Mix-up: two of one kind, and the code of the one is not shown to the other (RFC 9700 4.4)."""
        issuer_of(kind, provider)
        configs = [config(kind, name=name, **settings(kind, server.url)) for name, server in (("a", provider), ("b", lure))]
        one = build(configs, http=http, clock=Clock())["a"]
        with pytest.raises(ProviderError):
            one.identify(Callback("code-of-b"), begin(provider="a"), REDIRECT_URI)
        assert len(provider.asked("POST", ENDPOINTS[kind][1])) == 1

    @pytest.mark.parametrize("kind", PKCE)
    def test_another_attempts_code_is_not_redeemed(self, kind: str, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Code injection: the thief's own verifier is not the victim's (RFC 7636 4.6, RFC 9700 4.5)."""
        issuer_of(kind, provider)
        one = build([config(kind, **settings(kind, provider.url))], http=http, clock=Clock())["it"]
        bytes_of = counting_bytes()
        victim, thief = (begin(random_bytes=bytes_of) for _ in range(2))
        url = one.authorization_url(victim, REDIRECT_URI)
        challenge = dict(parse_qsl(urlsplit(url).query))["code_challenge"]

        def token(received: Received) -> Answer:
            hashed = hashlib.sha256(received.form.get("code_verifier", "").encode()).digest()
            genuine = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode() == challenge
            return json_answer({"error": "slow_down" if genuine else "invalid_grant"}, 400)

        provider.on("POST", ENDPOINTS[kind][1], token)
        for attempt, error in ((thief, "invalid_grant"), (victim, "slow_down")):
            with pytest.raises(ProviderBadReply, match=error):
                one.identify(Callback("code-of-the-victim"), attempt, REDIRECT_URI)

    @pytest.mark.parametrize("kind", OPEN_ID)
    @pytest.mark.parametrize("offered", [..., [], ["plain"], None])
    def test_pkce_is_not_talked_down(self, kind: str, offered: object, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Whatever an issuer's document says of PKCE, S256 is sent (RFC 9700 2.1.1, 4.8)."""
        metadata = issuer_of(kind, provider).metadata
        if offered is not ...:
            metadata["code_challenge_methods_supported"] = offered
        one = build([config(kind, **settings(kind, provider.url))], http=http, clock=Clock())["it"]
        sent = dict(parse_qsl(urlsplit(one.authorization_url(begin(), REDIRECT_URI)).query))
        assert sent["code_challenge_method"] == "S256"
        assert sent["code_challenge"] != begin().code_verifier

    @pytest.mark.parametrize("kind", OPEN_ID)
    def test_another_issuers_callback_is_refused_first(self, kind: str, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """RFC 9207: the callback says whose it is, and the code does not travel."""
        issuer_of(kind, provider)
        one = build([config(kind, **settings(kind, provider.url))], http=http, clock=Clock())["it"]
        with pytest.raises(ProviderBadReply, match="callback: iss "):
            one.identify(Callback("c", "https://evil.example"), begin(), REDIRECT_URI)
        assert not provider.asked("POST", ENDPOINTS[kind][1])


class TestWhoseKeys:
    """A token counts under the keys of its own issuer (RFC 8725 3.8)."""

    def test_anothers_key_of_the_same_name_does_not_verify(self, client: IssuersClient, provider: LoopbackProvider) -> None:
        """JWKS swap: another issuer in the same process publishes a key by the same `kid`; keys are kept for each apart."""
        other = SigningIssuer(provider, path="/other")
        other.key = RSA_KEYS[1]
        forged = client.issuer.sign(client.issuer.claims(client.attempt), key=RSA_KEYS[1])
        client.claims(client.issuer.sign(client.issuer.claims(client.attempt)))
        provider.received.clear()
        assert client.refused(forged).startswith("signature: ")
        assert not provider.asked("GET", "/other/jwks")

    def test_a_key_that_is_no_longer_published_does_not_verify(self, client: IssuersClient, clock: Clock) -> None:
        """What was withdrawn is forgotten when its time is over."""
        old = client.issuer.sign(client.issuer.claims(client.attempt, exp=int(clock().timestamp()) + 90000))
        client.claims(old)
        client.issuer.key, client.issuer.kid = RSA_KEYS[1], "k2"
        clock.move(hours=2)
        with pytest.raises(ProviderBadToken, match="kid: "):
            client.claims(old)


def test_an_access_token_of_another_client_opens_nothing_at_gitlab(provider: LoopbackProvider, http: ProviderHttp) -> None:
    """GitLab's documents on the implicit grant: compare `application.uid`, or any application's token signs its user in."""
    info = {"resource_owner_id": 1, "scope": ["read_user"], "expires_in": 7200, "application": {"uid": "another"}}
    reason = refusal("gitlab", provider, http, "GET /oauth/token/info", json_answer(info))
    assert reason == "application.uid: is another application"
    assert not provider.asked("GET", "/api/v4/user")


def test_the_cases_are_one_of_each_kind() -> None:
    """A kind without a good case would pass all of the above unasked."""
    assert set(GOOD) == set(PROVIDERS)
    assert all(isinstance(case, Path) for case in GOOD.values())
