"""OpenID providers that run in Node: installed once from their own lock, one process for a run, JSON in and out."""

import json
import select
import subprocess
from pathlib import Path
from typing import Any, Self

FOLDER = Path(__file__).with_name("node")


class NodeIssuers:
    """The process with both issuers in it; a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["node", "issuers.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, action: str, **job: Any) -> dict[str, Any]:
        """Return the answer to one job (see node/issuers.mjs)."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(json.dumps({"action": action, **job}).encode("ascii") + b"\n")
        asked.flush()
        assert select.select([answers], [], [], 60)[0], f"no answer to {action}"
        answer: dict[str, Any] = json.loads(answers.readline())
        assert "refused" not in answer, answer
        return answer
