"""`cellbridge inspect` for people and programs: what it prints, what it hides, how it ends."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding

from bridge.cli import main
from bridge.saml.encrypt import encrypt_assertion, encryption_key
from bridge.saml.render import render
from bridge.saml.sign import sign
from tests.inspect.judged import vector
from tests.vectors.world import AT as AT_OF_VECTORS
from tests.vectors.world import FOLDER, World, key

AT = ("--at", "2026-07-01T12:00:00Z")
PERSONAL = ("dana@acme.example", "Dana Hill", "10820", "/o/acme/projects/7")


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    """Run the command as the shell would."""
    return CliRunner().invoke(main, ["inspect", *(str(argument) for argument in arguments)], input=stdin)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """The options that name Acme's endpoint of a cell that trusts the corpus's key."""
    folder = tmp_path_factory.mktemp("cell")
    (folder / "idp.crt").write_bytes(key("rsa-2048").certificate.public_bytes(Encoding.PEM))
    (folder / "sp.toml").write_text(
        '[service]\npublic_url = "https://cells.example"\ndatabase_url = "sqlite:///none.db"\nsecret_files = ["seal.key"]\n'
        '[cell]\nid = 2\nsession_prefix = "cell-2"\n[topology]\nfile = "directory.toml"\n'
        '[[trust]]\nentity_id = "https://cells.example/saml/metadata"\ncertificates = ["idp.crt"]\n'
        '[[org]]\nid = 42\npath = "acme"\nname = "Acme"\nproviders = ["google_oauth2"]\n',
        "utf-8",
    )
    return ("--config", folder / "sp.toml", "--org", "acme", *AT)


@pytest.mark.parametrize(
    ("name", "first", "third"),
    [
        ("audience-other", "Audience is this organization (handoff.audience)", "compare public_url on both cells"),
        ("time-expired", "Valid now, and not for long (handoff.expired)", "Compare the clocks of both cells"),
        ("strangers-certificate", "Signed by a pinned key, over its own parent (handoff.signature)", "Compare the fingerprint"),
    ],
)
def test_cause_and_cure_stand_in_the_first_three_lines(endpoint: tuple[object, ...], name: str, first: str, third: str) -> None:
    """Who reads no further knows the check, what was expected and what came, where, and what to do."""
    done = run("-", *endpoint, stdin=vector(name).raw)
    lines = done.stdout.splitlines()
    assert lines[0] == f"-: refused: {first}"
    assert "expected " in lines[1]
    assert " At line " in lines[1]
    assert lines[2].startswith("  What to do: ")
    assert third in lines[2]
    assert done.exit_code == 1


def test_the_offending_node_is_marked(endpoint: tuple[object, ...]) -> None:
    """One piece of the document carries the mark, with the check under it."""
    lines = run("-", *endpoint, stdin=vector("audience-other").raw).stdout.splitlines()
    (marked,) = [number for number, line in enumerate(lines) if line.startswith(">>")]
    assert lines[marked].strip().endswith("<saml:Audience>https://evil.example/saml/metadata</saml:Audience>")
    assert "^ check 10, handoff.audience" in lines[marked + 1]


def test_output_is_plain_where_nobody_looks_and_coloured_on_a_terminal(
    endpoint: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe or a log gets no escape sequence, whatever a document holds; a terminal gets ours alone."""
    raw = vector("audience-other").raw.replace(b"evil.example", b"evil.example&#x9b;31m&#x202e;\xc2\x9b1m")
    done = run("-", *endpoint, stdin=raw)
    assert not [character for character in done.stdout if not (character.isprintable() or character == "\n")]
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = run("-", *endpoint, stdin=raw).stdout
    assert "\x1b[1;31m" in coloured
    assert not set("\x9b\u202e") & set(coloured)


def test_json_says_what_the_page_promises(endpoint: tuple[object, ...]) -> None:
    """Every key of the page is there and no other; a check names its clause, its place and its section."""
    found: dict[str, Any] = json.loads(run("-", *endpoint, "--json", stdin=vector("audience-other").raw).stdout)
    page = (Path(__file__).parents[2] / "docs/inspector.md").read_text("utf-8").partition("## JSON")[2].partition("## The")[0]
    assert [name for name in found if f"`{name}`" not in page] == []
    failed = found["checks"][9]
    assert [name for name in failed if f"`{name}`" not in page] == []
    assert (failed["line"], failed["column"], failed["node"]) == (
        35,
        9,
        "Response/Assertion/Conditions/AudienceRestriction/Audience",
    )
    assert failed["source"] == "SAML core 2.5.1.4, profiles 4.1.4.2"
    assert failed["docs"] == "docs/inspector.md#check-10"
    assert found["kind"] == "response"
    assert found["trusted"] is True
    assert {field["signed"] for field in found["fields"]} == {"signed"}
    assert found["times"]["state"] == "now"


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("name", ["as-minted", "audience-other", "strangers-certificate", "comment-in-the-email", "uid-twice"])
def test_masked_output_holds_nobodys_values(endpoint: tuple[object, ...], name: str, more: tuple[str, ...]) -> None:
    """Addresses, names, uids and paths are hidden everywhere; what a machine is called and when stays."""
    done = run("-", *endpoint, "--mask", *more, stdin=vector(name).raw)
    assert [value for value in PERSONAL if value in done.stdout] == []
    assert base64.b64encode(b"dana") not in done.stdout.encode()
    if name == "as-minted":
        assert "https://cells.example/o/acme/auth/saml/callback" in done.stdout
        assert "[hidden: 17 characters, sha256 " in done.stdout


class TestDecryption:
    """`--decrypt-key`: what was encrypted to a key can be read by who holds that key."""

    @staticmethod
    def sealed(world: World) -> bytes:
        """Return a handoff encrypted to the corpus's key of 3072 bits."""
        reader = encryption_key(key("rsa-3072").certificate)
        return sign(
            render(world.handoff),
            key("rsa-2048"),
            signed="response",
            encrypt=lambda text: encrypt_assertion(text, reader, random_bytes=os.urandom),
        ).xml

    @pytest.mark.parametrize("configured", [True, False])
    def test_the_assertion_inside_is_judged_and_shown(
        self, endpoint: tuple[object, ...], world: World, *, configured: bool
    ) -> None:
        """The checks read it, its values are told, and it is listed by itself; the key is never shown."""
        private_key = FOLDER / "keys" / "rsa-3072.key"
        options = endpoint if configured else AT
        raw = self.sealed(world)
        done = run("-", *options, "--decrypt-key", private_key, stdin=raw)
        assert done.exit_code == (0 if configured else 1)
        assert "email = dana@acme.example" in done.stdout
        assert "decrypted assertion" in done.stdout
        secret = "".join(private_key.read_text("ascii").splitlines()[1:-1])
        assert secret[100:140] not in done.stdout + done.stderr
        found = json.loads(run("-", *options, "--decrypt-key", private_key, "--json", stdin=raw).stdout)
        assert found["trusted"] is configured
        assert found["checks"][13]["outcome"] == "pass"

    def test_without_the_key_nothing_inside_is_read(self, endpoint: tuple[object, ...], world: World) -> None:
        """It says that no key opens it, and where the encrypted part stands."""
        done = run("-", *endpoint, stdin=self.sealed(world))
        assert done.exit_code == 1
        assert "one that none of its keys opens" in done.stdout
        assert "Response/EncryptedAssertion" in done.stdout
        assert "dana@acme.example" not in done.stdout

    @pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"])
    def test_a_file_without_a_key_is_one_sentence(self, tmp_path: Path, content: bytes) -> None:
        """No stack trace, and nothing of what the file holds."""
        file = tmp_path / "some.key"
        file.write_bytes(content)
        done = run("-", "--decrypt-key", file, stdin=b"<a/>")
        assert (done.exit_code, done.stdout) == (1, "")
        assert "holds no private key" in done.stderr
        assert "c2VjcmV0" not in done.stderr
        assert "Traceback" not in done.stderr


class TestDifference:
    """`--diff`: it worked yesterday."""

    @staticmethod
    def files(folder: Path, before: bytes, after: bytes) -> tuple[Path, Path]:
        """Return two files."""
        (folder / "before.xml").write_bytes(before)
        (folder / "after.xml").write_bytes(after)
        return folder / "before.xml", folder / "after.xml"

    def test_two_sign_ins_of_one_person_do_not_differ(self, endpoint: tuple[object, ...], tmp_path: Path) -> None:
        """IDs, times and what belongs to one browser are no difference, whenever each was issued."""
        earlier = World("earlier", "response", AT_OF_VECTORS - timedelta(days=1))
        later = World("later", "response")
        files = self.files(tmp_path, earlier.minted(binding="0" * 64, reference="7KQ2M-4XD9S"), later.minted())
        done = run("--diff", *files, *endpoint[:4])
        assert (done.exit_code, done.stdout.count("\n")) == (0, 1), done.stdout
        assert "differ only in what differs from one sign-in to the next" in done.stdout.replace("\n", " ")

    def test_what_was_changed_is_told_with_both_values(self, endpoint: tuple[object, ...], tmp_path: Path) -> None:
        """The audience was another one, and the lifetime longer: check 10 and the values say so, and nothing else."""
        longer = vector("as-minted").raw
        files = self.files(tmp_path, longer, vector("audience-other").raw)
        done = run("--diff", *files, *endpoint, "--json")
        found = json.loads(done.stdout)
        assert done.exit_code == 1
        assert [each["what"] for each in found["differences"]] == [
            "check 10, Audience is this organization",
            "Response/Assertion/Conditions/AudienceRestriction/Audience",
        ]
        assert found["differences"][1]["after"] == "https://evil.example/saml/metadata (signed)"

    def test_a_changed_certificate_and_lifetime_are_told(self, tmp_path: Path, world: World) -> None:
        """Another key signed, and the sender gives more time."""
        changed = world.signed(edit=lambda _root: None, key=key("rsa-3072"))
        longer = world.minted(expires_at=world.now + timedelta(seconds=120))
        whats = []
        for after in (changed, longer):
            found = json.loads(run("--diff", *self.files(tmp_path, world.minted(), after), "--json").stdout)
            whats += [each["what"] for each in found["differences"]]
        assert "certificates in the document" in whats
        assert "lifetime" in whats

    def test_two_files_are_needed_and_have_to_be_readable(self, tmp_path: Path) -> None:
        """One file is a mistake of use; one that cannot be read ends with exit code 2."""
        before, after = self.files(tmp_path, b"<a/>", b"")
        assert run("--diff", before).exit_code == 2
        done = run("--diff", before, after)
        assert (done.exit_code, "is empty" in done.stdout) == (2, True)

    def test_masked_values_are_compared_by_their_digests(self, tmp_path: Path) -> None:
        """That two addresses differ is told without telling either."""
        other = vector("email-in-capitals").raw
        done = run("--diff", *self.files(tmp_path, vector("as-minted").raw, other), "--mask")
        assert "email" in done.stdout
        assert "acme.example" not in done.stdout.replace("cells.example", "")


class TestPage:
    """`--web`."""

    def test_it_is_served_until_ctrl_c(self, endpoint: tuple[object, ...]) -> None:
        """It says where it is, offers the organization first and nobody last, and ends well."""
        command = [str(Path(sys.executable).with_name("cellbridge")), "inspect", "--web", *map(str, endpoint)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as served:
            assert served.stdout is not None
            told = served.stdout.readline()
            (url,) = re.findall(r"http://127\.0\.0\.1:\d+/", told)
            page = requests.get(url, timeout=30).text
            port = urlsplit(url).port
            taken = run("--web", "--port", port)
            served.send_signal(signal.SIGINT)
            rest, _ = served.communicate(timeout=30)
        assert (served.returncode, rest) == (0, "")
        assert re.findall(r'<option value="(\w*)"', page) == ["acme", ""]
        assert (taken.exit_code, "cannot listen on port" in taken.stderr, "Traceback" in taken.stderr) == (1, True, False)

    def test_it_takes_no_files(self) -> None:
        """Documents are pasted and dropped there."""
        assert run("--web", "some.xml").exit_code == 2
