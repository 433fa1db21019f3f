"""The docs are true: every code, key, command, target, variable, file and link that they name exists, and the reverse."""

import json
import re
import shlex
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic.fields import FieldInfo

from bridge import contract
from bridge.cli import main
from bridge.config import IdpConfig, SpConfig, TopologyConfig
from bridge.errors import BridgeError, OperatorError
from bridge.section import Section

ROOT = Path(__file__).parents[1]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "certs/README.md"])
KINDS: dict[str, type[Section]] = {"idp.toml": IdpConfig, "sp.toml": SpConfig, "topology.toml": TopologyConfig}
TARGETS = set(re.findall(r"(?m)^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8")))

every_page = pytest.mark.parametrize("page", DOCS, ids=lambda page: page.relative_to(ROOT).as_posix())


def read(path: str) -> str:
    """Return the text of a file of the repository."""
    return (ROOT / path).read_text("utf-8")


def slug(heading: str) -> str:
    """Return the anchor that a heading gets on the usual forges."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def sections(text: str, level: int) -> dict[str, str]:
    """Return `heading -> text` of the sections at *level*."""
    parts = re.split(rf"(?m)^{'#' * level} (.+)$", text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def index_row(code: str, text: str) -> str:
    """Return the row that the section *text* of *code* gives in the index of `docs/errors.md`; the section must say it all."""
    status = re.search(r"(?m)^- Status (\d+)", text)
    who = re.search(r"(?m)^- Who can fix it: (?:(?:The|An) (?:organization's )?(\w+)|Whoever made the (\w+)|(Nobody))", text)
    tool = re.search(r"(?m)^- See it: `(cellbridge(?: [a-z]+)+|/-/[a-z]+|[^`]+)", text)
    assert who, f"{code}: who can fix it?"
    assert tool, f"{code}: how can it be seen?"
    asked = who[1] or (f"who made the {who[2]}" if who[2] else "nobody")
    return f"| [`{code}`](#{slug(code)}) | {status[1] if status else ''} | {asked} | `{tool[1]}` |"


class TestErrors:
    """`docs/errors.md` and the tree of refusals."""

    PAGE = sections(read("docs/errors.md"), 3)

    @staticmethod
    def leaves() -> dict[str, type[BridgeError]]:
        """Return `code -> class` of the whole tree."""

        def below(kind: type[BridgeError]) -> Iterator[type[BridgeError]]:
            yield kind
            for child in kind.__subclasses__():
                yield from below(child)

        return {
            kind.code: kind
            for kind in below(BridgeError)
            if hasattr(kind, "code") and kind.__module__.startswith("bridge.errors.")
        }

    def test_every_code_has_its_section_and_no_section_is_left_over(self) -> None:
        """Whoever finds a code in a log finds it on the page."""
        assert set(self.PAGE) == {f"`{code}`" for code in self.leaves()}

    @pytest.mark.parametrize("code", sorted(leaves()))
    def test_a_section_says_what_the_class_says(self, code: str) -> None:
        """Status, public code and sentences are the very ones; cause and who can fix it are told."""
        text, kind = self.PAGE[f"`{code}`"], self.leaves()[code]
        for line in ("- Cause: ", "- Who can fix it: "):
            assert re.search(rf"(?m)^{line}\S.{{14,}}", text)
        if not issubclass(kind, OperatorError):
            wait = f", Retry-After {kind.retry_after_seconds} seconds" if kind.retry_after_seconds else ""
            assert f"- Status {kind.status}{wait}; public code `{kind.public_code}`\n" in text
            assert f"- The person reads: \u201c{kind.sentence} {kind.next_step}\u201d\n" in text

    def test_the_index_has_every_code_with_whom_to_ask_and_where_to_look(self) -> None:
        """One row a code, made of its section: its status, who can fix it first, and the tool that shows it."""
        rows = [index_row(heading.strip("`"), text) for heading, text in self.PAGE.items()]
        index = sections(read("docs/errors.md"), 2)["Index"]
        assert re.findall(r"(?m)^\| \[.+$", index) == rows

    @every_page
    def test_every_code_that_a_page_names_exists(self, page: Path) -> None:
        """A code that was renamed is found in the docs."""
        codes = set(self.leaves()) | {kind.public_code for kind in self.leaves().values()}
        families = {code.split(".")[0] for code in codes} - {"internal", "config", "keys", "database", "session"}
        named = set(re.findall(rf"`((?:{'|'.join(sorted(families))})\.[a-z_]+)`", page.read_text("utf-8")))
        assert named - codes - set(settings()) == set()


def tables() -> dict[tuple[str, str], dict[str, FieldInfo]]:
    """Return `(file, table) -> fields` of every configuration; the top of a file is the table ``""``."""
    found: dict[tuple[str, str], dict[str, FieldInfo]] = {}
    for file, kind in KINDS.items():
        for name, field in kind.model_fields.items():
            inside = [part for part in (field.annotation, *typing.get_args(field.annotation)) if _is_section(part)]
            if inside:
                brackets = f"[[{name}]]" if typing.get_origin(field.annotation) is tuple else f"[{name}]"
                found[file, brackets] = dict(inside[0].model_fields)
            else:
                found.setdefault((file, ""), {})[name] = field
    return found


def _is_section(part: object) -> bool:
    return isinstance(part, type) and issubclass(part, Section)


def settings() -> set[str]:
    """Return `table.key` for every key of every table."""
    return {f"{table.strip('[]')}.{key}" for (_, table), fields in tables().items() for key in fields}


def default(field: FieldInfo) -> str:
    """Return a field's default as the page writes it."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "none" if value is None else f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


class TestConfiguration:
    """`docs/configuration.md` and the models."""

    @staticmethod
    def documented() -> dict[tuple[str, str], dict[str, tuple[str, str]]]:
        """Return `(file, table) -> key -> (default, meaning)` of the page."""
        found = {}
        for heading, text in sections(read("docs/configuration.md"), 2).items():
            match = re.fullmatch(r"(?:`(\[.+\])`|top of the file) in (.+)", heading)
            if match:
                rows = re.findall(r"(?m)^\| `(\w+)` \| .+? \| ([^|]+) \| ([^|]+) \|$", text)
                for file in match[2].split(", "):
                    found[file, match[1] or ""] = {key: (value, meaning) for key, value, meaning in rows}
        return found

    def test_every_key_of_every_table_is_on_the_page_and_no_other(self) -> None:
        """An operator who reads the page knows all keys; none of them is a ghost."""
        expected = {place: set(fields) for place, fields in tables().items()}
        assert {place: set(rows) for place, rows in self.documented().items()} == expected

    def test_every_default_is_the_models(self) -> None:
        """What happens when a key is left out is said, and true."""
        expected = {place: {key: default(field) for key, field in fields.items()} for place, fields in tables().items()}
        assert {place: {key: row[0] for key, row in rows.items()} for place, rows in self.documented().items()} == expected

    def test_every_key_is_told_what_it_means(self) -> None:
        """A row without a meaning only repeats the code."""
        assert [key for rows in self.documented().values() for key, row in rows.items() if len(row[1]) < 15] == []

    @pytest.mark.parametrize(
        "path", [*DOCS, ROOT / "compose.yaml", ROOT / "Dockerfile", ROOT / "Makefile"], ids=lambda path: path.name
    )
    def test_every_variable_that_is_named_sets_a_key_that_exists(self, path: Path) -> None:
        """A variable in the docs or a deployment file would otherwise stop the service."""
        known = {f"CELLBRIDGE_{name.upper().replace('.', '__')}" for name in settings()} | {"CELLBRIDGE_SECTION__KEY"}
        router = set(re.findall(r"CELLBRIDGE_\w+", read("bridge/topology/Caddyfile")))
        assert set(re.findall(r"CELLBRIDGE_\w+", path.read_text("utf-8"))) - known - router == set()

    def test_the_toml_on_the_page_is_toml(self) -> None:
        """What people copy has to parse."""
        blocks = [block for page in DOCS for block in re.findall(r"(?s)```toml\n(.+?)```", page.read_text("utf-8"))]
        assert blocks
        for block in blocks:
            tomllib.loads(block)


def named_commands(text: str) -> list[str]:
    """Return every `cellbridge ...` command line in code spans and code blocks; a comment follows after several spaces."""
    blocks = re.findall(r"(?s)```\n(.+?)```", text)
    lines = [line for block in blocks for line in block.splitlines()] + re.findall(
        r"`([^`\n]+)`", re.sub(r"(?s)```.+?```", "", text)
    )
    return [re.split(r" {2,}", line.strip())[0] for line in lines if line.strip().startswith("cellbridge ")]


def children(group: click.Group) -> dict[str, click.Command]:
    """Return the commands of *group* by name, those included that are imported only when they are asked for."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: child for name, child in found.items() if child is not None}


def all_commands(command: click.Command = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command that does something."""
    if isinstance(command, click.Group):
        for name, child in children(command).items():
            yield from all_commands(child, (*path, name))
    else:
        yield path


class TestCommands:
    """The commands in the docs and the command line."""

    @every_page
    def test_every_command_that_a_page_names_exists(self, page: Path) -> None:
        """Commands, choices and options are spelled as the program spells them."""
        for line in named_commands(page.read_text("utf-8")):
            words, command = shlex.split(line)[1:], main
            node: click.Command = command
            while isinstance(node, click.Group) and words and words[0] in children(node):
                node = children(node)[words.pop(0)]
            assert not (isinstance(node, click.Group) and words), f"{line}: no such command"
            options = {name for parameter in node.params for name in (*parameter.opts, *parameter.secondary_opts)}
            assert [word for word in words if word.startswith("-") and word not in options] == [], line
            for parameter in node.params:
                if isinstance(parameter.type, click.Choice) and isinstance(parameter, click.Argument) and words:
                    assert set(words[0].split("|")) <= set(parameter.type.choices), line

    def test_every_command_stands_in_the_readme(self) -> None:
        """Who reads the README knows what the program can do."""
        named = [line.split()[1:] for line in named_commands(read("README.md"))]
        missing = [words for words in all_commands() if not any(tuple(line[: len(words)]) == words for line in named)]
        assert missing == []

    @every_page
    def test_every_make_target_that_a_page_names_exists(self, page: Path) -> None:
        """The two commands of the README work, and so do the others."""
        text = page.read_text("utf-8")
        named = set(re.findall(r"(?m)(?:^|`)make ([a-z]+)\b", text))
        assert named <= TARGETS

    def test_the_makefile_has_the_seven_targets_and_says_what_they_do(self) -> None:
        """`make` alone lists them, and CONTRIBUTING tells them."""
        assert {"setup", "demo", "test", "check", "bench", "fuzz", "help"} == TARGETS
        assert ".DEFAULT_GOAL := help" in read("Makefile")
        assert {f"make {target}" for target in TARGETS - {"help"}} <= set(re.findall(r"make [a-z]+", read("CONTRIBUTING.md")))


class TestLinks:
    """Links and file names."""

    @every_page
    def test_every_link_leads_somewhere(self, page: Path) -> None:
        """Files and headings that are linked exist; pictures too, as soon as the first is there."""
        text = re.sub(r"(?s)```.+?```", "", page.read_text("utf-8"))
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("https://"):
                continue
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            if file.suffix == ".png" and not (ROOT / "docs/images").exists():
                continue
            assert file.exists(), target
            if anchor:
                assert anchor in {slug(heading) for heading in re.findall(r"(?m)^#+ (.+)$", file.read_text("utf-8"))}, target

    @every_page
    def test_every_file_that_a_page_names_exists(self, page: Path) -> None:
        """A module that was moved is found in the docs."""
        named = re.findall(r"`((?:bridge|idp|sp|tests|docs|deploy|bench|\.ci)/[\w./-]*)`", page.read_text("utf-8"))
        assert [name for name in named if not (ROOT / name).exists() and "secrets" not in name] == []

    @every_page
    def test_every_test_that_a_page_names_exists(self, page: Path) -> None:
        """A test that was renamed is found in the docs: what they say is shown is shown."""
        for name, test in re.findall(r"`(tests/[\w/.-]+\.py)::(\w+)`", page.read_text("utf-8")):
            assert re.search(rf"(?m)^ *def {test}\(", read(name)), f"{name}::{test}"

    def test_every_complaint_has_an_answer_that_is_shown(self) -> None:
        """Twenty, numbered, each by a test at least."""
        answers = sections(read("docs/complaints.md"), 2)
        assert [heading.split(".")[0] for heading in answers] == [str(number) for number in range(1, 21)]
        for heading, text in answers.items():
            assert "::test_" in text.partition("\nShown by: ")[2], heading

    def test_every_page_that_the_code_names_exists(self) -> None:
        """A refusal or a comment that points to a page must not point into the void."""
        for folder in ("bridge", "idp", "sp", "bench"):
            for path in (ROOT / folder).rglob("*.py"):
                for name in re.findall(r"docs/[\w/-]+(?:\.md)?", path.read_text("utf-8")):
                    assert (ROOT / name).exists() or list(ROOT.glob(f"{name}*.md")), f"{path.relative_to(ROOT)}: {name}"

    def test_every_page_can_be_reached_from_the_readme(self) -> None:
        """A page that nobody links is a page that nobody reads."""
        text = "".join(page.read_text("utf-8") for page in DOCS if page.parent == ROOT)
        for page in ROOT.glob("docs/*.md"):
            assert f"(docs/{page.name}" in text, page.name


class TestArchitecture:
    """What the architecture page says about the contract, the checks and the decisions."""

    PAGE = read("docs/architecture.md")

    def test_the_contracts_attributes_are_listed(self) -> None:
        """Name for name, and none that does not travel."""
        told = (
            sections(self.PAGE, 2)["The contract: `cellbridge/1`"]
            .partition("Attributes, each exactly once:")[2]
            .partition(" is the whole")[0]
        )
        assert set(re.findall(r"`(\w+)`", told)) == set(contract.KNOWN)

    def test_the_checks_are_numbered_as_in_the_code(self) -> None:
        """Eighteen lines, in order."""
        numbers = re.findall(r"(?m)^(\d+)\. ", sections(self.PAGE, 2)["The checks"])
        assert numbers == [str(number) for number in range(1, 19)]

    def test_decisions_are_numbered_and_have_their_four_parts(self) -> None:
        """A record says when it counts, why, what was decided and what follows."""
        records = sorted((ROOT / "docs/decisions").glob("*.md"))
        assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
        for record in records:
            text = record.read_text("utf-8")
            assert text.startswith(f"# {record.name[:4]} ")
            assert re.search(r"(?m)^Status: (?:accepted|superseded by \d{4})$", text)
            assert list(sections(text, 2)) == ["Context", "Decision", "Consequences"]
