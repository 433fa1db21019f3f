"""The service's API as an application: shapes, refusals, the token, the caps."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bridge.config import TopologyConfig, load
from bridge.errors import ConfigInvalid
from bridge.topology.service import create_app
from tests.topology.conftest import TOKEN

ACME = {
    "organization": {"id": 42, "path": "acme"},
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


def is_refused(response: TestResponse, status: int, code: int) -> bool:
    """Whether *response* is a refusal of this status and gRPC code in the real service's shape."""
    body = response.get_json()
    assert set(body) == {"code", "message", "details"}
    assert body["details"] == []
    return (response.status_code, body["code"]) == (status, code)


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


class TestClassify:
    """POST /v1/classify in the real service's shape."""

    @pytest.mark.parametrize(
        ("body", "address"),
        [
            ({"type": "SESSION_PREFIX", "value": "cell-2"}, "127.0.0.1:8102"),
            ({"type": "CELL_ID", "value": "3"}, "[::1]:8103"),
            ({"type": "FIRST_CELL"}, "127.0.0.1:8101"),
            ({"claim": {"email": "a@acme.example"}}, "127.0.0.1:8102"),
            ({"claim": {"organization_path": "initech"}}, "[::1]:8103"),
            ({"claim": {"organization_id": "42"}}, "127.0.0.1:8102"),
            ({"claim": {"organization_id": 77}}, "[::1]:8103"),
            ({"claims": [{"organization_path": "initech"}, {"email": "a@acme.example"}]}, "[::1]:8103"),
            ({"claims": [{"organization_path": "none"}, {"username": "dana"}, {"email": "a@acme.example"}]}, "127.0.0.1:8102"),
        ],
    )
    def test_the_first_known_claim_names_the_cell(self, api: FlaskClient, body: dict[str, Any], address: str) -> None:
        """Claims are tried in their order; kinds that this directory does not keep are unknown."""
        response = api.post(CLASSIFY, json=body)
        assert response.get_json() == {"action": "PROXY", "proxy": {"address": address}}

    def test_a_claimed_address_is_classified_too(self, api: FlaskClient) -> None:
        """Classification and lookup answer from the same claims."""
        api.post(CLAIMS, json={"organization_id": 77, "email": "eve@free.example"})
        response = api.post(CLASSIFY, json={"claim": {"email": "eve@free.example"}})
        assert response.get_json()["proxy"] == {"address": "[::1]:8103"}

    @pytest.mark.parametrize(
        "body",
        [
            {"type": "SESSION_PREFIX", "value": "cell-9"},
            {"type": "CELL_ID", "value": "9"},
            {"claim": {"email": "a@nowhere.example"}},
            {"claim": {"username": "dana"}},
            {"claims": [{"organization_path": "none"}, {"organization_id": 9}]},
        ],
    )
    def test_unknown_is_404_with_code_5(self, api: FlaskClient, body: dict[str, Any]) -> None:
        """gRPC's NOT_FOUND, as the real service's gateway shows it."""
        assert is_refused(api.post(CLASSIFY, json=body), 404, 5)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"type": "SESSION_PREFIX"},
            {"type": 2, "value": "cell-2"},
            {"type": "SESSION_PREFIX", "value": 2},
            {"type": "BUCKET", "value": "x"},
            {"type": "CELL_ID", "value": "two"},
            {"type": "CELL_ID", "value": "٣"},
            {"type": "CELL_ID", "value": "9" * 20},
            {"type": "FIRST_CELL", "claims": []},
            {"claim": {}},
            {"claim": {"email": "a@acme.example", "organization_id": 77}},
            {"claim": {"surname": "x"}},
            {"claim": {"email": "nobody"}},
            {"claim": {"organization_path": 3}},
            {"claim": "acme"},
            {"claims": []},
            {"claims": {"email": "a@acme.example"}},
            {"claims": [{"email": "a@acme.example"}, {"surname": "x"}]},
            {"claims": [{"email": "a@acme.example"}] * 21},
            {"claim": {"email": "a@acme.example"}, "claims": []},
        ],
    )
    def test_a_request_of_another_form_is_refused(self, api: FlaskClient, body: dict[str, Any]) -> None:
        """The whole list is read first: a bad member is refused even behind one that would have been answered."""
        assert is_refused(api.post(CLASSIFY, json=body), 400, 3)


class TestCells:
    """GET /v1/cells."""

    def test_all_cells_are_listed(self, api: FlaskClient) -> None:
        """With what the real service says of each: id, address, session prefix."""
        cells = api.get("/v1/cells").get_json()["cells"]
        assert [cell["id"] for cell in cells] == [1, 2, 3]
        assert cells[1] == ACME["cell"]


class TestRoute:
    """GET /route."""

    def test_the_cell_is_in_a_header(self, api: FlaskClient) -> None:
        """The router copies it; nobody may keep the answer."""
        response = api.get("/route", headers={"X-Forwarded-Method": "POST", "X-Forwarded-Uri": "/o/acme/auth/saml/callback"})
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers["X-Cell-Address"] == "127.0.0.1:8102"
        assert response.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        ("cookie", "address"),
        [
            ("cb-42=cell-2-x", "127.0.0.1:8102"),
            ("theme=dark; __Host-cb-77=cell-3-x", "[::1]:8103"),
            ('cb-77="cell-3-x"', "[::1]:8103"),
            ("cb-42=cell-2-x; cb-42=cell-3-x", "127.0.0.1:8101"),
            ("cb-42=cell-2-x; __Host-cb-77=cell-3-x", "127.0.0.1:8101"),
            ("; ;=;cb-42", "127.0.0.1:8101"),
        ],
    )
    def test_the_cookie_header_is_read_whole(self, api: FlaskClient, cookie: str, address: str) -> None:
        """The same name twice is two cookies, of which none may win silently."""
        stranger = api.application.test_client(use_cookies=False)
        response = stranger.get("/route", headers={"X-Forwarded-Uri": "/", "Cookie": cookie})
        assert response.headers["X-Cell-Address"] == address

    @pytest.mark.parametrize("headers", [{}, {"X-Forwarded-Uri": ""}])
    def test_a_question_without_an_address_is_refused(self, api: FlaskClient, headers: dict[str, str]) -> None:
        """A router that is set up wrongly must not send everybody to the legacy cell."""
        response = api.get("/route", headers=headers)
        assert is_refused(response, 400, 3)
        assert "X-Cell-Address" not in response.headers


class TestOperations:
    """Health, metrics and errors."""

    def test_ready_tells_when_the_claims_cannot_be_read(self, api: FlaskClient, tmp_path: Path) -> None:
        """Without its table the service is alive and not ready, lookups are 503, and the router still has its answer."""
        with closing(sqlite3.connect(tmp_path / "claims.db")) as database:
            database.execute("DROP TABLE claims")
        assert api.get("/-/healthz").status_code == 200
        assert api.get("/-/readyz").status_code == 503
        response = api.post(LOOKUP, json=GITHUB)
        assert is_refused(response, 503, 14)
        assert response.headers["Retry-After"] == "5"
        assert api.get("/route", headers={"X-Forwarded-Uri": "/o/acme/"}).status_code == 200

    def test_requests_are_counted_by_route_and_status(self, api: FlaskClient) -> None:
        """Labels come from the code, never from the request."""
        api.post(LOOKUP, json=GITHUB)
        api.get("/v1/dana@mail.example")
        metrics = api.get("/-/metrics").text
        assert 'route="/v1/organizations/lookup",service="topology",status="404"' in metrics
        assert "dana" not in metrics

    @pytest.mark.parametrize(
        ("method", "path", "status"), [("GET", "/nothing", 404), ("GET", LOOKUP, 405), ("PUT", CLAIMS, 405)]
    )
    def test_every_error_is_json(self, api: FlaskClient, method: str, path: str, status: int) -> None:
        """Clients read one shape; a 405 says UNIMPLEMENTED."""
        assert is_refused(api.open(path, method=method), status, {404: 5, 405: 12}[status])

    def test_a_crash_says_nothing(self, topology_config: TopologyConfig) -> None:
        """An error that nobody foresaw is code 13, without its text."""
        app = create_app(topology_config)

        @app.get("/crash")
        def crash() -> str:
            raise RuntimeError("dana@mail.example")

        response = app.test_client().get("/crash")
        assert is_refused(response, 500, 13)
        assert "dana" not in response.text

    def test_a_directory_with_problems_does_not_start(self, topology_config: TopologyConfig, directory_file: Path) -> None:
        """Half a directory would send people to the wrong cell."""
        directory_file.write_text(directory_file.read_text("utf-8").replace("id = 43", "id = 42"), "utf-8")
        with pytest.raises(ConfigInvalid):
            create_app(topology_config)

    def test_the_configuration_needs_a_directory_file(self, tmp_path: Path) -> None:
        """There is no default directory."""
        path = tmp_path / "topology2.toml"
        path.write_text('[service]\ndatabase_url = "sqlite:///claims.db"\n', "utf-8")
        with pytest.raises(ConfigInvalid) as refusal:
            load(TopologyConfig, path, {})
        assert refusal.value.problems == ("service.directory_file: is missing",)
