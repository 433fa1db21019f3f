"""Foreign issuers in a running pair: real identity providers, the router, the endpoint, and the account that opens."""

import base64
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from bridge.harness.browser import Browser, Form, Page
from bridge.harness.pair import Options, Pair
from bridge.harness.processes import wait_until
from bridge.harness.tables import ALL_TABLES, Database
from bridge.harness.world import Addresses
from bridge.saml import names
from bridge.urls import org_route
from tests.interop import pysaml2_peer
from tests.interop.node_peer import NodePeers
from tests.interop.setting import Issuer, write_sp_metadata

pytestmark = pytest.mark.e2e
ORG_IDS = {"acme": 42, "globex": 43}
FROM_THE_PARTNER = {"Origin": "https://login.partner.example", "Sec-Fetch-Site": "cross-site"}
FROM_OUR_PAGE = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Partner:
    """A foreign issuer: which software signs for it, and how the owning cell names it and its address."""

    peer: str
    provider: str
    label: str
    mail: str
    signed: str
    issuer: Issuer

    @property
    def trust(self) -> str:
        """The `[[trust]]` table."""
        return (
            f'\n[[trust]]\nentity_id = "{self.issuer.entity_id}"\ncertificates = ["certs/{self.peer}.crt"]\n'
            f'signed = "{self.signed}"\nprovider = "{self.provider}"\nlabel = "{self.label}"\n'
            f'attributes = {{ extern_uid = "NameID", email = "{self.mail}" }}\nemail_verified_domains = ["globex.example"]\n'
        )


@pytest.fixture(scope="module")
def partners(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Partner]:
    """Two foreign issuers, each on the software of others."""

    def issuer(peer: str) -> Issuer:
        return Issuer(tmp_path_factory.mktemp(peer), f"https://{peer}.partner.example/metadata")

    mail = "urn:oid:0.9.2342.19200300.100.1.3"
    return {
        "pysaml2": Partner("pysaml2", "saml_partner", "Partner Login", mail, "both", issuer("pysaml2")),
        "samlify": Partner("samlify", "saml_node", "Node Login", "mail", "response", issuer("samlify")),
    }


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, partners: dict[str, Partner]) -> Iterator[Pair]:
    """A running pair that trusts the partners: Globex takes their people and asks them, Acme binds and does not."""

    def edit(directory: Path, _at: Addresses) -> None:
        file = directory / "sp-2.toml"
        acme, globex = file.read_text("utf-8").split('path = "globex"')
        for old, new in (
            ("providers = [", 'binding = "confirm"\nproviders = ["saml_partner", "saml_node", '),
            ('signup = "approval"', 'signup = "open"'),
        ):
            assert globex.count(old) == 1
            globex = globex.replace(old, new)
        tables = "".join(partner.trust for partner in partners.values())
        file.write_text(f'{acme}path = "globex"{globex}{tables}', "utf-8")
        (directory / "certs").mkdir(exist_ok=True)
        for partner in partners.values():
            shutil.copyfile(partner.issuer.certificate_file, directory / "certs" / f"{partner.peer}.crt")

    with Pair(tmp_path_factory.mktemp("partners"), Options(edit=edit)) as running:
        yield running


@pytest.fixture(params=["pysaml2", "samlify"])
def partner(request: pytest.FixtureRequest, partners: dict[str, Partner]) -> Partner:
    """Each of the two partners."""
    return partners[request.param]


Issue = Callable[..., str]


@pytest.fixture
def issue(request: pytest.FixtureRequest, pair: Pair, partner: Partner, tmp_path: Path) -> Issue:
    """Let the partner sign an unsolicited response to an organization, by the metadata that the owning cell publishes."""
    node = request.getfixturevalue("node" if partner.peer == "samlify" else "pysaml2")

    def issued(uid: str, mail: str, *, org: str = "globex") -> str:
        route = org_route(public_url=pair.public_url, org_id=ORG_IDS[org], org_path=org, cell_id=2)
        file = write_sp_metadata(tmp_path, route)
        file.write_bytes(requests.get(route.sp_entity_id, timeout=10).content)
        if not isinstance(node, NodePeers):
            raw = pysaml2_peer.issued(partner.issuer, route, file, attributes={"mail": mail}, name_id=(names.PERSISTENT, uid))
            return base64.b64encode(raw).decode("ascii")
        answer = node.ask(
            "samlify",
            "issue",
            idpMetadata=partner.issuer.metadata_file.read_text("utf-8"),
            spMetadata=file.read_text("utf-8"),
            issuer=partner.issuer.entity_id,
            audience=route.sp_entity_id,
            acsUrl=route.acs_url,
            keyFile=str(partner.issuer.key_file),
            nameId=uid,
            attributes={"mail": mail},
            signed="response",
        )
        return str(answer["response"])

    return issued


def post(pair: Pair, browser: Browser, response: str, *, org: str = "globex") -> Page:
    """Post a response as the partner's page does, with a RelayState of the partner's."""
    fields = (("SAMLResponse", response), ("RelayState", "https://evil.example/"))
    form = Form(f"{pair.public_url}/o/{org}/auth/saml/callback", "POST", fields)
    return browser.submit(form, headers=FROM_THE_PARTNER)


def say_yes(browser: Browser, page: Page) -> Page:
    """Press the button of the page that asks."""
    return browser.submit(page.form(action_ends="/confirm"), headers=FROM_OUR_PAGE)


def assert_refused(pair: Pair, page: Page, code: str) -> None:
    """Check a refusal: a page with a reference, no session, and the code under that reference in the cell's log."""
    assert page.status == 403, page.sentence()
    assert "=cell-2-" not in page.headers.get("Set-Cookie", "")

    def logged() -> bool:
        return any((event.get("code"), event.get("reference")) == (code, page.reference) for event in pair.events("sp-2"))

    wait_until(logged, seconds=5, what=f"{code} under {page.reference} in the log")


def test_a_partners_response_opens_an_account_once(pair: Pair, partner: Partner, issue: Issue) -> None:
    """Asked by the issuer's label, signed in under its provider name, led to the landing page, and used up."""
    address = f"pat.{partner.peer}@globex.example"
    response = issue("pat-1", address)
    browser = Browser()
    question = post(pair, browser, response)
    assert question.status == 200, question.sentence()
    assert address in question.sentence()
    assert partner.label in question.sentence()
    entered = say_yes(browser, question)
    assert (entered.status, entered.location) == (303, f"{pair.public_url}/o/globex/")
    session = browser.session.get(f"{pair.public_url}/o/globex/-/session", timeout=10).json()
    assert (session["provider"], session["account"]["email"]) == (partner.provider, address)
    other = Browser()
    assert_refused(pair, say_yes(other, post(pair, other, response)), "handoff.replayed")


def test_a_known_person_is_found_by_the_issuers_name_for_them(pair: Pair, partner: Partner, issue: Issue) -> None:
    """Whatever the address says by then, and though nobody vouches for it."""
    for address in (f"kim.{partner.peer}@globex.example", "kim@elsewhere.example"):
        browser = Browser()
        assert say_yes(browser, post(pair, browser, issue("kim-1", address))).status == 303
        session = browser.session.get(f"{pair.public_url}/o/globex/-/session", timeout=10).json()
        assert session["account"]["email"] == f"kim.{partner.peer}@globex.example"


def test_a_bound_organization_refuses_a_partner(pair: Pair, issue: Issue) -> None:
    """Acme wants the browser that began, and a foreign issuer knows none: nothing is written."""
    database = Database(pair.directory)
    before = database.contents(ALL_TABLES)
    response = issue("pat-2", "pat@acme.example", org="acme")
    for headers in (FROM_THE_PARTNER, {}):
        form = Form(f"{pair.public_url}/o/acme/auth/saml/callback", "POST", (("SAMLResponse", response),))
        assert_refused(pair, Browser().submit(form, headers=headers), "handoff.unbound")
    assert database.contents(ALL_TABLES) == before


def test_a_partner_vouches_for_its_own_domains_only(pair: Pair, issue: Issue) -> None:
    """An address of somebody else's domain neither links nor creates; only the refusal is on record."""
    database = Database(pair.directory)
    before = database.contents()
    browser = Browser()
    page = say_yes(browser, post(pair, browser, issue("eve-1", "dana@acme.example")))
    assert_refused(pair, page, "account.email_unverified")
    assert database.contents() == before


def test_a_changed_response_of_a_partner_is_refused(pair: Pair, issue: Issue) -> None:
    """What the partner signed is what is read, and nothing is written."""
    database = Database(pair.directory)
    before = database.contents(ALL_TABLES)
    text = base64.b64decode(issue("pat-3", "pat3@globex.example")).decode("utf-8")
    changed = base64.b64encode(text.replace("pat3@", "eve3@").encode("utf-8")).decode("ascii")
    assert_refused(pair, post(pair, Browser(), changed), "handoff.signature")
    assert database.contents(ALL_TABLES) == before
