"""Cookies, the browser's secret, and whether a form is really ours."""

import os
from typing import Any

import pytest
from flask import Flask, Response, make_response, request
from flask.testing import FlaskClient

from bridge.handoff import binding_of
from bridge.seal import Seal
from bridge.web.cookies import browser_secret, clear_cookie, ensure_browser_secret, read_cookie, read_cookies, set_cookie
from bridge.web.csrf import FIELD, form_token, require_form

SECRET = "A" * 43
SEAL = Seal(["seal " * 10])


def cookies_app(app: Flask, service: Any) -> FlaskClient:
    """Return a client without a jar of *app*, with views that read, set, clear and keep."""

    def set_one() -> Response:
        response = make_response("")
        set_cookie(response, service, "cb-42", "value", max_age_seconds=60)
        return response

    def clear_one() -> Response:
        response = make_response("")
        clear_cookie(response, service, "cb-42")
        return response

    def keep() -> Response:
        secret = ensure_browser_secret(request, service, os.urandom)
        response = make_response({"value": secret.value, "fresh": secret.fresh})
        secret.keep(response, service)
        return response

    app.add_url_rule("/set", "set", set_one)
    app.add_url_rule("/clear", "clear", clear_one)
    app.add_url_rule("/keep", "keep", keep)
    app.add_url_rule("/read", "read", lambda: read_cookies(request, service))
    app.add_url_rule("/one", "one", lambda: {"value": read_cookie(request, service, "cb-42")})
    app.add_url_rule("/secret", "secret", lambda: {"value": browser_secret(request, service)})
    return app.test_client(use_cookies=False)


def flags(answer: Any) -> tuple[str, set[str]]:
    """Read one Set-Cookie header: what is set, and its attributes."""
    headers = answer.headers.getlist("Set-Cookie")
    assert len(headers) == 1
    pair, *attributes = headers[0].split("; ")
    return pair, {attribute for attribute in attributes if not attribute.startswith("Expires")}


def test_cookies_on_https_are_host_bound(make_app: Any, make_service: Any) -> None:
    """On https: `__Host-`, Secure, HttpOnly, SameSite=Lax, Path=/, and no Domain; clearing needs the same flags."""
    client = cookies_app(make_app(), make_service())
    always = {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
    assert flags(client.get("/set")) == ("__Host-cb-42=value", always | {"Max-Age=60"})
    assert flags(client.get("/clear")) == ("__Host-cb-42=", always | {"Max-Age=0"})
    pair, attributes = flags(client.get("/keep"))
    assert pair.startswith("__Host-cb-binding=")
    assert attributes == always


def test_cookies_on_loopback_drop_prefix_and_secure(make_app: Any, make_service: Any) -> None:
    """On plain http, which is loopback, a browser would refuse `__Host-`; the other flags stay."""
    loopback = {"public_url": "http://127.0.0.1:8080"}
    client = cookies_app(make_app(**loopback), make_service(**loopback))
    assert flags(client.get("/set")) == ("cb-42=value", {"HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=60"})
    assert client.get("/one", headers={"Cookie": "cb-42=x"}).json == {"value": "x"}


def test_cookies_without_our_prefix_are_not_ours(app: Flask, make_service: Any) -> None:
    """A neighbouring host can write `cb-42` for the whole domain, but never `__Host-cb-42`: only that one is read."""
    client = cookies_app(app, make_service())
    assert client.get("/read", headers={"Cookie": "cb-42=tossed; other=1; __Host-cb-7=ours"}).json == {"cb-7": "ours"}
    assert client.get("/one", headers={"Cookie": "cb-42=tossed"}).json == {"value": None}


@pytest.mark.parametrize("cookie", ["__Host-cb-42=a; __Host-cb-42=b", "__Host-cb-42=a; __Host-cb-42=a", "__Host-cb-42="])
def test_a_doubled_or_empty_cookie_is_absent(app: Flask, make_service: Any, cookie: str) -> None:
    """Exactly one: nobody can say which of two is ours."""
    assert cookies_app(app, make_service()).get("/one", headers={"Cookie": cookie}).json == {"value": None}


def test_browser_secret_is_made_once_and_kept(app: Flask, make_service: Any) -> None:
    """The secret has 256 bits, belongs to one browser, and is not replaced while it is there."""
    client = cookies_app(app, make_service())
    first, second = client.get("/keep").json, client.get("/keep").json
    assert first is not None
    assert second is not None
    assert first["fresh"]
    assert len(first["value"]) == 43
    assert first["value"] != second["value"]
    assert len(binding_of(first["value"])) == 64
    again = client.get("/keep", headers={"Cookie": f"__Host-cb-binding={first['value']}"})
    assert again.json == {"value": first["value"], "fresh": False}
    assert "Set-Cookie" not in again.headers


@pytest.mark.parametrize("value", ["A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "é", "' OR 1=1"])
def test_a_secret_of_another_form_is_replaced(app: Flask, make_service: Any, value: str) -> None:
    """What we did not make is no secret: weak values are never carried on."""
    client = cookies_app(app, make_service())
    headers = {"Cookie": f"__Host-cb-binding={value}"}
    assert client.get("/secret", headers=headers).json == {"value": None}
    kept = client.get("/keep", headers=headers).json
    assert kept is not None
    assert kept["fresh"]


def form_app(app: Flask, service: Any) -> FlaskClient:
    """Return a client of *app*, whose `/start` takes the form `start` of the browser with `SECRET`."""

    def start() -> str:
        secret = browser_secret(request, service)
        require_form(request, seal=SEAL, secret=secret, form="start", public_url=service.public_url)
        return "started"

    app.add_url_rule("/start", "start", start, methods=["POST"])
    return app.test_client(use_cookies=False)


COOKIE = {"Cookie": f"__Host-cb-binding={SECRET}"}
GOOD = form_token(SEAL, SECRET, form="start")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://cells.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_own_form_passes(app: Flask, make_service: Any, headers: dict[str, str]) -> None:
    """A form of our page passes, from browsers with and without Fetch Metadata, and with the null Origin of no-referrer."""
    answer = form_app(app, make_service()).post("/start", data={FIELD: GOOD}, headers=COOKIE | headers)
    assert (answer.status_code, answer.text) == (200, "started")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin, cross-site"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "https://cells.example.evil.example"},
        {"Origin": "http://cells.example"},
        {"Origin": "https://cells.example:444"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_from_another_site_is_refused(app: Flask, make_service: Any, headers: dict[str, str]) -> None:
    """Whatever the token: what the browser says about the origin of a request decides first."""
    answer = form_app(app, make_service()).post("/start", data={FIELD: GOOD}, headers=COOKIE | headers)
    assert answer.status_code == 403
    assert "login.restart" in answer.text


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({}, COOKIE),
        ({FIELD: ""}, COOKIE),
        ({FIELD: [GOOD, GOOD]}, COOKIE),
        ({FIELD: GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1")}, COOKIE),
        ({FIELD: "\udcff€" + GOOD}, COOKIE),
        ({FIELD: form_token(SEAL, SECRET, form="sign_out")}, COOKIE),
        ({FIELD: form_token(SEAL, "B" * 43, form="start")}, COOKIE),
        ({FIELD: form_token(Seal(["another" * 10]), SECRET, form="start")}, COOKIE),
        ({FIELD: GOOD}, {}),
        ({FIELD: GOOD}, {"Cookie": f"__Host-cb-binding={SECRET}; __Host-cb-binding={SECRET}"}),
    ],
    ids=[
        "none",
        "empty",
        "doubled",
        "altered",
        "unicode",
        "other form",
        "other browser",
        "other seal",
        "no cookie",
        "two cookies",
    ],
)
def test_a_form_without_this_browsers_token_is_refused(
    app: Flask, make_service: Any, data: Any, headers: dict[str, str]
) -> None:
    """The token belongs to one form and one browser, and comes exactly once."""
    if isinstance(data.get(FIELD), str):
        data = {FIELD: data[FIELD].encode("utf-8", "replace")}
    answer = form_app(app, make_service()).post("/start", data=data, headers=headers)
    assert answer.status_code == 403
    assert "login.restart" in answer.text


def test_a_token_in_the_query_does_not_count(app: Flask, make_service: Any) -> None:
    """Only the form is read: addresses end up in histories and logs."""
    assert form_app(app, make_service()).post(f"/start?{FIELD}={GOOD}", headers=COOKIE).status_code == 403


def test_tokens_outlive_a_rolled_secret() -> None:
    """A page that was open while the sealing secret was rolled still works: all secrets open."""
    rolled = Seal(["new seal " * 10, "seal " * 10])
    assert rolled.mac_matches(GOOD, SECRET, purpose="csrf:start")
