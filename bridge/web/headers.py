"""The security headers of every response.

The law: a page loads nothing, from anywhere. Its one style and its one script stand in the page and run by their hash, so that
no other cell's version of a file can ever come in. A view may say where its forms lead; it cannot loosen anything else.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from flask import Flask, Response

from bridge.sections import Service
from bridge.urls import is_loopback

TEMPLATES = Path(__file__).parent / "templates"
STYLE = "page.css"
SCRIPT = "post.js"

_TARGET = re.compile(r"https:|https?://(?:\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::(?:\d{1,5}|\*))?")
_SILENCED = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")

ALWAYS = {
    "Referrer-Policy": "no-referrer",  # a callback's address holds a code
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _SILENCED),
}
NONE = "'none'"
HSTS = "max-age=63072000"
NOT_A_PAGE = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"


@cache
def inline_block(name: str) -> str:
    """Return the text of the style or the script, exactly as it stands between its tags."""
    return (TEMPLATES / name).read_text("utf-8")


def block_hash(text: str) -> str:
    """Return the CSP source of an inline block (CSP 3, 2.3.1): `'sha256-...'`."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def page_policy(*, form_targets: Iterable[str] = (), script: bool = False) -> str:
    """Return the Content-Security-Policy of a page.

    *form_targets* are the origins, besides our own, that its forms may lead to: Chromium applies `form-action` to every
    redirect that follows a form. `https:` allows all; see `provider_targets`. Raises `ValueError` for anything else.
    """
    targets = tuple(form_targets)
    for target in targets:
        if not _TARGET.fullmatch(target):
            raise ValueError(f"not a form target: {target!r}")
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {block_hash(inline_block(STYLE))}",
            f"script-src {block_hash(inline_block(SCRIPT)) if script else NONE}",
            "img-src data:",  # the icon of the tab
            " ".join(("form-action", "'self'", *targets)),
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def provider_targets(service: Service) -> tuple[str, ...]:
    """Return the form targets of a page whose buttons start a sign-in at a provider.

    It is all of https (and loopback, where the cell itself is on loopback), not the provider's origin: a provider may pass the
    browser on to hosts that only it knows, such as a company's own sign-in, and Chromium stops the chain at the first hop that
    is not listed.
    """
    return ("https:", "http://127.0.0.1:*", "http://localhost:*") if is_loopback(service.public_url) else ("https:",)


def install(app: Flask, *, secure: bool) -> None:
    """Put the headers on every response of *app*; *secure* where browsers come over https. Pages bring their own policy."""

    @app.after_request
    def _harden(response: Response) -> Response:
        for name, value in ALWAYS.items():
            response.headers[name] = value
        if secure:
            response.headers["Strict-Transport-Security"] = HSTS
        response.headers.setdefault("Content-Security-Policy", NOT_A_PAGE)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
