"""Our own client at an issuer that we did not write, with the very code that a cell runs, and a browser without JavaScript."""

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bridge.clock import utc_now
from bridge.harness.browser import Browser, Page
from bridge.identity import ExternalIdentity
from bridge.oauth.attempt import LoginAttempt, start
from bridge.oauth.callback import read_callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.providers import Provider, build
from bridge.sections import ProviderConfig

REDIRECT_URI = "http://localhost:8080/users/auth/issuer/callback"
_HOPS = 20


@dataclass(frozen=True)
class Returned:
    """What the browser brought back, and the attempt that it belongs to."""

    attempt: LoginAttempt
    fields: dict[str, str]


class RelyingParty:
    """The client as it is configured by *settings* of a `[[provider]]`."""

    def __init__(self, issuer: str, **settings: Any) -> None:
        config = ProviderConfig(name="issuer", kind="openid_connect", issuer=issuer, **settings)
        self._http = ProviderHttp()
        self.provider: Provider = build([config], http=self._http, clock=utc_now)["issuer"]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def walk(self, *presses: dict[str, str]) -> Returned:
        """Go to the issuer, fill in its forms one after the other with *presses*, and come back."""
        attempt = start(
            provider="issuer", return_to=None, reference="7KQ2M-4XD9R", now=utc_now(), random_bytes=secrets.token_bytes
        )
        browser, left = Browser(), list(presses)
        page = browser.get(self.provider.authorization_url(attempt, REDIRECT_URI))
        for _ in range(_HOPS):
            if page.location.startswith(REDIRECT_URI):
                return Returned(attempt, dict(parse_qsl(urlsplit(page.location).query)))
            page = browser.follow(page) if page.location else self._press(browser, page, left)
        raise AssertionError(f"no way back from {page.url}")

    @staticmethod
    def _press(browser: Browser, page: Page, left: list[dict[str, str]]) -> Page:
        """Fill in the form, or follow the link that is pressed: `{"href": "..."}` names the end of its address."""
        assert left, f"nothing left to press at {page.url}: {page.text[:500]}"
        fields = left.pop(0)
        if "href" in fields:
            (link,) = (str(href) for href in page.tree.xpath("//a/@href") if str(href).endswith(fields["href"]))
            return browser.get(link)
        return browser.submit(page.forms[0], fields)

    def identify(self, returned: Returned, *, attempt: LoginAttempt | None = None) -> ExternalIdentity:
        """Return who signed in; *attempt* is another one than that of the browser, for what has to fail."""
        callback = read_callback(returned.fields.items(), "issuer")
        return self.provider.identify(callback, attempt or returned.attempt, REDIRECT_URI)
