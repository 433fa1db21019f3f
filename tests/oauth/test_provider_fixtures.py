"""What a provider answers, and the identity or the refusal that we read from it: pairs of files, found by their names.

`tests/providers/<kind>/<case>.response.json` holds the provider's replies by `METHOD /path` (`status`, 200 unless given, and
`json` or `text`), for OpenID providers the claims of the `id_token`, which are signed on the way, and any `settings` that the
case needs. `{base}` stands for the provider's URL, a `signature` of "{good}" for Salesforce's. Beside it lies
`<case>.identity.json` or `<case>.refusal.json`: exactly what comes of it.
"""

import base64
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import ProviderError
from bridge.identity import ExternalIdentity
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.providers import PROVIDERS, build
from tests.oauth.kinds import issuer_of, settings
from tests.oauth.loopback import Answer, LoopbackProvider, json_answer
from tests.oauth.samples import CLIENT_SECRET, REDIRECT_URI, Clock, begin, config

FOLDER = Path(__file__).parents[1] / "providers"
CASES = sorted(path for path in FOLDER.glob("*/*.response.json"))
ACCESS_TOKEN = "access-token-1"
CODE = "code-secret-1"


def outcome_of(case: Path, ending: str) -> Path:
    """Return the path of the outcome beside a response."""
    return case.with_name(case.name.removesuffix(".response.json") + ending)


def answers(server: LoopbackProvider, kind: str, response: dict[str, Any]) -> None:
    """Let the server answer as the fixture says."""
    attempt = begin()
    issuer = issuer_of(kind, server)
    issuer.metadata |= response.get("discovery", {})
    for place, reply in response["replies"].items():
        method, path = place.split(" ")
        if "text" in reply:
            headers = {"Content-Type": reply.get("content_type", "text/html")}
            server.on(method, path, Answer(reply["text"].encode(), reply.get("status", 200), headers))
            continue
        value = reply["json"]
        if "id_token" in response and method == "POST":
            value = value | {"id_token": issuer.sign(issuer.claims(attempt, **response["id_token"]))}
        if method == "POST" and value.get("signature") == "{good}":
            signed = hmac.digest(CLIENT_SECRET.encode(), (value["id"] + value["issued_at"]).encode(), "sha256")
            value = value | {"signature": base64.b64encode(signed).decode()}
        server.on(method, path, json_answer(value, reply.get("status", 200)))


def as_json(identity: ExternalIdentity) -> dict[str, Any]:
    """Return an identity as it stands in a fixture."""
    return {
        "provider": identity.key.provider,
        "uid": identity.key.uid,
        "email": identity.email and identity.email.address,
        "email_verified": identity.evidence.verified,
        "email_evidence": identity.evidence.rule,
        "name": identity.name,
        "username": identity.username,
        "avatar_url": identity.avatar_url,
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name.removesuffix('.response.json')}")
def test_the_answer_becomes_the_identity_or_the_refusal(
    case: Path, provider: LoopbackProvider, http: ProviderHttp, clock: Clock
) -> None:
    """A whole identification over real HTTP ends in exactly the outcome that lies beside the response."""
    kind = case.parent.name
    response = json.loads(case.read_text("utf-8").replace("{base}", provider.url))
    answers(provider, kind, response)
    placed = settings(kind, provider.url) | response.get("settings", {})
    configured = build([config(kind, name=kind, **placed)], http=http, clock=clock)[kind]
    identity, refusal = outcome_of(case, ".identity.json"), outcome_of(case, ".refusal.json")
    if identity.exists():
        found = configured.identify(Callback(CODE), begin(), REDIRECT_URI)
        assert as_json(found) == json.loads(identity.read_text("utf-8"))
        return
    with pytest.raises(ProviderError) as refused:
        configured.identify(Callback(CODE), begin(), REDIRECT_URI)
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
