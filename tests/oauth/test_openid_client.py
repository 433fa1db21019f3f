"""Beside the ID token: userinfo adds to it and never replaces it, and a callback belongs to its issuer."""

from typing import Any

import pytest

from bridge.errors import ProviderBadReply, ProviderBadToken
from tests.oauth.loopback import json_answer
from tests.oauth.signing_issuer import IssuersClient


class TestUserinfo:
    """Userinfo adds to the token, of the same person, and email and evidence come from one document."""

    def test_it_is_asked_only_for_what_the_token_lacks(self, client: IssuersClient) -> None:
        """A token with email, evidence and name saves the person a round trip."""
        whole = {"email": "dana@acme.example", "email_verified": False, "name": "Dana"}
        client.claims(client.issuer.sign(client.issuer.claims(client.attempt, **whole)))
        assert not client.issuer.server.asked("GET", "/op/userinfo")
        client.claims(client.issuer.sign(client.issuer.claims(client.attempt)))
        [received] = client.issuer.server.asked("GET", "/op/userinfo")
        assert received.headers["authorization"] == "Bearer at-1"

    def test_another_sub_is_refused(self, client: IssuersClient) -> None:
        """OIDC Core 5.3.2: the access token of somebody else was slipped in."""
        client.issuer.server.on("GET", "/op/userinfo", json_answer({"sub": "person-2", "email": "a@b.example"}))
        with pytest.raises(ProviderBadToken) as refused:
            client.claims(client.issuer.sign(client.issuer.claims(client.attempt)))
        assert refused.value.reason.startswith("sub: ")

    @pytest.mark.parametrize("userinfo", [{}, {"sub": None}, {"sub": 7}, {"sub": ""}])
    def test_no_sub_is_refused(self, client: IssuersClient, userinfo: dict[str, Any]) -> None:
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
        self, client: IssuersClient, token: dict[str, Any], userinfo: dict[str, Any], email: str | None, verified: bool
    ) -> None:
        """ "Verified" of one document must not vouch for the address of another."""
        client.issuer.server.on("GET", "/op/userinfo", json_answer({"sub": "person-1", **userinfo}))
        claims = client.claims(client.issuer.sign(client.issuer.claims(client.attempt, **token)))
        assert claims.optional_text("email") == email
        assert claims.is_true("email_verified") is verified

    def test_the_token_wins_where_both_speak(self, client: IssuersClient) -> None:
        """What is signed is not replaced by what is not."""
        client.issuer.server.on("GET", "/op/userinfo", json_answer({"sub": "person-1", "name": "U", "picture": "p"}))
        claims = client.claims(client.issuer.sign(client.issuer.claims(client.attempt, name="T")))
        assert (claims.text("name"), claims.text("picture")) == ("T", "p")


class TestMixUp:
    """RFC 9207: the callback may say which issuer sent it."""

    def test_another_issuers_callback_is_refused_before_the_code_travels(self, client: IssuersClient) -> None:
        """Its code must not reach our provider's token endpoint, nor the reverse."""
        raw = client.issuer.sign(client.issuer.claims(client.attempt))
        with pytest.raises(ProviderBadReply):
            client.claims(raw, iss="https://evil.example")
        assert not client.issuer.server.asked("POST", "/op/token")
        client.claims(raw, iss=client.issuer.url)

    def test_an_issuer_that_names_itself_must_do_so(self, client: IssuersClient) -> None:
        """RFC 9207 2.4: if it is announced, a callback without it is not the issuer's."""
        client.issuer.metadata["authorization_response_iss_parameter_supported"] = True
        raw = client.issuer.sign(client.issuer.claims(client.attempt))
        with pytest.raises(ProviderBadReply):
            client.claims(raw)
        assert not client.issuer.server.asked("POST", "/op/token")
        client.claims(raw, iss=client.issuer.url)
