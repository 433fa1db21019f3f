"""The locks are fresh: what pyproject.toml asks for stands in them, pinned and hashed, and both locks agree.

Everything is judged offline; `make check` runs this file by itself.
"""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-runtime.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
STALE = "is stale: make it again as CONTRIBUTING.md says"


def pins(lock: str) -> dict[str, set[str]]:
    """Return `name -> versions` of a lock; a name has two versions where markers choose between them."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", (ROOT / lock).read_text("utf-8"), re.M):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def direct(*extras: str) -> list[Requirement]:
    """Return what pyproject.toml asks for by itself, with *extras*."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return [wanted for wanted in map(Requirement, lines) if wanted.name != PROJECT["name"]]


@pytest.mark.parametrize(("lock", "extras"), [(LOCKS[0], tuple(PROJECT["optional-dependencies"])), (LOCKS[1], ())])
def test_every_direct_dependency_is_locked_within_its_range(lock: str, extras: tuple[str, ...]) -> None:
    """A dependency that was added or raised in pyproject.toml alone is found here, not on somebody's machine."""
    locked = pins(lock)
    for wanted in direct(*extras):
        versions = locked.get(canonicalize_name(wanted.name), set())
        assert versions, f"{lock} {STALE}: {wanted.name} is missing"
        assert all(wanted.specifier.contains(Version(version), prereleases=True) for version in versions), (
            f"{lock} {STALE}: {wanted}"
        )


def test_the_runtime_lock_is_a_part_of_the_whole() -> None:
    """What the image runs is what the tests ran: the same versions, and no package more."""
    whole = pins(LOCKS[0])
    assert {name: versions for name, versions in pins(LOCKS[1]).items() if whole.get(name) != versions} == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    """`pip install --require-hashes` refuses a package that was changed after it was locked."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text("utf-8").strip()):
        assert re.match(r"[A-Za-z0-9._-]+==\S+", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


def test_lxml_and_xmlsec_are_pinned_as_a_pair() -> None:
    """Both wheels carry a libxml2 of their own; two that differ crash or, worse, read a document differently."""
    exact = {wanted.name: str(wanted.specifier) for wanted in direct() if wanted.name in ("lxml", "xmlsec")}
    assert set(exact) == {"lxml", "xmlsec"}
    for lock in LOCKS:
        assert {name: f"=={version}" for name in exact for version in pins(lock)[name]} == exact


def test_the_image_needs_no_development_tools() -> None:
    """Test tools, stand-ins and browsers do not go into the runtime lock."""
    extra = {canonicalize_name(wanted.name) for wanted in direct(*PROJECT["optional-dependencies"])}
    extra -= {canonicalize_name(wanted.name) for wanted in direct()}
    assert not extra & set(pins(LOCKS[1]))
