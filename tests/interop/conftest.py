"""What the tests with software of others share: an issuer, and peers that are really installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import node_peer, pysaml2_peer
from tests.interop.node_peer import NodePeers
from tests.interop.setting import ROUTE, Issuer, write_sp_metadata


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """An issuer with an RSA key."""
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="session")
def ec_issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """An issuer with an ECDSA key on P-256."""
    return Issuer(tmp_path_factory.mktemp("ec-issuer"), algorithm="ec-p256")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """Somebody with another key who calls themselves by the issuer's name."""
    return Issuer(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="session")
def sp_metadata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The metadata of the organization's endpoint, as a file."""
    return write_sp_metadata(tmp_path_factory.mktemp("sp"), ROUTE)


@pytest.fixture(scope="session")
def node() -> Iterator[NodePeers]:
    """The peers that run in Node; without it or their packages the test is skipped, loudly, and in CI it fails."""
    try:
        node_peer.install()
    except node_peer.Unavailable as error:
        pytest.skip(str(error))
    with NodePeers() as peers:
        yield peers


@pytest.fixture(scope="session")
def pysaml2() -> None:
    """pysaml2 can sign and verify; without xmlsec1 the test is skipped, loudly, and in CI it fails."""
    if not pysaml2_peer.xmlsec1():
        pytest.skip("PYSAML2 IS NOT TESTED: its xmlsec1 command is missing; on Debian: apt-get install xmlsec1")
