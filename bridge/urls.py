"""The URLs of a pair: which are allowed in a configuration, and how an organization's are built from the public origin.

The law: an expected URL comes from configuration, never from a request's `Host` (RFC 9700 4.1).
"""

import ipaddress
import re
from urllib.parse import urlsplit

from bridge.handoff import OrgRoute

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
DEFAULT_ACS_PATH = "/o/{org}/auth/saml/callback"
METADATA_PATH = "/o/{org}/auth/saml/metadata"

_DEFAULT_PORTS = {"https": 443, "http": 80}
_ACS_TEMPLATE = re.compile(r"/o/\{org\}((?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+)")
_OWN_PATHS = re.compile(r"/(?:users|-(?!/saml/)|auth/saml/metadata)(?:/.*)?")
_PRIVATE_NAME = re.compile(r"[a-z][a-z0-9_-]*|[a-z0-9_.-]+\.(?:internal|local)", re.IGNORECASE)


def is_loopback(url: str) -> bool:
    """Whether *url* names this very machine by a loopback host."""
    return urlsplit(url).hostname in LOOPBACK_HOSTS


def http_url(value: str) -> str:
    """Return *value* if it is an https URL, or plain http on loopback, without credentials; raises `ValueError`."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http(s) URL")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError("must be https: plain http is for loopback only")
    if parts.username or parts.password:
        raise ValueError("must not hold credentials")
    return value


def origin(value: str) -> str:
    """Return *value* as browsers write an origin: lower case, no default port, no slash at the end; raises `ValueError`."""
    value = http_url(value)
    parts = urlsplit(value)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must be an origin, such as https://cells.example, without a path")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def service_url(value: str) -> str:
    """Return *value* if it is the origin of a service of ours: https, or plain http where no stranger is on the way.

    That is loopback, a private address (RFC 1918, RFC 4193), or a name that no public DNS knows: of one label (compose), or
    below `.internal` or `.local`. Raises `ValueError`.
    """
    parts = urlsplit(value)
    host = parts.hostname or ""
    if parts.scheme == "http" and host not in LOOPBACK_HOSTS and not _PRIVATE_NAME.fullmatch(host) and not _is_private(host):
        raise ValueError("must be https: plain http is for this machine and private networks")
    return value


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def acs_template(value: str) -> str:
    """Return *value* if it is a path template for assertion consumer services; raises `ValueError`.

    Plain segments only, since it becomes a rule of the web framework, and none that is a page of ours.
    """
    found = _ACS_TEMPLATE.fullmatch(value)
    if not found:
        raise ValueError("must be /o/{org}/ and then segments of letters, digits, -, _ and .")
    if _OWN_PATHS.fullmatch(found[1]):
        raise ValueError("is the path of another page: /users/, /-/ (but for /-/saml/) and /auth/saml/metadata are taken")
    return value


def sp_entity_id(public_url: str, org_path: str) -> str:
    """Return the SP entity ID of an organization: the URL of its metadata."""
    return public_url + METADATA_PATH.format(org=org_path)


def acs_url(public_url: str, org_path: str, acs_path: str = DEFAULT_ACS_PATH) -> str:
    """Return the assertion consumer service URL of an organization."""
    return public_url + acs_path.format(org=org_path)


def org_route(
    *,
    public_url: str,
    org_id: int,
    org_path: str,
    cell_id: int,
    acs_path: str = DEFAULT_ACS_PATH,
    org_name: str | None = None,
) -> OrgRoute:
    """Return the route of an organization whose endpoint is ours."""
    return OrgRoute(
        org_id=org_id,
        org_path=org_path,
        cell_id=cell_id,
        acs_url=acs_url(public_url, org_path, acs_path),
        sp_entity_id=sp_entity_id(public_url, org_path),
        org_name=org_name,
    )
