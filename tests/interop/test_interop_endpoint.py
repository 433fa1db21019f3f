"""A foreign trust in a running pair: real identity providers, the router, the endpoint, and the account that opens."""

import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from bridge.handoff import OrgRoute
from bridge.harness.pair import Pair
from bridge.harness.processes import wait_until
from bridge.harness.tables import ALL_TABLES, Database
from bridge.urls import org_route
from tests.interop import pysaml2_peer
from tests.interop.node_peer import NodePeers
from tests.interop.setting import Issuer, write_sp_metadata

pytestmark = pytest.mark.e2e
MAIL = "urn:oid:0.9.2342.19200300.100.1.3"
PROVIDER = {"pysaml2": "saml_partner", "samlify": "saml_node"}
Issue = Callable[..., str]


class PairWithPartners(Pair):
    """A pair whose first owning cell trusts two foreign issuers; Globex takes their people, Acme does not."""

    partners: dict[str, Issuer]

    def prepare(self) -> None:
        """Write the files of a pair, and the partners into the owning cell's."""
        super().prepare()
        config = self.directory / "sp-2.toml"
        text = config.read_text("utf-8")
        before, globex = text.split('path = "globex"')
        globex = globex.replace("providers = [", 'binding = "unsafe_unbound"\nproviders = ["saml_partner", "saml_node", ')
        globex = globex.replace('signup = "approval"', 'signup = "open"')
        tables = ""
        for peer, mail, signed in (("pysaml2", MAIL, "both"), ("samlify", "mail", "response")):
            partner = self.partners[peer]
            shutil.copyfile(partner.certificate_file, self.directory / "certs" / f"{peer}.crt")
            tables += (
                f'\n[[trust]]\nentity_id = "{partner.entity_id}"\ncertificates = ["certs/{peer}.crt"]\nsigned = "{signed}"\n'
                f'provider = "{PROVIDER[peer]}"\nattributes = {{ extern_uid = "NameID", email = "{mail}" }}\n'
                'email_verified_domains = ["globex.example"]\n'
            )
        config.write_text(f'{before}path = "globex"{globex}{tables}', "utf-8")


@pytest.fixture(scope="module")
def partners(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Issuer]:
    """Two foreign issuers."""
    return {
        peer: Issuer(tmp_path_factory.mktemp(peer), f"https://{peer}.partner.example/metadata")
        for peer in ("pysaml2", "samlify")
    }


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, partners: dict[str, Issuer]) -> Iterator[Pair]:
    """A running pair that trusts the partners."""
    pair = PairWithPartners(tmp_path_factory.mktemp("partners"))
    pair.partners = partners
    with pair as running:
        yield running


def route(pair: Pair, path: str, org_id: int) -> OrgRoute:
    """Return where the organization at *path* receives."""
    return org_route(public_url=pair.public_url, org_id=org_id, org_path=path, cell_id=2)


@pytest.fixture(params=["pysaml2", "samlify"])
def issue(request: pytest.FixtureRequest, pair: Pair, partners: dict[str, Issuer], tmp_path: Path) -> Issue:
    """Let one of the partners sign an unsolicited response to an organization."""
    peer = request.param
    prepared = request.getfixturevalue("node" if peer == "samlify" else "pysaml2")
    partner = partners[peer]

    def issued(uid: str, mail: str, *, org: str = "globex", org_id: int = 43) -> str:
        to = route(pair, org, org_id)
        # The metadata that the partner reads is what the owning cell publishes.
        published = requests.get(to.sp_entity_id, timeout=10)
        assert published.content == write_sp_metadata(tmp_path, to).read_bytes()
        if isinstance(prepared, NodePeers):
            answer = prepared.ask(
                "samlify",
                "issue",
                idpMetadata=partner.metadata_file.read_text("utf-8"),
                spMetadata=published.text,
                issuer=partner.entity_id,
                audience=to.sp_entity_id,
                acsUrl=to.acs_url,
                keyFile=str(partner.key_file),
                nameId=uid,
                attributes={"mail": mail},
                signed="response",
            )
            return str(answer["response"])
        file = write_sp_metadata(tmp_path, to)
        raw = pysaml2_peer.issued(
            partner, to, file, attributes={"mail": mail}, name_id=("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", uid)
        )
        return base64.b64encode(raw).decode("ascii")

    return issued


def post(pair: Pair, response: str, *, org: str = "globex") -> requests.Response:
    """Post a response as a browser does that comes from the partner's site, with a RelayState of the partner's."""
    return requests.post(
        f"{pair.public_url}/o/{org}/auth/saml/callback",
        data={"SAMLResponse": response, "RelayState": "https://evil.example/"},
        headers={"Accept": "text/html", "Origin": "https://login.partner.example", "Sec-Fetch-Site": "cross-site"},
        timeout=30,
        allow_redirects=False,
    )


def assert_refused(pair: Pair, answer: requests.Response, code: str, *, status: int = 403) -> None:
    """Check a refusal: its status, no session, and the code in the cell's log."""
    assert answer.status_code == status, answer.text
    assert "Set-Cookie" not in answer.headers
    events = lambda: any(event.get("code") == code for event in pair.events("sp-2"))  # noqa: E731
    wait_until(events, seconds=5, what=f"{code} in the log")


def test_a_partners_response_opens_an_account_once(pair: Pair, issue: Issue, request: pytest.FixtureRequest) -> None:
    """Accepted, signed in under the trust's own provider name, led to the landing page, and used up."""
    provider = PROVIDER[request.node.callspec.params["issue"]]
    response = issue("pat-1", f"pat.{provider}@globex.example")
    answer = post(pair, response)
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"] == "/o/globex/"
    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    cookies = {name: rest.partition(";")[0]}
    session = requests.get(f"{pair.public_url}/o/globex/-/session", cookies=cookies, timeout=10).json()
    assert session["provider"] == provider
    assert session["account"]["email"] == f"pat.{provider}@globex.example"
    assert_refused(pair, post(pair, response), "handoff.replayed")
    again = post(pair, issue("pat-1", "moved@elsewhere.example"))
    assert again.status_code == 303, "a known identity opens its account, whatever its address says now"


def test_a_bound_organization_refuses_a_partner(pair: Pair, issue: Issue) -> None:
    """Acme hands out bindings, and a foreign issuer has none: nothing is written."""
    database = Database(pair.directory)
    before = database.contents(ALL_TABLES)
    response = issue("pat-2", "pat@acme.example", org="acme", org_id=42)
    assert_refused(pair, post(pair, response, org="acme"), "handoff.unbound")
    assert database.contents(ALL_TABLES) == before


def test_a_partner_vouches_for_its_own_domains_only(pair: Pair, issue: Issue) -> None:
    """An address of somebody else's domain neither links nor creates."""
    database = Database(pair.directory)
    before = database.contents()
    assert_refused(pair, post(pair, issue("eve-1", "dana@acme.example")), "account.email_unverified")
    assert database.contents() == before


def test_a_changed_response_of_a_partner_is_refused(pair: Pair, issue: Issue) -> None:
    """What the partner signed is what is read, and nothing is written."""
    database = Database(pair.directory)
    before = database.contents(ALL_TABLES)
    text = base64.b64decode(issue("pat-3", "pat3@globex.example")).decode("utf-8")
    changed = base64.b64encode(text.replace("pat3@", "eve3@").encode("utf-8")).decode("ascii")
    assert_refused(pair, post(pair, changed), "handoff.signature")
    assert database.contents(ALL_TABLES) == before
