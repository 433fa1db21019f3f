"""The headers of every response, and that nothing of it comes from the request."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, request

from bridge.web import pages
from bridge.web.headers import block_hash, page_policy, provider_targets
from bridge.web.rate import client_address


def directives(policy: str) -> dict[str, list[str]]:
    """Read a Content-Security-Policy."""
    return {name: values for name, *values in (part.split() for part in policy.split(";"))}


def test_every_response_is_hardened(app: Flask) -> None:
    """Pages, refusals and JSON carry the same headers; what is no page may not even have a style."""
    app.add_url_rule("/json", "json", lambda: {"a": 1})
    for path in ("/json", "/nothing", "/-/healthz"):
        headers = app.test_client().get(path).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "camera=()" in headers["Permissions-Policy"]
        policy = directives(headers["Content-Security-Policy"])
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert directives(app.test_client().get("/json").headers["Content-Security-Policy"])["form-action"] == ["'none'"]


def test_hsts_on_https_alone(make_app: Any) -> None:
    """Browsers are told to stay on https where we are on https, and not on a developer's loopback."""
    assert "max-age=" in make_app().test_client().get("/").headers["Strict-Transport-Security"]
    loopback = make_app(public_url="http://127.0.0.1:8080")
    assert "Strict-Transport-Security" not in loopback.test_client().get("/").headers


def test_hashes_match_the_blocks_in_the_page(app: Flask) -> None:
    """The policy allows exactly the style and the script that stand in the page; a page without a script allows none."""
    post: Any = lambda: pages.handoff(acs_url="https://cells.example/acs", saml_response="x", relay_state=None, org_name=None)  # noqa: E731
    app.add_url_rule("/post", "post", post)
    client = app.test_client()
    for path, scripts in (("/post", 1), ("/nothing", 0)):
        answer = client.get(path)
        policy = directives(answer.headers["Content-Security-Policy"])
        styles = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
        found = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
        assert policy["style-src"] == [block_hash(block) for block in styles]
        assert len(found) == scripts
        assert policy["script-src"] == ([block_hash(block) for block in found] or ["'none'"])
        assert not re.search(r"\s(?:style|on\w+)=", answer.text), "no hash covers attributes"


def test_form_targets_are_origins_or_all_of_https(make_service: Any) -> None:
    """A view can widen `form-action` by origins, and nothing else slips into the policy."""
    allowed = directives(page_policy(form_targets=["https://idp.example:8443", "http://127.0.0.1:*", "https:"]))
    assert allowed["form-action"] == ["'self'", "https://idp.example:8443", "http://127.0.0.1:*", "https:"]
    for target in (
        "*",
        "http:",
        "https://x.example; script-src *",
        "https://x.example/path",
        "'unsafe-inline'",
        "https://X.example",
    ):
        with pytest.raises(ValueError, match="form target"):
            page_policy(form_targets=[target])
    assert provider_targets(make_service()) == ("https:",)
    assert "http://127.0.0.1:*" in provider_targets(make_service(public_url="http://127.0.0.1:8080"))


def test_posting_page_may_post_to_its_endpoint_alone(app: Flask) -> None:
    """The handoff cannot be sent anywhere but to our origin and the endpoint's."""
    post: Any = lambda: pages.handoff(acs_url="https://git.example/saml", saml_response="x", relay_state=None, org_name=None)  # noqa: E731
    app.add_url_rule("/post", "post", post)
    policy = directives(app.test_client().get("/post").headers["Content-Security-Policy"])
    assert policy["form-action"] == ["'self'", "https://git.example"]


def test_a_view_cannot_lose_the_headers(app: Flask) -> None:
    """A view may make its answer cacheable, and nothing else weaker."""

    def metadata() -> Any:
        return "x", {"Cache-Control": "public, max-age=60", "Referrer-Policy": "unsafe-url", "X-Content-Type-Options": ""}

    app.add_url_rule("/metadata", "metadata", metadata)
    headers = app.test_client().get("/metadata").headers
    assert headers["Cache-Control"] == "public, max-age=60"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_only_the_clients_address_is_believed_of_a_proxy(make_app: Any) -> None:
    """One trusted proxy moves the client's address by one; host, scheme and prefix stay what they are."""
    seen = lambda: [client_address(request), request.host, request.scheme, request.script_root]  # noqa: E731
    spoofed = {
        "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Port": "1",
    }
    for hops, address in ((0, "127.0.0.1"), (1, "198.51.100.7"), (2, "203.0.113.9")):
        app = make_app(trusted_proxy_hops=hops)
        app.add_url_rule("/seen", "seen", seen)
        assert app.test_client().get("/seen", headers=spoofed).json == [address, "localhost", "http", ""]


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_missing_slash_never_redirects_to_the_host_header(app: Flask, method: str) -> None:
    """The redirect to `/o/acme/` is a path; posts, and paths that are not plain, are told that nothing is there."""
    app.add_url_rule("/o/<org>/", "org", lambda org: org)
    answer = app.test_client().open("/o/acme", method=method, headers={"Host": "evil.example"})
    if method == "get":
        assert (answer.status_code, answer.headers["Location"]) == (308, "/o/acme/")
    else:
        assert answer.status_code == 404
    assert "evil" not in str(answer.headers) + answer.text
    assert app.test_client().get("/o/%0d%0aX:y").status_code == 404
    assert app.test_client().get("/", environ_overrides={"PATH_INFO": "//evil.example/o/acme"}).status_code == 404


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("x=1&login=dana%40acme.example", "?x=1&login=dana%40acme.example"),
        ("", ""),
        ("x=%0d%0aSet-Cookie:y", "?x=%0d%0aSet-Cookie:y"),
        ("x=a b", ""),
        ("x=\\\\evil.example", ""),
        ("x=" + "y" * 1100, ""),
    ],
)
def test_a_missing_slash_takes_a_plain_query_along(app: Flask, query: str, kept: str) -> None:
    """A link into an organization does not lose what it says; what is not plain is dropped, never repaired."""
    app.add_url_rule("/o/<org>/", "org", lambda org: org)
    answer = app.test_client().get("/o/acme", environ_overrides={"QUERY_STRING": query})
    assert (answer.status_code, answer.headers["Location"]) == (308, f"/o/acme/{kept}")


def test_pages_ask_for_nothing_outside(app: Flask) -> None:
    """No page has an address of another host in it, and each says its language and has one heading and its landmarks."""
    person = pages.Person(
        name="Dana",
        email="dana@acme.example",
        org_name="Acme",
        provider_label="Google",
        session_ends=datetime(2026, 1, 2, tzinfo=UTC),
    )
    button = pages.ProviderButton(label="Google", kind="google_oauth2", start_path="/users/auth/google_oauth2")
    shown: dict[str, Any] = {
        "sign_in": lambda: pages.sign_in(buttons=[button], csrf_token="t", return_to=None, form_targets=()),
        "landing": lambda: pages.landing(person=person, sign_out_path="/out", csrf_token="t"),
        "signed_out": lambda: pages.signed_out(org_name="Acme", sign_in_path="/users/sign_in"),
    }
    for name, view in shown.items():
        app.add_url_rule(f"/{name}", name, view)
    for name in (*shown, "refusal"):
        page = app.test_client().get(f"/{name}").text
        assert '<html lang="en">' in page
        assert page.count("<h1>") == page.count("<header>") == page.count("<main>") == page.count("<footer>") == 1
        for address in re.findall(r"""(?:src|href|action|content|url\()=?["'(]([^"')]*)""", page):
            assert not re.match(r"(?:https?:)?//", address), address
        assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
