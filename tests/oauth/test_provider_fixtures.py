"""What a provider answers, and the identity or the refusal that we read from it: pairs of files, found by their names.

`tests/providers/<kind>/<case>.response.json` holds the provider's replies by `METHOD /path` (`status`, 200 unless given, and
`json` or `text`), for OpenID providers the claims of the `id_token`, which are signed on the way, and any `settings` that the
case needs. `{base}` stands for the provider's URL, a `signature` of "{good}" for Salesforce's. Beside it lies
`<case>.identity.json` or `<case>.refusal.json`: exactly what comes of it.
"""

import json
from pathlib import Path

import pytest

from bridge.errors import ProviderError
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.providers import PROVIDERS
from tests.oauth.loopback import LoopbackProvider
from tests.oauth.replay import CASES, FOLDER, answers, as_json, configured, outcome_of, response_of
from tests.oauth.samples import REDIRECT_URI, begin

ACCESS_TOKEN = "access-token-1"
CODE = "code-secret-1"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name.removesuffix('.response.json')}")
def test_the_answer_becomes_the_identity_or_the_refusal(case: Path, provider: LoopbackProvider, http: ProviderHttp) -> None:
    """A whole identification over real HTTP ends in exactly the outcome that lies beside the response."""
    kind = case.parent.name
    response = response_of(case, provider)
    answers(provider, kind, response)
    one = configured(case, response, provider, http)
    identity, refusal = outcome_of(case, ".identity.json"), outcome_of(case, ".refusal.json")
    if identity.exists():
        found = one.identify(Callback(CODE), begin(), REDIRECT_URI)
        assert as_json(found) == json.loads(identity.read_text("utf-8"))
        return
    with pytest.raises(ProviderError) as refused:
        one.identify(Callback(CODE), begin(), REDIRECT_URI)
    expected = json.loads(refusal.read_text("utf-8"))
    assert refused.value.code == expected["code"]
    reason = refused.value.reason
    assert reason == expected["reason"] or reason.startswith(expected["reason"] + ": ")  # then what is wrong with an address
    assert refused.value.provider == kind
    for secret in (ACCESS_TOKEN, CODE, "@acme.example"):
        assert secret not in str(refused.value)


@pytest.mark.parametrize("kind", PROVIDERS)
def test_every_provider_has_fixtures_of_both_outcomes(kind: str) -> None:
    """A provider is one file, one line in the map, and fixture pairs: identities and refusals."""
    names = [path.name for path in (FOLDER / kind).iterdir()]
    assert sum(name.endswith(".identity.json") for name in names) >= 2
    assert sum(name.endswith(".refusal.json") for name in names) >= 2


def test_no_fixture_is_left_alone() -> None:
    """Every file belongs to a pair of a provider in the map; a misspelled name would silently not be tested."""
    expected = set()
    for case in CASES:
        assert case.parent.name in PROVIDERS
        outcomes = [path for ending in (".identity.json", ".refusal.json") if (path := outcome_of(case, ending)).exists()]
        assert len(outcomes) == 1, case
        expected |= {case, *outcomes}
    assert {path for path in FOLDER.rglob("*") if path.is_file()} == expected
