"""One suite for both clients, the memory of the HTTP client, and its claims."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bridge.errors import ConfigInvalid, OrgUnknown, ProviderEmailMissing, TopologyUnavailable
from bridge.handoff import OrgRoute
from bridge.identity import NO_EVIDENCE, Email, EmailEvidence, ExternalIdentity, IdentityKey, MalformedValue
from bridge.sections import Topology as TopologySection
from bridge.topology.answers import MAX_ANSWERS, Answers
from bridge.topology.client import Topology, open_topology
from bridge.topology.directory import ClaimHeld, Question
from bridge.topology.wire import Place
from bridge.urls import DEFAULT_ACS_PATH
from tests.topology.conftest import TOKEN, Clock

PUBLIC_URL = "https://cells.example"
ACME = OrgRoute(
    42,
    "acme",
    2,
    f"{PUBLIC_URL}/o/acme/auth/saml/callback",
    f"{PUBLIC_URL}/o/acme/auth/saml/metadata",
    org_name="Acme & Söhne",
)
INITECH = OrgRoute(77, "initech", 3, "https://gitlab.example/users/auth/saml/callback", "https://gitlab.example")
KEY = IdentityKey("github", "1001")


def person(email: str | None, *, verified: bool = True, uid: str = "1001") -> ExternalIdentity:
    """Return what GitHub says of somebody."""
    evidence = EmailEvidence(verified=True, rule="github.emails") if email and verified else NO_EVIDENCE
    return ExternalIdentity(key=IdentityKey("github", uid), email=Email(email) if email else None, evidence=evidence)


def opened(section: TopologySection, clock: Clock, acs_path: str = DEFAULT_ACS_PATH) -> Topology:
    """Return the client of a configuration."""
    return open_topology(section, public_url=PUBLIC_URL, acs_path=acs_path, clock=clock)


@pytest.fixture
def by_service(service_url: str) -> TopologySection:
    """A configuration that names the service."""
    return TopologySection(url=service_url, token=SecretStr(TOKEN))


@pytest.fixture(params=["file", "service"])
def section(request: pytest.FixtureRequest, directory_file: Path) -> TopologySection:
    """A configuration of either kind, over the same directory."""
    if request.param == "file":
        return TopologySection(file=directory_file)
    found: TopologySection = request.getfixturevalue("by_service")
    return found


class TestBothClients:
    """What every client answers."""

    def test_a_path_leads_to_its_organization(self, section: TopologySection, clock: Clock) -> None:
        """Commands name an organization by its path; an unknown one is refused, and what is no path is not sent."""
        client = opened(section, clock)
        assert client.locate_path("acme") == ACME
        assert client.locate_path("initech") == INITECH
        with pytest.raises(OrgUnknown):
            client.locate_path("nobody")
        with pytest.raises(MalformedValue):
            client.locate_path("../acme")

    @pytest.mark.parametrize("verified", [True, False])
    @pytest.mark.parametrize("email", ["dana@mail.example", "DANA@Mail.EXAMPLE", "clerk@acme.example"])
    def test_an_email_leads_to_its_organization_whether_or_not_it_is_verified(
        self, section: TopologySection, clock: Clock, email: str, verified: bool
    ) -> None:
        """The owning cell judges the evidence, since only there the refusal can name the organization."""
        assert opened(section, clock).locate(person(email, verified=verified)) == ACME

    def test_a_typed_email_leads_to_its_organization(self, section: TopologySection, clock: Clock) -> None:
        """The email-first page asks without an identity."""
        assert opened(section, clock).locate_email(Email("clerk@acme.example")) == ACME

    def test_a_single_address_counts_before_its_domain(self, section: TopologySection, clock: Clock) -> None:
        """boss@acme.example is globex's."""
        assert opened(section, clock).locate_email(Email("boss@acme.example")).org_id == 43

    def test_a_foreign_receiving_end_is_the_route(self, section: TopologySection, clock: Clock) -> None:
        """The handoff of such an organization is addressed to its own endpoint."""
        assert opened(section, clock).locate(person("a@initech.example")) == INITECH

    def test_our_own_endpoint_follows_the_configured_path(self, section: TopologySection, clock: Clock) -> None:
        """The path template of the assertion consumer service is the deployment's."""
        route = opened(section, clock, "/o/{org}/-/saml/callback").locate_email(Email("clerk@acme.example"))
        assert route.acs_url == f"{PUBLIC_URL}/o/acme/-/saml/callback"

    def test_an_unknown_address_is_org_unknown(self, section: TopologySection, clock: Clock) -> None:
        """With the provider for the page; for the log the domain and the uid's digest, and not the address."""
        topology = opened(section, clock)
        with pytest.raises(OrgUnknown) as refusal:
            topology.locate(person("a@nowhere.example"))
        digest = person("a@nowhere.example").key.uid_digest
        assert refusal.value.evidence() == {"provider": "github", "email_domain": "nowhere.example", "uid_digest": digest}
        with pytest.raises(OrgUnknown) as refusal:
            topology.locate_email(Email("a@nowhere.example"))
        assert refusal.value.evidence() == {"email_domain": "nowhere.example"}

    def test_an_unknown_identity_without_an_email_is_told_how_to_go_on(self, section: TopologySection, clock: Clock) -> None:
        """AliCloud and DingTalk give no address; the page says what to do."""
        with pytest.raises(ProviderEmailMissing) as refusal:
            opened(section, clock).locate(person(None))
        assert refusal.value.provider == "github"

    def test_ping_succeeds(self, section: TopologySection, clock: Clock) -> None:
        """A cell is ready when its topology answers."""
        opened(section, clock).ping()


class TestFileClient:
    """What the file alone cannot do."""

    def test_it_keeps_no_claims_and_says_so(self, directory_file: Path, clock: Clock) -> None:
        """A claim that looked kept would be missing at the next sign-in."""
        topology = opened(TopologySection(file=directory_file), clock)
        with pytest.raises(TopologyUnavailable):
            topology.claim_identity(KEY, 42)
        with pytest.raises(TopologyUnavailable):
            topology.release_identity(KEY, 42)

    def test_a_file_with_problems_is_refused_at_start(self, tmp_path: Path, clock: Clock) -> None:
        """Not at the first sign-in."""
        with pytest.raises(ConfigInvalid):
            opened(TopologySection(file=tmp_path / "none.toml"), clock)


class TestClaims:
    """Identities that the service learns from cells."""

    def test_a_claimed_identity_counts_before_its_email(self, by_service: TopologySection, clock: Clock) -> None:
        """Whoever changes the address at the provider keeps the organization."""
        topology = opened(by_service, clock)
        topology.claim_identity(KEY, 77)
        assert topology.locate(person("clerk@acme.example")) == INITECH
        assert topology.locate(person(None)) == INITECH

    def test_a_claim_is_seen_at_once_by_the_cell_that_made_it(self, by_service: TopologySection, clock: Clock) -> None:
        """The memory of "unknown" must not outlive the claim, nor the memory of the claim its release."""
        topology = opened(by_service, clock)
        with pytest.raises(ProviderEmailMissing):
            topology.locate(person(None))
        topology.claim_identity(KEY, 42)
        assert topology.locate(person(None)) == ACME
        topology.release_identity(KEY, 42)
        with pytest.raises(ProviderEmailMissing):
            topology.locate(person(None))

    def test_a_claim_of_another_organization_is_a_conflict(self, by_service: TopologySection, clock: Clock) -> None:
        """Neither claim nor release moves it."""
        topology = opened(by_service, clock)
        topology.claim_identity(KEY, 77)
        for change in (topology.claim_identity, topology.release_identity):
            with pytest.raises(ClaimHeld):
                change(KEY, 42)
        assert topology.locate(person(None)) == INITECH

    @pytest.mark.parametrize("token", [None, "another"])
    def test_a_wrong_token_is_unavailable_not_unknown(self, service_url: str, clock: Clock, token: str | None) -> None:
        """A mistake of the operator must not tell people that nobody knows them; the cell is not ready either."""
        topology = opened(TopologySection(url=service_url, token=None if token is None else SecretStr(token)), clock)
        for call in (topology.ping, lambda: topology.locate(person(None)), lambda: topology.claim_identity(KEY, 42)):
            with pytest.raises(TopologyUnavailable) as refusal:
                call()
            assert refusal.value.reason == "HTTP 401"


class Source:
    """Counts questions, answers from a table, and fails on demand."""

    def __init__(self) -> None:
        self.places: dict[Question, Place] = {}
        self.asked: list[Question] = []
        self.down = False

    def __call__(self, question: Question) -> Place | None:
        """Answer one question."""
        self.asked.append(question)
        if self.down:
            raise TopologyUnavailable(reason="down")
        return self.places.get(question)


EMAIL = Email("clerk@acme.example")
PLACE = Place(42, "acme", 2)


@pytest.fixture
def source() -> Source:
    """A source that knows one address."""
    found = Source()
    found.places[EMAIL] = PLACE
    return found


@pytest.fixture
def answers(source: Source, clock: Clock) -> Answers:
    """A memory: known for 30 s, unknown for 3 s, stale for 300 s."""
    return Answers(
        source, clock=clock, known_for=timedelta(seconds=30), unknown_for=timedelta(seconds=3), stale_for=timedelta(seconds=300)
    )


class TestMemory:
    """How long an answer counts."""

    def test_a_known_answer_counts_for_its_time(self, source: Source, answers: Answers, clock: Clock) -> None:
        """Asked once within 30 seconds, again at the end of them."""
        for expected in (1, 1):
            assert answers.find(EMAIL) == PLACE
            assert len(source.asked) == expected
            clock.move(seconds=29)
        clock.move(seconds=-28)
        assert answers.find(EMAIL) == PLACE
        assert len(source.asked) == 2

    def test_an_unknown_answer_counts_for_a_shorter_time(self, source: Source, answers: Answers, clock: Clock) -> None:
        """Somebody who was invited a moment ago gets in soon."""
        assert answers.find(KEY) is answers.find(KEY) is None
        assert len(source.asked) == 1
        source.places[KEY] = PLACE
        clock.move(seconds=3)
        assert answers.find(KEY) == PLACE

    def test_letter_case_does_not_ask_twice(self, source: Source, answers: Answers) -> None:
        """An address is one address."""
        assert answers.find(EMAIL) == answers.find(Email("Clerk@ACME.example"))
        assert len(source.asked) == 1

    def test_the_first_known_subject_answers(self, source: Source, answers: Answers) -> None:
        """The identity is asked before the email, and the email not at all where the identity is known."""
        assert answers.find(KEY, EMAIL) == PLACE
        assert source.asked == [KEY, EMAIL]
        source.places[IdentityKey("github", "2")] = Place(77, "initech", 3)
        found = answers.find(IdentityKey("github", "2"), EMAIL)
        assert found is not None
        assert found.org_id == 77

    def test_a_clock_that_was_set_back_makes_no_answer_fresh(self, source: Source, answers: Answers, clock: Clock) -> None:
        """Otherwise an answer would count until the clock comes by again."""
        answers.find(EMAIL)
        clock.move(hours=-1)
        answers.find(EMAIL)
        assert len(source.asked) == 2

    def test_the_memory_is_bounded(self, source: Source, answers: Answers) -> None:
        """Asking for ever new addresses must not fill the process; the newest answers stay."""
        for number in range(MAX_ANSWERS + 1):
            answers.find(IdentityKey("github", str(number)))
        answers.find(IdentityKey("github", str(MAX_ANSWERS)))
        assert len(source.asked) == MAX_ANSWERS + 1
        answers.find(IdentityKey("github", "0"))
        assert len(source.asked) == MAX_ANSWERS + 2


class TestServiceDown:
    """What is answered from memory when nobody else answers."""

    def test_an_old_answer_leads_on_for_its_time_and_no_longer(self, source: Source, answers: Answers, clock: Clock) -> None:
        """300 seconds after it was learned it counts no more."""
        answers.find(EMAIL)
        source.down = True
        clock.move(seconds=299)
        assert answers.find(EMAIL) == PLACE
        clock.move(seconds=1)
        with pytest.raises(TopologyUnavailable):
            answers.find(EMAIL)

    def test_an_old_unknown_identity_lets_its_known_email_lead_on(self, source: Source, answers: Answers, clock: Clock) -> None:
        """This is how almost everybody signs in: the identity is unknown, the address is not."""
        answers.find(KEY, EMAIL)
        source.down = True
        clock.move(seconds=100)
        assert answers.find(KEY, EMAIL) == PLACE

    def test_unknown_is_never_said_on_an_old_answer(self, source: Source, answers: Answers, clock: Clock) -> None:
        """ "No organization uses this address" would be a lie to somebody who was added a minute ago."""
        assert answers.find(KEY) is None
        source.down = True
        clock.move(seconds=2)
        assert answers.find(KEY) is None
        clock.move(seconds=2)
        with pytest.raises(TopologyUnavailable):
            answers.find(KEY)

    def test_nothing_is_known_of_somebody_new(self, source: Source, answers: Answers) -> None:
        """Without an answer there is no place to send anybody."""
        source.down = True
        with pytest.raises(TopologyUnavailable):
            answers.find(EMAIL)

    def test_an_identity_that_nobody_could_ask_for_is_not_passed_over(self, source: Source, answers: Answers) -> None:
        """The identity may be claimed elsewhere: going on by its email alone could lead to another organization."""
        answers.find(EMAIL)
        source.down = True
        with pytest.raises(TopologyUnavailable):
            answers.find(KEY, EMAIL)

    def test_a_failure_is_not_remembered(self, source: Source, answers: Answers) -> None:
        """The first question after the service is back is answered."""
        source.down = True
        with pytest.raises(TopologyUnavailable):
            answers.find(EMAIL)
        source.down = False
        assert answers.find(EMAIL) == PLACE
