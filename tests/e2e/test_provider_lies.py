"""What one provider alone can be made to say wrong: each lie is told by its code, written nowhere, and followed nowhere."""

from collections.abc import Callable

import pytest

from bridge.harness.pair import Pair
from bridge.harness.standin.remote import Remote
from bridge.harness.standin.wires import WIRES
from bridge.harness.walk import Walk

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("nothing_written")]

LIES = {
    ("gitlab", "token_info", "other_application"): ("provider.bad_token", 502),
    ("gitlab", "token_info", "other_owner"): ("provider.bad_token", 502),
    ("microsoft", "token", "other_tenant"): ("provider.disabled", 403),
    ("microsoft", "token", "tenant_mixed"): ("provider.bad_token", 502),
    ("salesforce", "token", "other_user_signed"): ("provider.bad_token", 502),
    ("salesforce", "token", "foreign_identity"): ("provider.bad_reply", 502),
    ("salesforce", "token", "foreign_instance"): ("provider.bad_reply", 502),
}


@pytest.mark.parametrize(("provider", "endpoint", "lie"), LIES)
def test_a_lie_is_refused(
    pair: Pair, walk: Walk, assert_refused: Callable[..., None], provider: str, endpoint: str, lie: str
) -> None:
    """Tokens of another application (implicit grant), another tenant's person (nOAuth), a signed URL that leads away."""
    code, status = LIES[provider, endpoint, lie]
    remote = Remote(pair.at.provider_url)
    before = remote.lured()
    with remote.fault(provider, endpoint, lie):
        page = walk.to_callback(provider, "dana")
    assert_refused(page, code, status=status, public_code=None if status == 403 else "provider.unavailable")
    assert remote.lured() == before
    remote.close()


def test_every_lie_is_tried() -> None:
    """A fault that a stand-in learns is told here what has to come of it."""
    assert {(name, *fault) for name, wire in WIRES.items() for fault in wire.own_faults} == set(LIES)
