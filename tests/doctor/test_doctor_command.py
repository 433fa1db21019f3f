"""`cellbridge doctor` without a pair: its options, its exit codes, and how it asks the wire."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bridge.cli import main
from bridge.doctor.wire import MAX_ANSWER_BYTES, Wire
from bridge.doctor_command import Inside
from bridge.harness.processes import free_port
from tests.oauth.loopback import Answer, LoopbackProvider


@pytest.fixture
def server() -> Iterator[LoopbackProvider]:
    """Somebody who answers on loopback."""
    running = LoopbackProvider()
    yield running
    running.stop()


@pytest.fixture
def wire() -> Wire:
    """A wire with little patience."""
    return Wire(lambda: datetime.now(UTC), total_seconds=0.3)


def run(*words: str) -> tuple[int, str]:
    """Run the doctor; returns its exit code and all that it printed."""
    result = CliRunner().invoke(main, ["doctor", *words])
    return result.exit_code, result.output


def test_nobody_answers() -> None:
    """A public URL where nobody listens is exit code 2, and no check passes but says so."""
    code, printed = run("--public", f"http://localhost:{free_port()}", "--org", "acme", "--json")
    assert code == 2
    results = [json.loads(line) for line in printed.splitlines()]
    assert {one["outcome"] for one in results} <= {"fail", "warn", "skipped"}
    assert results[0]["name"] == "router"
    assert "no answer (ConnectionError)" in results[0]["found"]
    assert set(results[0]) == {"number", "name", "title", "outcome", "expected", "found", "advice"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--org", "acme"), "--public"),
        (("--public", "http://cells.example", "--org", "acme"), "must be https"),
        (("--public", "https://cells.example/path", "--org", "acme"), "must be an origin"),
        (("--public", "https://cells.example"), "--org"),
        (("--public", "https://cells.example", "--org", "../acme"), "organization_path"),
        (("--public", "https://cells.example", "--org", "acme", "--test-org", "checkup"), "belong together"),
        (("--public", "https://cells.example", "--org", "acme", "--token-file", "no-such-file"), "cannot read"),
        (("--public", "https://cells.example", "--org", "acme", "--acs-path", "/users/sign_in"), "must be /o/{org}/"),
    ],
)
def test_options_that_are_wrong(words: tuple[str, ...], said: str) -> None:
    """Nothing is asked where an option is wrong: exit code 2, and the reason."""
    code, printed = run(*words)
    assert code == 2
    assert said in printed


@pytest.mark.parametrize("option", ["--idp", "--sp", "--topology"])
@pytest.mark.parametrize(
    "address", ["http://8.8.8.8:8101", "http://cells.example", "http://10.0.0.2:8101/path", "10.0.0.2:8101"]
)
def test_a_services_own_address_is_inside_or_https(option: str, address: str) -> None:
    """The topology's token and test handoffs go over no network of strangers in clear, and an address has no path."""
    code, printed = run("--public", "https://cells.example", "--org", "acme", option, address)
    assert code == 2
    assert "must be" in printed


def test_addresses_as_deployments_have_them() -> None:
    """A private address, a name that compose knows, and https are what services listen at; a slash at the end does no harm."""
    for address in (
        "http://10.0.0.2:8101",
        "http://owning:8102",
        "http://127.0.0.1:1",
        "https://cell.example",
        "http://[::1]:1/",
    ):
        assert Inside.convert(address, None, None) == address.rstrip("/")


def test_a_folder_without_a_key(tmp_path: Path) -> None:
    """A test key that is not there is told before anything is asked."""
    words = ("--public", "https://cells.example", "--org", "acme", "--test-org", "checkup", "--test-key", str(tmp_path))
    code, printed = run(*words)
    assert code == 2
    assert "ring.json" in printed


def test_an_answer_is_kept_with_its_cookies_and_no_redirect_is_followed(server: LoopbackProvider, wire: Wire) -> None:
    """What came is what is judged: a redirect is an answer, and header names are found in any case."""
    server.on("GET", "/", Answer(b"{}", 303, {"Location": "/elsewhere", "Set-Cookie": "a=1; Path=/"}))
    answer = wire.get(f"{server.url}/")
    assert (answer.status, answer.header("location"), answer.set_cookies) == (303, "/elsewhere", ("a=1; Path=/",))
    assert answer.offset is not None
    assert abs(answer.offset) < 5
    assert [one.path for one in server.received] == ["/"]


def test_who_hangs_or_floods_is_no_answer(server: LoopbackProvider, wire: Wire) -> None:
    """Every question ends: in its time, and in its size."""
    server.hang("GET", "/slow")
    assert wire.get(f"{server.url}/slow").said == "no answer (ReadTimeout)"
    server.on("GET", "/much", Answer(b"x" * (MAX_ANSWER_BYTES + 1)))
    assert wire.get(f"{server.url}/much").said == f"no answer (more than {MAX_ANSWER_BYTES} bytes)"


def test_what_is_no_table_is_an_empty_one(server: LoopbackProvider, wire: Wire) -> None:
    """A page where JSON was expected, or JSON that is no object, or is too deep, says nothing."""
    for body in (b"<html>", b"[1]", b"\xff", b"[" * 100_000):
        server.on("GET", "/", Answer(body))
        assert wire.get(f"{server.url}/").table() == {}
