"""The control endpoints, and the server as a process: secrets are shown to the tests and never logged."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from bridge.harness.standin.app import create_app
from bridge.harness.standin.remote import Remote, StandInRefused
from bridge.harness.standin.wires import WIRES
from bridge.harness.uids import uid_of

if TYPE_CHECKING:
    from tests.harness.conftest import Attempt, Party

SignIn = Callable[[str, str], tuple["Attempt", dict[str, Any]]]


class TestIssued:
    """What crossed the wire can be looked for in logs."""

    @pytest.mark.parametrize("provider", WIRES)
    def test_every_secret_of_a_sign_in_is_listed(
        self, party: "Party", remote: Remote, signed_in: SignIn, provider: str
    ) -> None:
        """States, nonces, codes, verifiers, client secrets and tokens: nothing is missing from the list."""
        attempt, token = signed_in(provider, "dana")
        issued = remote.issued()
        assert attempt.state in issued["states"]
        assert attempt.nonce in issued["nonces"]
        if provider != "dingtalk":
            assert attempt.verifier in issued["code_verifiers"]
        assert party.client_secrets[provider] in issued["client_secrets"]
        assert (token.get("access_token") or token["accessToken"]) in issued["access_tokens"]
        if "id_token" in token:
            assert token["id_token"] in issued["id_tokens"]
        if refresh_token := token.get("refresh_token") or token.get("refreshToken"):
            assert refresh_token in issued["refresh_tokens"]

    def test_wrong_ones_count_too(self, party: "Party", remote: Remote) -> None:
        """A code or a secret that was refused is no less secret."""
        attempt = party.start("github")
        party.redeem(attempt, "stolen-code", client_secret="old-secret")
        party.user("github", "stolen-token")
        issued = remote.issued()
        assert "stolen-code" in issued["codes"]
        assert "old-secret" in issued["client_secrets"]
        assert "stolen-token" in issued["access_tokens"]

    def test_a_fault_hides_no_secret(self, party: "Party", remote: Remote) -> None:
        """What was sent to an endpoint that drops the connection was sent all the same."""
        attempt = party.start("openid_connect")
        remote.set_fault("openid_connect", "token", "drop")
        with pytest.raises(requests.ConnectionError):
            party.redeem(attempt, "unlucky-code")
        issued = remote.issued()
        assert "unlucky-code" in issued["codes"]
        assert attempt.verifier in issued["code_verifiers"]

    def test_the_log_holds_none_of_them(self, remote: Remote, signed_in: SignIn, log: Path) -> None:
        """The access log has method, path and status; no query string, so no code and no state."""
        for provider in WIRES:
            signed_in(provider, "dana")
        text = log.read_text("utf-8")
        assert "POST /github/login/oauth/access_token 200" in text
        assert "?" not in text
        assert [value for values in remote.issued().values() for value in values if len(value) > 7 and value in text] == []


class TestPeople:
    """People can be added and changed while the server runs."""

    def test_new_people_can_sign_in_at_once_at_every_provider(self, party: "Party", remote: Remote) -> None:
        """Concurrency tests need many strangers: each gets a uid of their own, by the same rule as the others."""
        keys = [f"stranger{number}" for number in range(20)]
        for key in keys:
            remote.put_persona(key, name=f"Stranger {key}", email=f"{key}@acme.example", email_verified=True)

        def uid(key: str) -> str:
            attempt = party.start("google_oauth2")
            code = remote_choose(attempt.authorization_url(), key)["code"]
            token = party.redeem(attempt, code).json()["access_token"]
            return str(party.user("google_oauth2", token).json()["sub"])

        def remote_choose(url: str, key: str) -> dict[str, str]:
            own = Remote(party.url)
            try:
                return own.choose(url, key)
            finally:
                own.close()

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(uid, keys)) == [uid_of("google_oauth2", key) for key in keys]

    def test_facts_can_change_and_the_uid_stays(self, party: "Party", remote: Remote, signed_in: SignIn) -> None:
        """A person who gets another address stays the same identity."""
        remote.put_persona("mover", email="mover@acme.example", email_verified=True)
        _, before = signed_in("openid_connect", "mover")
        remote.put_persona("mover", email="moved@globex.example")
        said = party.user("openid_connect", before["access_token"]).json()
        assert (said["sub"], said["email"], said["email_verified"]) == (
            uid_of("openid_connect", "mover"),
            "moved@globex.example",
            True,
        )

    @pytest.mark.parametrize("facts", [{"email_verified": "true"}, {"uid": "1"}, {"home": "acme"}, {"name": None}])
    def test_facts_have_types(self, remote: Remote, facts: dict[str, Any]) -> None:
        """A misspelt fact is refused, so that a test cannot rely on one that was never there."""
        with pytest.raises(StandInRefused):
            remote.put_persona("somebody", **facts)


class TestControl:
    """The control endpoints are for this machine."""

    @pytest.mark.parametrize("path", ["/-/issued", "/-/faults", "/-/personas", "/-/clients"])
    @pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::1"])
    def test_loopback_only(self, path: str, address: str) -> None:
        """From elsewhere the secrets are not shown and no fault is set; the health check answers everybody."""
        client = create_app(public_url="http://127.0.0.1", clients=[]).test_client()
        origin = {"REMOTE_ADDR": address}
        for method in ("GET", "POST", "DELETE"):
            answer = client.open(path, method=method, json={}, environ_overrides=origin)
            assert answer.status_code in (403, 405)
        assert client.get("/-/healthz", environ_overrides=origin).status_code == 200

    def test_a_form_of_another_site_sets_nothing(self, party: "Party", remote: Remote) -> None:
        """A browser can post a form across sites, but not JSON without asking first."""
        fields = {"provider": "github", "endpoint": "token", "fault": "drop"}
        assert requests.post(f"{party.url}/-/faults", data=fields, timeout=30).status_code == 415
        assert remote.hits("github", "token") == 0

    def test_a_client_wants_all_its_fields(self, remote: Remote, party: "Party") -> None:
        """Half a registration is refused."""
        answer = requests.post(f"{party.url}/-/clients", json={"provider": "github", "client_id": "x"}, timeout=30)
        assert answer.status_code == 400
        with pytest.raises(StandInRefused):
            remote.add_client("nobody", "x", "y", [])


class TestProcess:
    """The server as it is started."""

    def test_connections_are_kept(self, party: "Party") -> None:
        """The pooled client of a cell reuses its connection: one for many requests."""
        with requests.Session() as session:
            ports = set()
            for _ in range(3):
                with session.get(f"{party.url}/-/healthz", stream=True, timeout=30) as answer:
                    assert answer.raw.connection is not None
                    ports.add(answer.raw.connection.sock.getsockname())
                    assert answer.content
        assert len(ports) == 1

    def test_large_bodies_are_refused(self, party: "Party") -> None:
        """What a client sends is capped like everything that comes from outside."""
        answer = requests.post(f"{party.url}/github/login/oauth/access_token", data={"code": "x" * 100_000}, timeout=30)
        assert answer.status_code == 413

    def test_it_says_what_is_missing(self, run_standin: Callable[..., subprocess.CompletedProcess[str]]) -> None:
        """Without a client there is nobody to serve."""
        done = run_standin("--bind", "127.0.0.1:0")
        assert done.returncode == 2
        assert "--client-secret" in done.stderr
