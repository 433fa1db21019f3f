"""Which language a page speaks, and the switch."""

import re
import threading
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from bridge.errors import AccountPending
from bridge.web import pages
from bridge.web.language import KEPT_SECONDS, LANGUAGES, accepted, current, switched


def speaks(client: FlaskClient, path: str = "/nothing", **headers: str) -> str:
    """Return the `lang` of the page at *path*."""
    answer = client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    tag = re.findall(r'<html lang="([^"]+)">', answer.text)
    assert tag == [answer.headers["Content-Language"]]
    return str(tag[0])


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("de-DE-u-co-phonebk", "de"),
        ("fr, de-AT;q=0.8", "de"),
        ("en-GB, de;q=0.5", "en"),
        ("de;q=0.5, en-GB", "en"),
        ("de;q=0.1, zh;q=0.2", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hans-SG", "zh"),
        ("ZH-HANT-TW, en;q=0.5", "zh"),
        ("de;q=0", "en"),
        ("de;q=0, *", "en"),
        ("de;q=0, zh;q=0.1", "zh"),
        ("*", "en"),
        ("*, de;q=0.5", "de"),
        ("*;q=0", "en"),
        ("fr", "en"),
        ("deutsch", "en"),
        ("de_DE", "en"),
        ("de;q=abc", "en"),
        ("de;q=-1", "en"),
        ("de;q=nan, zh;q=inf", "en"),
        ("%%%", "en"),
        ("-", "en"),
        (",,;;==, ,", "en"),
        ("\u00e4\u00f6\u00fc", "en"),
        ("\x00de", "en"),
        ("../../etc/passwd", "en"),
        ("de," * 3400, "en"),
        ("x" * 10_240, "en"),
    ],
)
def test_accept_language(header: str, code: str) -> None:
    """The browser's first language that is here wins, by quality, with or without a region; anything else is English."""
    assert accepted(header).code == code


def test_page_and_headers_follow_the_browser_at_each_request(app: Flask) -> None:
    """`lang`, Content-Language and the words agree, and nothing is kept from one request to the next in the same thread."""
    client = app.test_client()
    assert speaks(client, Accept_Language="de-CH") == "de"
    assert speaks(client) == "en"
    assert speaks(client, Accept_Language="zh-CN") == "zh-Hans"
    assert "Diese Seite" not in client.get("/nothing").text
    german = client.get("/nothing", headers={"Accept-Language": "de"})
    assert "Unter dieser Adresse gibt es keine Seite." in german.text
    assert current().code == "en", "outside of a request nobody has asked"


def test_two_threads_speak_their_own_language(app: Flask) -> None:
    """What one visitor reads never depends on who else is there."""
    ready = threading.Barrier(2)
    wrong: list[str] = []

    def ask(accept: str, tag: str) -> None:
        client = app.test_client()
        ready.wait()
        wrong.extend(found for _ in range(30) if (found := speaks(client, Accept_Language=accept)) != tag)

    threads = [threading.Thread(target=ask, args=args) for args in (("de", "de"), ("zh", "zh-Hans"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_cache_can_give_one_language_to_another(app: Flask) -> None:
    """Pages are not stored, and say what they depend on, should anybody store them against our word."""
    answer = app.test_client().get("/nothing", headers={"Accept-Language": "de"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.vary) == {"Accept-Language", "Cookie", "Accept"}


@pytest.mark.parametrize(
    ("method", "path", "size", "status", "heading"),
    [
        ("GET", "/nothing", 0, 404, "Unter dieser Adresse gibt es keine Seite."),
        ("DELETE", "/form", 0, 405, "Diese Adresse lässt sich so nicht öffnen."),
        ("POST", "/form", 1024 * 1024 + 1, 413, "Diese Anfrage ist zu groß."),
        ("POST", "/form/", 0, 404, "Unter dieser Adresse gibt es keine Seite."),
    ],
)
def test_what_no_view_answers_is_told_in_the_language_too(
    app: Flask, method: str, path: str, size: int, status: int, heading: str
) -> None:
    """Refusals that Flask makes before or instead of a view speak as every page does."""
    app.add_url_rule("/form", "form", lambda: str(len(request.form)), methods=["POST"])
    headers = {"Accept-Language": "de", "Content-Type": "application/x-www-form-urlencoded"}
    answer = app.test_client().open(path, method=method, data=b"x" * size, headers=headers)
    assert answer.status_code == status
    assert f"<h1>{heading}</h1>" in answer.text


def test_no_switch_leads_to_a_callback_again(app: Flask) -> None:
    """A provider's code and state are good once: their page offers no link to itself, and a refusal is unfolded instead."""
    app.add_url_rule("/callback", "callback", lambda: pages.render("base.html"))
    client = app.test_client()
    assert "language=de" in client.get("/callback").text
    assert "language=de" not in client.get("/callback?code=a&state=b").text
    refused = client.get("/nothing?code=a&state=b").text
    assert "code=a" not in refused
    assert '<details lang="de">' in refused


def test_programs_read_english(app: Flask) -> None:
    """A JSON refusal is for programs and their logs: it says the same whoever asks, in whatever language."""
    headers = {"Accept": "application/json", "Accept-Language": "de", "Cookie": "__Host-cb-language=zh"}
    answer = app.test_client().get("/nothing", headers=headers)
    assert answer.json is not None
    assert answer.json["error"]["message"].startswith("There is no page at this address.")


def test_the_switch_keeps_page_and_query_and_is_remembered(app: Flask) -> None:
    """The link leads to the same address; the cookie carries the choice on, and no address carries a language."""
    app.add_url_rule("/page", "page", lambda: pages.signed_out(org_name=None, sign_in_path="/users/sign_in"))
    client = app.test_client()
    answer = client.get("/page?return_to=%2Fo%2Facme%2F%3Fa%3Db&language=de", base_url="https://cells.example")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/page?return_to=%2Fo%2Facme%2F%3Fa%3Db"
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-cb-language=de; ")
    assert {part.strip() for part in cookie.split(";")[1:] if "Expires" not in part} == {
        "Secure",
        "HttpOnly",
        "Path=/",
        "SameSite=Lax",
        f"Max-Age={KEPT_SECONDS}",
    }
    again = client.get("/page", base_url="https://cells.example", headers={"Accept-Language": "zh"})
    assert '<html lang="de">' in again.text
    assert "Set-Cookie" not in again.headers


@pytest.mark.parametrize(
    "query", ["language=fr", "language=", "language", "language=de&language=zh", "language=DE", "Language=de"]
)
def test_a_switch_to_nothing_is_none(app: Flask, query: str) -> None:
    """What is no language of ours, or two at once, changes nothing and sets nothing."""
    answer = app.test_client().get(f"/nothing?{query}")
    assert answer.status_code == 404
    assert "Set-Cookie" not in answer.headers
    assert '<html lang="en">' in answer.text


@pytest.mark.parametrize("path", ["/x//y", "/a/../b", "/.", "/\\evil", "/a/\\b", "/\n/x", "/\t/x"])
def test_an_address_that_is_not_plain_is_not_repeated(app: Flask, path: str) -> None:
    """What a browser could read as another place is no target: the page is shown where it stands, in the language wanted."""
    answer = app.test_client().get("/", environ_overrides={"PATH_INFO": path, "QUERY_STRING": "language=de"})
    assert answer.status_code == 404
    assert "Location" not in answer.headers
    assert '<html lang="de">' in answer.text


@pytest.mark.parametrize("path", ["//evil.example/", "/%2e%2e/b", "/a%2fb", "/%2f/evil.example", "/\u00e4"])
def test_the_switch_leads_to_no_other_host(app: Flask, path: str) -> None:
    """Wherever the switch leads, it is a path of this very origin."""
    answer = app.test_client().get("/", environ_overrides={"PATH_INFO": path, "QUERY_STRING": "language=de"})
    assert re.fullmatch(r"/(?![/\\])[!-~]+", answer.headers["Location"])


@pytest.mark.parametrize(
    "cookie",
    ["__Host-cb-language=fr", "cb-language=de", "__Host-cb-language=de; __Host-cb-language=zh", "__Host-cb-language=<script>"],
)
def test_a_cookie_that_is_not_ours_says_nothing(app: Flask, cookie: str) -> None:
    """An unknown value, another prefix or two values count as none."""
    assert speaks(app.test_client(), Cookie=cookie) == "en"


def test_a_form_that_switches_is_not_carried_out_unawares(app: Flask) -> None:
    """A view learns that a form came from the switch; the page is in the new language and the choice is kept."""
    said: list[Any] = []

    def form() -> Any:
        said.append((switched(), current().code))
        raise AccountPending(org="acme", provider="github", rule=1)

    app.add_url_rule("/form", "form", form, methods=["POST"])
    client = app.test_client()
    answer = client.post("/form?language=zh", base_url="https://cells.example")
    assert '<html lang="zh-Hans">' in answer.text
    assert answer.headers["Set-Cookie"].startswith("__Host-cb-language=zh; ")
    client.post("/form", base_url="https://cells.example")
    assert said == [(True, "zh"), (False, "zh")]


def test_the_tags_are_the_languages_own() -> None:
    """Chinese says which script, or the wrong glyphs may be taken; a language is called what its speakers call it."""
    assert {code: (one.tag, one.name) for code, one in LANGUAGES.items()} == {
        "en": ("en", "English"),
        "de": ("de", "Deutsch"),
        "zh": ("zh-Hans", "简体中文"),
    }
