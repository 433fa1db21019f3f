"""Each provider of the stand-in speaks as the real one does: endpoints, fields, callbacks, errors."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from bridge.harness.personas import BY_KEY, FIRST_PROVIDERS, PERSONAS, Persona
from bridge.harness.standin.remote import Remote

if TYPE_CHECKING:
    from tests.harness.conftest import Attempt, Party

SignIn = Callable[[str, str], tuple["Attempt", dict[str, Any]]]
OIDC = ("google_oauth2", "openid_connect")
KEYS_PATH = {"google_oauth2": "/oauth2/v3/certs", "openid_connect": "/jwks"}


def everybody_who_consents() -> list[object]:
    """Return these personas as named parameters."""
    return [pytest.param(persona, id=persona.key) for persona in PERSONAS if persona.consents]


class TestFacts:
    """What each provider says about each person."""

    @pytest.mark.parametrize("persona", everybody_who_consents())
    def test_google(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """Google's userinfo: a text of 21 digits as sub, email with email_verified or neither, hd for Workspace only."""
        _, token = signed_in("google_oauth2", persona.key)
        said = party.user("google_oauth2", token["access_token"]).json()
        assert set(said) - {"email", "email_verified", "hd"} == {"sub", "name", "given_name", "family_name", "picture"}
        assert said["sub"] == persona.uid("google_oauth2")
        assert f"{said['given_name']} {said['family_name']}" == said["name"] == persona.name
        assert said.get("email") == persona.email
        assert said.get("email_verified") is (persona.email_verified if persona.email else None)
        assert said.get("hd") == persona.hosted_domain

    @pytest.mark.parametrize("persona", everybody_who_consents())
    def test_github(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """GitHub's id is a number, user.email says nothing, and the primary address is not the first of the list."""
        _, token = signed_in("github", persona.key)
        user = party.user("github", token["access_token"]).json()
        assert (user["id"], user["login"], user["name"]) == (int(persona.uid("github")), persona.username, persona.name)
        assert user["email"] is None
        assert {"avatar_url", "node_id", "type", "site_admin", "created_at"} <= set(user)
        emails = party.user("github", token["access_token"], "/api/v3/user/emails").json()
        if persona.email is None:
            assert emails == []
        else:
            noreply, primary = emails
            assert noreply["email"].endswith("@users.noreply.github.com")
            assert (noreply["primary"], noreply["verified"]) == (False, True)
            said = {"email": persona.email, "primary": True, "verified": persona.email_verified, "visibility": "private"}
            assert primary == said

    @pytest.mark.parametrize("persona", everybody_who_consents())
    def test_gitlab(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """GitLab's id is a number, and confirmed_at is a time or null."""
        _, token = signed_in("gitlab", persona.key)
        user = party.user("gitlab", token["access_token"]).json()
        assert (user["id"], user["username"], user["name"]) == (int(persona.uid("gitlab")), persona.username, persona.name)
        assert user["email"] == persona.email
        assert (user["confirmed_at"] is not None) is persona.email_verified
        assert {"state", "avatar_url", "web_url", "two_factor_enabled"} <= set(user)

    @pytest.mark.parametrize("persona", everybody_who_consents())
    def test_openid_connect(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """The generic provider says the standard claims; an address that is not there is left out."""
        _, token = signed_in("openid_connect", persona.key)
        expected: dict[str, Any] = {
            "sub": persona.uid("openid_connect"),
            "name": persona.name,
            "preferred_username": persona.username,
        }
        if persona.email:
            expected |= {"email": persona.email, "email_verified": persona.email_verified}
        assert party.user("openid_connect", token["access_token"]).json() == expected


class TestTokens:
    """What the token endpoints answer."""

    def test_google_names_scopes_at_length(self, signed_in: SignIn) -> None:
        """Google's answer has no refresh token unless asked for, and says the long names of the scopes."""
        _, token = signed_in("google_oauth2", "dana")
        assert set(token) == {"access_token", "expires_in", "scope", "token_type", "id_token"}
        assert token["access_token"].startswith("ya29.")
        assert (token["expires_in"], token["token_type"]) == (3599, "Bearer")
        assert token["scope"].split()[1] == "https://www.googleapis.com/auth/userinfo.email"

    def test_github_answers_in_a_form_unless_asked_for_json(self, party: "Party", remote: Remote, signed_in: SignIn) -> None:
        """The default answer is form-encoded; with Accept it is JSON; neither has a lifetime."""
        _, token = signed_in("github", "dana")
        assert set(token) == {"access_token", "scope", "token_type"}
        assert (token["scope"], token["token_type"]) == ("user:email", "bearer")
        attempt = party.start("github")
        code = remote.choose(attempt.authorization_url(), "dana")["code"]
        answer = party.redeem(attempt, code, accept="*/*", grant_type=None)
        assert answer.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
        assert set(parse_qs(answer.text)) == {"access_token", "scope", "token_type"}

    def test_gitlab_adds_a_refresh_token_and_a_time(self, signed_in: SignIn) -> None:
        """GitLab's answer, as its OAuth 2.0 page shows it."""
        _, token = signed_in("gitlab", "dana")
        assert set(token) == {"access_token", "token_type", "expires_in", "refresh_token", "scope", "created_at"}
        assert (token["expires_in"], token["token_type"], token["scope"]) == (7200, "Bearer", "read_user")
        assert isinstance(token["created_at"], int)

    @pytest.mark.parametrize("provider", OIDC)
    def test_a_library_we_did_not_write_accepts_the_id_token(self, party: "Party", signed_in: SignIn, provider: str) -> None:
        """The ID token stands every check of OIDC Core 3.1.3.7, against the keys that discovery names."""
        attempt, answer = signed_in(provider, "dana")
        discovery = party.document(provider, "/.well-known/openid-configuration").json()
        assert discovery["issuer"] == f"{party.url}/{provider}"
        keys = KeySet.import_key_set(requests.get(discovery["jwks_uri"], timeout=30).json())
        token = jwt.decode(answer["id_token"], keys, algorithms=["RS256"])
        JWTClaimsRegistry(
            iss={"essential": True, "value": discovery["issuer"]},
            aud={"essential": True, "value": "cellbridge"},
            azp={"essential": True, "value": "cellbridge"},
            nonce={"essential": True, "value": attempt.nonce},
            exp={"essential": True},
            iat={"essential": True},
        ).validate(token.claims)
        assert token.claims["sub"] == BY_KEY["dana"].uid(provider)
        profile = {"email", "email_verified", "name", "given_name", "family_name", "picture", "hd"}
        assert set(token.claims) & profile == (profile if provider == "google_oauth2" else set())
        assert token.header == {"alg": "RS256", "kid": keys.keys[0].kid, "typ": "JWT"}
        assert len(token.claims["at_hash"]) == 22

    @pytest.mark.parametrize("provider", OIDC)
    def test_claims_follow_the_scopes(self, party: "Party", remote: Remote, provider: str) -> None:
        """A client that forgets the scope `email` gets no email: it must not work by accident."""
        attempt = party.start(provider)
        callback = remote.choose(attempt.authorization_url(scope="openid"), "dana")
        token = party.redeem(attempt, callback["code"]).json()
        assert set(party.user(provider, token["access_token"]).json()) <= {"sub", "hd"}


class TestCallbacks:
    """What the browser brings back."""

    @pytest.mark.parametrize("provider", FIRST_PROVIDERS)
    def test_code_and_state_and_the_issuer_where_there_is_one(self, party: "Party", remote: Remote, provider: str) -> None:
        """The state comes back as it went; OIDC providers add `iss` (RFC 9207), Google some of its own."""
        attempt = party.start(provider)
        callback = remote.choose(attempt.authorization_url(), "dana")
        extras = {"iss"} if provider in OIDC else set()
        extras |= {"scope", "authuser", "prompt", "hd"} if provider == "google_oauth2" else set()
        assert set(callback) == {"code", "state"} | extras
        assert callback["state"] == attempt.state
        assert callback.get("iss") == (f"{party.url}/{provider}" if provider in OIDC else None)

    @pytest.mark.parametrize("persona", ["dee", None], ids=["dee", "cancel"])
    @pytest.mark.parametrize("provider", FIRST_PROVIDERS)
    def test_no_consent_is_access_denied(self, party: "Party", remote: Remote, provider: str, persona: str | None) -> None:
        """Who presses Cancel, or is Dee, goes back with `access_denied` and the state, and without a code."""
        attempt = party.start(provider)
        callback = remote.choose(attempt.authorization_url(), persona)
        assert (callback["error"], callback["state"]) == ("access_denied", attempt.state)
        assert "code" not in callback
        assert ("error_description" in callback) is (provider != "google_oauth2")
        assert ("iss" in callback) is (provider in OIDC)

    def test_prompt_none_needs_somebody_signed_in(self, party: "Party") -> None:
        """Nobody is ever signed in at the stand-in, so `prompt=none` is `login_required` (OIDC Core 3.1.2.6)."""
        url = party.start("openid_connect").authorization_url(prompt="none")
        answer = requests.get(url, timeout=30, allow_redirects=False)
        assert answer.status_code == 302
        assert "error=login_required" in answer.headers["Location"]


class TestErrors:
    """Each provider refuses in its own words, and with its own status."""

    @pytest.mark.parametrize(
        ("provider", "status", "error"),
        [
            ("google_oauth2", 400, "invalid_grant"),
            ("github", 200, "bad_verification_code"),
            ("gitlab", 400, "invalid_grant"),
            ("openid_connect", 400, "invalid_grant"),
        ],
    )
    def test_a_wrong_code(self, party: "Party", provider: str, status: int, error: str) -> None:
        """A code that nobody issued; GitHub says so with HTTP 200."""
        answer = party.redeem(party.start(provider), "no-such-code")
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert answer.json()["error_description"]
        assert ("error_uri" in answer.json()) is (provider == "github")

    @pytest.mark.parametrize(
        ("provider", "status", "error"),
        [
            ("google_oauth2", 401, "invalid_client"),
            ("github", 200, "incorrect_client_credentials"),
            ("gitlab", 401, "invalid_client"),
        ],
    )
    def test_a_wrong_client_secret(self, party: "Party", remote: Remote, provider: str, status: int, error: str) -> None:
        """A wrong secret gets no token, and the code stays good for who has the right one."""
        attempt = party.start(provider)
        code = remote.choose(attempt.authorization_url(), "dana")["code"]
        answer = party.redeem(attempt, code, client_secret="wrong")
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert "access_token" in party.redeem(attempt, code).json()

    def test_the_generic_provider_takes_basic_only(self, party: "Party", remote: Remote) -> None:
        """`client_secret_basic` is what its discovery says; the secret in the form is refused."""
        attempt = party.start("openid_connect")
        code = remote.choose(attempt.authorization_url(), "dana")["code"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
            "client_id": "cellbridge",
            "client_secret": party.client_secrets["openid_connect"],
        }
        answer = requests.post(f"{party.url}/openid_connect/token", data=form, timeout=30)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    def test_access_tokens_that_are_missing_or_wrong(self, party: "Party") -> None:
        """Resources answer 401, each in its provider's own document."""
        assert party.user("github", "wrong").json()["message"] == "Bad credentials"
        assert party.user("gitlab", "wrong").json() == {"message": "401 Unauthorized"}
        assert party.user("google_oauth2", "wrong").json()["error_description"] == "Invalid Credentials"
        generic = party.user("openid_connect", "wrong")
        assert generic.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        for provider in FIRST_PROVIDERS:
            assert party.user(provider, "wrong").status_code == 401
        nothing = requests.get(f"{party.url}/openid_connect/userinfo", timeout=30)
        assert (nothing.status_code, nothing.headers["WWW-Authenticate"]) == (401, "Bearer")

    def test_a_token_of_one_provider_is_nothing_at_another(self, party: "Party", signed_in: SignIn) -> None:
        """Providers share a server here, but no tokens."""
        _, token = signed_in("gitlab", "dana")
        assert party.user("openid_connect", token["access_token"]).status_code == 401

    def test_scopes_are_needed(self, party: "Party", remote: Remote) -> None:
        """Without its scope, GitHub's addresses are not found and GitLab's user is forbidden."""
        for provider, path, status in (("github", "/api/v3/user/emails", 404), ("gitlab", "/api/v4/user", 403)):
            attempt = party.start(provider)
            code = remote.choose(attempt.authorization_url(scope="other"), "dana")["code"]
            token = party.redeem(attempt, code).json()["access_token"]
            assert party.user(provider, token, path).status_code == status
