"""One stand-in server as a process for the whole folder, and a client that speaks to it with plain requests."""

import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import pytest
import requests

from bridge.harness.processes import Process, free_port
from bridge.harness.standin.remote import Remote

CELL = "http://localhost:8080"


@dataclass(frozen=True)
class Place:
    """Where a client asks a provider, and for what; the secret goes into the form unless it goes into the header."""

    authorize: str
    token: str
    user: str
    scope: str = "openid email profile"
    secret_in: Literal["form", "header", "json"] = "form"
    extra: tuple[tuple[str, str], ...] = ()


PLACES = {
    "google_oauth2": Place("/o/oauth2/v2/auth", "/token", "/v1/userinfo"),
    "github": Place("/login/oauth/authorize", "/login/oauth/access_token", "/api/v3/user", "user:email"),
    "gitlab": Place("/oauth/authorize", "/oauth/token", "/api/v4/user", "read_user"),
    "bitbucket": Place("/site/oauth2/authorize", "/site/oauth2/access_token", "/2.0/user", "account email", "header"),
    "microsoft": Place("/common/oauth2/v2.0/authorize", "/common/oauth2/v2.0/token", "/oidc/userinfo"),
    "salesforce": Place("/services/oauth2/authorize", "/services/oauth2/token", "/services/oauth2/userinfo"),
    "slack": Place("/openid/connect/authorize", "/api/openid.connect.token", "/api/openid.connect.userInfo"),
    "atlassian_oauth2": Place(
        "/authorize",
        "/oauth/token",
        "/oauth/token/accessible-resources",
        "read:jira-user",
        extra=(("audience", "api.atlassian.com"), ("prompt", "consent")),
    ),
    "dingtalk": Place(
        "/oauth2/auth",
        "/v1.0/oauth2/userAccessToken",
        "/v1.0/contact/users/me",
        "openid",
        "json",
        extra=(("prompt", "consent"),),
    ),
    "alicloud": Place("/oauth2/v1/auth", "/v1/token", "/v1/userinfo", "openid aliuid profile"),
    "casdoor": Place("/login/oauth/authorize", "/api/login/oauth/access_token", "/api/userinfo"),
    "authentik": Place("/application/o/authorize/", "/application/o/token/", "/application/o/userinfo/"),
    "openid_connect": Place("/authorize", "/token", "/userinfo", secret_in="header"),
    "oauth2": Place("/authorize", "/token", "/me", "profile", "header"),
}
_CAMEL = {"client_id": "clientId", "client_secret": "clientSecret", "grant_type": "grantType", "code": "code"}


@dataclass(frozen=True)
class Attempt:
    """One sign-in, seen from the client."""

    url: str
    provider: str
    redirect_uri: str
    state: str
    nonce: str
    verifier: str

    def authorization_url(self, **changes: str | None) -> str:
        """Return the authorization URL, with parameters changed, or left out for None."""
        place = PLACES[self.provider]
        challenge = base64.urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code",
            "client_id": "cellbridge",
            "redirect_uri": self.redirect_uri,
            "scope": place.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **dict(place.extra),
        }
        sent = {name: value for name, value in {**parameters, **changes}.items() if value is not None}
        return f"{self.url}/{self.provider}{place.authorize}?{urlencode(sent)}"


class Party:
    """The relying party: starts attempts, exchanges codes, asks for the user."""

    def __init__(self, url: str, client_secrets: dict[str, str]) -> None:
        self.url = url
        self.client_secrets = client_secrets

    def start(self, provider: str, cell: str = CELL) -> Attempt:
        """Return a fresh attempt."""
        return Attempt(
            url=self.url,
            provider=provider,
            redirect_uri=f"{cell}/users/auth/{provider}/callback",
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
        )

    def redeem(
        self,
        attempt: Attempt,
        code: str,
        *,
        client: str = "cellbridge",
        accept: str = "application/json",
        **changes: str | None,
    ) -> requests.Response:
        """Send the code to the token endpoint, with parameters changed, or left out for None."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        secret, place = self.client_secrets[attempt.provider], PLACES[attempt.provider]
        basic = (client, secret) if place.secret_in == "header" else None
        if basic is None:
            form |= {"client_id": client, "client_secret": secret}
        sent = {name: value for name, value in (form | changes).items() if value is not None}
        return requests.post(
            f"{self.url}/{attempt.provider}{place.token}",
            data=None if place.secret_in == "json" else sent,
            json={_CAMEL[name]: value for name, value in sent.items() if name in _CAMEL} if place.secret_in == "json" else None,
            auth=basic,
            headers={"Accept": accept},
            timeout=30,
            allow_redirects=False,
        )

    @staticmethod
    def access_token(answer: requests.Response) -> str | None:
        """Return the access token of a token endpoint's answer, under either of its names."""
        said = answer.json()
        found: str | None = said.get("access_token") or said.get("accessToken")
        return found

    @staticmethod
    def error(answer: requests.Response) -> str | None:
        """Return the error of a token endpoint's answer, under either of its names."""
        said = answer.json()
        found: str | None = said.get("error") or said.get("code")
        return found

    def user(self, provider: str, access_token: str, path: str | None = None) -> requests.Response:
        """Ask the userinfo endpoint, or another path."""
        url = f"{self.url}/{provider}{path or PLACES[provider].user}"
        headers = {"Authorization": f"Bearer {access_token}"}
        if provider == "dingtalk":
            headers = {"x-acs-dingtalk-access-token": access_token}
        return requests.get(url, headers=headers, timeout=30, allow_redirects=False)

    def opens(self, provider: str, access_token: str) -> bool:
        """Whether the token opens the userinfo endpoint; some providers say no with HTTP 200."""
        answer = self.user(provider, access_token)
        return answer.ok and "error" not in answer.text

    def document(self, provider: str, path: str) -> requests.Response:
        """Ask for a public document, such as the keys."""
        return requests.get(f"{self.url}/{provider}{path}", timeout=30, allow_redirects=False)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Party]]:
    """A running server from a configuration file, as a pair starts it; it is stopped in the end."""
    directory = tmp_path_factory.mktemp("standin")
    client_secrets = {provider: secrets.token_urlsafe(24) for provider in PLACES}
    bind = f"127.0.0.1:{free_port()}"
    clients = {
        provider: {
            "client_id": "cellbridge",
            "client_secret": secret,
            "redirect_uris": [f"{CELL}/users/auth/{provider}/callback"],
        }
        for provider, secret in client_secrets.items()
    }
    config = directory / "standin.json"
    config.write_text(json.dumps({"bind": bind, "public_url": f"http://{bind}", "clients": clients}), "utf-8")
    process = Process(
        name="providers",
        command=[sys.executable, "-m", "bridge.harness.standin", "--config", str(config)],
        environment={},
        directory=directory,
        log=directory / "standin.log",
    )
    process.start()
    try:
        process.wait_ready(f"http://{bind}/-/healthz")
        yield process, Party(f"http://{bind}", client_secrets)
    finally:
        process.stop()


@pytest.fixture
def party(server: tuple[Process, Party]) -> Party:
    """The client at the running server."""
    return server[1]


@pytest.fixture
def remote(server: tuple[Process, Party]) -> Iterator[Remote]:
    """The control endpoint; faults are cleared after each test."""
    remote = Remote(server[1].url)
    yield remote
    remote.clear_faults()
    remote.close()


@pytest.fixture
def log(server: tuple[Process, Party]) -> Path:
    """What the server has logged."""
    return server[0].log


@pytest.fixture
def signed_in(party: Party, remote: Remote) -> Callable[[str, str], tuple[Attempt, dict[str, Any]]]:
    """A function that signs a persona in at a provider: the attempt, and the token endpoint's answer."""

    def sign_in(provider: str, persona: str) -> tuple[Attempt, dict[str, Any]]:
        attempt = party.start(provider)
        answer = party.redeem(attempt, remote.code(attempt.authorization_url(), persona))
        assert answer.status_code == 200, answer.text
        return attempt, answer.json()

    return sign_in


@pytest.fixture
def run_standin() -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs the command to its end."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bridge.harness.standin", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    return run
