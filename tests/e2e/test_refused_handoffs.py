"""Handoffs that the endpoint must refuse: each with its code, its page, and not one row written."""

import base64
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from bridge.handoff import Handoff
from bridge.harness.browser import Page
from bridge.harness.mint import Mint
from bridge.harness.pair import Pair
from bridge.harness.walk import Walk

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("nothing_written")]
Refused = Callable[..., None]
SECRET = secrets.token_urlsafe(32)


def _edited(response: str, old: str, new: str) -> str:
    """Return the response with *old* replaced by *new* in its XML; the signature stays as it was."""
    xml = base64.b64decode(response).decode("utf-8")
    assert old in xml
    return base64.b64encode(xml.replace(old, new).encode("utf-8")).decode("ascii")


def test_tampered_attribute(mint: Mint, assert_refused: Refused) -> None:
    """One changed byte of a signed value breaks the signature."""
    handoff = mint.handoff(binding_secret=SECRET)
    tampered = _edited(mint.sign(handoff), "minted-", "minced-")
    assert_refused(mint.post(tampered, binding_secret=SECRET), "handoff.signature", status=403, public_code="handoff.rejected")


def test_unsigned(mint: Mint, assert_refused: Refused) -> None:
    """A response without its signature is nobody's."""
    xml = base64.b64decode(mint.sign(mint.handoff(binding_secret=SECRET))).decode("utf-8")
    bare = re.sub(r"<(ds:)?Signature[ >].*?</(ds:)?Signature>", "", xml, flags=re.DOTALL)
    assert bare != xml
    page = mint.post(base64.b64encode(bare.encode()).decode(), binding_secret=SECRET)
    assert_refused(page, "handoff.signature", status=403, public_code="handoff.rejected")


def test_assertion_of_another_organization_on_the_same_cell(mint: Mint, assert_refused: Refused) -> None:
    """Globex's handoff opens nothing at Acme, though one cell serves both."""
    response = mint.sign(mint.handoff(org="globex", binding_secret=SECRET))
    page = mint.post(response, org="acme", binding_secret=SECRET)
    assert_refused(page, "handoff.destination", status=403, public_code="handoff.rejected")


def test_audience_of_another_organization(mint: Mint, assert_refused: Refused) -> None:
    """The audience decides even where destination and recipient are right."""
    handoff = mint.handoff(binding_secret=SECRET)
    wrong = replace(handoff.route, sp_entity_id=mint.route("globex").sp_entity_id)
    page = mint.post(mint.sign(replace(handoff, route=wrong)), binding_secret=SECRET)
    assert_refused(page, "handoff.audience", status=403, public_code="handoff.rejected")


def test_organization_attribute_of_another(mint: Mint, assert_refused: Refused) -> None:
    """The signed organization has to be the endpoint's, whatever the URLs say."""
    handoff = mint.handoff(binding_secret=SECRET)
    wrong = replace(handoff.route, org_id=43)
    page = mint.post(mint.sign(replace(handoff, route=wrong)), binding_secret=SECRET)
    assert_refused(page, "handoff.org", status=403, public_code="handoff.rejected")


def test_expired(mint: Mint, assert_refused: Refused) -> None:
    """A handoff is over when its time and the skew are over."""
    old = mint.handoff(binding_secret=SECRET, now=datetime.now(UTC) - timedelta(seconds=120))
    page = mint.post(mint.sign(old), binding_secret=SECRET)
    assert_refused(page, "handoff.expired", status=403, public_code="handoff.stale")


def test_not_yet_valid(mint: Mint, assert_refused: Refused) -> None:
    """A handoff from the future is refused beyond the skew."""
    early = mint.handoff(binding_secret=SECRET, now=datetime.now(UTC) + timedelta(seconds=120))
    page = mint.post(mint.sign(early), binding_secret=SECRET)
    assert_refused(page, "handoff.not_yet_valid", status=403, public_code="handoff.stale")


def test_lives_too_long(mint: Mint, assert_refused: Refused) -> None:
    """Nobody may make a handoff that is good for longer than five minutes."""
    long = mint.handoff(binding_secret=SECRET, lifetime=301)
    page = mint.post(mint.sign(long), binding_secret=SECRET)
    assert_refused(page, "handoff.lifetime", status=403, public_code="handoff.rejected")


def test_no_binding_cookie(mint: Mint, assert_refused: Refused) -> None:
    """A stolen response posted by a browser that did not start it opens nothing."""
    response = mint.sign(mint.handoff(binding_secret=SECRET))
    assert_refused(mint.post(response), "handoff.unbound", status=403)


def test_binding_cookie_of_another_browser(mint: Mint, assert_refused: Refused) -> None:
    """Another browser's secret does not fit the signed binding."""
    response = mint.sign(mint.handoff(binding_secret=SECRET))
    page = mint.post(response, binding_secret=secrets.token_urlsafe(32))
    assert_refused(page, "handoff.unbound", status=403)


def test_real_response_posted_from_another_browser(pair: Pair, walk: Walk, mint: Mint, assert_refused: Refused) -> None:
    """The attacker's own fresh response, posted in the victim's browser, is refused (login CSRF)."""
    form = walk.response_form("github", "dana")
    page = mint.post(form.field("SAMLResponse"), binding_secret=secrets.token_urlsafe(32))
    assert_refused(page, "handoff.unbound", status=403)


def test_cross_site_post(pair: Pair, mint: Mint, assert_refused: Refused) -> None:
    """A browser that says the post came from another site is believed, even with the cookie."""
    answer = requests.post(
        f"{pair.public_url}/o/acme/auth/saml/callback",
        data={"SAMLResponse": mint.sign(mint.handoff(binding_secret=SECRET))},
        cookies={"cb-binding": SECRET},
        headers={"Accept": "text/html", "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        timeout=30,
        allow_redirects=False,
    )
    page = Page(answer.url, answer.status_code, answer.headers, answer.text)
    assert_refused(page, "handoff.unbound", status=403)


@pytest.mark.parametrize(
    "hostile",
    [
        "//evil.example",
        "/\\evil.example",
        "https:evil",
        "/o/acme/\tevil",
        "/o/acme/\x7f",
        "/o/globex/",
        "/o/acme/../globex/",
        "/",
    ],
)
def test_signed_hostile_return_path(mint: Mint, assert_refused: Refused, hostile: str) -> None:
    """Even a signed return path is refused unless it is a plain path inside the organization; no redirect is ever sent."""
    handoff = mint.handoff(binding_secret=SECRET)
    page = mint.post(mint.sign(_returning_to(handoff, hostile)), binding_secret=SECRET)
    assert_refused(page, "handoff.attribute", status=403, public_code="handoff.rejected")
    assert "Location" not in page.headers
    assert "evil" not in page.text


def _returning_to(handoff: Handoff, hostile: str) -> Handoff:
    """Return the handoff with a return path that its own type would refuse, as a broken legacy cell might sign it."""
    changed = replace(handoff)
    path = object.__new__(type(handoff.return_to))
    object.__setattr__(path, "path", hostile)
    object.__setattr__(changed, "return_to", path)
    return changed


@pytest.mark.parametrize("relay_state", ["//evil.example", "https://evil.example/", "/\\evil", "javascript:alert(1)"])
def test_relay_state_is_not_followed(mint: Mint, assert_refused: Refused, relay_state: str) -> None:
    """The RelayState is not trusted on arrival: it changes neither the verdict nor the page of a refused response."""
    response = mint.sign(mint.handoff(org="globex", binding_secret=SECRET))
    page = mint.post(response, org="acme", binding_secret=SECRET, RelayState=relay_state)
    assert_refused(page, "handoff.destination", status=403, public_code="handoff.rejected")
    assert "evil" not in page.text


def test_garbage(mint: Mint, assert_refused: Refused) -> None:
    """What is no base64, no XML or no form at all is refused as malformed, with 403 and not 500."""
    for garbage in ("", "%%%", base64.b64encode(b"<a").decode(), base64.b64encode(b"\x00\xff").decode()):
        page = mint.post(garbage, binding_secret=SECRET)
        assert_refused(page, "handoff.malformed", status=403, public_code="handoff.rejected")


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_other_content_types(pair: Pair, assert_refused: Refused, content_type: str) -> None:
    """Only an urlencoded form is read."""
    answer = requests.post(
        f"{pair.public_url}/o/acme/auth/saml/callback",
        data=b"SAMLResponse=x",
        cookies={"cb-binding": SECRET},
        headers={"Accept": "text/html", "Content-Type": content_type},
        timeout=30,
    )
    page = Page(answer.url, answer.status_code, answer.headers, answer.text)
    assert_refused(page, "handoff.malformed", status=403, public_code="handoff.rejected")


def test_response_in_the_query_is_not_read(pair: Pair, mint: Mint, assert_refused: Refused) -> None:
    """A response in the address is no POST binding."""
    response = mint.sign(mint.handoff(binding_secret=SECRET))
    answer = requests.post(
        f"{pair.public_url}/o/acme/auth/saml/callback",
        params={"SAMLResponse": response},
        data={"other": "1"},
        cookies={"cb-binding": SECRET},
        headers={"Accept": "text/html"},
        timeout=30,
    )
    page = Page(answer.url, answer.status_code, answer.headers, answer.text)
    assert_refused(page, "handoff.malformed", status=403, public_code="handoff.rejected")


def test_organization_that_is_not_here(mint: Mint, assert_refused: Refused) -> None:
    """A path that no cell serves is answered as not here, by the legacy cell."""
    response = mint.sign(mint.handoff(binding_secret=SECRET))
    assert_refused(mint.post(response, org="no-such-org", binding_secret=SECRET), "org.not_here", status=404)


def test_organization_of_another_cell(pair: Pair, mint: Mint, assert_refused: Refused) -> None:
    """An owning cell that gets another cell's organization, as a stale router may do, says so and creates nothing."""
    response = mint.sign(mint.handoff(org="initech", binding_secret=SECRET))
    answer = requests.post(
        f"http://{pair.at.owning[2]}/o/initech/auth/saml/callback",
        data={"SAMLResponse": response},
        cookies={"cb-binding": SECRET},
        headers={"Accept": "text/html"},
        timeout=30,
    )
    page = Page(answer.url, answer.status_code, answer.headers, answer.text)
    assert_refused(page, "org.not_here", status=404)


def test_spoofed_host_changes_nothing(pair: Pair, mint: Mint, assert_refused: Refused) -> None:
    """Expected URLs come from the configuration: a response for a spoofed host is not for this endpoint."""
    handoff = mint.handoff(binding_secret=SECRET)
    spoofed = replace(handoff.route, acs_url="https://evil.example/o/acme/auth/saml/callback")
    answer = requests.post(
        f"{pair.public_url}/o/acme/auth/saml/callback",
        data={"SAMLResponse": mint.sign(replace(handoff, route=spoofed))},
        cookies={"cb-binding": SECRET},
        headers={"Accept": "text/html", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        timeout=30,
    )
    page = Page(answer.url, answer.status_code, answer.headers, answer.text)
    assert_refused(page, "handoff.destination", status=403, public_code="handoff.rejected")
