"""The three that judge every vector: the verifier, the inspector, and the endpoint of a running owning cell.

The law: each is the product's own code with the configuration of `sp.toml`; none knows what a vector expects.
"""

import contextlib
import json
import secrets
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

import requests

from bridge.cli import main as cellbridge
from bridge.errors import HandoffError
from bridge.harness.browser import Page
from bridge.harness.processes import Process, free_port, wait_until
from bridge.inspect.inspection import Outcome, inspect
from bridge.inspect.source import Source
from bridge.saml.form import read_response
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.verify import Question, verify
from tests.vectors.deployment import deploy, owning_cell
from tests.vectors.vector import ACCEPTED, Vector

COOKIE = "__Host-cb-binding"
PUBLIC_URL = "https://cells.example"


@dataclass(frozen=True)
class Verdict:
    """`accepted` or a code, and where in the document it points."""

    code: str
    node: str = ""
    line: int | None = None


class Bench:
    """The verifier and the inspector, as an owning cell of `sp.toml` would build them."""

    def __init__(self) -> None:
        self._trust, self._endpoints = owning_cell()
        self._second_opinion = SecondOpinion()

    def question(self, vector: Vector) -> Question:
        """Return what *vector* is judged by."""
        return Question(
            trust=self._trust,
            endpoint=self._endpoints[vector.org],
            now=vector.at,
            binding_secret=vector.binding,
            second_opinion=self._second_opinion,
        )

    def verifier(self, vector: Vector) -> Verdict:
        """Return what checks 1 to 17 say."""
        question = self.question(vector)
        try:
            verify(
                read_response(vector.form),
                trust=question.trust,
                endpoint=question.endpoint,
                now=question.now,
                binding_secret=question.binding_secret,
                second_opinion=question.second_opinion,
            )
        except HandoffError as refusal:
            return Verdict(refusal.code, refusal.node, refusal.line)
        return Verdict(ACCEPTED)

    def inspector(self, vector: Vector) -> tuple[Outcome, ...]:
        """Return what every check says about the posted form."""
        source = Source("vector", vector.form, None)
        return inspect(source, self.question(vector), ask_binding=True).outcomes


class Cell:
    """One running owning cell of `sp.toml`, with a database of its own, under the public URL that the vectors name."""

    def __init__(self, directory: Path) -> None:
        config = deploy(directory)
        cellbridge(["secret", "new", "--file", str(directory / "seal.key")], standalone_mode=False)
        cellbridge(["db", "upgrade", "--config", str(config)], standalone_mode=False)
        self.address = f"127.0.0.1:{free_port()}"
        self._database = directory / "cell.db"
        self._process = Process(
            name="sp",
            command=[str(Path(sys.executable).with_name("cellbridge")), "serve", "sp", "--config", "sp.toml"],
            environment={"CELLBRIDGE_SERVICE__BIND": self.address},
            directory=directory,
            log=directory / "sp.log",
        )
        self._session = requests.Session()

    @contextlib.contextmanager
    def running(self) -> Iterator["Cell"]:
        """Run the cell until the block ends."""
        self._process.start()
        try:
            self._process.wait_ready(f"http://{self.address}/-/readyz")
            yield self
        finally:
            self._session.close()
            self._process.stop()

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """Return every row of every table."""
        connection = sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)
        try:
            named = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            ).fetchall()
            return {str(name): connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in named}  # noqa: S608
        finally:
            connection.close()

    def endpoint(self, vector: Vector) -> Verdict:
        """Post *vector* as a browser does, and say yes where the cell asks.

        A refusal is told by what the cell logs, and by the page's status.
        """
        seen = self._process.log.stat().st_size
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": PUBLIC_URL,
            "Sec-Fetch-Site": "same-origin",
        }
        if vector.binding is not None:
            headers["Cookie"] = f"{COOKIE}={vector.binding}"
        answer = self._post(f"http://{self.address}/o/{vector.org}/auth/saml/callback", vector.posted, headers)
        if answer.status_code == HTTPStatus.OK:  # the organization asks, and the person says yes
            form = Page(answer.url, answer.status_code, answer.headers, answer.text).form(field="SAMLResponse")
            headers["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
            answer = self._post(form.action, urlencode(form.fields).encode("ascii"), headers)
        if answer.status_code == HTTPStatus.SEE_OTHER:
            assert f"__Host-cb-{owning_cell().endpoints[vector.org].org_id}=" in answer.headers["Set-Cookie"]
            return Verdict(ACCEPTED)
        assert 400 <= answer.status_code < 500, answer.text
        assert "Set-Cookie" not in answer.headers, "a refusal opened a session"
        wait_until(lambda: bool(self._refusals(seen)), seconds=10, what="a refusal in the log")
        ((code, evidence),) = self._refusals(seen)
        return Verdict(code, str(evidence.get("node", "")), evidence.get("line"))

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> requests.Response:
        return self._session.post(url, data=body, headers=headers, timeout=30, allow_redirects=False)

    def _refusals(self, seen: int) -> list[tuple[str, dict[str, int]]]:
        with self._process.log.open("rb") as log:
            log.seek(seen)
            events = [json.loads(line) for line in log.read().splitlines() if line.startswith(b"{")]
        return [(event["code"], event["evidence"]) for event in events if event["event"] == "request.refused"]


def fresh_salt() -> str:
    """Return a salt that no run had before, so that no handoff is spent already."""
    return secrets.token_hex(8)
