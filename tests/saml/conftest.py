"""Fixtures of the document layer: one forge with test keys for the whole run."""

from datetime import timedelta

import pytest

from bridge.keys import create_key
from bridge.saml.second_opinion import SecondOpinion
from tests.saml.forge import NOW, Forge
from tests.saml.sealer import Sealer


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Forge:
    """The forge, its keys made once: certificates are valid from a day before the tests' now."""
    ring = tmp_path_factory.mktemp("keys")
    yesterday = NOW - timedelta(days=1)
    return Forge(
        key=create_key(ring / "rsa", now=yesterday),
        stranger=create_key(ring / "stranger", now=yesterday),
        p256=create_key(ring / "p256", now=yesterday, algorithm="ec-p256"),
        p384=create_key(ring / "p384", now=yesterday, algorithm="ec-p384"),
        second_opinion=SecondOpinion(),
    )


@pytest.fixture(scope="session")
def sealer(forge: Forge, tmp_path_factory: pytest.TempPathFactory) -> Sealer:
    """An organization that decrypts, its keys made once."""
    ring = tmp_path_factory.mktemp("encryption")
    made = [create_key(ring / name, now=NOW - timedelta(days=1)) for name in ("active", "next", "stranger")]
    return Sealer(forge, *made)
