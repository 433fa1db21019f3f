"""The Flask application that both cells build their views on.

The law: nothing about this deployment is read from a request. The origin, the scheme and every address come from the
configuration; of a proxy's headers only the client's address is believed, and only from as many proxies as are configured.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from flask import Flask, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from bridge.errors import NotFound
from bridge.handoff import ReturnPath
from bridge.identity import MalformedValue
from bridge.sections import Service
from bridge.web import errors_page, headers, health, language, pages, request_log
from bridge.web.messages import Labels, catalogue
from bridge.web.metrics import Metrics

MAX_BODY_BYTES = 1024 * 1024
MAX_FORM_PARTS = 20
START_PATH = "/users/sign_in"


def create_app(
    name: str,
    *,
    service: Service,
    ready: Mapping[str, Callable[[], None]],
    labels: Labels,
    random_bytes: Callable[[int], bytes],
    templates: Path | None = None,
    metrics: Metrics | None = None,
    start_path: str = START_PATH,
    details: Mapping[str, Callable[[], object]] | None = None,
) -> Flask:
    """Return an application with refusals, headers, logs, health and metrics installed, and no view of its own.

    *name* is the service in logs and metrics (`idp`, `sp`); *ready* are the checks of `/-/readyz`, by name; *templates* is the
    cell's own folder; *start_path* is where error pages send people to start again; *details* are told with the readiness.
    """
    app = Flask(name, static_folder=None, template_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
        MAX_FORM_PARTS=MAX_FORM_PARTS,
    )
    app.url_map.merge_slashes = app.url_map.redirect_defaults = False
    trusted = service.trusted_proxy_hops
    app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
        app.wsgi_app, x_for=trusted, x_proto=0, x_host=0, x_port=0, x_prefix=0
    )
    metrics = metrics or Metrics(name)
    for known in language.LANGUAGES.values():
        catalogue(known)  # one that cannot be read stops the start, and no request
    language.install(app, service=service)
    pages.install(app, labels=labels, templates=templates)
    request_log.install(app, metrics=metrics, random_bytes=random_bytes)
    headers.install(app, secure=service.secure)
    errors_page.install(app, labels=labels, metrics=metrics, random_bytes=random_bytes, start_path=start_path)
    health.install(app, service=name, ready=ready, metrics=metrics, details=details)
    app.before_request(_add_slash_by_path)
    return app


def _add_slash_by_path() -> Response | None:
    """Redirect to a missing last slash by path alone: Werkzeug builds that address from the Host header."""
    if not isinstance(request.routing_exception, RequestRedirect):
        return None
    try:
        with_slash = ReturnPath(f"{request.path}/")
    except MalformedValue as error:
        raise NotFound(reason="no plain path") from error
    if request.method not in ("GET", "HEAD"):
        raise NotFound(reason="a slash is missing")
    return redirect(_with_plain_query(with_slash).path, 308)


def _with_plain_query(path: ReturnPath) -> ReturnPath:
    query = request.query_string.decode("latin-1")
    try:
        return ReturnPath(f"{path.path}?{query}") if query else path
    except MalformedValue:
        return path  # a query that is not plain does not come along
