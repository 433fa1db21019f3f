"""One sign-in through a pair, hop by hop, as a person without JavaScript would do it.

The law: a walk stops at the first page that is not the expected one, and returns that page: a refusal is an outcome.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from bridge.harness.browser import Browser, Form, Page


@dataclass(frozen=True)
class Hop:
    """One step: what it was, and the page that came back."""

    title: str
    page: Page


Observer = Callable[[Hop], None]


class Walk:
    """A sign-in of *persona* at *provider*, started at the global page of *public_url* with a return path."""

    def __init__(self, public_url: str, browser: Browser, *, observer: Observer = lambda _hop: None) -> None:
        self.public_url = public_url
        self.browser = browser
        self._observer = observer

    def _hop(self, title: str, page: Page) -> Page:
        self._observer(Hop(title, page))
        return page

    def sign_in_page(self, return_to: str = "") -> Page:
        """Open the global sign-in page."""
        query = f"?return_to={quote(return_to, safe='')}" if return_to else ""
        return self._hop("global sign-in page", self.browser.get(f"{self.public_url}/users/sign_in{query}"))

    def press(self, form: Form) -> Page:
        """Press "Continue with ...": the answer is a redirect to the provider."""
        return self._hop("start", self.browser.submit(form))

    def choose(self, started: Page, persona: str) -> Page:
        """Sign in at the provider as *persona*: the answer is a redirect to the callback."""
        page = self._hop("provider's page", self.browser.follow(started))
        return self._hop("consent", self.browser.submit(page.form(), {"persona": persona}))

    def callback(self, chosen: Page) -> Page:
        """Come back to the legacy cell: the answer is the page that posts itself, a local session, or a refusal."""
        return self._hop("callback", self.browser.follow(chosen))

    def post(self, form: Form) -> Page:
        """Post the response to the owning cell: the answer is a redirect to the return path, or a refusal."""
        return self._hop("handoff", self.browser.submit(form))

    def open(self, landed: Page) -> Page:
        """Open the page that the owning cell redirects to."""
        return self._hop("landing", self.browser.follow(landed))

    def start(self, provider: str, return_to: str = "") -> Page:
        """Go as far as the redirect to the provider."""
        return self.press(self.sign_in_page(return_to).form(action_ends=f"/users/auth/{provider}"))

    def to_callback(self, provider: str, persona: str, return_to: str = "") -> Page:
        """Go as far as the answer of the legacy cell's callback."""
        return self.callback(self.choose(self.start(provider, return_to), persona))

    def response_form(self, provider: str, persona: str, return_to: str = "") -> Form:
        """Go as far as the form that carries the SAMLResponse, and return it unposted."""
        return self.to_callback(provider, persona, return_to).form(field="SAMLResponse")

    def sign_in(self, provider: str, persona: str, return_to: str = "") -> Page:
        """Walk the whole way; returns the last page: where the person landed, or the refusal."""
        page = self.to_callback(provider, persona, return_to)
        if page.status == HTTPStatus.OK:
            page = self.post(page.form(field="SAMLResponse"))
        while page.location.startswith(self.public_url):
            page = self.open(page)
        return page
