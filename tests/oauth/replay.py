"""Replaying what a provider answered: the files of `tests/providers/<kind>/`, told in `test_provider_fixtures.py`."""

import base64
import hmac
import json
from pathlib import Path
from typing import Any

from bridge.identity import ExternalIdentity
from bridge.oauth.client import ProviderHttp
from bridge.oauth.providers import Provider, build
from tests.oauth.kinds import issuer_of, settings
from tests.oauth.loopback import Answer, LoopbackProvider, json_answer
from tests.oauth.samples import CLIENT_SECRET, Clock, begin, config

FOLDER = Path(__file__).parents[1] / "providers"
CASES = sorted(path for path in FOLDER.glob("*/*.response.json"))


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


def response_of(case: Path, server: LoopbackProvider) -> dict[str, Any]:
    """Return what stands in a response, its places on *server*."""
    response: dict[str, Any] = json.loads(case.read_text("utf-8").replace("{base}", server.url))
    return response


def configured(case: Path, response: dict[str, Any], server: LoopbackProvider, http: ProviderHttp) -> Provider:
    """Return the provider of the case, with its settings."""
    kind = case.parent.name
    placed = settings(kind, server.url) | response.get("settings", {})
    return build([config(kind, name=kind, **placed)], http=http, clock=Clock())[kind]


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
