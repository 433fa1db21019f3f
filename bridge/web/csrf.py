"""Whether a form was sent from our own page, in this very browser.

The law: two independent proofs. The browser says where the request comes from (Fetch Metadata, Origin), and the form carries a
token that only a page made for this browser can hold. Either one failing refuses with `request.forged` (CVE-2015-9284).
"""

from flask import Request

from bridge.errors import RequestForged
from bridge.seal import Seal

FIELD = "csrf_token"


def form_token(seal: Seal, secret: str, *, form: str) -> str:
    """Return the token for *form* (a fixed name such as `start`) and the owner of *secret*: browser secret or session token."""
    return seal.mac(secret, purpose=f"csrf:{form}")


def require_same_origin(request: Request, public_url: str) -> None:
    """Raise `RequestForged` if the browser says that another site sent this request.

    Browsers without Fetch Metadata say nothing, and our own pages post with `Origin: null`, since they send no referrer (Fetch
    standard, "append a request Origin header"); both pass here, and the token or the browser binding decides.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        raise RequestForged(reason="Sec-Fetch-Site is not same-origin")
    origin = request.headers.get("Origin")
    if origin is not None and origin not in ("null", public_url):
        raise RequestForged(reason="Origin is another site")


def require_form(request: Request, *, seal: Seal, secret: str | None, form: str, public_url: str) -> None:
    """Raise `RequestForged` unless the request is *form*, sent from our page by the owner of *secret* (None: nobody's)."""
    require_same_origin(request, public_url)
    if secret is None:  # before the form is parsed: strangers cost nothing
        raise RequestForged(reason="no secret of this browser")
    tokens = request.form.getlist(FIELD)
    if len(tokens) != 1:
        raise RequestForged(reason=f"{len(tokens)} form tokens")
    if not seal.mac_matches(tokens[0], secret, purpose=f"csrf:{form}"):
        raise RequestForged(reason="form token of another browser or form")
