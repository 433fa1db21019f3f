"""The one HTTP client: what it sends, what it takes for an answer, and when it asks again."""

import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import ProviderBadReply, ProviderUnavailable
from bridge.oauth.client import ProviderHttp
from bridge.oauth.grant import CodeGrant
from tests.oauth.asking import BEARER, CALLBACK, MARK, ask, refusal
from tests.oauth.loopback import Answer, LoopbackProvider, json_answer
from tests.oauth.samples import Clock, begin, config


class TestAsking:
    """What goes out."""

    def test_an_object_is_read_with_the_access_token(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """The token goes in the header (RFC 6750 2.1), never in the URL, and JSON is asked for."""
        provider.on("GET", "/user", json_answer({"id": 7}))
        assert ask(http, f"{provider.url}/user").object().number("id") == 7
        [received] = provider.received
        assert received.headers["authorization"] == f"Bearer {BEARER}"
        assert received.headers["accept"] == "application/json"
        assert received.headers["user-agent"] == "cellbridge"
        assert received.query == {}

    def test_connections_are_kept(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """One connection serves many calls, token calls and refused answers included."""
        provider.on("GET", "/user", json_answer({"id": 7}))
        provider.on("GET", "/odd", json_answer([MARK]))
        provider.on("POST", "/token", json_answer({"error": "invalid_grant"}, 400))
        grant = CodeGrant(config("github"), http, scopes=(), clock=Clock())
        for _ in range(3):
            ask(http, f"{provider.url}/user").object()
            refusal(http, f"{provider.url}/odd", ProviderBadReply)
            with pytest.raises(ProviderBadReply):
                grant.redeem(
                    f"{provider.url}/token", CALLBACK, begin(), "https://cells.example/cb", auth_method="client_secret_post"
                )
        assert len(provider.received) == 9
        assert len({received.connection for received in provider.received}) == 1

    def test_many_threads_share_one_client(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Each gets its own answer."""
        provider.on("GET", "/user", lambda received: json_answer({"id": int(received.headers["authorization"][7:])}))

        def one(number: int) -> int:
            url = f"{provider.url}/user"
            return http.get(url, provider="it", document="user", bearer=str(number)).object().number("id")

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(one, range(1, 101))) == list(range(1, 101))

    def test_a_providers_cookie_is_not_kept(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """The client serves everybody: what one person's answer sets must not travel with the next person's call."""
        provider.on("GET", "/user", json_answer({"id": 7}, Set_Cookie="who=dana; Path=/"))
        for _ in range(2):
            ask(http, f"{provider.url}/user")
        assert all("cookie" not in received.headers for received in provider.received)

    def test_the_environment_has_no_say(
        self, provider: LoopbackProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A .netrc entry would replace our Authorization header, a proxy variable would see every token."""
        netrc = tmp_path / "netrc"
        netrc.write_text("default login dana password hunter2\n", "utf-8")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "")
        provider.on("GET", "/user", json_answer({"id": 7}))
        client = ProviderHttp()
        ask(client, f"{provider.url}/user").object()
        client.close()
        assert provider.received[0].headers["authorization"] == f"Bearer {BEARER}"


class TestReset:
    """A kept-alive connection may die the moment it is used."""

    @staticmethod
    def reset(handler: BaseHTTPRequestHandler) -> None:
        """Send RST instead of an answer."""
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    def test_a_get_is_asked_once_more(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Asking twice changes nothing at the provider."""

        def reset_once(handler: BaseHTTPRequestHandler) -> None:
            provider.on("GET", "/user", json_answer({"id": 7}))
            self.reset(handler)

        provider.fail("GET", "/user", reset_once)
        assert ask(http, f"{provider.url}/user").object().number("id") == 7
        assert len(provider.received) == 2

    def test_a_get_is_not_asked_a_third_time(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """One retry, no storm."""
        provider.fail("GET", "/user", self.reset)
        refusal(http, f"{provider.url}/user", ProviderUnavailable)
        assert len(provider.received) == 2

    def test_a_code_is_redeemed_once(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """A second POST of a code makes careful providers revoke what the first one gave (RFC 6749 4.1.2)."""
        provider.fail("POST", "/token", self.reset)
        grant = CodeGrant(config("github"), http, scopes=(), clock=Clock())
        with pytest.raises(ProviderUnavailable) as refused:
            grant.redeem(f"{provider.url}/token", CALLBACK, begin(), "https://x.example", auth_method="client_secret_post")
        assert type(refused.value) is ProviderUnavailable
        assert CALLBACK.code not in str(refused.value)
        assert len(provider.received) == 1

    def test_a_timeout_is_not_retried(self, provider: LoopbackProvider, hasty: ProviderHttp) -> None:
        """A provider that is slow is not helped by asking again, and the person waits."""
        provider.hang("GET", "/user")
        refusal(hasty, f"{provider.url}/user", ProviderUnavailable)
        assert len(provider.received) == 1


class TestBadReply:
    """The provider answers something else than its documents say: `provider.bad_reply`."""

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(f"<html>{MARK}</html>".encode(), headers={"Content-Type": "text/html"}),
            Answer(b'{"id": 7}', headers={"Content-Type": "text/html"}),
            Answer(b'{"id": 7}', headers={}),
            Answer(b"access_token=x&token_type=bearer", headers={"Content-Type": "application/x-www-form-urlencoded"}),
            Answer(f"<html>{MARK}</html>".encode()),
            Answer(b'{"id": 7'),
            Answer(b'{"id": "\xff"}'),
            Answer('{"id": 7}'.encode("utf-16")),
            Answer(b"[" * 100_000),
            Answer(b'{"id":' + b"9" * 5000 + b"}"),
            Answer(b""),
            Answer(b"", status=204),
            json_answer([MARK]),
            json_answer(MARK),
            json_answer(None),
            json_answer({"id": 7}, 201),
            json_answer({"message": MARK}, 404),
            Answer(f"<html>{MARK}</html>".encode(), status=400, headers={"Content-Type": "text/html"}),
            json_answer({"error": f"{MARK} and more"}),
            json_answer({"error": {"message": MARK}}, 400),
        ],
        ids=str,
    )
    def test_is_no_answer_in_json(self, provider: LoopbackProvider, http: ProviderHttp, answer: Answer) -> None:
        """HTML, a wrong type, broken or hostile JSON, another status."""
        provider.on("GET", "/user", answer)
        refusal(http, f"{provider.url}/user", ProviderBadReply)

    @pytest.mark.parametrize("status", [200, 400, 401])
    def test_an_oauth_error_is_named(self, provider: LoopbackProvider, http: ProviderHttp, status: int) -> None:
        """RFC 6749 5.2, and GitHub's way of sending the same with HTTP 200; the description stays out."""
        provider.on("GET", "/user", json_answer({"error": "invalid_grant", "error_description": MARK}, status))
        assert "invalid_grant" in refusal(http, f"{provider.url}/user", ProviderBadReply).reason

    def test_other_json_types_are_json(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """`application/jwk-set+json` and a charset parameter are fine."""
        for content_type in ("application/jwk-set+json", "Application/JSON ; charset=utf-8", "application/vnd.github.v3+json"):
            provider.on("GET", "/user", Answer(b'{"id": 7}', headers={"Content-Type": content_type}))
            assert ask(http, f"{provider.url}/user").object().number("id") == 7

    def test_an_array_is_one_of_objects(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """Where an array is expected, an object is refused, and an array of something else too."""
        provider.on("GET", "/user", json_answer([{"id": 7}]))
        assert [entry.number("id") for entry in ask(http, f"{provider.url}/user").objects()] == [7]
        wrong: list[Any] = [{"id": 7}, [MARK], [[]], MARK]
        for value in wrong:
            provider.on("GET", "/user", json_answer(value))
            with pytest.raises(ProviderBadReply) as refused:
                ask(http, f"{provider.url}/user").objects()
            assert MARK not in str(refused.value)


class TestFreshness:
    """How long a document may be kept, by its headers (RFC 9111 4.2)."""

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"Cache-Control": "public"}, None),
            ({"Cache-Control": "public, max-age=600"}, 600),
            ({"Cache-Control": 'MAX-AGE="600"', "Age": "100"}, 500),
            ({"Cache-Control": "max-age=60", "Age": "100"}, 0),
            ({"Cache-Control": "max-age=60", "Age": "soon"}, 60),
            ({"Cache-Control": "no-store, max-age=600"}, 0),
            ({"Cache-Control": "s-max-age=600"}, None),
            ({"Cache-Control": "max-age=soon"}, None),
        ],
    )
    def test_headers(
        self, provider: LoopbackProvider, http: ProviderHttp, headers: dict[str, str], seconds: int | None
    ) -> None:
        """Seconds, or None where nothing is said."""
        provider.on("GET", "/user", Answer(b"{}", headers=headers))
        assert ask(http, f"{provider.url}/user").fresh_seconds == seconds
