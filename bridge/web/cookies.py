"""Cookies, and the secret that binds a sign-in to its browser.

The law: on https every cookie is `__Host-`, Secure and without a Domain, so that no neighbouring host can write it (RFC 6265bis
4.1.3); a name that comes twice counts as absent, because nobody can say which of the two is ours.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

from flask import Request
from werkzeug.wrappers import Response

from bridge.sections import Service

BINDING = "cb-binding"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def read_cookies(request: Request, service: Service) -> dict[str, str]:
    """Return our cookies, by the name without its prefix, that came exactly once and under the prefix of this deployment."""
    prefix = service.cookie_name("")
    return {
        name.removeprefix(prefix): values[0]
        for name, values in request.cookies.lists()
        if name.startswith(prefix) and len(values) == 1 and values[0]
    }


def read_cookie(request: Request, service: Service, name: str) -> str | None:
    """Return the value of our cookie *name* (without prefix), or None where it is absent, empty or doubled."""
    return read_cookies(request, service).get(name)


def set_cookie(response: Response, service: Service, name: str, value: str, *, max_age_seconds: int | None = None) -> None:
    """Give the browser our cookie *name* (without prefix); without an age it ends with the browser."""
    response.set_cookie(
        service.cookie_name(name),
        value,
        max_age=max_age_seconds,
        path="/",
        secure=service.secure,
        httponly=True,
        samesite="Lax",
    )


def clear_cookie(response: Response, service: Service, name: str) -> None:
    """Take our cookie *name* (without prefix) back; a browser heeds this only with the flags that it was set with."""
    response.delete_cookie(service.cookie_name(name), path="/", secure=service.secure, httponly=True, samesite="Lax")


@dataclass(frozen=True)
class BrowserSecret:
    """What only this browser knows: 256 random bits, URL-safe. `bridge.handoff.binding_of(value)` goes into the handoff."""

    value: str
    fresh: bool

    def keep(self, response: Response, service: Service) -> None:
        """Give the browser its secret, if it has none yet: a second tab must not lose the one that the first relies on."""
        if self.fresh:
            set_cookie(response, service, BINDING, self.value)


def browser_secret(request: Request, service: Service) -> str | None:
    """Return the secret that this browser brings, or None where it brings none, two, or one that is not of our form."""
    value = read_cookie(request, service, BINDING)
    return value if value is not None and _SECRET.fullmatch(value) else None


def ensure_browser_secret(request: Request, service: Service, random_bytes: Callable[[int], bytes]) -> BrowserSecret:
    """Return the browser's secret, or a fresh one that the response has to `keep`."""
    known = browser_secret(request, service)
    if known is not None:
        return BrowserSecret(known, fresh=False)
    return BrowserSecret(base64.urlsafe_b64encode(random_bytes(32)).rstrip(b"=").decode("ascii"), fresh=True)
