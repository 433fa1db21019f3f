"""The Caddyfile itself, as Caddy understands it."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.topology.running_router import CADDY, CADDYFILE, needs_caddy

pytestmark = needs_caddy


def adapt(listen: str, environment: Mapping[str, str] | None = None) -> Any:
    """Return the Caddyfile as Caddy understands it."""
    done = subprocess.run(
        [str(CADDY), "adapt", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
        env={"CELLBRIDGE_LISTEN": listen, "CELLBRIDGE_TOPOLOGY": "127.0.0.1:8300", **(environment or {})},
        capture_output=True,
        check=True,
        timeout=30,
    )
    return json.loads(done.stdout)


class TestFile:
    """The Caddyfile itself."""

    @pytest.mark.parametrize(
        "listen", ["http://127.0.0.1:8080", "http://:80", "https://localhost:8443", "https://cells.example"]
    )
    def test_caddy_accepts_it_for_every_kind_of_address(self, tmp_path: Path, listen: str) -> None:
        """And finds it well formatted."""
        done = subprocess.run(
            [str(CADDY), "validate", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
            env={"CELLBRIDGE_LISTEN": listen, "CELLBRIDGE_TOPOLOGY": "127.0.0.1:8300", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        assert "not formatted" not in done.stderr

    def test_it_listens_on_loopback_unless_told_otherwise(self) -> None:
        """A demonstration is not for the neighbours."""
        assert _listens(adapt("http://:8080")) == ["127.0.0.1:8080"]
        assert _listens(adapt("http://:8080", {"CELLBRIDGE_BIND": "0.0.0.0"})) == ["0.0.0.0:8080"]  # noqa: S104

    def test_there_is_no_administration_and_no_automatic_certificate(self) -> None:
        """Caddy's API would let any program on the machine move the router; an order for a certificate would leave it."""
        adapted = adapt("https://localhost:8443")
        assert adapted["admin"]["disabled"] is True
        policies = adapted["apps"]["tls"]["automation"]["policies"]
        assert {issuer["module"] for policy in policies for issuer in policy["issuers"]} == {"internal"}

    def test_every_header_that_the_rules_read_is_stripped_from_clients(self) -> None:
        """Whoever adds a header to /route must strip it here; the answer's header is stripped whatever `copy_headers` does."""
        source = (CADDYFILE.with_name("service.py")).read_text("utf-8")
        read = set(re.findall(r'request\.headers\.get\("(X-[A-Za-z-]+)"', source))
        assert read == {"X-Forwarded-Uri"}
        caddyfile = CADDYFILE.read_text("utf-8")
        asked = caddyfile.index("forward_auth {$CELLBRIDGE_TOPOLOGY}")
        assert 0 < caddyfile.index("request_header -X-Forwarded-*") < asked
        assert 0 < caddyfile.index("request_header -X-Cell-Address") < asked

    def test_a_certificate_of_ones_own_is_used(self) -> None:
        """`CELLBRIDGE_TLS` names it, and Caddy orders none."""
        adapted = adapt("https://cells.example", {"CELLBRIDGE_TLS": "tls /run/site.crt /run/site.key"})
        assert adapted["apps"]["tls"]["certificates"]["load_files"] == [
            {"certificate": "/run/site.crt", "key": "/run/site.key", "tags": ["cert0"]}
        ]


def _listens(adapted: Any) -> object:
    (server,) = adapted["apps"]["http"]["servers"].values()
    return server["listen"]
