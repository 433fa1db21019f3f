"""A browser without JavaScript over plain HTTP: cookies, forms, redirects one at a time.

The law: it does only what a browser does with the page it was given: it submits forms that stand there and follows Location.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests
from lxml import html

_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Form:
    """One form of a page: absolute action URL, method, and the fields that would be sent, in order."""

    action: str
    method: str
    fields: tuple[tuple[str, str], ...]

    def field(self, name: str) -> str:
        """Return the value of *name*, or the empty string."""
        return dict(self.fields).get(name, "")


@dataclass(frozen=True)
class Page:
    """One answer, redirects not followed."""

    url: str
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def location(self) -> str:
        """The absolute URL that a redirect names, or the empty string."""
        raw = self.headers.get("Location", "")
        return urljoin(self.url, raw) if raw else ""

    @property
    def tree(self) -> html.HtmlElement:
        """The parsed page."""
        return html.document_fromstring(self.text)

    @property
    def forms(self) -> list[Form]:
        """The forms of the page in document order, with their hidden and prefilled fields."""
        if not self.text.strip():
            return []
        found = []
        for element in self.tree.forms:
            fields = tuple((name, str(value)) for name, value in element.form_values())
            found.append(Form(urljoin(self.url, element.action or self.url), element.method, fields))
        return found

    def form(self, *, action_ends: str = "", field: str = "") -> Form:
        """Return the one form whose action's path ends with *action_ends* and which has *field*; raises `LookupError`."""
        fitting = [
            form
            for form in self.forms
            if urlsplit(form.action).path.endswith(action_ends) and (not field or field in dict(form.fields))
        ]
        if len(fitting) != 1:
            raise LookupError(
                f"{len(fitting)} forms end with {action_ends!r} on the page at {urlsplit(self.url).path} ({self.status})"
            )
        return fitting[0]

    @property
    def reference(self) -> str:
        """The reference that a page of refusal shows; raises `LookupError` where it shows none."""
        found = self.tree.find_class("reference")
        if len(found) != 1:
            raise LookupError(f"no reference on the page at {urlsplit(self.url).path} ({self.status})")
        return str(found[0].text_content())

    def sentence(self) -> str:
        """Return the text of the page's main part, white space folded."""
        main = self.tree.xpath("//main")
        return " ".join((main[0] if main else self.tree).text_content().split())


class Browser:
    """One browser with a cookie jar of its own. `verify` is whether server certificates are checked."""

    def __init__(self, *, verify: bool = True) -> None:
        self.session = requests.Session()
        self.session.verify = verify
        self.session.headers["Accept"] = "text/html,application/xhtml+xml"

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Page:
        """Open *url*; a redirect is returned, not followed."""
        return self._page(self.session.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False, headers=headers))

    def submit(self, form: Form, extra: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None) -> Page:
        """Submit *form* with *extra* fields (the button that was pressed) added or changed."""
        fields = {**dict(form.fields), **(extra or {})}
        if form.method.upper() == "GET":
            request = self.session.get(
                form.action, params=fields, timeout=_TIMEOUT_SECONDS, allow_redirects=False, headers=headers
            )
        else:
            request = self.session.post(
                form.action, data=fields, timeout=_TIMEOUT_SECONDS, allow_redirects=False, headers=headers
            )
        return self._page(request)

    def follow(self, page: Page) -> Page:
        """Open what a redirect names; raises `LookupError` when *page* is none."""
        if not page.location:
            raise LookupError(f"no redirect: {page.status} from {urlsplit(page.url).path}")
        return self.get(page.location)

    @staticmethod
    def _page(response: requests.Response) -> Page:
        return Page(response.url, response.status_code, response.headers, response.text)
