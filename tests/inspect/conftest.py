"""What the inspector's tests share: the owning cell of the corpus, and the pen of an attacker."""

import pytest

from tests.vectors.judges import Bench
from tests.vectors.world import World


@pytest.fixture(scope="session")
def bench() -> Bench:
    """The owning cell of the corpus."""
    return Bench()


@pytest.fixture
def world() -> World:
    """Documents for Acme, issued at the corpus's time."""
    return World("inspected", "response")
