"""The language of a page: what the person switched to, else what the browser accepts, else English.

The law: the language belongs to one request, is one of this list, and changes words alone. The switch is the query field
`language`: a page that is opened with it is opened again without it, so that no address carries a language on, and a cookie
keeps the choice. A form that is posted with it is not carried out: its view shows the same page again (`switched`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus

from babel import negotiate_locale
from flask import Flask, Response, has_request_context, redirect, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response as BaseResponse

from bridge.handoff import ReturnPath
from bridge.identity import MalformedValue
from bridge.sections import Service
from bridge.web.cookies import read_cookie, set_cookie

FIELD = "language"
COOKIE = "cb-language"
KEPT_SECONDS = 365 * 24 * 3600
MAX_ACCEPTED = 1024  # characters of a header; no browser sends more
_CHOSEN, _SWITCHED = "cellbridge.language", "cellbridge.language_switched"
_PATH_SAFE = "/:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Language:
    """One language: `code` names catalogue and cookie, `tag` is for `lang` (BCP 47), `name` is what its speakers call it."""

    code: str
    tag: str
    name: str


ENGLISH = Language("en", "en", "English")
LANGUAGES = {one.code: one for one in (ENGLISH, Language("de", "de", "Deutsch"), Language("zh", "zh-Hans", "简体中文"))}


@dataclass(frozen=True, slots=True)
class Switch:
    """One choice of the switch: the language, whether the page speaks it, and the query that leads to it."""

    language: Language
    current: bool
    query: str


def accepted(header: str) -> Language:
    """Return the language for an Accept-Language *header* (RFC 9110 12.5.4): the browser's first that is here, else English."""
    if len(header) > MAX_ACCEPTED:
        return ENGLISH
    wanted = [
        ENGLISH.code if tag == "*" else tag for tag, quality in parse_accept_header(header, LanguageAccept) if quality > 0
    ]
    return LANGUAGES[(negotiate_locale(wanted, list(LANGUAGES), sep="-") or ENGLISH.code).lower()]


def current() -> Language:
    """Return the language of this request; English where nobody has asked yet."""
    chosen = request.environ.get(_CHOSEN) if has_request_context() else None
    return chosen if isinstance(chosen, Language) else ENGLISH


def switched() -> bool:
    """Whether this request is the switch: a view that takes a form shows its page again then, and does nothing else."""
    return bool(request.environ.get(_SWITCHED))


def switches() -> Sequence[Switch]:
    """Return the choices for the page of this request; none where its address cannot be opened again.

    That is the answer to a form, and to a provider's callback: its state is good only once.
    """
    if request.method not in ("GET", "HEAD") or "state" in request.args:
        return ()
    kept = _rest_of_query()
    return [Switch(one, one == current(), "&".join((*kept, f"{FIELD}={one.code}"))) for one in LANGUAGES.values()]


def install(app: Flask, *, service: Service) -> None:
    """Choose the language of every request of *app*, before anything else can answer it."""

    @app.before_request
    def _choose() -> BaseResponse | None:
        wanted = request.args.getlist(FIELD)
        switch = LANGUAGES.get(wanted[0]) if len(wanted) == 1 else None
        kept = LANGUAGES.get(read_cookie(request, service, COOKIE) or "")
        request.environ[_CHOSEN] = switch or kept or accepted(request.headers.get("Accept-Language", ""))
        request.environ[_SWITCHED] = switch is not None
        return _same_page() if switch and request.method in ("GET", "HEAD") else None

    @app.after_request
    def _keep(response: Response) -> Response:
        if request.environ.get(_SWITCHED):
            set_cookie(response, service, COOKIE, current().code, max_age_seconds=KEPT_SECONDS)
        return response


def _rest_of_query() -> list[str]:
    query = request.query_string.decode("latin-1")
    return [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) != FIELD]


def _same_page() -> BaseResponse | None:
    """Redirect to this address without the switch, or let the page be shown where the address is no plain one."""
    query = "&".join(_rest_of_query())
    try:
        page = ReturnPath(quote(request.path, safe=_PATH_SAFE) + (f"?{query}" if query else ""))
    except MalformedValue:
        return None
    return redirect(page.path, 303)
