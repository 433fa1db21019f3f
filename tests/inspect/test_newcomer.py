"""Ten broken sign-ins, and what somebody new reads first about each: the cause and the fix, in three lines.

`docs/troubleshooting.md` tells the ten; each is made here, and what is said must be the text of the page, letter by letter.
"""

import base64
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bridge.accounts.opening import open_accounts
from bridge.cli import main
from bridge.config import SpConfig, load
from bridge.errors import AccountError, OrgReadOnly, ProviderDisabled
from bridge.harness.browser import Page
from bridge.identity import Email, IdentityKey
from bridge.saml.metadata import idp_metadata
from bridge.urls import org_route
from sp.app import create_app
from sp.explain_command import CURES
from sp.metadata_refresh import Metadata
from tests.oauth.loopback import Answer, LoopbackProvider
from tests.vectors.world import AT, FOLDER, SECRET, World, key

PAGE = (Path(__file__).parents[2] / "docs/troubleshooting.md").read_text("utf-8")
PUBLIC_URL = "https://cells.example"
ISSUER = f"{PUBLIC_URL}/saml/metadata"
INSPECT = f"cellbridge inspect response.xml --config sp.toml --org acme --at {AT:%Y-%m-%dT%H:%M:%SZ}"
ENDPOINT = "/o/acme/auth/saml/callback"
CONFIG = """
second_opinion = true
[service]
public_url = "https://cells.example"
database_url = "sqlite:///cell.db"
secret_files = ["seal.key"]
[cell]
id = 2
session_prefix = "cell-2"
[topology]
file = "directory.toml"
[[trust]]
entity_id = "https://cells.example/saml/metadata"
{cells}
[[trust]]
entity_id = "https://other.example/saml/metadata"
certificates = ["{other}.crt"]
[[org]]
id = 42
path = "acme"
name = "Acme"
signup = "open"
link_by_email = ["google_oauth2"]
providers = ["google_oauth2"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An owning cell as it should be in `sp.toml`, its tables with Dana's account; and two files with wrong certificates."""
    folder = tmp_path_factory.mktemp("newcomer")
    for name in ("rsa-2048", "rsa-3072", "other-issuer"):
        shutil.copy(FOLDER / "keys" / f"{name}.crt", folder)
    shutil.copy(FOLDER / "directory.toml", folder)
    for name, cells, other in (
        ("sp", "rsa-2048", "other-issuer"),
        ("wrong", "rsa-3072", "other-issuer"),
        ("swapped", "other-issuer", "rsa-2048"),
    ):
        (folder / f"{name}.toml").write_text(CONFIG.format(cells=f'certificates = ["{cells}.crt"]', other=other), "utf-8")
    main(["secret", "new", "--file", str(folder / "seal.key")], standalone_mode=False)
    main(["db", "upgrade", "--config", str(folder / "sp.toml")], standalone_mode=False)
    store = open_accounts(load(SpConfig, folder / "sp.toml", {}))
    dana = store.add_account(
        org_id=42,
        email=Email("dana@acme.example"),
        email_confirmed=True,
        username="dana",
        name="Dana Hill",
        actor="harness",
        now=AT,
        reference="7KQ2M-4XD9R",
    )
    store.add_identity(dana, IdentityKey("google_oauth2", "10820"), now=AT, actor="harness", reference="7KQ2M-4XD9R")
    return folder


@pytest.fixture
def shell(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Type a command in that folder; returns the first three lines that it prints."""
    monkeypatch.chdir(folder)

    def run(line: str) -> list[str]:
        done = CliRunner().invoke(main, line.split()[1:])
        assert not done.stderr
        return done.stdout.splitlines()[:3]

    return run


@pytest.fixture
def browser(folder: Path) -> FlaskClient:
    """A browser of that cell."""
    return create_app(load(SpConfig, folder / "sp.toml", {})).test_client()


def told(title: str) -> tuple[str, list[str]]:
    """Return what the page tells about a case: the command, if one is typed, and the lines that are read."""
    section = re.split(r"(?m)^## ", PAGE.partition(f"\n## {title}\n")[2])[0]
    blocks = re.findall(r"(?s)```\n(.+?)\n```", section)
    command = next((block for block in blocks if block.startswith("cellbridge ")), "")
    return command, blocks[-1].splitlines()


class TestDocuments:
    """What `cellbridge inspect` says of a response that was kept."""

    def judged(self, shell: Callable[[str], list[str]], folder: Path, title: str, raw: bytes, config: str = "sp") -> None:
        """The command on the page says of the response *raw* what the page says that it says."""
        (folder / "response.xml").write_bytes(raw)
        command, lines = told(title)
        assert command == INSPECT
        assert shell(command.replace("sp.toml", f"{config}.toml")) == lines

    @pytest.mark.parametrize(
        ("title", "minutes"), [("A clock that is ten minutes slow", -10), ("A clock that is ten minutes fast", 10)]
    )
    def test_clock(self, shell: Callable[[str], list[str]], folder: Path, title: str, minutes: int) -> None:
        """Which way and how far, and that the clocks have to be compared."""
        self.judged(shell, folder, title, World("clock", "response", now=AT + timedelta(minutes=minutes)).minted())

    @pytest.mark.parametrize(("title", "config"), [("The wrong certificate", "wrong"), ("Two certificates swapped", "swapped")])
    def test_certificate(self, shell: Callable[[str], list[str]], folder: Path, title: str, config: str) -> None:
        """The key is not the issuer's, and where it should stand."""
        self.judged(shell, folder, title, World("certificate", "response").minted(), config)

    def test_audience_of_another_organization(self, shell: Callable[[str], list[str]], folder: Path) -> None:
        """Whose it is, and which settings say so."""
        world = World("audience", "response")
        globex = org_route(public_url=PUBLIC_URL, org_id=43, org_path="globex", cell_id=2)
        route = replace(world.handoff.route, sp_entity_id=globex.sp_entity_id)
        self.judged(shell, folder, "The audience of another organization", world.minted(route=route))

    def test_proxy_that_changes_the_host(self, shell: Callable[[str], list[str]], folder: Path) -> None:
        """The host that came, the one that browsers see, and the key that has to say it."""
        inside = org_route(public_url="http://legacy.internal:8101", org_id=42, org_path="acme", cell_id=2)
        route = replace(World("host", "response").handoff.route, acs_url=inside.acs_url)
        self.judged(shell, folder, "A proxy that changes the host", World("host", "response").minted(route=route))

    def test_an_honest_one_is_not_complained_of(self, shell: Callable[[str], list[str]], folder: Path) -> None:
        """The cell of these cases is sound: what is wrong in each is what its title says, and nothing else."""
        (folder / "response.xml").write_bytes(World("honest", "response").minted())
        first, *_ = shell(INSPECT)
        assert first == "response.xml: accepted"


class TestAccounts:
    """What `cellbridge explain` says of a person."""

    @pytest.mark.parametrize("title", ["An email that nobody vouches for", "An identity conflict"])
    def test_the_rule_and_the_way_out_are_told(self, shell: Callable[[str], list[str]], title: str) -> None:
        """Who came, which rule refused them and why, and what to do."""
        command, lines = told(title)
        assert len(lines) == 3
        assert shell(command) == lines

    def test_every_refusal_has_a_way_out(self) -> None:
        """Whatever a sign-in may be refused with by its account, somebody can do something, and it is said."""
        by_the_rules = {kind.code for kind in AccountError.__subclasses__()}
        assert set(CURES) == by_the_rules | {OrgReadOnly.code, ProviderDisabled.code}


class TestPages:
    """What the person reads, and what the log says about it."""

    @staticmethod
    def post(browser: FlaskClient, response: bytes, *, secret: str | None) -> TestResponse:
        """Post a handoff as a browser would that holds *secret*."""
        if secret is not None:
            browser.set_cookie("__Host-cb-binding", secret, domain="cells.example", secure=True, path="/")
        form = {"SAMLResponse": base64.b64encode(response)}
        return browser.post(ENDPOINT, data=form, base_url=PUBLIC_URL, headers={"Accept": "text/html"})

    @staticmethod
    def read(answer: TestResponse) -> list[str]:
        """Return the first lines of an error page: heading, what to do, code."""
        tree = Page(ENDPOINT, answer.status_code, dict(answer.headers), answer.text).tree
        return [*tree.xpath("//h1/text() | //p[@class='lead']/text()"), *tree.xpath("//code[not(@class)]/text()")]

    def refused(self, title: str, browser: FlaskClient, response: bytes, *, secret: str | None) -> None:
        """The page and the log say what the troubleshooting page says that they say."""
        with structlog.testing.capture_logs() as logged:
            answer = self.post(browser, response, secret=secret)
        assert answer.status_code == 403
        assert not [cookie for cookie in answer.headers.getlist("Set-Cookie") if "cell-2" in cookie]
        _, lines = told(title)
        (event,) = [event for event in logged if event["event"] == "request.refused"]
        assert [*self.read(answer)[:2], f"request.refused: {event['code']}"] == lines

    def test_replay_by_the_back_button(self, browser: FlaskClient) -> None:
        """The first post signs in, the same one again does not, and the page says where to go on."""
        response = World("back", "response", now=datetime.now(UTC).replace(microsecond=0)).minted()
        assert self.post(browser, response, secret=SECRET).status_code == 303
        self.refused("A replay by the back button", browser, response, secret=SECRET)

    def test_lost_binding_cookie(self, browser: FlaskClient) -> None:
        """A good response from a browser without its secret opens nothing, and the page says where to go on."""
        response = World("cookie", "response", now=datetime.now(UTC).replace(microsecond=0)).minted()
        self.refused("A lost binding cookie", browser, response, secret=None)


class TestMetadata:
    """What the log says about an issuer's metadata."""

    @pytest.fixture
    def issuer(self) -> Iterator[LoopbackProvider]:
        """The address of the metadata."""
        running = LoopbackProvider()
        yield running
        running.stop()

    def test_expired_metadata(self, folder: Path, issuer: LoopbackProvider) -> None:
        """Whose metadata it is, what is the matter with it, and who has to act; nothing is kept of it."""
        document = idp_metadata(entity_id=ISSUER, sso_url=PUBLIC_URL, certificates=[key("rsa-2048").certificate])
        old = document.replace(b"<md:EntityDescriptor ", b'<md:EntityDescriptor validUntil="2026-06-30T12:00:00Z" ')
        issuer.on("GET", "/metadata", Answer(old))
        by_url = CONFIG.format(cells=f'metadata_url = "{issuer.url}/metadata"\nmetadata_file = "kept.xml"', other="rsa-3072")
        (folder / "metadata.toml").write_text(by_url, "utf-8")
        config = load(SpConfig, folder / "metadata.toml", {})
        with structlog.testing.capture_logs() as logged:
            Metadata(config.trust[0], clock=lambda: AT).tend()
        _, lines = told("Expired metadata")
        assert [f"{event['event']}: {event['reason']}" for event in logged] == lines
        assert not (folder / "kept.xml").exists()


def test_the_page_tells_each_of_the_ten() -> None:
    """Every case of the page is made by a test here, and says its piece in at most three lines."""
    titles = re.findall(r"(?m)^## (.+)$", PAGE)
    assert len(titles) == len(set(titles)) >= 10
    source = Path(__file__).read_text("utf-8")
    for title in titles:
        _, lines = told(title)
        assert f'"{title}"' in source
        assert 1 <= len(lines) <= 3
