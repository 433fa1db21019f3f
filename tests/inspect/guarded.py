"""Inspect the whole corpus in a process that can reach nothing: `python -m tests.inspect.guarded` prints what was reached for.

It runs apart, since an audit hook cannot be taken out again. After a few vectors, which load what is loaded once, no file may
be opened, no name looked up, no socket made and no process started; and the process may hold no more files than it does, which
the libraries in C cannot get around.
"""

import json
import os
import resource
import sys
from contextlib import suppress

from bridge.inspect.inspection import inspect
from bridge.inspect.report import Report, as_json
from bridge.inspect.source import Source, Unreadable, read_sources
from bridge.inspect.text import lines_of
from bridge.inspect.untrusted import nobodys_question
from bridge.saml.verify import Question
from tests.vectors.generate import CASES, path_of
from tests.vectors.judges import Bench
from tests.vectors.vector import Vector
from tests.vectors.world import AT

REACHING = ("open", "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "urllib.", "ctypes.dlopen")
BY_ITSELF = nobodys_question(AT)


def judge(bench: Bench, vector: Vector) -> str:
    """Return the code at which the endpoint would stop; as it stands in its file, the vector is judged by itself, too."""
    posted = _report(Source("posted", vector.form, None), bench.question(vector))
    with suppress(Unreadable):
        for source in read_sources("file", vector.raw):
            _report(source, BY_ITSELF)
    return posted.code


def _report(source: Source, question: Question) -> Report:
    report = Report(source.name, inspect(source, question, ask_binding=True))
    assert list(lines_of(report))
    assert as_json(report)
    return report


def main() -> None:
    """Judge every vector guarded, after a few that are not."""
    bench = Bench()
    vectors = {case.name: Vector.read(path_of(case)) for case in CASES}
    for vector in list(vectors.values())[::40]:
        judge(bench, vector)
    reached: list[str] = []
    sys.addaudithook(lambda event, _arguments: reached.append(event) if event.startswith(REACHING) else None)
    most = max(int(number) for number in os.listdir("/proc/self/fd")) + 1  # noqa: PTH208 - before anything else is opened
    reached.clear()
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    codes = {name: judge(bench, vector) for name, vector in vectors.items()}
    by_document = {name: vector.expect if vector.check not in (None, 0, 18) else "" for name, vector in vectors.items()}
    wrong = [name for name, code in codes.items() if code != by_document[name]]
    sys.stdout.write(json.dumps({"reached": reached[:5], "wrong": wrong, "judged": len(codes)}))


if __name__ == "__main__":
    main()
