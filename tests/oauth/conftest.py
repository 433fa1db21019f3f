"""A provider on a loopback port, the client that asks it, and what a sign-in needs beside."""

from collections.abc import Iterator

import pytest

from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.client import ProviderHttp
from bridge.seal import Seal
from tests.oauth.loopback import LoopbackProvider
from tests.oauth.samples import Clock, begin
from tests.oauth.signing_issuer import IssuersClient, SigningIssuer


@pytest.fixture
def provider() -> Iterator[LoopbackProvider]:
    """A provider on a loopback port."""
    server = LoopbackProvider()
    yield server
    server.stop()


@pytest.fixture
def http() -> Iterator[ProviderHttp]:
    """The client with its limits in time shortened."""
    client = ProviderHttp(connect_seconds=2, read_seconds=2, total_seconds=4)
    yield client
    client.close()


@pytest.fixture
def hasty() -> Iterator[ProviderHttp]:
    """The client with limits in time that a test can wait for."""
    client = ProviderHttp(connect_seconds=0.5, read_seconds=0.2, total_seconds=0.5)
    yield client
    client.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at a Sunday noon of 2026."""
    return Clock()


@pytest.fixture(scope="session")
def seal() -> Seal:
    """The seal of this deployment."""
    return Seal(["0123456789abcdef0123456789abcdef"])


@pytest.fixture
def issuer(provider: LoopbackProvider) -> SigningIssuer:
    """An OpenID issuer on the loopback provider."""
    return SigningIssuer(provider)


@pytest.fixture
def attempt() -> LoginAttempt:
    """The attempt that the tokens answer."""
    return begin()


@pytest.fixture
def client(issuer: SigningIssuer, http: ProviderHttp, clock: Clock, attempt: LoginAttempt) -> IssuersClient:
    """A client of the loopback issuer."""
    return IssuersClient(issuer, http, clock, attempt)
