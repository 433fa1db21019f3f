"""What router, watchers and operators meet: /route, health, metrics, errors, a start that fails."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from bridge.config import TopologyConfig, load
from bridge.errors import ConfigInvalid
from bridge.topology.service import create_app
from tests.topology.conftest import is_refused

GITHUB = {"identity": {"provider": "github", "uid": "1001"}}
LOOKUP, CLAIMS = "/v1/organizations/lookup", "/v1/claims"


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
