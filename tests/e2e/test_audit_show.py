"""`cellbridge audit show`: the reference on a page leads to what happened, on both cells."""

import base64
import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.harness.browser import Form
from bridge.harness.pair import Pair
from bridge.harness.processes import wait_until
from bridge.harness.walk import Walk
from bridge.saml.form import read_response

pytestmark = pytest.mark.e2e


def run(*words: object) -> Result:
    """Ask."""
    return CliRunner().invoke(main, ["audit", "show", *map(str, words)])


@pytest.fixture
def both(pair: Pair) -> list[object]:
    """Both cells' configurations and logs."""
    words: list[object] = []
    for service in ("idp", "sp-2"):
        words += ["--config", pair.directory / f"{service}.toml", "--log", pair.processes[service].log]
    return words


def logged(pair: Pair, service: str, event: str) -> str:
    """Return the reference of the last *event* of *service*."""
    found: list[str] = []

    def is_there() -> bool:
        found[:] = [str(line["reference"]) for line in pair.events(service) if line.get("event") == event]
        return bool(found)

    wait_until(is_there, seconds=5, what=f"{event} in the log of {service}")
    return found[-1]


def test_both_halves_of_a_sign_in_are_found(pair: Pair, walk: Walk, both: list[object], new_person: Callable[[], str]) -> None:
    """From the start to the session: each step with its cell, in order of time, and nothing by which anybody could sign in."""
    person = new_person()
    form = walk.response_form("google_oauth2", person, "/o/acme/projects/7")
    assert walk.post(form).status == 303
    reference = logged(pair, "sp-2", "session.opened")
    said = run(reference, *both)
    assert said.exit_code == 0, said.stderr
    first, *rest = said.stdout.splitlines()
    assert first.startswith("Signed in at the owning cell 2, account ")
    told = [json.loads(line) for line in run(reference, *both, "--json").stdout.splitlines()]
    assert len(told) == len(rest)
    assert [step["at"] for step in told] == sorted(step["at"] for step in told)
    steps = [(step["where"], step["source"], step["event"]) for step in told]
    ways = ["login.started", "identity.read", "handoff.issued"]
    assert [event for where, _, event in steps if where == "legacy cell 1" and event in ways] == ways
    assert {("owning cell 2", "trail", "create"), ("owning cell 2", "trail", "sign_in")} <= set(steps)
    assert {("owning cell 2", "log", "handoff.verified"), ("owning cell 2", "log", "session.opened")} <= set(steps)
    cookies = [str(cookie.value) for cookie in walk.browser.session.cookies]
    for secret in (form.field("SAMLResponse"), "<saml", person, *cookies):
        assert secret not in said.stdout


def test_each_cell_tells_its_own_part(pair: Pair, walk: Walk, both: list[object]) -> None:
    """The owning cell's trail tells what the rules refused; where nothing is found, the answer says where else to look."""
    page = walk.sign_in("github", "uma", "/o/acme/")
    owning = run(page.reference, "--config", pair.directory / "sp-2.toml")
    assert owning.exit_code == 0, page.sentence()
    assert owning.stdout.startswith("Refused by the owning cell 2: account.")
    legacy = run(page.reference, "--config", pair.directory / "idp.toml")
    assert (legacy.exit_code, legacy.stdout) == (1, "")
    assert "read both cells' logs too" in legacy.stderr
    assert "legacy cell 1" in run(page.reference, *both).stdout


@pytest.mark.usefixtures("nothing_written")
def test_a_forged_document_leaves_a_line_and_no_row(
    pair: Pair, walk: Walk, both: list[object], new_person: Callable[[], str]
) -> None:
    """Nobody can fill the trail without a trusted key; its line says that the reference is only what the document claimed."""
    form = walk.response_form("google_oauth2", new_person(), "/o/acme/")
    raw = read_response([("SAMLResponse", form.field("SAMLResponse"))])
    changed = base64.b64encode(raw.replace(b">true<", b">false<")).decode()
    refused = walk.post(Form(form.action, form.method, (("SAMLResponse", changed),)))
    assert refused.status == 403
    wait_until(lambda: "handoff.signature" in run(refused.reference, *both).stdout, seconds=5, what="the line of the refusal")
    said = run(refused.reference, *both)
    assert "only what the refused document said" in said.stdout
    assert "trail" not in said.stdout


@pytest.mark.parametrize("words", [("no-reference", "--log", "-"), ("7KQ2M-4XD9R",)])
def test_it_says_how_it_is_asked(words: tuple[str, ...]) -> None:
    """Something that is no reference, or nowhere to look, is a wrong use of the command."""
    assert run(*words).exit_code == 2
