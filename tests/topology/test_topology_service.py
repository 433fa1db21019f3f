"""The service's API as an application: shapes, refusals, the token, the caps."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from bridge.config import TopologyConfig
from bridge.topology.service import create_app
from tests.topology.conftest import TOKEN, is_refused

ACME = {
    "organization": {"id": 42, "path": "acme", "name": "Acme & Söhne"},
    "cell": {"id": 2, "address": "127.0.0.1:8102", "session_prefix": "cell-2"},
}
INITECH = {
    "organization": {
        "id": 77,
        "path": "initech",
        "acs_url": "https://gitlab.example/users/auth/saml/callback",
        "sp_entity_id": "https://gitlab.example",
    },
    "cell": {"id": 3, "address": "[::1]:8103", "session_prefix": "cell-3"},
}
GITHUB = {"identity": {"provider": "github", "uid": "1001"}}
LOOKUP, CLAIMS, CLASSIFY = "/v1/organizations/lookup", "/v1/claims", "/v1/classify"


class TestLookup:
    """POST /v1/organizations/lookup."""

    def test_an_email_is_answered_with_organization_and_cell(self, api: FlaskClient) -> None:
        """By single address and by domain, in any letter case, with a Unicode domain."""
        for email in ("dana@mail.example", "X@ACME.example", "a@bücher.example"):
            response = api.post(LOOKUP, json={"email": email})
            assert (response.status_code, response.get_json()) == (200, ACME)

    def test_a_foreign_receiving_end_is_part_of_the_answer(self, api: FlaskClient) -> None:
        """The legacy cell must address its handoff to that end, not to ours."""
        assert api.post(LOOKUP, json={"email": "a@initech.example"}).get_json() == INITECH

    @pytest.mark.parametrize("body", [{"email": "a@nowhere.example"}, GITHUB])
    def test_unknown_is_404_with_code_5(self, api: FlaskClient, body: dict[str, Any]) -> None:
        """The real service's NOT_FOUND, which says nothing of who was asked for."""
        response = api.post(LOOKUP, json=body)
        assert is_refused(response, 404, 5)
        assert "nowhere" not in response.text

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"email": None},
            {"email": 3},
            {"email": ["a@acme.example"]},
            {"email": "a@acme.example, b@acme.example"},
            {"email": " a@acme.example"},
            {"email": "ä@acme.example"},
            {"email": "a@acme.example", "identity": GITHUB["identity"]},
            {"email": "a@acme.example", "x": 1},
            {"identity": "github:1001"},
            {"identity": {"provider": "github"}},
            {"identity": {"provider": "github", "uid": 1001}},
            {"identity": {"provider": "github", "uid": ""}},
            {"identity": {"provider": "Git Hub", "uid": "1"}},
            {"identity": {"provider": "github", "uid": "1\r\n2"}},
            {"identity": {"provider": "github", "uid": "1" * 256}},
            {"identity": {"provider": "github", "uid": "1", "x": 1}},
        ],
    )
    def test_a_request_of_another_form_is_refused(self, api: FlaskClient, body: dict[str, Any]) -> None:
        """Zero and two subjects, wrong types and values that are none are INVALID_ARGUMENT, and nothing is guessed."""
        assert is_refused(api.post(LOOKUP, json=body), 400, 3)


class TestBody:
    """What is no JSON object within the cap is refused before it is read further."""

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"[]",
            b'"email"',
            b"null",
            b"{",
            b"\xff{}",
            b'{"email": NaN}',
            b"[" * 60_000,
            b'{"email": "a@acme.example", "email": "b@initech.example"}',
            b'{"identity": {"provider": "github", "uid": "1", "uid": "2"}}',
        ],
    )
    def test_what_is_no_json_object_is_refused(self, api: FlaskClient, raw: bytes) -> None:
        """A key that stands twice has two values, of which two readers may take different ones."""
        assert is_refused(api.post(LOOKUP, data=raw, content_type="application/json"), 400, 3)

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
    def test_a_body_must_call_itself_json(self, api: FlaskClient, content_type: str) -> None:
        """A form of some web page can send every other content type."""
        response = api.post(LOOKUP, data=json.dumps({"email": "a@acme.example"}), content_type=content_type)
        assert is_refused(response, 400, 3)

    def test_a_body_over_64_kib_is_refused(self, api: FlaskClient) -> None:
        """The cap counts whatever the body says."""
        body = json.dumps({"email": "a@acme.example"})
        assert api.post(LOOKUP, data=body.ljust(64 * 1024), content_type="application/json").status_code == 200
        response = api.post(LOOKUP, data=body.ljust(64 * 1024 + 1), content_type="application/json")
        assert is_refused(response, 413, 11)


class TestToken:
    """The API wants its bearer token."""

    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", LOOKUP), ("POST", CLASSIFY), ("POST", CLAIMS), ("DELETE", CLAIMS), ("GET", "/v1/cells"), ("GET", "/v1/none")],
    )
    @pytest.mark.parametrize(
        "header", [None, "", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"bearer {TOKEN}", TOKEN, "Bearer \xff"]
    )
    def test_without_the_very_token_nothing_under_v1_answers(
        self, api: FlaskClient, method: str, path: str, header: str | None
    ) -> None:
        """401 for every path, with nothing claimed."""
        headers = {} if header is None else {"Authorization": header}
        stranger = api.application.test_client()
        response = stranger.open(path, method=method, headers=headers, json={"organization_id": 42, **GITHUB})
        assert is_refused(response, 401, 16)
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert is_refused(api.post(LOOKUP, json=GITHUB), 404, 5)

    def test_router_and_watchers_need_none(self, api: FlaskClient) -> None:
        """The router has no token, and asks for nothing that a browser may not cause."""
        stranger = api.application.test_client()
        assert stranger.get("/route", headers={"X-Forwarded-Uri": "/"}).status_code == 200
        assert [stranger.get(f"/-/{name}").status_code for name in ("healthz", "readyz", "metrics")] == [200, 200, 200]

    def test_a_service_without_a_token_asks_for_none(self, topology_config: TopologyConfig) -> None:
        """A private network may do without."""
        config = topology_config.model_copy(update={"service": topology_config.service.model_copy(update={"token": None})})
        assert create_app(config).test_client().get("/v1/cells").status_code == 200


class TestClaims:
    """POST and DELETE /v1/claims."""

    def test_a_claimed_identity_is_found_until_it_is_released(self, api: FlaskClient) -> None:
        """This is how a provider without an email works the second time."""
        assert api.post(CLAIMS, json={"organization_id": 42, **GITHUB}).get_json() == ACME
        assert api.post(LOOKUP, json=GITHUB).get_json() == ACME
        assert api.delete(CLAIMS, json={"organization_id": 42, **GITHUB}).status_code == 200
        assert is_refused(api.post(LOOKUP, json=GITHUB), 404, 5)

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_a_claim_of_another_organization_is_a_conflict(self, api: FlaskClient, method: str) -> None:
        """409, without a word about the holder, and the holder keeps it."""
        api.post(CLAIMS, json={"organization_id": 77, **GITHUB})
        response = api.open(CLAIMS, method=method, json={"organization_id": 42, **GITHUB})
        assert is_refused(response, 409, 6)
        assert "initech" not in response.text
        assert "77" not in response.text
        assert api.post(LOOKUP, json=GITHUB).get_json() == INITECH

    @pytest.mark.parametrize("email", ["dana@mail.example", "anybody@acme.example"])
    def test_what_the_directory_gives_to_one_no_other_may_claim(self, api: FlaskClient, email: str) -> None:
        """One email belongs to one organization, and the file decides before every claim."""
        assert is_refused(api.post(CLAIMS, json={"organization_id": 77, "email": email}), 409, 6)
        assert api.post(CLAIMS, json={"organization_id": 42, "email": email}).status_code == 200
        assert api.post(LOOKUP, json={"email": email}).get_json() == ACME

    def test_a_claimed_address_counts_for_itself_alone(self, api: FlaskClient) -> None:
        """Its neighbours stay unknown."""
        api.post(CLAIMS, json={"organization_id": 77, "email": "Eve@free.example"})
        assert api.post(LOOKUP, json={"email": "eve@free.example"}).get_json() == INITECH
        assert is_refused(api.post(LOOKUP, json={"email": "eva@free.example"}), 404, 5)

    @pytest.mark.parametrize("org_id", [0, -1, True, "42", 42.0, None, 2**63, [42]])
    def test_an_organization_id_is_a_positive_whole_number(self, api: FlaskClient, org_id: object) -> None:
        """Nothing is turned into a number, and nothing is claimed."""
        assert is_refused(api.post(CLAIMS, json={"organization_id": org_id, **GITHUB}), 400, 3)
        assert is_refused(api.post(LOOKUP, json=GITHUB), 404, 5)

    def test_an_unknown_organization_claims_nothing(self, api: FlaskClient) -> None:
        """Otherwise a slip would block the identity for everybody."""
        assert is_refused(api.post(CLAIMS, json={"organization_id": 999, **GITHUB}), 404, 5)
        assert api.post(CLAIMS, json={"organization_id": 42, **GITHUB}).status_code == 200

    def test_a_claim_of_an_organization_that_left_the_file_counts_for_nothing(
        self, api: FlaskClient, topology_config: TopologyConfig, directory_file: Path
    ) -> None:
        """There is no cell to send anybody to."""
        api.post(CLAIMS, json={"organization_id": 77, **GITHUB})
        text = directory_file.read_text("utf-8")
        directory_file.write_text(text[: text.index("[[organization]]\nid = 77")], "utf-8")
        later = create_app(topology_config).test_client()
        response = later.post(LOOKUP, json=GITHUB, headers={"Authorization": f"Bearer {TOKEN}"})
        assert is_refused(response, 404, 5)

    def test_claims_survive_a_restart(self, api: FlaskClient, topology_config: TopologyConfig) -> None:
        """They live in the database, not in a process."""
        api.post(CLAIMS, json={"organization_id": 42, **GITHUB})
        later = create_app(topology_config).test_client()
        assert later.post(LOOKUP, json=GITHUB, headers={"Authorization": f"Bearer {TOKEN}"}).get_json() == ACME


class TestCells:
    """GET /v1/cells."""

    def test_all_cells_are_listed(self, api: FlaskClient) -> None:
        """With what the real service says of each: id, address, session prefix."""
        cells = api.get("/v1/cells").get_json()["cells"]
        assert [cell["id"] for cell in cells] == [1, 2, 3]
        assert cells[1] == ACME["cell"]
