"""The router's rules: which cell a request goes to, and what must not fool them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.topology.directory import Directory
from bridge.topology.routing import MAX_QUERY_FIELDS, cell_for

LEGACY, SECOND, THIRD = 1, 2, 3
ACME_SESSION = ("__Host-cb-42", "cell-2-abcdef")
INITECH_SESSION = ("__Host-cb-77", "cell-3-abcdef")


def cell_id(directory: Directory, uri: str, *cookies: tuple[str, str]) -> int:
    """Return the id of the cell that the rules choose."""
    return cell_for(directory, uri=uri, cookies=cookies).id


class TestOrgPath:
    """Rule 2: the path of an organization leads to its cell."""

    @pytest.mark.parametrize(
        ("uri", "expected"),
        [
            ("/o/acme/", SECOND),
            ("/o/acme", SECOND),
            ("/o/acme?x=1", SECOND),
            ("/o/acme/auth/saml/callback", SECOND),
            ("/o/acme/projects/a%20b%2Fc?tab=2&u=/../", SECOND),
            ("/o/acme/a..b/.../c", SECOND),
            ("/o/initech/", THIRD),
            ("/%6f/acme/", SECOND),
            ("/o/%61cme/", SECOND),
            ("/o%2Facme/", SECOND),
        ],
    )
    def test_an_organization_lives_on_its_cell(self, directory: Directory, uri: str, expected: int) -> None:
        """Percent-encoding is read once, as the cell's own server reads it: both must see the same organization."""
        assert cell_id(directory, uri) == expected

    @pytest.mark.parametrize(
        "uri", ["/o/", "/o", "/o/nobody/", "/o/Acme/", "/o/ACME", "/o/acme;x/", "/o/acme%00/", "/o/acme%20/"]
    )
    def test_an_unknown_organization_is_told_so_by_the_legacy_cell(self, directory: Directory, uri: str) -> None:
        """Whoever is signed in somewhere still learns that this organization does not exist."""
        assert cell_id(directory, uri, INITECH_SESSION) == LEGACY

    def test_the_path_counts_more_than_session_and_state(self, directory: Directory) -> None:
        """A page of acme is acme's, whoever is signed in at initech in the same browser."""
        assert cell_id(directory, "/o/acme/auth/google/callback?state=o77.x", INITECH_SESSION) == SECOND


class TestPlainPath:
    """Rule 1: what can be read in two ways goes to the legacy cell."""

    @pytest.mark.parametrize(
        "uri",
        [
            "/o/acme/../initech/",
            "/o/acme/..",
            "/o/acme/./x",
            "/o/acme/%2e%2e/initech/",
            "/o/acme/.%2E/initech",
            "/o/acme%2f..%2finitech/",
            "/o/acme/x%2f%2e%2e/y",
            "//o/acme/",
            "/o//acme/",
            "/o/acme//x",
            "/%2fo/acme/",
            "/o/acme\\..\\initech",
            "/o/acme/%5c../",
            "/o/acme/%0d%0aX-Cell-Address:x",
            "/o/acme/%00",
            "o/acme/",
            "",
            "*",
            "https://evil.example/o/acme/",
            "?state=o42.x",
        ],
    )
    def test_a_path_that_is_not_plain_names_no_organization_and_no_session(self, directory: Directory, uri: str) -> None:
        """Servers disagree about such paths, so the one in front must not choose by them."""
        assert cell_id(directory, uri, ACME_SESSION) == LEGACY

    @pytest.mark.parametrize(
        "uri", ["/%252fo/acme/", "/o%252facme/", "/%256f/acme/", "/o/%2561cme/", "/o/acme%252f..%252finitech/"]
    )
    def test_double_encoding_names_no_organization(self, directory: Directory, uri: str) -> None:
        """Decoded twice these are acme; the cell decodes once, and so does the rule."""
        assert cell_id(directory, uri) == LEGACY

    @given(tail=st.text(alphabet=string.printable + "%é\x85", max_size=40))
    def test_an_organizations_prefix_never_leads_to_a_third_cell(self, directory: Directory, tail: str) -> None:
        """Whatever follows `/o/acme/`, the request goes to acme's cell or to the legacy cell."""
        assert cell_id(directory, "/o/acme/" + tail, INITECH_SESSION) in (SECOND, LEGACY)

    @given(uri=st.text(max_size=60), cookie=st.tuples(st.text(max_size=12), st.text(max_size=12)))
    def test_every_request_has_a_cell(self, directory: Directory, uri: str, cookie: tuple[str, str]) -> None:
        """No input makes the rules fail: a request without an answer is a request for an error page."""
        assert cell_id(directory, uri, cookie) in (LEGACY, SECOND, THIRD)


class TestState:
    """Rule 3: an OAuth callback goes to the cell that began the sign-in."""

    @pytest.mark.parametrize("path", ["/users/auth/google_oauth2/callback", "/auth/github/callback"])
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("code=c&state=o42.random", SECOND),
            ("state=o77.random&code=c", THIRD),
            ("state=%6f77%2Erandom", THIRD),
            ("error=access_denied&state=o77.r", THIRD),
            ("code=c&state=random", LEGACY),
            ("code=c", LEGACY),
            ("state=", LEGACY),
            ("state=o999.random", LEGACY),
            ("state=o042.random", LEGACY),
            ("state=o42", LEGACY),
            ("state=O42.random", LEGACY),
            ("state=+o42.random", LEGACY),
            ("state=xo42.random", LEGACY),
            ("state=o٤٢.random", LEGACY),
            ("state=o42.a&state=o77.b", LEGACY),
            ("state=o42.a&st%61te=o77.b", LEGACY),
            ("state=o42.a&state=", LEGACY),
            (f"state=o{'9' * 5000}.x", LEGACY),
            ("state=o42.a" + "&x=1" * MAX_QUERY_FIELDS, LEGACY),
        ],
    )
    def test_one_state_with_an_organizations_id_names_its_cell(
        self, directory: Directory, path: str, query: str, expected: int
    ) -> None:
        """Zero states and two states name nobody: the legacy cell refuses them with a page."""
        assert cell_id(directory, f"{path}?{query}") == expected

    def test_a_session_does_not_take_a_callback_away(self, directory: Directory) -> None:
        """Somebody signed in at acme starts at the global page: the callback is the legacy cell's."""
        assert cell_id(directory, "/users/auth/google_oauth2/callback?state=random", ACME_SESSION) == LEGACY

    @pytest.mark.parametrize(
        "path", ["/users/auth/google_oauth2", "/users/auth/a/b/callback", "/x/auth/a/callback", "/callback", "/"]
    )
    def test_only_callbacks_are_routed_by_state(self, directory: Directory, path: str) -> None:
        """A state in any other address means nothing."""
        assert cell_id(directory, f"{path}?state=o42.random") == LEGACY


class TestGlobalPages:
    """Rule 4: the legacy cell's own pages stay its own."""

    @pytest.mark.parametrize("path", ["/users/sign_in", "/users/auth/github", "/saml/metadata", "/users", "/auth/x"])
    def test_a_session_on_an_owning_cell_does_not_take_them_away(self, directory: Directory, path: str) -> None:
        """Otherwise whoever is signed in at acme could never reach the global page again."""
        assert cell_id(directory, path, ACME_SESSION) == LEGACY


class TestSession:
    """Rule 5: what no other rule claims goes to the cell of the browser's session."""

    @pytest.mark.parametrize("name", ["__Host-cb-42", "cb-42"])
    @pytest.mark.parametrize("path", ["/", "/projects/7", "/O/acme/", "/userspace"])
    def test_a_session_names_its_cell(self, directory: Directory, name: str, path: str) -> None:
        """With the `__Host-` prefix on https and without it on loopback."""
        assert cell_id(directory, path, ("theme", "dark"), (name, "cell-2-abc")) == SECOND

    def test_two_sessions_on_one_cell_agree(self, directory: Directory) -> None:
        """acme and globex live together."""
        assert cell_id(directory, "/", ACME_SESSION, ("__Host-cb-43", "cell-2-zzz")) == SECOND

    @pytest.mark.parametrize(
        "second", [INITECH_SESSION, ("cb-42", "cell-3-planted"), ("__Host-cb-42", "cell-3-x"), ("__Host-cb-legacy", "cell-1-x")]
    )
    @pytest.mark.parametrize("reverse", [False, True])
    def test_sessions_of_two_cells_name_none(self, directory: Directory, second: tuple[str, str], reverse: bool) -> None:
        """The rules never guess, and the order of cookies, which an attacker may set, decides nothing."""
        cookies = (second, ACME_SESSION) if reverse else (ACME_SESSION, second)
        assert cell_id(directory, "/", *cookies) == LEGACY

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("cb-42x", "cell-3-a"),
            ("xcb-42", "cell-3-a"),
            ("cb-", "cell-3-a"),
            ("__Secure-cb-42", "cell-3-a"),
            ("CB-42", "cell-3-a"),
            ("cb-login-42", "cell-3-a"),
            ("cb-42", "cell-9-a"),
            ("cb-42", "cell-3"),
            ("cb-42", ""),
        ],
    )
    def test_other_cookies_name_nobody(self, directory: Directory, name: str, value: str) -> None:
        """Only our own cookie names count, and only with a prefix that a cell has; others do not disturb a session."""
        assert cell_id(directory, "/", (name, value)) == LEGACY
        assert cell_id(directory, "/", (name, value), ACME_SESSION) == SECOND
