"""The map of providers: configured ones in order, every problem named; and what each sends on the wire."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest

from bridge.errors import ConfigInvalid, ProviderBadReply
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.providers import PROVIDERS, Provider, build
from tests.oauth.kinds import ENDPOINTS, OPEN_ID, issuer_of, settings
from tests.oauth.loopback import LoopbackProvider, json_answer
from tests.oauth.samples import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, Clock, begin, config

HOME = {
    "alicloud": "https://signin.aliyun.com/oauth2/v1/auth",
    "atlassian_oauth2": "https://auth.atlassian.com/authorize",
    "bitbucket": "https://bitbucket.org/site/oauth2/authorize",
    "dingtalk": "https://login.dingtalk.com/oauth2/auth",
    "github": "https://github.com/login/oauth/authorize",
    "gitlab": "https://gitlab.com/oauth/authorize",
    "salesforce": "https://login.salesforce.com/services/oauth2/authorize",
}
BASIC = (*OPEN_ID, "bitbucket", "oauth2")
MORE = {
    "atlassian_oauth2": {"audience": "api.atlassian.com", "prompt": "consent"},
    "dingtalk": {"prompt": "consent"},
}
PKCE = [kind for kind in PROVIDERS if kind != "dingtalk"]


def built(http: ProviderHttp, kind: str, **settings: Any) -> Provider:
    """Return one provider of *kind*."""
    return build([config(kind, **settings)], http=http, clock=Clock())["it"]


class TestBuild:
    """Configuration in, providers out."""

    def test_they_come_in_their_order_with_their_labels(self, http: ProviderHttp) -> None:
        """The page shows them as configured; two of one kind are told apart by name and label."""
        providers = build(
            [
                config("gitlab", name="work", label="GitLab at work", base_url="https://git.example"),
                config("github", name="github"),
                config("gitlab", name="gitlab"),
            ],
            http=http,
            clock=Clock(),
        )
        assert [(name, one.name, one.kind, one.label) for name, one in providers.items()] == [
            ("work", "work", "gitlab", "GitLab at work"),
            ("github", "github", "github", "GitHub"),
            ("gitlab", "gitlab", "gitlab", "GitLab"),
        ]

    def test_every_problem_is_named_by_its_key(self, http: ProviderHttp, tmp_path: Path) -> None:
        """All at once, as everywhere in the configuration."""
        secret = tmp_path / "secret"
        secret.write_text("s", "utf-8")
        gone = config("github", name="gone", client_secret=None, client_secret_file=secret)
        secret.unlink()
        configs = [
            config("openid_connect", name="first"),
            config("facespace", name="second"),
            config("google_oauth2", name="third", base_url="https://x.example", issuer="https://x.example"),
            config("openid_connect", name="fourth", issuer="https://x.example", unsafe_base_url="http://localhost"),
            config("github", name="fifth"),
            config("gitlab", name="fifth"),
            gone,
        ]
        with pytest.raises(ConfigInvalid) as refused:
            build(configs, http=http, clock=Clock())
        assert [problem.partition(": ")[0] for problem in refused.value.problems] == [
            "provider.0.issuer",
            "provider.1.kind",
            "provider.2.base_url",
            "provider.2.issuer",
            "provider.3.unsafe_base_url",
            "provider.5.name",
            "provider.6.client_secret_file",
        ]
        assert all(kind in refused.value.problems[1] for kind in PROVIDERS)

    def test_the_name_is_the_kind_unless_it_says_otherwise(self, http: ProviderHttp) -> None:
        """`[[provider]] name = "github"` is enough."""
        assert build([config("", name="github")], http=http, clock=Clock())["github"].kind == "github"


@pytest.mark.parametrize("kind", PROVIDERS)
class TestAuthorizationUrl:
    """Where the browser is sent (RFC 6749 4.1.1)."""

    def test_it_carries_state_and_pkce_and_exactly_the_redirect_uri(
        self, kind: str, provider: LoopbackProvider, http: ProviderHttp
    ) -> None:
        """S256 always (RFC 7636 4.2); the verifier, the secret and the nonce of a plain OAuth provider stay here."""
        issuer_of(kind, provider)
        attempt = begin(org_id=42, login_hint="dana@acme.example")
        url = built(http, kind, **settings(kind, provider.url)).authorization_url(attempt, REDIRECT_URI)
        parts = urlsplit(url)
        query = parse_qsl(parts.query, strict_parsing=True)
        sent = dict(query)
        assert len(sent) == len(query)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == provider.url + ENDPOINTS[kind][0]
        assert sent.pop("response_type") == "code"
        assert sent.pop("client_id") == CLIENT_ID
        assert sent.pop("redirect_uri") == REDIRECT_URI
        assert sent.pop("state") == attempt.state
        assert sent.pop("scope")
        if kind in PKCE:
            self.require_challenge(sent, attempt)
        expected = {"nonce": attempt.nonce, "login_hint": "dana@acme.example"} if kind in OPEN_ID else MORE.get(kind, {})
        assert sent == expected
        assert attempt.code_verifier not in url
        assert quote(CLIENT_SECRET, safe="") not in url

    @staticmethod
    def require_challenge(sent: dict[str, str], attempt: LoginAttempt) -> None:
        """RFC 7636 4.2: the verifier's hash, and never the verifier itself (`plain`)."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.code_verifier.encode()).digest()).rstrip(b"=").decode()
        assert sent.pop("code_challenge") == challenge
        assert sent.pop("code_challenge_method") == "S256"

    def test_configured_scopes_replace_the_usual_ones(self, kind: str, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Space-separated (RFC 6749 3.3), and a hint that is not there is not sent."""
        issuer_of(kind, provider)
        one = built(http, kind, **settings(kind, provider.url) | {"scopes": ("a", "b:c")})
        sent = dict(parse_qsl(urlsplit(one.authorization_url(begin(), REDIRECT_URI)).query))
        assert sent["scope"] == "a b:c"
        assert "login_hint" not in sent


@pytest.mark.parametrize("kind", PKCE)
def test_the_token_request_is_the_standards(kind: str, provider: LoopbackProvider, http: ProviderHttp, clock: Clock) -> None:
    """RFC 6749 4.1.3 and 7636 4.5: code, verifier and the same redirect URI, once; the secret by the provider's own method."""
    issuer_of(kind, provider)
    provider.on("POST", ENDPOINTS[kind][1], json_answer({"error": "invalid_grant"}, 400))
    attempt = begin()
    with pytest.raises(ProviderBadReply, match="invalid_grant") as refused:
        built(http, kind, **settings(kind, provider.url)).identify(Callback("code-secret-1"), attempt, REDIRECT_URI)
    [received] = provider.asked("POST", ENDPOINTS[kind][1])
    form = dict(received.form)
    if kind in BASIC:
        scheme, _, credentials = received.headers["authorization"].partition(" ")
        assert scheme == "Basic"
        assert base64.b64decode(credentials).decode() == f"{CLIENT_ID}:{quote(CLIENT_SECRET, safe='')}"
    else:
        assert "authorization" not in received.headers
        assert (form.pop("client_id"), form.pop("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
    assert form == {
        "grant_type": "authorization_code",
        "code": "code-secret-1",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": attempt.code_verifier,
    }
    assert received.query == {}
    for secret in ("code-secret-1", CLIENT_SECRET, attempt.code_verifier):
        assert secret not in str(refused.value)


def test_dingtalk_is_asked_in_its_own_spelling(provider: LoopbackProvider, http: ProviderHttp) -> None:
    """JSON in camelCase, and nothing that its documents do not name; the access token goes in its own header alone."""
    provider.on("POST", "/v1.0/oauth2/userAccessToken", json_answer({"accessToken": "at-1", "expireIn": 7200}))
    with pytest.raises(ProviderBadReply, match="answered 404"):
        built(http, "dingtalk", unsafe_base_url=provider.url).identify(Callback("code-secret-1"), begin(), REDIRECT_URI)
    token, user = provider.received
    assert token.headers["content-type"] == "application/json"
    assert json.loads(token.body) == {
        "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET,
        "code": "code-secret-1",
        "grantType": "authorization_code",
    }
    assert "authorization" not in token.headers | user.headers
    assert (user.path, user.headers["x-acs-dingtalk-access-token"]) == ("/v1.0/contact/users/me", "at-1")


def test_the_colon_of_basic_parts_id_and_secret(provider: LoopbackProvider, http: ProviderHttp) -> None:
    """RFC 6749 2.3.1: both are encoded first, so that an id with a colon in it stays one."""
    issuer_of("openid_connect", provider)
    one = built(http, "openid_connect", client_id="urn:client 1", issuer=provider.url)
    with pytest.raises(ProviderBadReply):
        one.identify(Callback("c"), begin(), REDIRECT_URI)
    [received] = provider.asked("POST", "/token")
    credentials = base64.b64decode(received.headers["authorization"].removeprefix("Basic ")).decode()
    assert [unquote(part) for part in credentials.split(":")] == ["urn:client 1", CLIENT_SECRET]


@pytest.mark.parametrize("kind", HOME)
def test_without_a_place_it_is_the_providers_own(kind: str, http: ProviderHttp) -> None:
    """The public service, which nobody has to configure."""
    assert built(http, kind).authorization_url(begin(), REDIRECT_URI).startswith(HOME[kind] + "?")


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"access_token": "at-1"},
        {"access_token": "at-1", "token_type": "mac"},
        {"access_token": "at-1", "token_type": 7},
        {"token_type": "Bearer"},
        {"access_token": "", "token_type": "Bearer"},
        {"access_token": 7, "token_type": "Bearer"},
        {"access_token": "a\r\nX-Evil: 1", "token_type": "Bearer"},
        {"access_token": "at 1", "token_type": "Bearer"},
        {"access_token": "a" * 8193, "token_type": "Bearer"},
        {"accessToken": "at-1", "tokenType": "Bearer"},
    ],
    ids=lambda reply: str(reply)[:60],
)
def test_a_token_reply_without_a_bearer_token_is_a_bad_reply(
    reply: dict[str, object], provider: LoopbackProvider, http: ProviderHttp
) -> None:
    """RFC 6749 5.1; what is not of a token's form must not get into a header of ours."""
    provider.on("POST", "/oauth/token", json_answer(reply))
    with pytest.raises(ProviderBadReply, match="token reply") as refused:
        built(http, "gitlab", base_url=provider.url).identify(Callback("c"), begin(), REDIRECT_URI)
    assert refused.value.code == "provider.bad_reply"
    assert "at-1" not in str(refused.value)
    assert [received.path for received in provider.received] == ["/oauth/token"]
