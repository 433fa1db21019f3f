"""`cellbridge mint` and `cellbridge inspect`: documents made and judged from the shell, with the endpoint's own checks."""

import base64
import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.saml.checks import CHECKS

SECRET = secrets.token_urlsafe(32)
AT = "2026-11-23T08:15:00Z"


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    """Run a command as the shell would."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair's configuration over a directory file, with keys: no service runs."""
    folder = tmp_path_factory.mktemp("shell")
    (folder / "directory.toml").write_text(
        '[[cell]]\nid = 1\naddress = "127.0.0.1:1"\nsession_prefix = "cell-1"\n'
        '[[cell]]\nid = 2\naddress = "127.0.0.1:2"\nsession_prefix = "cell-2"\n'
        '[[organization]]\nid = 42\npath = "acme"\ncell = 2\ndomains = ["acme.example"]\n'
        '[[organization]]\nid = 43\npath = "globex"\ncell = 2\n',
        "utf-8",
    )
    common = (
        '[service]\npublic_url = "https://cells.example"\ndatabase_url = "sqlite:///none.db"\nsecret_files = ["seal.key"]\n'
        '[cell]\nid = {cell}\nsession_prefix = "cell-{cell}"\n[topology]\nfile = "directory.toml"\n'
    )
    (folder / "idp.toml").write_text(
        common.format(cell=1) + '[saml]\nentity_id = "https://cells.example/saml/metadata"\nkeys = "keys"\n'
        '[[provider]]\nname = "github"\nclient_id = "c"\nclient_secret = "s"\n',
        "utf-8",
    )
    orgs = "".join(
        f'[[org]]\nid = {number}\npath = "{path}"\nname = "{path.title()}"\nproviders = ["github"]\n'
        for number, path in ((42, "acme"), (43, "globex"))
    )
    assert run("keys", "new", "--dir", folder / "keys").exit_code == 0
    (certificate,) = (folder / "keys").glob("*.crt")
    (folder / "sp.toml").write_text(
        common.format(cell=2)
        + f'[[trust]]\nentity_id = "https://cells.example/saml/metadata"\ncertificates = ["{certificate}"]\n{orgs}',
        "utf-8",
    )
    return folder


def minted(files: Path, *more: object) -> str:
    """Return one response for Dana of Acme, minted by the command."""
    done = run(
        *("mint", "--config", files / "idp.toml", "--org", "acme", "--email", "dana@acme.example", "--provider", "github"),
        *("--uid", "100", "--at", AT, "--binding-secret", SECRET, *more),
    )
    assert done.exit_code == 0, done.stderr
    return done.stdout


def inspected(files: Path, source: bytes, *more: object) -> tuple[int, dict[str, Any]]:
    """Return exit code and JSON of the inspection of *source* from a pipe, for Acme's endpoint, with the right secret."""
    arguments = ("--config", files / "sp.toml", "--org", "acme", "--at", AT, "--binding-secret", SECRET, "--json", *more)
    done = run("inspect", "-", *arguments, stdin=source)
    found: dict[str, Any] = json.loads(done.stdout)
    return done.exit_code, found


def test_what_is_minted_is_accepted(files: Path) -> None:
    """A minted response passes every check that needs no store, and its values are shown."""
    code, found = inspected(files, minted(files).encode())
    assert (code, found["verdict"], found["code"]) == (0, "accepted", "")
    assert [check["number"] for check in found["checks"]] == list(range(1, 19))
    assert {check["number"]: check["outcome"] for check in found["checks"]} == {
        **dict.fromkeys(range(1, 18), "pass"),
        18: "not_run",
    }
    assert found["handoff"]["email"] == "dana@acme.example"
    assert found["handoff"]["organization_id"] == "42"


@pytest.mark.parametrize("form", ["base64", "xml", "body", "har", "har text"])
def test_every_form_of_input_is_read(files: Path, form: str) -> None:
    """XML, base64, a form's body and a HAR file of one document all lead to the same verdict."""
    response = minted(files).strip()
    body = urlencode({"SAMLResponse": response, "RelayState": "/o/acme/"})
    params = [{"name": "SAMLResponse", "value": response}]
    sources = {
        "base64": response.encode(),
        "xml": base64.b64decode(response),
        "body": body.encode(),
        "har": json.dumps({"log": {"entries": [{"request": {"postData": {"params": params}}}]}}).encode(),
        "har text": json.dumps({"log": {"entries": [{"request": {}}, {"request": {"postData": {"text": body}}}]}}).encode(),
    }
    code, found = inspected(files, sources[form])
    assert (code, found["verdict"]) == (0, "accepted")


@pytest.mark.parametrize(
    ("more", "code", "number"),
    [
        (("--org", "globex"), "handoff.destination", 9),
        (("--at", "2026-11-23T08:16:31Z"), "handoff.expired", 12),
        (("--at", "2026-11-23T08:14:29Z"), "handoff.not_yet_valid", 12),
        (("--binding-secret", secrets.token_urlsafe(32)), "handoff.unbound", 16),
    ],
)
def test_first_failure_is_the_endpoints_refusal(files: Path, more: tuple[str, ...], code: str, number: int) -> None:
    """The code is the one that the endpoint would refuse with, and the checks that can still run are run."""
    exit_code, found = inspected(files, minted(files).encode(), *more)
    assert (exit_code, found["verdict"], found["code"]) == (1, "refused", code)
    failed = [check for check in found["checks"] if check["outcome"] == "fail"]
    assert failed[0]["number"] == number
    assert failed[0]["expected"]
    assert failed[0]["hint"]
    assert found["checks"][13]["outcome"] == "pass", "an expired document is still read to its end"
    assert found["checks"][16]["outcome"] == "not_run"


def test_changed_document_is_refused_by_its_signature(files: Path) -> None:
    """Nothing unsigned is shown as the document's content."""
    changed = base64.b64decode(minted(files)).replace(b"dana@", b"evil@")
    exit_code, found = inspected(files, changed)
    assert (exit_code, found["code"], found["handoff"]) == (1, "handoff.signature", None)
    assert all(check["outcome"] == "not_run" for check in found["checks"][7:])


def test_without_a_configuration_nobody_is_trusted(files: Path) -> None:
    """A document is never called accepted when nobody said whom to trust."""
    done = run("inspect", "-", "--json", stdin=minted(files).encode())
    assert done.exit_code == 1
    assert json.loads(done.stdout)["code"] == "handoff.signature"


def test_many_files_in_one_run(files: Path, tmp_path: Path) -> None:
    """One line each, the worst exit code of all; a file that is not there is told and stops nothing."""
    good, bad, gone = tmp_path / "good.b64", tmp_path / "bad.xml", tmp_path / "gone.xml"
    good.write_text(minted(files), "utf-8")
    bad.write_text("<a/>", "utf-8")
    common = ("--config", files / "sp.toml", "--org", "acme", "--at", AT, "--binding-secret", SECRET, "--json")
    done = run("inspect", good, bad, *common)
    assert (done.exit_code, [json.loads(line)["verdict"] for line in done.stdout.splitlines()]) == (1, ["accepted", "refused"])
    done = run("inspect", gone, good, *common)
    assert (done.exit_code, [json.loads(line)["verdict"] for line in done.stdout.splitlines()]) == (
        2,
        ["unreadable", "accepted"],
    )


def test_text_names_the_cause_first(files: Path) -> None:
    """The first line is the verdict with the check that failed; below stand expected, received and what to do."""
    done = run("inspect", "-", "--config", files / "sp.toml", "--org", "globex", "--at", AT, stdin=minted(files).encode())
    first, *rest = done.stdout.splitlines()
    assert first == "-: refused: Destination is this endpoint (handoff.destination)"
    assert any("expected https://cells.example/o/globex/auth/saml/callback" in line for line in rest)
    assert sum(check.title in done.stdout for check in CHECKS) == len(CHECKS)


@pytest.mark.parametrize("source", [b"", b"   \n", b"\xff\x00\x01", b"{}", b'{"log": {"entries": []}}', b"[" * 100_000])
def test_what_holds_no_document_is_unreadable_or_refused(files: Path, source: bytes) -> None:
    """Hostile or empty input ends with a verdict and an exit code, never with a stack trace."""
    exit_code, found = inspected(files, source)
    assert (exit_code, found["verdict"]) in ((2, "unreadable"), (1, "refused"))


def test_mint_refuses_what_is_no_value(files: Path) -> None:
    """A wrong address or an unknown organization is one sentence on stderr, and stdout stays empty."""
    for changed in (("--email", "no address"), ("--org", "nobody"), ("--org", "../acme"), ("--uid", "")):
        arguments = {"--org": "acme", "--email": "a@acme.example", "--provider": "github", "--uid": "1", **dict([changed])}
        flat = [word for pair in arguments.items() for word in pair]
        done = run("mint", "--config", files / "idp.toml", *flat)
        assert (done.exit_code, done.stdout) == (1, ""), changed
        assert "Traceback" not in done.stderr
