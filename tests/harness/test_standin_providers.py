"""The ten stand-ins beside Google, GitHub, GitLab and the generic issuer: each with the quirks that its provider documents."""

import base64
import hmac
import re
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from bridge.harness.personas import BY_KEY, PERSONAS, Persona
from bridge.harness.standin.remote import Remote, StandInRefused
from bridge.harness.standin.wires import WIRES
from bridge.harness.uids import MICROSOFT_TENANT, SALESFORCE_ORG, SLACK_TEAM

if TYPE_CHECKING:
    from tests.harness.conftest import Attempt, Party

SignIn = Callable[[str, str], tuple["Attempt", dict[str, Any]]]
TELLING = [BY_KEY[key] for key in ("dana", "uma", "mia", "nora")]  # verified, unverified, no address, of no organization


def people() -> list[object]:
    """Return the personas whose facts differ, as named parameters."""
    return [pytest.param(persona, id=persona.key) for persona in TELLING]


def id_claims(party: "Party", token: dict[str, Any], jwks: str) -> dict[str, Any]:
    """Return the claims of the ID token, verified by the keys at *jwks*."""
    published = requests.get(jwks, timeout=30).json()
    keys = KeySet.import_key_set({"keys": [{**key, "alg": "RS256"} for key in published["keys"]]})
    assert jwks.startswith(party.url)
    return dict(jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims)


@pytest.mark.parametrize("persona", people())
class TestBitbucket:
    """Basic, `scopes`, pages, and errors in objects."""

    def test_facts(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """The uuid with its braces; the primary address is not the first, and `is_confirmed` says what it is worth."""
        _, token = signed_in("bitbucket", persona.key)
        assert set(token) == {
            *("access_token", "scopes", "expires_in", "refresh_token", "token_type", "state"),
        }
        assert (token["scopes"], token["token_type"]) == ("account email", "bearer")
        user = party.user("bitbucket", token["access_token"]).json()
        assert (user["uuid"], user["username"]) == (persona.uid("bitbucket"), persona.username)
        assert re.fullmatch(r"\{[0-9a-f-]{36}\}", user["uuid"])
        assert (user["display_name"], user["links"]["avatar"]["href"][:8]) == (persona.name, "https://")
        page = party.user("bitbucket", token["access_token"], "/2.0/user/emails").json()
        assert set(page) == {"values", "pagelen", "size", "page"}
        told = [(one["email"], one["is_confirmed"]) for one in page["values"] if one["is_primary"]]
        assert told == ([(persona.email, persona.email_verified)] if persona.email else [])
        assert not page["values"] or page["values"][0]["is_primary"] is False


def test_bitbucket_takes_basic_only_and_has_an_error_of_its_own(party: "Party", remote: Remote) -> None:
    """The secret in the form is refused, and a wrong token gets an object inside an object."""
    attempt = party.start("bitbucket")
    code = remote.code(attempt.authorization_url(), "dana")
    secret = party.client_secrets["bitbucket"]
    form = {"grant_type": "authorization_code", "code": code, "client_id": "cellbridge", "client_secret": secret}
    refused = requests.post(f"{party.url}/bitbucket/site/oauth2/access_token", data=form, timeout=30)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    wrong = party.user("bitbucket", "wrong")
    assert (wrong.status_code, wrong.json()["type"], set(wrong.json()["error"])) == (401, "error", {"message"})


class TestSalesforce:
    """The signature, the identity URL, and errors of one word."""

    def test_the_reply_is_signed(self, party: "Party", signed_in: SignIn) -> None:
        """base64 of HMAC-SHA256 under the client secret, over `id` and `issued_at`; there is no lifetime."""
        _, token = signed_in("salesforce", "dana")
        assert set(token) == {
            *("access_token", "token_type", "scope", "id_token", "instance_url", "id", "issued_at", "signature"),
        }
        assert token["id"] == f"{party.url}/salesforce/id/{BY_KEY['dana'].uid('salesforce')}"
        assert token["issued_at"].isdecimal()
        assert len(token["issued_at"]) == 13
        secret = party.client_secrets["salesforce"].encode()
        expected = hmac.digest(secret, (token["id"] + token["issued_at"]).encode(), sha256)
        assert base64.b64decode(token["signature"]) == expected

    @pytest.mark.parametrize("persona", people())
    def test_the_identity_url_tells_who(self, signed_in: SignIn, persona: Persona) -> None:
        """`user_id` and `organization_id`, and a `username` that looks like an address and is none."""
        _, token = signed_in("salesforce", persona.key)
        answer = requests.get(token["id"], headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=30)
        said = answer.json()
        assert f"{said['organization_id']}/{said['user_id']}" == persona.uid("salesforce")
        assert said["organization_id"] == SALESFORCE_ORG
        assert re.fullmatch(r"005[0-9A-Za-z]{15}", said["user_id"])
        assert (said["email"], said["email_verified"]) == (persona.email, persona.email_verified)
        assert said["username"] != said["email"]
        assert (said["id"], said["active"]) == (token["id"], True)

    def test_it_tells_nobody_else(self, party: "Party", signed_in: SignIn) -> None:
        """Another person's identity URL, another organization's, and no token at all: one word each, with 403."""
        _, token = signed_in("salesforce", "dana")
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        mine, lenas = (f"{party.url}/salesforce/id/{BY_KEY[key].uid('salesforce')}" for key in ("dana", "lena"))
        asked = [(lenas, bearer), (mine.replace(SALESFORCE_ORG, "00D000000000000EAA"), bearer), (mine, {})]
        answers = [requests.get(url, headers=headers, timeout=30) for url, headers in asked]
        assert [answer.text for answer in answers] == ["Bad_Id", "Wrong_Org", "Missing_OAuth_Token"]
        assert {answer.status_code for answer in answers} == {403}
        assert party.user("salesforce", "wrong").text == "Bad_OAuth_Token"

    def test_openid_is_there_too(self, party: "Party", signed_in: SignIn) -> None:
        """The `sub` is the identity URL, in the ID token and at userinfo."""
        _, token = signed_in("salesforce", "dana")
        assert id_claims(party, token, f"{party.url}/salesforce/id/keys")["sub"] == token["id"]
        assert party.user("salesforce", token["access_token"]).json()["sub"] == token["id"]

    def test_wrong_secrets_are_400(self, party: "Party", remote: Remote) -> None:
        """Salesforce answers every token error with 400."""
        attempt = party.start("salesforce")
        code = remote.code(attempt.authorization_url(), "dana")
        answer = party.redeem(attempt, code, client_secret="wrong")
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


class TestMicrosoft:
    """Tenants, templates, and no evidence but `xms_edov`."""

    @pytest.mark.parametrize(
        ("tenant", "issuer"),
        [
            ("common", "{tenantid}"),
            ("organizations", "{tenantid}"),
            ("consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"),
            (MICROSOFT_TENANT, MICROSOFT_TENANT),
        ],
    )
    def test_the_issuer_is_a_template_for_many_tenants(self, party: "Party", tenant: str, issuer: str) -> None:
        """`common` and `organizations` speak for many, and say so; endpoints stay with the tenant that was asked."""
        found = party.document("microsoft", f"/{tenant}/v2.0/.well-known/openid-configuration").json()
        assert found["issuer"] == f"{party.url}/microsoft/{issuer}/v2.0"
        assert found["token_endpoint"] == f"{party.url}/microsoft/{tenant}/oauth2/v2.0/token"
        assert "code_challenge_methods_supported" not in found
        keys = requests.get(found["jwks_uri"], timeout=30).json()["keys"]
        assert {key["issuer"] for key in keys} == {f"{party.url}/microsoft/{{tenantid}}/v2.0"}
        assert not any("alg" in key for key in keys)

    def test_a_tenant_that_is_not_there(self, party: "Party") -> None:
        """An unknown tenant has no documents."""
        path = "/11111111-2222-3333-4444-555555555555/v2.0/.well-known/openid-configuration"
        assert party.document("microsoft", path).status_code == 404

    @pytest.mark.parametrize("persona", people())
    def test_the_token_says_which_tenant(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """The template filled by `tid` is `iss`; the address comes with `xms_edov`, and `email_verified` does not exist."""
        _, token = signed_in("microsoft", persona.key)
        claims = id_claims(party, token, f"{party.url}/microsoft/common/discovery/v2.0/keys")
        assert claims["iss"] == f"{party.url}/microsoft/{claims['tid']}/v2.0"
        assert claims["tid"] + claims["oid"] == persona.uid("microsoft")
        assert claims["sub"] not in (claims["oid"], persona.uid("microsoft"))
        assert claims.get("email") == persona.email
        assert claims.get("xms_edov") == (persona.email_verified if persona.email else None)
        assert "email_verified" not in claims
        assert "email_verified" not in party.user("microsoft", token["access_token"]).json()

    def test_errors_are_numbered(self, party: "Party") -> None:
        """AADSTS, traces and a timestamp; Graph has an error object of its own."""
        answer = party.redeem(party.start("microsoft"), "no-such-code")
        assert (answer.status_code, answer.json()["error"], answer.json()["error_codes"]) == (400, "invalid_grant", [70000])
        assert answer.json()["error_description"].startswith("AADSTS70000: ")
        assert party.user("microsoft", "wrong").json()["error"]["code"] == "InvalidAuthenticationToken"


class TestDingTalk:
    """JSON in camelCase, `authCode`, a header of its own."""

    @pytest.mark.parametrize("persona", people())
    def test_facts(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """`unionId` is who, `openId` is not; an address comes without a word on whether it is theirs."""
        _, token = signed_in("dingtalk", persona.key)
        assert set(token) == {"accessToken", "refreshToken", "expireIn"}
        said = party.user("dingtalk", token["accessToken"]).json()
        assert said["unionId"] == persona.uid("dingtalk") != said["openId"]
        assert (said["nick"], said.get("email")) == (persona.name, persona.email)

    def test_the_callback_calls_the_code_by_another_name(self, party: "Party", remote: Remote) -> None:
        """`authCode`, and nothing that is called `code`."""
        attempt = party.start("dingtalk")
        assert set(remote.choose(attempt.authorization_url(), "dana")) == {"authCode", "state"}

    def test_a_form_is_nothing(self, party: "Party", remote: Remote) -> None:
        """The exchange of RFC 6749 gets no token here, and neither does a bearer header a person."""
        attempt = party.start("dingtalk")
        code = remote.code(attempt.authorization_url(), "dana")
        form = {"grant_type": "authorization_code", "code": code, "client_id": "cellbridge"}
        secret = {"client_secret": party.client_secrets["dingtalk"]}
        url = f"{party.url}/dingtalk/v1.0/oauth2/userAccessToken"
        assert requests.post(url, data=form | secret, timeout=30).status_code == 400
        token = party.access_token(party.redeem(attempt, code))
        me = f"{party.url}/dingtalk/v1.0/contact/users/me"
        assert requests.get(me, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 401

    def test_errors(self, party: "Party") -> None:
        """`code`, `message`, `requestid`, in the exchange and in the API."""
        for answer in (party.redeem(party.start("dingtalk"), "no-such-code"), party.user("dingtalk", "wrong")):
            assert set(answer.json()) == {"code", "message", "requestid"}
            assert answer.status_code in (400, 401)


class TestAliCloud:
    """A lifetime in text, names like addresses, no email."""

    @pytest.mark.parametrize("persona", people())
    def test_facts(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """An account's owner has a `login_name`, its user a `upn`; nobody has an `email`, in either document."""
        _, token = signed_in("alicloud", persona.key)
        assert token["expires_in"] == "3599"
        said = party.user("alicloud", token["access_token"]).json()
        owner = persona.home is None
        assert ("login_name" in said, "upn" in said) == (owner, not owner)
        assert set(said) == {"sub", "aid", "uid", "bid", "name", "login_name" if owner else "upn"}
        assert said["sub"] == persona.uid("alicloud")
        assert "email" not in id_claims(party, token, f"{party.url}/alicloud/v1/keys")

    def test_claims_follow_its_own_scopes(self, party: "Party", remote: Remote) -> None:
        """Without `aliuid` and `profile` there is a `sub` and no more."""
        attempt = party.start("alicloud")
        code = remote.code(attempt.authorization_url(scope="openid email"), "dana")
        token = party.access_token(party.redeem(attempt, code)) or ""
        assert set(party.user("alicloud", token).json()) == {"sub"}

    def test_revocation(self, party: "Party", signed_in: SignIn) -> None:
        """A revoked token opens nothing."""
        _, token = signed_in("alicloud", "dana")
        form = {"client_id": "cellbridge", "client_secret": party.client_secrets["alicloud"], "token": token["access_token"]}
        assert requests.post(f"{party.url}/alicloud/v1/revoke", data=form, timeout=30).status_code == 200
        assert not party.opens("alicloud", token["access_token"])


class TestCasdoor:
    """The ID token says the truth, userinfo does not."""

    @pytest.mark.parametrize("persona", people())
    def test_userinfo_vouches_for_everybody(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """`email_verified` is true at userinfo whatever it is; the ID token leaves it out where it is not."""
        _, token = signed_in("casdoor", persona.key)
        said = party.user("casdoor", token["access_token"]).json()
        claims = id_claims(party, token, f"{party.url}/casdoor/.well-known/jwks")
        assert said["sub"] == claims["sub"] == persona.uid("casdoor")
        assert said.get("email_verified") is (True if persona.email else None)
        assert claims.get("email_verified") is (True if persona.email_verified else None)
        assert claims.get("email") == persona.email
        assert (claims["preferred_username"], claims["name"]) == (persona.username, persona.name)

    def test_a_wrong_token_is_answered_with_200(self, party: "Party") -> None:
        """`status: error` is in the body alone."""
        answer = party.user("casdoor", "wrong")
        assert (answer.status_code, answer.json()["status"], answer.json()["sub"]) == (200, "error", "")

    def test_discovery_does_not_tell_how_to_authenticate(self, party: "Party") -> None:
        """The default of the specification applies: HTTP Basic."""
        found = party.document("casdoor", "/.well-known/openid-configuration").json()
        assert "token_endpoint_auth_methods_supported" not in found


@pytest.mark.parametrize("persona", people())
def test_authentik(party: "Party", signed_in: SignIn, persona: Persona) -> None:
    """The issuer ends with a slash, is the application's own, and the claims are in the ID token too."""
    _, token = signed_in("authentik", persona.key)
    found = party.document("authentik", "/application/o/cellbridge/.well-known/openid-configuration").json()
    claims = id_claims(party, token, found["jwks_uri"])
    assert found["issuer"] == claims["iss"] == f"{party.url}/authentik/application/o/cellbridge/"
    assert claims["sub"] == persona.uid("authentik")
    assert (claims.get("email"), claims.get("email_verified", False)) == (persona.email, persona.email_verified)
    assert found["token_endpoint"].endswith("/application/o/token/")


class TestSlack:
    """HTTP 200 for everything, and two claims for who."""

    @pytest.mark.parametrize("persona", people())
    def test_facts(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """`sub` is a user of one workspace; team and user are in claims named by URLs; `ok` says that it went well."""
        _, token = signed_in("slack", persona.key)
        assert set(token) == {"ok", "access_token", "token_type", "id_token"}
        claims = id_claims(party, token, f"{party.url}/slack/openid/connect/keys")
        said = party.user("slack", token["access_token"]).json()
        assert (token["ok"], said["ok"], "ok" in claims) == (True, True, False)
        for document in (claims, said):
            team, user = document["https://slack.com/team_id"], document["https://slack.com/user_id"]
            assert (f"{team}/{user}", document["sub"], team) == (persona.uid("slack"), user, SLACK_TEAM)
            assert (document.get("email"), document.get("email_verified", False)) == (persona.email, persona.email_verified)

    def test_errors_have_200(self, party: "Party", remote: Remote) -> None:
        """`ok` is false and `error` says why, for codes, secrets and tokens."""
        attempt = party.start("slack")
        code = remote.code(attempt.authorization_url(), "dana")
        answers = [
            party.redeem(attempt, "no-such-code"),
            party.redeem(attempt, code, client_secret="wrong"),
            party.user("slack", "wrong"),
        ]
        assert [(answer.status_code, answer.json()["ok"], answer.json()["error"]) for answer in answers] == [
            (200, False, "invalid_code"),
            (200, False, "bad_client_secret"),
            (200, False, "invalid_auth"),
        ]


class TestAtlassian:
    """An audience, sites, and a person at one of them."""

    @pytest.mark.parametrize("persona", people())
    def test_facts(self, party: "Party", signed_in: SignIn, persona: Persona) -> None:
        """The token tells the sites, a site tells the person; an address comes without a word on whether it is theirs."""
        _, token = signed_in("atlassian_oauth2", persona.key)
        (site,) = party.user("atlassian_oauth2", token["access_token"]).json()
        assert site["scopes"] == ["read:jira-user"]
        path = f"/ex/jira/{site['id']}/rest/api/3/myself"
        said = party.user("atlassian_oauth2", token["access_token"], path).json()
        assert said["accountId"] == persona.uid("atlassian_oauth2")
        assert (said["displayName"], said.get("emailAddress")) == (persona.name, persona.email)
        elsewhere = party.user("atlassian_oauth2", token["access_token"], path.replace(site["id"], "another-site"))
        assert elsewhere.status_code == 404

    @pytest.mark.parametrize("missing", ["audience", "prompt"])
    def test_the_request_names_the_audience_and_asks_for_consent(self, party: "Party", remote: Remote, missing: str) -> None:
        """Without either the person sees a page and goes nowhere."""
        with pytest.raises(StandInRefused, match=missing):
            remote.choose(party.start("atlassian_oauth2").authorization_url(**{missing: None}), "dana")

    def test_the_exchange_may_be_json(self, party: "Party", remote: Remote) -> None:
        """Atlassian's documents show JSON, and forms work as well."""
        attempt = party.start("atlassian_oauth2")
        code = remote.code(attempt.authorization_url(), "dana")
        body = {
            "grant_type": "authorization_code",
            "client_id": "cellbridge",
            "client_secret": party.client_secrets["atlassian_oauth2"],
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        answer = requests.post(f"{party.url}/atlassian_oauth2/oauth/token", json=body, timeout=30)
        assert party.opens("atlassian_oauth2", answer.json()["access_token"])


@pytest.mark.parametrize("persona", people())
def test_generic_oauth2_nests(party: "Party", signed_in: SignIn, persona: Persona) -> None:
    """The number, the name and the address stand inside objects; without an address the object is null."""
    _, token = signed_in("oauth2", persona.key)
    user = party.user("oauth2", token["access_token"]).json()["user"]
    assert (str(user["id"]), user["login"], user["profile"]["full_name"]) == (
        persona.uid("oauth2"),
        persona.username,
        persona.name,
    )
    expected = {"address": persona.email, "confirmed": persona.email_verified} if persona.email else None
    assert user["mail"] == expected


@pytest.mark.parametrize("provider", WIRES)
def test_every_provider_names_everybody_differently(provider: str) -> None:
    """No two people share a uid anywhere, and none is longer than the 255 characters that OIDC Core 2 allows."""
    uids = [persona.uid(provider) for persona in PERSONAS]
    assert len(set(uids)) == len(uids)
    assert all(0 < len(uid) <= 255 and uid.isascii() for uid in uids)


@pytest.mark.parametrize("provider", [name for name in WIRES if name != "google_oauth2"])
def test_a_person_may_say_no_everywhere(party: "Party", remote: Remote, provider: str) -> None:
    """Dee goes back with `access_denied`, our state and no code."""
    attempt = party.start(provider)
    answer = requests.post(attempt.authorization_url(), data={"persona": "dee"}, timeout=30, allow_redirects=False)
    said = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (said["error"], said["state"]) == (["access_denied"], [attempt.state])
    assert said.keys().isdisjoint({"code", "authCode"})
    assert remote.choose(attempt.authorization_url(), None)["error"] == "access_denied"
