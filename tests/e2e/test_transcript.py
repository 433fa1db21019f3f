"""`cellbridge demo --record`: a whole sign-in of a running pair in one file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from bridge.cli import main
from bridge.harness.narration import walk_once
from bridge.harness.pair import Pair

pytestmark = pytest.mark.e2e


def test_a_walk_is_recorded_without_a_secret_and_replays(pair: Pair, tmp_path: Path) -> None:
    """Every hop with its timing, the document with its checks; no token, code, cookie, name or address, and one verdict."""
    path = tmp_path / "sign-in.json"
    assert walk_once(pair, record=path) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text("utf-8")
    hops = json.loads(text)["hops"]
    titles = ["global sign-in page", "start", "provider's page", "consent", "callback", "handoff", "landing"]
    assert [hop["title"] for hop in hops] == titles
    assert [hop["status"] for hop in hops] == [200, 303, 200, 302, 200, 303, 200]
    assert [hop["at_ms"] for hop in hops] == sorted(hop["at_ms"] for hop in hops)
    assert "cb-42" in hops[-1]["cookies_held"]
    secrets_of_run = [value for values in pair.issued_secrets().values() for value in values if len(value) > 5]
    assert secrets_of_run
    for value in (*secrets_of_run, "dana", "Dana", "Field", "projects", "cell-2-"):
        assert value not in text
    said = CliRunner().invoke(main, ["replay", str(path)])
    assert said.exit_code == 0, said.stdout
    assert "the recorded verdict again, accepted" in said.stdout


def test_a_walk_that_fails_is_recorded_as_far_as_it_came(
    pair: Pair, tmp_path: Path, fault: Callable[[str, str, str], None]
) -> None:
    """The one that has to be explained to somebody else is the one that failed."""
    fault("google_oauth2", "token", "status_500")
    path = tmp_path / "failed.json"
    assert walk_once(pair, record=path) == 1
    said = json.loads(path.read_text("utf-8"))
    assert (said["document"], said["hops"][-1]["status"]) == (None, 502)
