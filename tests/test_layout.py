"""The laws of the house (docs/architecture.md), read off the source: who imports whom, what is pure, what no file may hold."""

import ast
import fnmatch
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bridge", "idp", "sp")
TOP_LEVEL = {
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "Dockerfile", "compose.yaml", "pyproject.toml"),
    *("requirements.lock", "requirements-runtime.lock", "bridge", "idp", "sp", "certs", "tests", "docs", "bench", "deploy"),
}
NOT_OURS = {"__pycache__", "node_modules", "secrets", "dist"}

PURE = (
    "bridge/identity.py",
    "bridge/handoff.py",
    "bridge/contract.py",
    "bridge/errors/*.py",
    "bridge/inspect/*.py",
    "bridge/urls.py",
    "bridge/saml/*.py",
    "bridge/oauth/attempt.py",
    "bridge/oauth/callback.py",
    "bridge/accounts/policy.py",
    "bridge/accounts/profile.py",
    "bridge/accounts/records.py",
    "bridge/accounts/resolve.py",
    "bridge/accounts/username.py",
    "bridge/topology/directory.py",
    "bridge/topology/routing.py",
)
IMPURE_IN_A_PURE_FOLDER = {"bridge/inspect/web.py", "bridge/saml/second_opinion.py"}
IMPURE_MODULES = {
    *(
        "asyncio",
        "builtins",
        "ctypes",
        "fileinput",
        "ftplib",
        "glob",
        "http",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
    ),
    *(
        "random",
        "secrets",
        "select",
        "shutil",
        "signal",
        "smtplib",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
    ),
    *("time", "urllib.request", "uuid", "alembic", "authlib", "flask", "gunicorn", "prometheus_client", "psycopg"),
    *("requests", "rich", "click", "sqlalchemy", "structlog", "urllib3", "werkzeug", "onelogin"),
}
IMPURE_CALLS = {"open", "input", "print", "exec", "eval", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}

MAX_LINES = 300
VAGUE_NAMES = {"utils", "util", "helper", "helpers", "manager", "managers", "common", "misc", "tools", "lib", "base", "core"}

HOST_READERS = {"host", "host_url", "url_root", "root_url", "base_url", "url", "server"}
MACHINE_PATH = re.compile(r"(?<![\w.~*$}<-])/(?:work|root|tmp|home/[a-z]+|Users/[A-Za-z]+)/")
REGISTRY_HOST = re.compile(r"pypi\.(?:org|python)|pythonhosted|registry\.npm|npmjs\.|proxy\.golang|(?:docker|ghcr|quay)\.io")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def ours(pattern: str = "*") -> list[Path]:
    """Return the repository's own files whose path fits *pattern*, as paths from the root."""
    found: list[Path] = []
    for folder, folders, names in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        folders[:] = sorted(name for name in folders if name not in NOT_OURS and (not name.startswith(".") or name == ".ci"))
        found += [here / name for name in sorted(names) if fnmatch.fnmatch((here / name).as_posix(), pattern)]
    return [path for path in found if path.parts[0] != "certs" or path.name == "README.md"]


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below *folders*."""
    return [path for folder in folders for path in ours(f"{folder}/*.py")]


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse((ROOT / path).read_text("utf-8"), str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield `(line, dotted name)` for every import of a file, wherever it stands; `a.b` for `from a import b`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(path.parts[: -node.level]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{name.name}") for name in node.names)


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for a name or a chain of attributes, otherwise the last part that has a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    return ""


def under(name: str, modules: set[str] | tuple[str, ...]) -> bool:
    """Whether *name* is one of *modules* or lies below one."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def is_composition_root(path: Path) -> bool:
    """Whether a file may know every part."""
    return path.as_posix() == "bridge/cli.py" or path.is_relative_to("bridge/harness")


def pure_files() -> list[Path]:
    """Return the files of the pure core."""
    return [
        path
        for path in python_files("bridge")
        if any(fnmatch.fnmatch(path.as_posix(), pattern) for pattern in PURE) and path.as_posix() not in IMPURE_IN_A_PURE_FOLDER
    ]


def complaints(found: list[str]) -> None:
    """Fail with one line for each thing that was found."""
    assert not found, "\n" + "\n".join(found)


class TestWhoImportsWhom:
    """Law 1: the two cells know nothing of each other, and the bridge knows neither."""

    def test_the_cells_never_import_each_other(self) -> None:
        """`idp` and `sp` are deployed apart; they meet only on the wire."""
        for mine, other in (("idp", "sp"), ("sp", "idp")):
            complaints(
                [
                    f"{path}:{line} imports {name}"
                    for path in python_files(mine)
                    for line, name in imports(path)
                    if under(name, (other,))
                ]
            )

    def test_the_bridge_imports_no_cell_but_where_it_puts_the_parts_together(self) -> None:
        """Only the command line and the harness may know every part."""
        complaints(
            [
                f"{path}:{line} imports {name}"
                for path in python_files("bridge")
                if not is_composition_root(path)
                for line, name in imports(path)
                if under(name, ("idp", "sp"))
            ]
        )

    def test_what_is_deployed_does_not_need_the_harness_the_tests_or_the_benchmark(self) -> None:
        """Stand-ins and faults cannot be reached from a service."""
        complaints(
            [
                f"{path}:{line} imports {name}"
                for path in python_files(*PACKAGES)
                if not is_composition_root(path)
                for line, name in imports(path)
                if under(name, ("bridge.harness", "bridge.cli", "tests", "bench", "pytest", "hypothesis", "playwright"))
            ]
        )

    def test_python3_saml_is_the_second_opinion_only(self) -> None:
        """Its reading of a document must not reach anybody: it says yes or no in one module."""
        complaints(
            [
                f"{path}:{line} imports {name}"
                for path in python_files(*PACKAGES)
                if path.as_posix() != "bridge/saml/second_opinion.py"
                for line, name in imports(path)
                if under(name, ("onelogin",))
            ]
        )


class TestPurity:
    """Law 2: the core computes; clock, randomness, files, network and database are arguments or lie outside."""

    def test_every_pattern_of_the_pure_core_matches_a_file(self) -> None:
        """A renamed module does not silently leave the law."""
        paths = [path.as_posix() for path in python_files("bridge")]
        complaints([pattern for pattern in PURE if not fnmatch.filter(paths, pattern)])

    @pytest.mark.parametrize("path", pure_files(), ids=str)
    def test_a_pure_module_imports_nothing_that_reaches_out(self, path: Path) -> None:
        """No I/O, clock, environment, network or database module is imported."""
        complaints([f"{path}:{line} imports {name}" for line, name in imports(path) if under(name, IMPURE_MODULES)])

    @pytest.mark.parametrize("path", pure_files(), ids=str)
    def test_a_pure_module_calls_nothing_that_reaches_out(self, path: Path) -> None:
        """No file is opened and no clock read, by whatever name the class goes."""
        complaints(
            [
                f"{path}:{node.lineno} calls {name}"
                for node in ast.walk(tree(path))
                if isinstance(node, ast.Call)
                and ((name := dotted(node.func)) in IMPURE_CALLS or name.endswith((".now", ".utcnow", ".today")))
            ]
        )


class TestTrust:
    """Laws 3, 4 and 8: one-way data, trust as a type, expected URLs from the configuration."""

    def test_a_verified_handoff_is_built_in_one_module(self) -> None:
        """Who holds a `VerifiedHandoff` knows that its signature was checked."""
        complaints(
            [
                f"{path}:{node.lineno}"
                for path in python_files(*PACKAGES, "bench")
                if path.as_posix() != "bridge/saml/verify.py"
                for node in ast.walk(tree(path))
                if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "VerifiedHandoff"
            ]
        )

    def test_no_domain_data_travels_in_flasks_g(self) -> None:
        """A step receives a value and returns a bigger one; there is no bag on the side."""
        complaints(
            [
                f"{path}:{line} imports {name}"
                for path in python_files(*PACKAGES)
                for line, name in imports(path)
                if name in ("flask.g", "flask.globals.g", "flask.globals")
            ]
            + [
                f"{path}:{node.lineno} reads flask.g"
                for path in python_files(*PACKAGES)
                for node in ast.walk(tree(path))
                if isinstance(node, ast.Attribute) and dotted(node) == "flask.g"
            ]
        )

    def test_no_expected_url_comes_from_the_host_header(self) -> None:
        """A request's Host is the attacker's word; our URLs come from the configuration (RFC 9700 4.1)."""
        found = []
        for path in python_files(*PACKAGES):
            if path.is_relative_to("bridge/harness/standin"):
                continue  # not a cell: Authlib's server side reads the request by itself
            for node in ast.walk(tree(path)):
                if (
                    isinstance(node, ast.Attribute)
                    and node.attr in HOST_READERS
                    and dotted(node.value).split(".")[-1] == "request"
                ):
                    found.append(f"{path}:{node.lineno} reads request.{node.attr}")
                if (
                    isinstance(node, ast.Call)
                    and dotted(node.func).split(".")[-1] == "url_for"
                    and any(keyword.arg == "_external" for keyword in node.keywords)
                ):
                    found.append(f"{path}:{node.lineno} builds an external URL from the request")
                if isinstance(node, ast.Subscript | ast.Call) and re.search(
                    r"headers(?:\.get\(|\[)'(?:host|x-forwarded-host)'", ast.unparse(node), re.I
                ):
                    found.append(f"{path}:{node.lineno} reads the Host header")
        complaints(found)


class TestFiles:
    """Small files with names that say what is in them."""

    def test_the_top_level_is_the_plans(self) -> None:
        """Somebody new finds the way from the names of a dozen folders and files."""
        complaints(sorted({path.parts[0] for path in ours() if not path.parts[0].startswith(".")} - TOP_LEVEL))

    @pytest.mark.parametrize("path", python_files(*PACKAGES, "bench"), ids=str)
    def test_a_module_says_what_it_owns_and_stays_small(self, path: Path) -> None:
        """A first docstring, with the module's law unless it holds nothing else, and at most 300 lines."""
        text = (ROOT / path).read_text("utf-8")
        first = ast.get_docstring(tree(path))
        assert first, f"{path} has no first docstring"
        assert "The law: " in first.replace("\n", " ") or len(tree(path).body) == 1, f"{path} does not say its law"
        assert len(text.splitlines()) <= MAX_LINES, f"{path} has more than {MAX_LINES} lines"

    def test_no_file_is_named_after_nothing(self) -> None:
        """A name such as `utils` says only that nobody knew where it belongs."""
        complaints(
            [
                str(path)
                for path in ours("*.py")
                if any(VAGUE_NAMES & set(re.split(r"[_.-]", part.removesuffix(".py").lower())) for part in path.parts)
            ]
        )

    def test_test_folders_have_no_init_and_modules_one_name(self) -> None:
        """Tests are imported by path (`--import-mode=importlib`); two files of one name could not be told apart in a report."""
        names = [path.name for path in python_files("tests") if path.name.startswith("test_")]
        complaints(sorted({name for name in names if names.count(name) > 1}))
        complaints([str(path) for path in python_files("tests") if path.name == "__init__.py"])

    def test_no_file_names_a_machine_or_a_registry_or_is_unfinished(self) -> None:
        """The repository speaks of the product alone: where it was built and where packages come from is not its business."""
        found = []
        for path in ours():
            if path == Path("tests/test_layout.py") or path.suffix in (".lock", ".db", ".png"):
                continue
            raw = (ROOT / path).read_bytes()
            if b"\0" in raw:
                continue
            for number, line in enumerate(raw.decode("utf-8").splitlines(), 1):
                found += [
                    f"{path}:{number}: {line.strip()[:100]}"
                    for law in (MACHINE_PATH, REGISTRY_HOST, UNFINISHED)
                    if law.search(line)
                ]
        complaints(found)

    def test_locks_name_no_index(self) -> None:
        """A lock says which packages, not from where."""
        for lock in ("requirements.lock", "requirements-runtime.lock"):
            text = (ROOT / lock).read_text("utf-8")
            assert not REGISTRY_HOST.search(text)
            assert not re.search(r"^\s*--(?:index-url|extra-index-url|find-links|trusted-host)", text, re.M)


class TestTests:
    """Tests state the rule that they protect, wait for conditions, and test the real thing."""

    def test_every_test_has_a_docstring(self) -> None:
        """The docstring is the rule; the body is its proof."""
        complaints(
            [
                f"{path}:{node.lineno} {node.name}"
                for path in python_files("tests")
                for node in ast.walk(tree(path))
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
            ]
        )

    def test_no_test_sleeps_or_mocks(self) -> None:
        """A sleep is a race that has not happened yet, and a mock of our own code tests the mock."""
        complaints(
            [
                f"{path}:{node.lineno} calls {name}"
                for path in python_files("tests")
                for node in ast.walk(tree(path))
                if isinstance(node, ast.Call) and (name := dotted(node.func)).split(".")[-1] == "sleep"
            ]
            + [
                f"{path}:{line} imports {name}"
                for path in python_files("tests")
                for line, name in imports(path)
                if under(
                    name, ("unittest.mock", "mock", "pytest_mock", "responses", "requests_mock", "freezegun", "time_machine")
                )
            ]
        )

    @pytest.mark.parametrize("ci", ["", "true"])
    @pytest.mark.parametrize(
        "skip",
        ["pytest.skip('no browser here', allow_module_level=True)", "def test_it():\n    pytest.skip('no browser here')"],
    )
    def test_a_skip_is_a_failure_in_ci(self, tmp_path: Path, ci: str, skip: str) -> None:
        """A missing browser is allowed on somebody's laptop, loudly, but never where `.ci/run` says that all is well."""
        (tmp_path / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text("utf-8"), "utf-8")
        (tmp_path / "test_skipped.py").write_text(f"import pytest\n{skip}\n", "utf-8")
        (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST"))}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", str(tmp_path)],
            env=environment | ({"CI": ci} if ci else {}),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "no browser here" in done.stdout
        assert ("Nothing may be skipped" in done.stdout) is bool(ci)
        assert (done.returncode in (1, 2)) is bool(ci), done.stdout
