"""Our client at oauth2-mock-server: every kind of key, and tokens that are wrong in one claim each."""

from collections.abc import Callable, Iterator

import pytest

from bridge.errors import ProviderBadReply, ProviderBadToken
from tests.interop.oidc.node_issuers import NodeIssuers
from tests.interop.oidc.relying_party import RelyingParty

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def issuer(issuers: NodeIssuers) -> str:
    """The issuer's URL; it takes every client and every secret."""
    found: str = issuers.ask("open", issuer="oauth2-mock-server")["issuer"]
    return found


@pytest.fixture
def here(party: Callable[..., RelyingParty], issuer: str, issuers: NodeIssuers) -> Iterator[RelyingParty]:
    """Our client; the issuer says that clients need no authentication, so that the configuration has to say how."""
    yield party(issuer, client_id="cellbridge", client_secret="any", client_auth="client_secret_basic")
    issuers.ask("change", claims={})
    issuers.ask("sign-with", alg="RS256")


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_sign_in_with_every_kind_of_key(here: RelyingParty, issuers: NodeIssuers, algorithm: str) -> None:
    """Keys of three kinds are published side by side, and the token's own is found by its kid."""
    issuers.ask("sign-with", alg=algorithm)
    identity = here.identify(here.walk())
    assert (identity.key.uid, identity.name) == ("johndoe", "John Doe")
    assert identity.email is not None
    assert identity.email.address == "johndoe@acme.example"
    assert identity.evidence.verified


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "of-another-attempt"}, "nonce: is not the attempt's"),
        ({"nonce": None}, "nonce: is not the attempt's"),
        ({"aud": "another-client"}, "aud: does not hold this client"),
        ({"aud": ["cellbridge", "another-client"]}, "azp: is missing from a token for several audiences"),
        ({"azp": "another-client"}, "azp: is another client"),
        ({"iss": "https://another-issuer.example"}, "iss: is not the issuer"),
        ({"exp": 1_600_000_000}, "exp: is past"),
        ({"iat": 9_000_000_000, "exp": 9_000_003_600}, "iat: is in the future"),
        ({"nbf": 9_000_000_000}, "nbf: is in the future"),
        ({"exp": None}, "exp: is not a time"),
        ({"sub": None}, "sub: is not text of 1 to 255 characters"),
        ({"sub": "somebody-else"}, "sub: userinfo speaks of somebody else"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_a_token_that_is_wrong_in_one_claim(
    here: RelyingParty, issuers: NodeIssuers, claims: dict[str, object], reason: str
) -> None:
    """The signature is another implementation's and good; the one claim that is not is named in the refusal."""
    issuers.ask("change", claims=claims)
    with pytest.raises(ProviderBadToken) as refused:
        here.identify(here.walk())
    assert refused.value.reason == reason
    issuers.ask("change", claims={})
    assert here.identify(here.walk()).key.uid == "johndoe"


def test_a_code_of_another_attempt(here: RelyingParty) -> None:
    """Its PKCE check refuses a code whose verifier is another's."""
    mine, theirs = here.walk(), here.walk()
    with pytest.raises(ProviderBadReply) as refused:
        here.identify(theirs, attempt=mine.attempt)
    assert refused.value.reason == "token reply: answered 400 invalid_request"


def test_an_issuer_that_offers_no_way_to_authenticate(party: Callable[..., RelyingParty], issuer: str) -> None:
    """Where the configuration does not say how, an issuer whose metadata offers only `none` is refused, before any redirect."""
    with pytest.raises(ProviderBadReply, match="token_endpoint_auth_methods_supported"):
        party(issuer, client_id="cellbridge", client_secret="any").walk()
