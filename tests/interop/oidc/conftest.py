"""Issuers that really run, and our client at them; without their software a test is skipped, loudly, and in CI it fails."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.interop import node_peer
from tests.interop.oidc import node_issuers
from tests.interop.oidc.node_issuers import NodeIssuers
from tests.interop.oidc.relying_party import RelyingParty


@pytest.fixture(scope="session")
def issuers() -> Iterator[NodeIssuers]:
    """The issuers that run in Node."""
    try:
        node_peer.install(node_issuers.FOLDER)
    except node_peer.Unavailable as error:
        pytest.skip(str(error))
    with NodeIssuers() as running:
        yield running


@pytest.fixture
def party() -> Iterator[Callable[..., RelyingParty]]:
    """A function that makes our client at an issuer; all are closed in the end."""
    made: list[RelyingParty] = []

    def make(issuer: str, **settings: Any) -> RelyingParty:
        made.append(RelyingParty(issuer, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
