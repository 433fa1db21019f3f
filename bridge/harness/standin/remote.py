"""A stand-in server seen from outside: set faults, add people, read what was issued, and choose a persona as a person would.

The law: plain HTTP to a running server; it works the same for a process started by hand, a pair, or a test.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

_TIMEOUT_SECONDS = 30


class StandInRefused(RuntimeError):
    """Raised if the server does not do what it was asked; its text is the server's answer."""


class Remote:
    """The stand-in server at *url*, an origin without a trailing slash."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = requests.Session()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def choose(self, authorization_url: str, persona: str | None) -> dict[str, str]:
        """Press a persona's button on the authorization page, or Cancel for None; returns what the callback carries.

        Raises `StandInRefused` when the page is refused instead.
        """
        decision = {"cancel": "yes"} if persona is None else {"persona": persona}
        answer = self._http.post(authorization_url, data=decision, allow_redirects=False, timeout=_TIMEOUT_SECONDS)
        if "Location" not in answer.headers:
            raise StandInRefused(answer.text)
        place = urlsplit(answer.headers["Location"])
        return dict(parse_qsl(place.fragment or place.query, keep_blank_values=True))

    def code(self, authorization_url: str, persona: str) -> str:
        """Press a persona's button; returns the code of the callback, whatever the provider calls it."""
        callback = self.choose(authorization_url, persona)
        return callback["code"] if "code" in callback else callback["authCode"]

    def issued(self) -> dict[str, list[str]]:
        """Return every secret that the server issued or received so far, by kind."""
        found: dict[str, list[str]] = self._asked("GET", "/-/issued")
        return found

    def put_persona(self, key: str, **facts: str | bool | None) -> None:
        """Add a person, or change facts of one: `name`, `email`, `email_verified`, `consents`."""
        self._asked("POST", "/-/personas", {"key": key, **facts})

    def add_client(self, provider: str, client_id: str, client_secret: str, redirect_uris: list[str]) -> None:
        """Register another client at *provider*."""
        body = {"provider": provider, "client_id": client_id, "client_secret": client_secret, "redirect_uris": redirect_uris}
        self._asked("POST", "/-/clients", body)

    def set_fault(self, provider: str, endpoint: str, fault: str) -> None:
        """Set a fault until it is cleared; `faults.py` lists them."""
        self._asked("POST", "/-/faults", {"provider": provider, "endpoint": endpoint, "fault": fault})

    def clear_faults(self) -> None:
        """Clear all faults; requests that hang go on."""
        self._asked("DELETE", "/-/faults")

    @contextmanager
    def fault(self, provider: str, endpoint: str, fault: str) -> Iterator[None]:
        """Have a fault for the length of a block."""
        self.set_fault(provider, endpoint, fault)
        try:
            yield
        finally:
            self.clear_faults()

    def hits(self, provider: str, endpoint: str) -> int:
        """Return how many requests have met the fault that is set there."""
        faults = self._asked("GET", "/-/faults")["faults"]
        return sum(fault["hits"] for fault in faults if (fault["provider"], fault["endpoint"]) == (provider, endpoint))

    def lured(self) -> int:
        """Return how many requests ever followed a fault's redirect or fetched a key that a token named."""
        count: int = self._asked("GET", "/-/faults")["lured"]
        return count

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._http.request(method, self.url + path, json=body, timeout=_TIMEOUT_SECONDS)
        if not answer.ok:
            raise StandInRefused(answer.text)
        return answer.json()
