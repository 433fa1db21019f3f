"""The deployed router: where requests go, what clients cannot say, what it refuses, and what it writes down."""

import json

import pytest

from bridge.harness.processes import wait_until
from tests.topology.running_router import Router, cell_of, needs_caddy

pytestmark = [pytest.mark.e2e, needs_caddy]
SECRETS = ("code-4711", "state-4711", "session-4711", "referer-4711")


class TestWhere:
    """Each rule once through the real router; the rules' own tests are in test_routing.py."""

    @pytest.mark.parametrize(
        ("path", "cookie", "expected"),
        [
            ("/", "", "legacy"),
            ("/o/acme/projects/7?tab=2", "", "second"),
            ("/o/nobody/", "", "legacy"),
            ("/users/auth/github/callback?code=c&state=o42.r", "", "second"),
            ("/users/auth/github/callback?code=c&state=r", "cb-42=cell-2-x", "legacy"),
            ("/projects/7", "theme=dark; cb-42=cell-2-x", "second"),
            ("/projects/7", "__Host-cb-42=cell-2-x; __Host-cb-legacy=cell-1-x", "legacy"),
            ("/users/sign_in", "cb-42=cell-2-x", "legacy"),
        ],
    )
    def test_a_request_reaches_its_cell(self, router: Router, path: str, cookie: str, expected: str) -> None:
        """By path, by state, by session, and otherwise the legacy cell; the path arrives as it was sent."""
        answer = router.ask(path, headers={"Cookie": cookie} if cookie else {})
        assert cell_of(answer) == expected
        assert answer.seen["line"] == f"GET {path}"

    @pytest.mark.parametrize(
        "path", ["/o/acme/../x", "//o/acme/", "/o/acme//x", "/O/acme/", "/%256f/acme/", "/o/acme%2f..%2fx", "/o/acme/%2e%2e/x"]
    )
    def test_no_odd_path_fools_it(self, router: Router, path: str) -> None:
        """Caddy hands over what it got, and the rules take it for nothing."""
        answer = router.ask(path)
        assert cell_of(answer) == "legacy"
        assert answer.seen["line"] == f"GET {path}"

    @pytest.mark.parametrize("size", [0, 1, 70_000, 900_000])
    def test_a_posted_body_arrives_whole(self, router: Router, size: int) -> None:
        """The handoff is a POST: asking for the cell must not eat its body, its method or its type."""
        body = bytes(index % 251 for index in range(size))
        answer = router.ask(
            "/o/acme/auth/saml/callback",
            method="POST",
            body=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert cell_of(answer) == "second"
        assert answer.seen["line"] == "POST /o/acme/auth/saml/callback"
        assert bytes.fromhex(str(answer.seen["body"])) == body
        assert answer.header("content-type") == ["application/x-www-form-urlencoded"]

    def test_one_connection_may_go_to_two_cells(self, router: Router) -> None:
        """A browser keeps its connection; each request on it is routed for itself."""
        connection = router.connect()
        found = []
        for path in ("/o/acme/", "/", "/o/acme/"):
            connection.request("GET", path)
            found.append(json.loads(connection.getresponse().read())["cell"])
        connection.close()
        assert found == ["second", "legacy", "second"]


class TestWhatAClientSays:
    """Headers that only the router may write."""

    SPOOFED = (
        ("X-Cell-Address", "{legacy}"),
        ("x-cell-address", "{legacy}"),
        ("X-Forwarded-Uri", "/"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Port", "1"),
        ("X-Forwarded-Prefix", "/evil"),
        ("X-Forwarded-User", "root"),
        ("X-Original-Url", "/"),
        ("X-Real-Ip", "6.6.6.6"),
        ("Forwarded", "for=6.6.6.6;host=evil.example"),
    )

    def test_spoofed_headers_neither_choose_the_cell_nor_reach_it(self, router: Router) -> None:
        """The cell sees the router's own X-Forwarded-For, -Host and -Proto, once each, and nothing of the client's."""
        headers = {name: value.format(legacy=router.legacy.address) for name, value in self.SPOOFED}
        answer = router.ask("/o/acme/", headers=headers)
        assert cell_of(answer) == "second"
        expected = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}
        assert {
            name for name in answer.header_names() if "forwarded" in name or "cell" in name or "original" in name
        } == expected
        assert "x-real-ip" not in answer.header_names()
        assert answer.header("x-forwarded-for") == ["127.0.0.1"]
        assert answer.header("x-forwarded-proto") == ["http"]
        assert answer.header("x-forwarded-host") == [f"localhost:{router.port}"]

    @pytest.mark.parametrize("name", ["X-Cell-Address", "X-Forwarded-Uri", "X-Forwarded-For", "X-Forwarded-Method"])
    def test_a_connection_header_cannot_take_the_routers_own_headers_away(self, router: Router, name: str) -> None:
        """`Connection: X` declares X to be for one hop; a proxy that removes it too late loses what it added itself."""
        answer = router.ask("/o/acme/", headers={"Connection": f"close, {name}", name: router.legacy.address})
        assert cell_of(answer) == "second"
        assert answer.header("x-forwarded-for") == ["127.0.0.1"]

    def test_the_cells_address_is_nobodys_business(self, router: Router) -> None:
        """It goes neither to the cell nor to the browser."""
        answer = router.ask("/o/acme/")
        assert "x-cell-address" not in answer.headers
        assert "x-cell-address" not in answer.header_names()


class TestRefused:
    """What the router itself refuses."""

    @pytest.mark.parametrize(
        "path",
        [
            "/-/healthz",
            "/-/metrics",
            "/-/",
            "/-",
            "/%2d/healthz",
            "/%2D/metrics",
            "//-/healthz",
            "/./-/healthz",
            "/x/../-/metrics",
        ],
    )
    def test_health_and_metrics_are_not_for_browsers(self, router: Router, path: str) -> None:
        """404 in every spelling that a server behind could read as `/-/`; no cell is asked."""
        answer = router.ask(path)
        assert answer.status == 404
        assert b"<h1>There is no page at this address.</h1>" in answer.body

    def test_an_organizations_own_pages_below_a_dash_are_open(self, router: Router) -> None:
        """`/o/acme/-/session` is a page, not a watcher."""
        assert cell_of(router.ask("/o/acme/-/session")) == "second"

    @pytest.mark.parametrize("chunked", [False, True])
    def test_a_body_over_the_cap_is_refused(self, router: Router, chunked: bool) -> None:
        """Announced or not: one megabyte is enough for every handoff."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection = router.connect()
        body = b"x" * 1_200_000
        try:
            if chunked:
                connection.request("POST", "/o/acme/", body=iter([body]), headers=headers, encode_chunked=True)
            else:
                connection.request("POST", "/o/acme/", body=body, headers=headers)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may answer before it has read everything
        response = connection.getresponse()
        assert response.status == 413
        connection.close()

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost.evil.example"])
    def test_another_host_is_not_served(self, router: Router, host: str) -> None:
        """A name that somebody points at this machine (DNS rebinding) opens nothing, and says so; no cell is asked."""
        before = list(router.second.begun)
        answer = router.ask("/o/acme/", headers={"Host": host})
        assert answer.status == 421
        assert router.second.begun == before
        assert b"<code>request.not_found</code>" in answer.body
        assert host.encode() not in answer.body

    def test_too_long_an_address_is_a_400_not_an_outage(self, router: Router) -> None:
        """Trying again would not help."""
        answer = router.ask("/" + "x" * 17_000)
        assert answer.status in (400, 414, 431)
        assert "retry-after" not in answer.headers


class TestLogs:
    """What stays behind."""

    def test_no_query_cookie_or_header_is_logged(self, router: Router) -> None:
        """Also not in the lines about errors, which say where the router could not connect to."""
        code, state, session, referer = SECRETS
        headers = {"Cookie": f"cb-42=cell-2-{session}", "Referer": f"http://localhost/?{referer}"}
        for path in ("/users/auth/github/callback", "/o/initech/down", "/-/healthz", "/o/acme/"):
            router.ask(f"{path}?code={code}&state={state}", headers=headers)
        wait_until(lambda: "/o/initech/down" in router.caddy.log.read_text("utf-8"), seconds=10, what="the error's line")
        for log in (router.caddy.log, router.topology.log):
            assert [secret for secret in SECRETS if secret in log.read_text("utf-8")] == []
        assert "connection refused" in router.caddy.log.read_text("utf-8")
