"""docs/interop.md is true: the software and the versions in its tables are those that the tests ran."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.interop import node_peer
from tests.interop.node_peer import NodePeers

PAGE = (Path(__file__).parents[2] / "docs" / "interop.md").read_text("utf-8")
ROWS = re.findall(r"(?m)^\| (@?[a-z0-9/-]+) \| (\d[\d.]*) \|", PAGE)
PYTHON = {"pysaml2", "python3-saml", "signxml"}
NODE = {"@node-saml/node-saml", "samlify"}


def test_the_tables_name_every_peer() -> None:
    """Whoever reads the page sees all software that was tried, in both directions."""
    assert {name for name, _version in ROWS} == PYTHON | NODE
    assert len(ROWS) == 7


@pytest.mark.parametrize(("name", "stated"), [row for row in ROWS if row[0] in PYTHON])
def test_a_version_is_the_installed_one(name: str, stated: str) -> None:
    """The page speaks of the very release that ran."""
    assert version(name) == stated


@pytest.mark.parametrize(("name", "stated"), [row for row in ROWS if row[0] in NODE])
def test_a_version_is_the_installed_one_in_node(node: NodePeers, name: str, stated: str) -> None:
    """The page speaks of the very release that ran."""
    assert node_peer.version(name) == stated
