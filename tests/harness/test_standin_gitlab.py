"""GitLab's whole OAuth 2.0 API in its stand-in, as its page "OAuth 2.0 identity provider API" documents it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session

from bridge.harness.personas import BY_KEY
from bridge.harness.standin.remote import Remote, StandInRefused

if TYPE_CHECKING:
    from tests.harness.conftest import Attempt, Party

SignIn = Callable[[str, str], tuple["Attempt", dict[str, Any]]]
DANA = BY_KEY["dana"]
UID = int(DANA.uid("gitlab"))


class GitLab:
    """The endpoints, asked with plain HTTP as the client `cellbridge`."""

    def __init__(self, party: "Party") -> None:
        self.url = f"{party.url}/gitlab"
        self.secret = party.client_secrets["gitlab"]

    def token(self, **fields: str) -> requests.Response:
        """Ask the token endpoint with the secret in the form."""
        return self._post("/oauth/token", fields)

    def revoke(self, token: str, **changes: str) -> requests.Response:
        """Revoke *token*."""
        return self._post("/oauth/revoke", {"token": token, **changes})

    def info(self, token: str) -> requests.Response:
        """Ask what *token* is."""
        return requests.get(f"{self.url}/oauth/token/info", headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def user_status(self, token: str) -> int:
        """Return the status of the user that *token* opens."""
        bearer = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.url}/api/v4/user", headers=bearer, timeout=30).status_code

    def _post(self, path: str, fields: dict[str, str]) -> requests.Response:
        sent = {"client_id": "cellbridge", "client_secret": self.secret, **fields}
        return requests.post(self.url + path, data=sent, timeout=30, allow_redirects=False)


@pytest.fixture
def gitlab(party: "Party") -> GitLab:
    """The stand-in's corner that speaks as GitLab."""
    return GitLab(party)


class TestImplicit:
    """`response_type=token`: the token comes in the fragment, and belongs to whoever asked for it."""

    @staticmethod
    def location(attempt: "Attempt", *, persona: str = "dana", **changes: str | None) -> str:
        """Return where the browser is sent, with a client that sends no challenge: the implicit grant has none."""
        without = {"code_challenge": None, "code_challenge_method": None, "nonce": None}
        url = attempt.authorization_url(response_type="token", **without, **changes)
        answer = requests.post(url, data={"persona": persona}, timeout=30, allow_redirects=False)
        return answer.headers["Location"]

    def test_the_token_is_in_the_fragment_and_nowhere_else(self, party: "Party", gitlab: GitLab) -> None:
        """Token, type, lifetime and state behind the `#`; no code, no refresh token, no query for a server's log."""
        attempt = party.start("gitlab")
        place = urlsplit(self.location(attempt))
        fields = dict(parse_qsl(place.fragment))
        assert place.query == ""
        assert set(fields) == {"access_token", "token_type", "expires_in", "scope", "state"}
        assert (fields["token_type"], fields["expires_in"], fields["state"]) == ("Bearer", "7200", attempt.state)
        assert gitlab.user_status(fields["access_token"]) == 200

    def test_token_info_tells_whose_application_it_is(self, party: "Party", remote: Remote, gitlab: GitLab) -> None:
        """A token that another application got by this grant says so: that is the one thing a client can check it by."""
        attempt = party.start("gitlab")
        remote.add_client("gitlab", "another-app", "another-secret", [attempt.redirect_uri])
        own, foreign = (
            dict(parse_qsl(urlsplit(self.location(attempt, client_id=client)).fragment))["access_token"]
            for client in ("cellbridge", "another-app")
        )
        assert gitlab.info(own).json()["application"] == {"uid": "cellbridge"}
        assert gitlab.info(foreign).json()["application"] == {"uid": "another-app"}

    def test_a_refusal_is_in_the_fragment(self, party: "Party") -> None:
        """Who says no goes back with the error where the token would have been (RFC 6749 4.2.2.1)."""
        attempt = party.start("gitlab")
        place = urlsplit(self.location(attempt, persona="dee"))
        assert dict(parse_qsl(place.fragment))["error"] == "access_denied"
        assert dict(parse_qsl(place.fragment))["state"] == attempt.state
        assert place.query == ""

    def test_a_foreign_redirect_uri_gets_no_token(self, party: "Party") -> None:
        """The redirect URI has to match what is registered, to the letter."""
        attempt = party.start("gitlab")
        url = attempt.authorization_url(response_type="token", redirect_uri=f"{attempt.redirect_uri}/more")
        answer = requests.post(url, data={"persona": "dana"}, timeout=30, allow_redirects=False)
        assert (answer.status_code, "Location" in answer.headers) == (400, False)

    def test_no_other_stand_in_knows_it(self, party: "Party") -> None:
        """GitHub and the others answer `unsupported_response_type`, or refuse on a page."""
        for provider in ("github", "google_oauth2", "openid_connect"):
            url = party.start(provider).authorization_url(response_type="token")
            answer = requests.post(url, data={"persona": "dana"}, timeout=30, allow_redirects=False)
            assert "access_token" not in answer.headers.get("Location", "")
            assert "unsupported_response_type" in answer.headers.get("Location", "") + answer.text


class TestPassword:
    """`grant_type=password`: the resource owner's password, for clients that the person trusts with it."""

    def test_it_gives_a_token_for_the_api(self, gitlab: GitLab) -> None:
        """By user name or by address; the scope is `api` unless another one is asked for."""
        for name in ("dana", "dana@acme.example"):
            answer = gitlab.token(grant_type="password", username=name, password=DANA.password)
            assert answer.status_code == 200
            assert set(answer.json()) == {
                *("access_token", "token_type", "expires_in", "refresh_token", "scope", "created_at"),
            }
            assert answer.json()["scope"] == "api"
            assert gitlab.info(answer.json()["access_token"]).json()["resource_owner_id"] == UID
        scoped = gitlab.token(grant_type="password", username="dana", password=DANA.password, scope="read_user")
        assert scoped.json()["scope"] == "read_user"

    @pytest.mark.parametrize("changes", [{"password": "wrong"}, {"username": "nobody"}, {"password": ""}])
    def test_wrong_ones_get_nothing(self, gitlab: GitLab, changes: dict[str, str]) -> None:
        """A wrong name and a wrong password are one answer: nobody learns which names exist."""
        given = {"username": "dana", "password": DANA.password, **changes}
        answer = gitlab.token(grant_type="password", **given)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

    def test_two_factors_are_not_passed_by_one(self, gitlab: GitLab, remote: Remote) -> None:
        """A person with two-factor authentication on is refused, password or not, and let in when it is off again."""
        remote.put_persona("careful", email="careful@acme.example", email_verified=True, two_factor=True)
        credentials = {"grant_type": "password", "username": "careful", "password": "the password of careful"}
        refused = gitlab.token(**credentials)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        assert "access_token" not in refused.text
        remote.put_persona("careful", two_factor=False)
        assert gitlab.token(**credentials).status_code == 200

    def test_the_client_has_to_say_who_it_is(self, gitlab: GitLab) -> None:
        """Without the client's own secret a right password is worth nothing."""
        fields = {"grant_type": "password", "username": "dana", "password": DANA.password}
        answer = gitlab.token(**fields, client_secret="wrong")
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    def test_no_other_stand_in_takes_it(self, party: "Party") -> None:
        """The grant is GitLab's alone."""
        form = {"grant_type": "password", "username": "dana", "password": DANA.password, "client_id": "cellbridge"}
        secret = {"client_secret": party.client_secrets["google_oauth2"]}
        answer = requests.post(f"{party.url}/google_oauth2/token", data=form | secret, timeout=30)
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


class TestTokenInfo:
    """`GET /oauth/token/info`: what a token is, for whoever holds it."""

    def test_all_it_says(self, gitlab: GitLab, signed_in: SignIn) -> None:
        """Owner, scopes, seconds left, application and birth; the deprecated names repeat the new ones."""
        _, token = signed_in("gitlab", "dana")
        said = gitlab.info(token["access_token"]).json()
        assert set(said) == {
            *("resource_owner_id", "scope", "expires_in", "application", "created_at", "scopes", "expires_in_seconds"),
        }
        assert (said["resource_owner_id"], said["scope"], said["application"]) == (UID, ["read_user"], {"uid": "cellbridge"})
        assert 7100 < said["expires_in"] <= 7200
        assert (said["scopes"], said["expires_in_seconds"]) == (said["scope"], said["expires_in"])
        assert said["created_at"] == token["created_at"]

    @pytest.mark.parametrize("path", ["/oauth/token/info", "/api/v4/user"])
    def test_the_token_comes_in_the_header_or_in_the_query(self, gitlab: GitLab, signed_in: SignIn, path: str) -> None:
        """Both ways that GitLab documents give the same answer."""
        _, token = signed_in("gitlab", "dana")
        value = token["access_token"]
        by_header = requests.get(gitlab.url + path, headers={"Authorization": f"Bearer {value}"}, timeout=30)
        by_query = requests.get(gitlab.url + path, params={"access_token": value}, timeout=30)
        assert by_header.status_code == by_query.status_code == 200
        assert set(by_header.json()) == set(by_query.json())

    def test_a_token_in_the_query_is_remembered_and_not_logged(
        self, gitlab: GitLab, remote: Remote, signed_in: SignIn, log: Any
    ) -> None:
        """Whatever way a token came, tests can look for it in logs, and it is not in ours."""
        _, token = signed_in("gitlab", "dana")
        wrong = "a-token-that-was-never-issued"
        requests.get(f"{gitlab.url}/oauth/token/info", params={"access_token": wrong}, timeout=30)
        requests.get(f"{gitlab.url}/oauth/token/info", params={"access_token": token["access_token"]}, timeout=30)
        assert {wrong, token["access_token"]} <= set(remote.issued()["access_tokens"])
        assert wrong not in log.read_text("utf-8")

    def test_wrong_tokens_get_the_documented_error(self, gitlab: GitLab) -> None:
        """401 with `invalid_token`, in the body and in WWW-Authenticate; also where there is none at all."""
        for answer in (gitlab.info("wrong"), requests.get(f"{gitlab.url}/oauth/token/info", timeout=30)):
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]

    def test_it_meets_faults_of_its_own(self, gitlab: GitLab, remote: Remote, signed_in: SignIn) -> None:
        """A fault of token info is no fault of the user, and only GitLab has it."""
        _, token = signed_in("gitlab", "dana")
        remote.set_fault("gitlab", "token_info", "refused")
        assert gitlab.info(token["access_token"]).status_code == 401
        assert gitlab.user_status(token["access_token"]) == 200
        with pytest.raises(StandInRefused, match="endpoint must be one of"):
            remote.set_fault("github", "token_info", "refused")


class TestRefresh:
    """`grant_type=refresh_token`: new tokens for old ones, which end."""

    def test_both_tokens_are_new_and_both_old_ones_are_dead(self, gitlab: GitLab, signed_in: SignIn) -> None:
        """A refresh token is good once (rotation), and the access token beside it goes with it."""
        _, old = signed_in("gitlab", "dana")
        answer = gitlab.token(grant_type="refresh_token", refresh_token=old["refresh_token"])
        new = answer.json()
        assert answer.status_code == 200
        assert {new["access_token"], new["refresh_token"]}.isdisjoint({old["access_token"], old["refresh_token"]})
        assert new["scope"] == "read_user"
        assert (gitlab.user_status(new["access_token"]), gitlab.user_status(old["access_token"])) == (200, 401)
        again = gitlab.token(grant_type="refresh_token", refresh_token=old["refresh_token"])
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert gitlab.user_status(new["access_token"]) == 200

    def test_of_many_at_once_one_succeeds(self, gitlab: GitLab, signed_in: SignIn) -> None:
        """Ten replicas with the same refresh token get one pair of tokens."""
        _, old = signed_in("gitlab", "dana")
        fields = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: gitlab.token(**fields).status_code, range(10)))
        assert sorted(answers) == [200, *[400] * 9]

    def test_it_belongs_to_its_client(self, gitlab: GitLab, remote: Remote, signed_in: SignIn) -> None:
        """Another client's refresh token is nothing, and stays good for its owner; no wider scope than before either."""
        attempt, old = signed_in("gitlab", "dana")
        remote.add_client("gitlab", "another-app", "another-secret", [attempt.redirect_uri])
        fields = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
        stolen = gitlab.token(**fields, client_id="another-app", client_secret="another-secret")
        assert stolen.json()["error"] == "invalid_grant"
        assert gitlab.token(**fields, scope="api").json()["error"] == "invalid_scope"
        assert gitlab.token(**fields).status_code == 200

    def test_not_every_provider_has_it(self, party: "Party") -> None:
        """Google's stand-in gives no refresh token here, and takes none."""
        form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "cellbridge"}
        secret = {"client_secret": party.client_secrets["google_oauth2"]}
        answer = requests.post(f"{party.url}/google_oauth2/token", data=form | secret, timeout=30)
        assert answer.json()["error"] == "unsupported_grant_type"


class TestRevoke:
    """`POST /oauth/revoke`: 200 and `{}`, and the token is over."""

    @pytest.mark.parametrize("which", ["access_token", "refresh_token"])
    def test_either_token_ends_both(self, gitlab: GitLab, signed_in: SignIn, which: str) -> None:
        """After either of the two is revoked, neither opens anything."""
        _, token = signed_in("gitlab", "dana")
        answer = gitlab.revoke(token[which])
        assert (answer.status_code, answer.json()) == (200, {})
        assert gitlab.user_status(token["access_token"]) == 401
        assert gitlab.info(token["access_token"]).status_code == 401
        refreshed = gitlab.token(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refreshed.json()["error"] == "invalid_grant"

    def test_an_unknown_token_is_revoked_as_well(self, gitlab: GitLab) -> None:
        """RFC 7009 2.2: the client cannot do anything about a token that is not there."""
        assert (gitlab.revoke("never-issued").status_code, gitlab.revoke("never-issued").json()) == (200, {})

    def test_only_its_own_client_ends_a_token(self, gitlab: GitLab, remote: Remote, signed_in: SignIn) -> None:
        """A wrong secret is refused, and another client's revocation leaves the token alone."""
        attempt, token = signed_in("gitlab", "dana")
        remote.add_client("gitlab", "another-app", "another-secret", [attempt.redirect_uri])
        assert gitlab.revoke(token["access_token"], client_secret="wrong").status_code == 401
        gitlab.revoke(token["access_token"], client_id="another-app", client_secret="another-secret")
        assert gitlab.user_status(token["access_token"]) == 200


class TestIndependentClient:
    """Authlib's client, which we did not write, gets on with all of it."""

    @staticmethod
    def session(party: "Party", **more: Any) -> OAuth2Session:
        """Return the client, with the secret in HTTP Basic: GitLab takes both."""
        return OAuth2Session(
            "cellbridge",
            party.client_secrets["gitlab"],
            redirect_uri=party.start("gitlab").redirect_uri,
            revocation_endpoint_auth_method="client_secret_basic",
            **more,
        )

    def test_code_with_pkce_refresh_and_revocation(self, party: "Party", remote: Remote, gitlab: GitLab) -> None:
        """The web application flow to its end: code, token, user, refresh, revocation."""
        verifier = party.start("gitlab").verifier
        with self.session(party, scope="read_user", code_challenge_method="S256") as session:
            url, state = session.create_authorization_url(f"{gitlab.url}/oauth/authorize", code_verifier=verifier)
            assert parse_qs(urlsplit(url).query)["code_challenge_method"] == ["S256"]
            callback = remote.choose(url, "dana")
            endpoint = f"{gitlab.url}/oauth/token"
            first = session.fetch_token(endpoint, code=callback["code"], state=state, code_verifier=verifier)
            assert session.get(f"{gitlab.url}/api/v4/user", timeout=30).json()["id"] == UID
            second = session.refresh_token(endpoint, refresh_token=first["refresh_token"])
            assert second["access_token"] != first["access_token"]
            assert session.get(f"{gitlab.url}/oauth/token/info", timeout=30).json()["application"]["uid"] == "cellbridge"
            assert session.revoke_token(f"{gitlab.url}/oauth/revoke", token=second["access_token"]).json() == {}
            assert gitlab.user_status(second["access_token"]) == 401

    def test_password(self, party: "Party", gitlab: GitLab) -> None:
        """The resource owner's password."""
        with self.session(party) as session:
            token = session.fetch_token(f"{gitlab.url}/oauth/token", username="dana", password=DANA.password)
            assert (token["scope"], gitlab.user_status(token["access_token"])) == ("api", 200)

    def test_implicit(self, party: "Party", gitlab: GitLab) -> None:
        """The fragment, as a browser's script would hand it over."""
        with self.session(party, scope="read_user") as session:
            url, state = session.create_authorization_url(f"{gitlab.url}/oauth/authorize", response_type="token")
            answer = requests.post(url, data={"persona": "dana"}, timeout=30, allow_redirects=False)
            token = session.fetch_token(authorization_response=answer.headers["Location"], state=state)
            assert gitlab.user_status(token["access_token"]) == 200
