"""Our client signs people in at oidc-provider (panva's, certified): three ways to authenticate, PKCE, rotation in mid-run."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from bridge.errors import ProviderBadReply, ProviderBadToken, ProviderDenied
from bridge.identity import EmailEvidence
from bridge.oauth.callback import Callback
from tests.interop.oidc.node_issuers import NodeIssuers
from tests.interop.oidc.relying_party import REDIRECT_URI, RelyingParty, Returned

pytestmark = pytest.mark.e2e

SECRET = "a secret of the client, with % and : in it"
LOGIN: tuple[dict[str, str], ...] = (
    {"login": "dana", "password": "anything"},
    {},
)  # its form for a name, and the one that asks for consent
UMA: tuple[dict[str, str], ...] = ({"login": "uma", "password": "anything"}, {})
METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
SignIn = Callable[..., RelyingParty]


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's own key, for `private_key_jwt`."""
    path = tmp_path_factory.mktemp("client") / "client.key"
    path.write_bytes(RSAKey.generate_key(2048, private=True).as_pem(private=True))
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def issuer(issuers: NodeIssuers, key_file: Path) -> str:
    """The issuer's URL; it knows one client for each way to authenticate, whose id is that way's name."""
    public = {**RSAKey.import_key(key_file.read_bytes()).as_dict(private=False), "kid": "client-key", "use": "sig"}
    secrets = {"client_secret_basic": {"client_secret": SECRET}, "client_secret_post": {"client_secret": SECRET}}
    clients = [
        {
            "client_id": method,
            "redirect_uris": [REDIRECT_URI],
            "token_endpoint_auth_method": method,
            **secrets.get(method, {"jwks": {"keys": [json.loads(json.dumps(public))]}}),
        }
        for method in METHODS
    ]
    found: str = issuers.ask("open", issuer="oidc-provider", clients=clients)["issuer"]
    return found


@pytest.fixture
def client(party: SignIn, issuer: str, key_file: Path) -> SignIn:
    """A function that makes the client for one way to authenticate."""

    def make(method: str, **changes: object) -> RelyingParty:
        shown = {"client_secret": SECRET}
        if method == "private_key_jwt":
            shown = {"private_key_file": str(key_file), "private_key_id": "client-key"}
        return party(issuer, client_id=method, client_auth=method, **{**shown, **changes})

    return make


@pytest.mark.parametrize("method", METHODS)
def test_sign_in(client: SignIn, method: str) -> None:
    """Code, PKCE, ID token, userinfo and the issuer in the callback: a stranger's implementation and ours agree on all."""
    here = client(method)
    returned = here.walk(*LOGIN)
    assert {"code", "state", "iss"} <= set(returned.fields)
    identity = here.identify(returned)
    assert (identity.key.uid, identity.email and identity.email.address) == ("dana", "dana@acme.example")
    assert identity.evidence == EmailEvidence(verified=True, rule="oidc.email_verified")
    assert (identity.name, identity.username) == ("Dana of Node", "dana")


def test_an_unverified_address_stays_one(client: SignIn) -> None:
    """`email_verified: false` is read as what it says."""
    here = client("client_secret_basic")
    assert here.identify(here.walk(*UMA)).evidence.verified is False


def test_keys_are_rotated_between_the_redirect_and_the_code(client: SignIn, issuers: NodeIssuers) -> None:
    """A client that has the old keys in memory looks once for new ones, and goes on; the old key is gone altogether."""
    here = client("client_secret_basic")
    assert here.identify(here.walk(*LOGIN)).key.uid == "dana"
    returned = here.walk(*LOGIN)
    issuers.ask("rotate")
    assert here.identify(returned).key.uid == "dana"
    assert here.identify(here.walk(*LOGIN)).key.uid == "dana"


def test_keys_that_are_rotated_all_the_time_are_not_run_after(client: SignIn, issuers: NodeIssuers) -> None:
    """An unknown key is looked for once in ten seconds, so that nobody can have us fetch keys for every token."""
    here = client("client_secret_basic")
    here.identify(here.walk(*LOGIN))
    issuers.ask("rotate")
    here.identify(here.walk(*LOGIN))
    issuers.ask("rotate")
    with pytest.raises(ProviderBadToken) as refused:
        here.identify(here.walk(*LOGIN))
    assert refused.value.reason == "kid: no published key fits"


@pytest.mark.parametrize("method", METHODS[:2])
def test_a_wrong_secret(client: SignIn, method: str) -> None:
    """The refusal names the provider's own error and no secret."""
    here = client(method, client_secret="another secret")
    with pytest.raises(ProviderBadReply) as refused:
        here.identify(here.walk(*LOGIN))
    assert refused.value.reason == "token reply: answered 401 invalid_client"


def test_a_wrong_key(client: SignIn, tmp_path: Path) -> None:
    """An assertion that another key has signed opens nothing."""
    another = tmp_path / "another.key"
    another.write_bytes(RSAKey.generate_key(2048, private=True).as_pem(private=True))
    another.chmod(0o600)
    here = client("private_key_jwt", private_key_file=str(another))
    with pytest.raises(ProviderBadReply) as refused:
        here.identify(here.walk(*LOGIN))
    assert refused.value.reason == "token reply: answered 401 invalid_client"


def test_a_code_is_good_once(client: SignIn) -> None:
    """The second exchange of one code is refused."""
    here = client("client_secret_basic")
    returned = here.walk(*LOGIN)
    here.identify(returned)
    with pytest.raises(ProviderBadReply) as refused:
        here.identify(returned)
    assert refused.value.reason == "token reply: answered 400 invalid_grant"


def test_a_code_belongs_to_the_attempt_that_asked_for_it(client: SignIn) -> None:
    """A code that was injected from another browser has another verifier, and the issuer says no (RFC 9700 4.5)."""
    here = client("client_secret_basic")
    mine, theirs = here.walk(*LOGIN), here.walk(*UMA)
    with pytest.raises(ProviderBadReply) as refused:
        here.identify(theirs, attempt=mine.attempt)
    assert refused.value.reason == "token reply: answered 400 invalid_grant"


def test_another_issuer_in_the_callback(client: SignIn) -> None:
    """`iss` is compared before the code goes anywhere (RFC 9207): afterwards the code is still good."""
    here = client("client_secret_basic")
    returned = here.walk(*LOGIN)
    forged = Returned(returned.attempt, {**returned.fields, "iss": "https://another-issuer.example"})
    missing = Returned(returned.attempt, {name: value for name, value in returned.fields.items() if name != "iss"})
    for wrong in (forged, missing):
        with pytest.raises(ProviderBadReply, match="callback: iss"):
            here.identify(wrong)
    assert here.identify(returned).key.uid == "dana"


def test_no_consent(client: SignIn) -> None:
    """Whoever presses Cancel is refused as somebody who said no."""
    here = client("client_secret_basic")
    returned = here.walk({"href": "/abort"})
    with pytest.raises(ProviderDenied):
        here.identify(returned)


def test_without_the_verifier_nothing_is_redeemed(client: SignIn, issuer: str) -> None:
    """The issuer requires PKCE: a code whose challenge was ours is worth nothing to who has no verifier."""
    here = client("client_secret_basic")
    returned = here.walk(*LOGIN)
    stranger = here.walk(*LOGIN).attempt
    with pytest.raises(ProviderBadReply, match="invalid_grant"):
        here.provider.identify(Callback(code=returned.fields["code"], iss=issuer), stranger, REDIRECT_URI)
