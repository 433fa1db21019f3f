"""Every sentence of ours that a person may read on a page, read off templates, code and the tree of refusals."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import InternationalizationExtension, extract_from_ast

from tests.web.refusals import KINDS

ROOT = Path(__file__).parents[2]
MessageId = str | tuple[str, str]
_CALLS = {"gettext": 1, "ngettext": 2}


@cache
def message_ids() -> frozenset[MessageId]:
    """Return all message ids; one with a plural is a pair."""
    return frozenset({*in_templates(), *in_code(), *in_refusals()})


def in_templates() -> Iterator[MessageId]:
    """Yield what `_("...")`, `gettext` and `ngettext` mark in the templates of both cells and of the web layer."""
    environment = Environment(extensions=[InternationalizationExtension], autoescape=True)
    for path in sorted(path for package in ("bridge/web", "idp", "sp") for path in (ROOT / package).rglob("*.html")):
        for _, function, message in extract_from_ast(environment.parse(path.read_text("utf-8"))):
            found = [message] if isinstance(message, str) else [part for part in message or () if part is not None]
            assert len(found) == (2 if function == "ngettext" else 1), f"{path}: {message}"
            yield (found[0], found[1]) if len(found) == 2 else found[0]


def in_code() -> Iterator[MessageId]:
    """Yield what calls of `gettext` and `ngettext` name; raises `AssertionError` where that is no plain text."""
    for path in sorted(path for package in ("bridge/web", "idp", "sp") for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            if name not in _CALLS:
                continue
            found = [argument.value for argument in node.args[: _CALLS[name]] if isinstance(argument, ast.Constant)]
            if path.name == "messages.py" and len(found) < _CALLS[name]:
                continue  # the functions themselves, and the sentences of refusals
            assert len(found) == _CALLS[name], f"{path}:{node.lineno} translates what is no plain text"
            yield (str(found[0]), str(found[1])) if len(found) == 2 else str(found[0])


def in_refusals() -> Iterator[MessageId]:
    """Yield both sentences of every refusal."""
    for kind in KINDS:
        yield from (kind.sentence, kind.next_step)
