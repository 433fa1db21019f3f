"""How a cell asks where an organization lives: over HTTP, or from the directory file itself.

The law: both answer alike, and the identity counts before its email. An address that the provider does not vouch for may lead
to an organization; whether it may be believed is judged there (design section 7, rule 3).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from bridge.errors import ConfigInvalid, OrgUnknown, ProviderEmailMissing, TopologyUnavailable
from bridge.handoff import OrgRoute
from bridge.identity import Email, ExternalIdentity, IdentityKey
from bridge.sections import Topology as TopologySection
from bridge.topology.answers import Answers
from bridge.topology.directory import Directory, Organization, OrgPath, Question, Subject
from bridge.topology.directory_file import load_directory
from bridge.topology.transport import TopologyHttp
from bridge.topology.wire import Place


class Topology(Protocol):
    """Finds the organization of a person. Every method may raise `TopologyUnavailable`."""

    def locate(self, identity: ExternalIdentity) -> OrgRoute:
        """Return the route of the organization that knows *identity*, else of the one that owns its email.

        Raises `OrgUnknown`, and `ProviderEmailMissing` for an unknown identity without an email.
        """

    def locate_email(self, email: Email) -> OrgRoute:
        """Return the route of the organization that owns *email*; raises `OrgUnknown`."""

    def locate_path(self, org_path: str) -> OrgRoute:
        """Return the route of the organization at *org_path*; raises `OrgUnknown`, and `MalformedValue` for no path at all."""

    def claim_identity(self, key: IdentityKey, org_id: int) -> None:
        """Register *key* for the organization, so that `locate` finds it; raises `bridge.topology.directory.ClaimHeld`."""

    def release_identity(self, key: IdentityKey, org_id: int) -> None:
        """Take the registration back; raises `bridge.topology.directory.ClaimHeld` if another organization holds it."""

    def ping(self) -> None:
        """Ask something small, past every memory."""


class Source(Protocol):
    """Where a client's answers come from."""

    def find(self, *questions: Question) -> Place | None:
        """Return the place of the first of *questions* that has one."""

    def claim(self, subject: Subject, org_id: int) -> None:
        """Make the organization the holder of *subject*."""

    def release(self, subject: Subject, org_id: int) -> None:
        """Take the claim back."""

    def ping(self) -> None:
        """Raise `TopologyUnavailable` if nothing can be asked."""


def open_topology(
    config: TopologySection, *, public_url: str, acs_path: str, clock: Callable[[], datetime]
) -> "TopologyClient":
    """Return the client that *config* names; the URLs of our own endpoints are built from *public_url* and *acs_path*.

    *clock* gives the time, aware, UTC. Raises `ConfigInvalid` for a file that cannot be used.
    """
    source: Source
    if config.file is not None:
        source = FileSource(load_directory(config.file))
    else:
        try:
            token = config.bearer_token()
        except ValueError as error:
            raise ConfigInvalid(source="topology", problems=(f"topology.token_file: {error}",)) from error
        http = TopologyHttp(
            str(config.url),
            token=None if token is None else token.get_secret_value(),
            timeout_seconds=config.timeout_seconds,
        )
        answers = Answers(
            http.look_up,
            clock=clock,
            known_for=timedelta(seconds=config.cache_seconds),
            unknown_for=timedelta(seconds=config.negative_cache_seconds),
            stale_for=timedelta(seconds=config.stale_seconds),
        )
        source = ServiceSource(http, answers)
    return TopologyClient(source, public_url=public_url, acs_path=acs_path)


class TopologyClient:
    """The `Topology` over any source."""

    def __init__(self, source: Source, *, public_url: str, acs_path: str) -> None:
        self._source = source
        self._public_url = public_url
        self._acs_path = acs_path
        self.ping = source.ping

    def locate(self, identity: ExternalIdentity) -> OrgRoute:
        """See `Topology.locate`."""
        key, email = identity.key, identity.email
        place = self._source.find(key) if email is None else self._source.find(key, email)
        if place:
            return self._route(place)
        if email is None:
            raise ProviderEmailMissing(provider=key.provider, reason="the topology does not know the identity")
        raise OrgUnknown(provider=key.provider, email_domain=email.domain, uid_digest=key.uid_digest)

    def locate_email(self, email: Email) -> OrgRoute:
        """See `Topology.locate_email`."""
        if place := self._source.find(email):
            return self._route(place)
        raise OrgUnknown(email_domain=email.domain)

    def locate_path(self, org_path: str) -> OrgRoute:
        """See `Topology.locate_path`."""
        if place := self._source.find(OrgPath(org_path)):
            return self._route(place)
        raise OrgUnknown(org=org_path)

    def claim_identity(self, key: IdentityKey, org_id: int) -> None:
        """See `Topology.claim_identity`."""
        self._source.claim(key, org_id)

    def release_identity(self, key: IdentityKey, org_id: int) -> None:
        """See `Topology.release_identity`."""
        self._source.release(key, org_id)

    def _route(self, place: Place) -> OrgRoute:
        return place.route(public_url=self._public_url, acs_path=self._acs_path)


class ServiceSource:
    """Answers of the service, remembered."""

    def __init__(self, http: TopologyHttp, answers: Answers) -> None:
        self._http = http
        self._answers = answers
        self.find = answers.find
        self.ping = http.ping

    def claim(self, subject: Subject, org_id: int) -> None:
        """Claim at the service; what was remembered of *subject* is dropped, also when nobody knows how the call ended."""
        try:
            self._http.claim(subject, org_id)
        finally:
            self._answers.forget(subject)

    def release(self, subject: Subject, org_id: int) -> None:
        """Release at the service, as `claim` claims."""
        try:
            self._http.release(subject, org_id)
        finally:
            self._answers.forget(subject)


class FileSource:
    """Answers of a directory file: it knows addresses and domains, and keeps no identities."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def find(self, *questions: Question) -> Place | None:
        """Return the place of the first address or path that the file knows."""
        return next((Place.of(org) for org in map(self._org_of, questions) if org), None)

    def _org_of(self, question: Question) -> Organization | None:
        if isinstance(question, OrgPath):
            return self._directory.org_at(question.path)
        return self._directory.org_of_email(question) if isinstance(question, Email) else None

    def claim(self, subject: Subject, org_id: int) -> None:  # noqa: ARG002
        """Refuse: a claim that nobody keeps must not look kept."""
        raise TopologyUnavailable(reason="a directory file keeps no claims")

    def release(self, subject: Subject, org_id: int) -> None:
        """Refuse, as `claim` does."""
        self.claim(subject, org_id)

    def ping(self) -> None:
        """The file was read at start."""
