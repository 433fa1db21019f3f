"""Our client at nanoidp: an issuer in Python, in an environment of its own."""

from collections.abc import Callable, Iterator

import pytest
import requests

from bridge.errors import ProviderBadReply
from tests.interop.oidc import nanoidp_issuer
from tests.interop.oidc.nanoidp_issuer import SECRET
from tests.interop.oidc.relying_party import REDIRECT_URI, RelyingParty

pytestmark = pytest.mark.e2e

LOGIN = {"username": "dana", "password": "secret"}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The issuer's URL; without its packages the test is skipped, loudly, and in CI it fails."""
    try:
        nanoidp_issuer.install()
    except nanoidp_issuer.Unavailable as error:
        pytest.skip(str(error))
    process, url = nanoidp_issuer.start(tmp_path_factory.mktemp("nanoidp"), redirect_uri=REDIRECT_URI)
    try:
        process.wait_ready(f"{url}/.well-known/openid-configuration")
        yield url
    finally:
        process.stop()


@pytest.mark.parametrize("client", ["cellbridge", "cellbridge-post"])
def test_sign_in(party: Callable[..., RelyingParty], issuer: str, client: str) -> None:
    """The address comes from userinfo; each client authenticates as it is registered, and only so."""
    method = "client_secret_post" if client.endswith("post") else "client_secret_basic"
    here = party(issuer, client_id=client, client_secret=SECRET, client_auth=method)
    identity = here.identify(here.walk(LOGIN))
    assert (identity.key.uid, identity.username, identity.name) == ("dana", "dana", None)
    assert identity.email is not None
    assert (identity.email.address, identity.evidence.verified) == ("dana@acme.example", True)
    other = {"client_secret_post": "client_secret_basic", "client_secret_basic": "client_secret_post"}[method]
    wrong = party(issuer, client_id=client, client_secret=SECRET, client_auth=other)
    with pytest.raises(ProviderBadReply, match="invalid_client"):
        wrong.identify(wrong.walk(LOGIN))


def test_keys_are_rotated_between_the_redirect_and_the_code(party: Callable[..., RelyingParty], issuer: str) -> None:
    """The new key is found by its kid; the old one is still published, and still good for what it signed."""
    here = party(issuer, client_id="cellbridge", client_secret=SECRET)
    here.identify(here.walk(LOGIN))
    returned = here.walk(LOGIN)
    assert requests.post(f"{issuer}/api/keys/rotate", timeout=30).json()["success"]
    assert here.identify(returned).key.uid == "dana"


def test_a_code_of_another_attempt(party: Callable[..., RelyingParty], issuer: str) -> None:
    """Its PKCE check refuses a code whose verifier is another's."""
    here = party(issuer, client_id="cellbridge", client_secret=SECRET)
    mine, theirs = here.walk(LOGIN), here.walk({"username": "mia", "password": "secret"})
    with pytest.raises(ProviderBadReply, match="answered 400 invalid_grant"):
        here.identify(theirs, attempt=mine.attempt)
