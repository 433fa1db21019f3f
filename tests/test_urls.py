"""Which addresses a configuration may name: where sign-ins arrive, and where our own services are asked."""

import pytest

from bridge.urls import acs_template, origin, service_url


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://cells.example:443", "https://cells.example"),
        ("https://Cells.Example:0443/", "https://cells.example"),
        ("https://cells.example:", "https://cells.example"),
        ("https://cells.example:80", "https://cells.example:80"),
        ("https://cells.example:8443", "https://cells.example:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://[FD00::5]:8443", "https://[fd00::5]:8443"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(written: str, read: str) -> None:
    """Their `Origin` header leaves a default port out, and forms are compared with it."""
    assert origin(written) == read


def test_a_port_that_is_none_is_refused() -> None:
    """Before a service listens anywhere."""
    for url in ("https://cells.example:65536", "https://cells.example:port"):
        with pytest.raises(ValueError, match=r"[Pp]ort"):
            origin(url)


@pytest.mark.parametrize(
    "path",
    [
        "/o/{org}/auth/saml/callback",
        "/o/{org}/-/saml/callback",
        "/o/{org}/saml",
        "/o/{org}/Sign_In/v1.2/-acs",
        "/o/{org}/users2/acs",
    ],
)
def test_an_endpoint_is_a_plain_path_below_its_organization(path: str) -> None:
    """It is compared to the letter with what a handoff names, so it has one spelling."""
    assert acs_template(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/o/{org}",
        "/o/{org}/",
        "/o/{org}/a/",
        "/o/{org}//a",
        "/o/{org}/a\n",
        "/saml/acs",
        "/o/acme/saml",
        "/o/{org}/{x}",
        "/o/{org}/{org}",
        "/o/{org}/<path:x>",
        "/o/{org}/a?b=c",
        "/o/{org}/a#b",
        "/o/{org}/a%2fb",
        "/o/{org}/a b",
        "/o/{org}/..",
        "/o/{org}/../x",
        "/o/{org}/./x",
        "/o/{org}/.well-known",
        "/o/{org}/ä",
        "https://cells.example/o/{org}/a",
    ],
)
def test_an_endpoint_is_nothing_that_a_framework_or_a_proxy_reads_otherwise(path: str) -> None:
    """A placeholder would take any page's path; a dot segment or an escape is resolved on the way."""
    with pytest.raises(ValueError, match="segments of letters"):
        acs_template(path)


@pytest.mark.parametrize(
    "path",
    [
        "users/sign_in",
        "users/auth/github",
        "users",
        "-/session",
        "-/auth/verify",
        "-/identities",
        "-",
        "-/saml",
        "auth/saml/metadata",
        "auth/saml/metadata/acs",
    ],
)
def test_an_endpoint_takes_no_page_of_the_cell(path: str) -> None:
    """Two rules for one path: one of them would never be reached."""
    with pytest.raises(ValueError, match="another page"):
        acs_template(f"/o/{{org}}/{path}")


@pytest.mark.parametrize(
    "url",
    [
        "https://topology.example",
        "https://8.8.8.8",
        "http://localhost:8300",
        "http://127.0.0.1:8300",
        "http://[::1]:8300",
        "http://10.1.2.3:8300",
        "http://172.31.0.1",
        "http://192.168.0.7:8300",
        "http://[fd00::5]:8300",
        "http://topology:8300",
        "http://topology_2:8300",
        "http://topology.svc.cluster.local",
        "http://ip-10-0-0-5.eu-west-1.compute.internal:8300",
    ],
)
def test_services_are_asked_over_https_or_where_no_stranger_is_on_the_way(url: str) -> None:
    """Whoever answers for the topology sends people where he likes, and reads its token."""
    assert service_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://topology.example:8300",
        "http://8.8.8.8",
        "http://134744072",
        "http://0x8080808",
        "http://172.32.0.1",
        "http://[2001:4860:4860::8888]:8300",
        "http://localhost.example",
        "http://10.0.0.1.example",
        "http://internal.example",
        "http://.internal.example",
        "http://",
    ],
)
def test_plain_http_to_a_public_host_is_refused(url: str) -> None:
    """Also for an address in a spelling that looks like a name."""
    with pytest.raises(ValueError, match="must be https"):
        service_url(url)
