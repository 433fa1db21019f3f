"""docs/interop.md is true of OpenID providers, too: it names the releases that are locked."""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = (FOLDER.parents[2] / "docs" / "interop.md").read_text("utf-8")


def test_the_page_names_the_locked_releases() -> None:
    """Whoever reads the page sees all software that was tried, and which release of it."""
    packages = json.loads((FOLDER / "node" / "package-lock.json").read_text("utf-8"))["packages"]
    wanted = {name: packages[f"node_modules/{name}"]["version"] for name in packages[""]["dependencies"]}
    lock = (FOLDER / "nanoidp" / "requirements.lock").read_text("utf-8")
    wanted |= dict(re.findall(r"(?m)^(nanoidp)==(\S+)", lock))
    assert dict(re.findall(r"(?m)^- `([a-z0-9-]+)` (\d+\.\d+\.\d+):", PAGE)) == wanted
    assert set(wanted) == {"oidc-provider", "oauth2-mock-server", "nanoidp"}
