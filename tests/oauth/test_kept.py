"""An issuer that hangs or fails: who has a copy goes on with it, one thread asks, and nobody queues behind it for long."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from bridge.errors import ProviderBadReply, ProviderUnavailable
from bridge.harness.processes import wait_until
from bridge.oauth.client import ProviderHttp
from bridge.oauth.discovery import Issuer
from bridge.oauth.turns import PATIENCE_SECONDS, Turns
from tests.oauth.loopback import Answer, LoopbackProvider, Received, json_answer
from tests.oauth.samples import Clock
from tests.oauth.signing_issuer import SigningIssuer

DISCOVERY, JWKS = "/op/.well-known/openid-configuration", "/op/jwks"


@pytest.fixture
def known(issuer: SigningIssuer, http: ProviderHttp, clock: Clock) -> Issuer:
    """The issuer as its client knows it."""
    return Issuer(issuer.url, provider="it", http=http, clock=clock)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads as a worker has them."""
    with ThreadPoolExecutor(8) as threads:
        yield threads


class Gate:
    """Holds the answers of one document back until it is opened."""

    def __init__(self, issuer: SigningIssuer, path: str) -> None:
        self._server, self._path = issuer.server, path
        self._opened = threading.Event()
        good = issuer.server.routes["GET", path]
        assert callable(good)
        self._before = len(issuer.server.asked("GET", path))

        def held(received: Received) -> Answer:
            self._opened.wait(10)
            answer: Answer = good(received)
            return answer

        issuer.server.on("GET", path, held)

    def wait_until_asked(self) -> None:
        """Wait until a request has come to the closed gate."""
        wait_until(lambda: len(self._server.asked("GET", self._path)) > self._before, seconds=5, what="the document's request")

    def open(self) -> None:
        """Let every request go on."""
        self._opened.set()


class TestStale:
    """A copy whose time is over."""

    def test_it_serves_everybody_but_the_thread_that_fetches(
        self, issuer: SigningIssuer, known: Issuer, clock: Clock, pool: ThreadPoolExecutor
    ) -> None:
        """A hanging issuer costs one thread for one timeout, not one after the other for all who come."""
        old = known.metadata()
        clock.move(hours=1)
        gate = Gate(issuer, DISCOVERY)
        fetching = pool.submit(known.metadata)
        gate.wait_until_asked()
        assert [known.metadata() for _ in range(10)] == [old] * 10
        assert not fetching.done()
        gate.open()
        fetching.result(5)
        assert len(issuer.server.asked("GET", DISCOVERY)) == 2

    def test_it_serves_while_no_newer_one_can_be_had_and_no_longer_than_an_hour(
        self, issuer: SigningIssuer, known: Issuer, clock: Clock
    ) -> None:
        """A short outage is nobody's matter; a key that the issuer withdrew must not live on for good."""
        key = known.key(alg="RS256", kid="k1")
        issuer.server.on("GET", JWKS, Answer(b"", 503))
        clock.move(hours=2, seconds=-1)
        assert known.key(alg="RS256", kid="k1") is key
        clock.move(seconds=1)
        with pytest.raises(ProviderUnavailable):
            known.key(alg="RS256", kid="k1")

    def test_a_bad_document_does_not_replace_it(self, issuer: SigningIssuer, known: Issuer, clock: Clock) -> None:
        """The last good one counts on."""
        old = known.metadata()
        issuer.server.on("GET", DISCOVERY, json_answer(issuer.metadata | {"issuer": "x"}, Cache_Control="max-age=86400"))
        clock.move(hours=1)
        assert known.metadata() is old


class TestFailure:
    """A failure counts for a few seconds."""

    @pytest.mark.parametrize(
        ("answer", "refusal"), [(Answer(b"", 503), ProviderUnavailable), (json_answer({"issuer": "x"}), ProviderBadReply)]
    )
    def test_it_is_asked_once_in_five_seconds(
        self, issuer: SigningIssuer, known: Issuer, clock: Clock, answer: Answer, refusal: type[ProviderUnavailable]
    ) -> None:
        """Everybody in between is refused alike and at once; then the next person may have more luck."""
        good = issuer.server.routes["GET", DISCOVERY]
        issuer.server.on("GET", DISCOVERY, answer)
        for seconds in (0, 0, 4.9):
            clock.move(seconds=seconds)
            with pytest.raises(ProviderUnavailable) as refused:
                known.metadata()
            assert type(refused.value) is refusal
        assert len(issuer.server.asked("GET", DISCOVERY)) == 1
        issuer.server.routes["GET", DISCOVERY] = good
        clock.move(seconds=0.1)
        assert known.metadata().issuer == issuer.url

    def test_a_stale_copy_does_not_ask_more_often(self, issuer: SigningIssuer, known: Issuer, clock: Clock) -> None:
        """While it serves, too."""
        known.metadata()
        issuer.server.on("GET", DISCOVERY, Answer(b"", 503))
        clock.move(hours=1)
        for _ in range(10):
            known.metadata()
        assert len(issuer.server.asked("GET", DISCOVERY)) == 2

    def test_nobody_queues_behind_a_first_fetch_that_hangs(
        self, issuer: SigningIssuer, clock: Clock, pool: ThreadPoolExecutor
    ) -> None:
        """Whoever waited in vain ends the waiting of all others: they are refused at once, while one thread still asks."""
        http = ProviderHttp()
        known = Issuer(issuer.url, provider="it", http=http, clock=clock)
        gate = Gate(issuer, DISCOVERY)
        fetching = pool.submit(known.metadata)
        gate.wait_until_asked()
        waiting = [pool.submit(known.metadata) for _ in range(3)]
        assert isinstance(waiting[0].exception(10), ProviderUnavailable)
        began = time.monotonic()
        for _ in range(10):
            with pytest.raises(ProviderUnavailable):
                known.metadata()
        assert time.monotonic() - began < PATIENCE_SECONDS
        assert not fetching.done()
        gate.open()
        assert fetching.result(5).issuer == known.metadata().issuer
        http.close()


class TestTurns:
    """One provider never holds all threads."""

    def test_a_provider_that_hangs_takes_its_turns_and_no_more(
        self, provider: LoopbackProvider, pool: ThreadPoolExecutor
    ) -> None:
        """The call beyond them is refused without being sent; another provider is asked as ever."""
        http = ProviderHttp(read_seconds=30, total_seconds=30, calls_at_once=2)
        provider.hang("GET", "/hangs")
        provider.on("GET", "/user", json_answer({"id": 7}))

        def call() -> object:
            return http.get(f"{provider.url}/hangs", provider="it", document="user")

        hanging: list[Future[object]] = [pool.submit(call) for _ in range(2)]
        wait_until(lambda: len(provider.asked("GET", "/hangs")) == 2, seconds=5, what="both calls")
        with pytest.raises(ProviderUnavailable) as refused:
            call()
        assert refused.value.reason == "user: too many calls are open"
        began = time.monotonic()
        for _ in range(10):
            with pytest.raises(ProviderUnavailable):
                call()
        assert time.monotonic() - began < PATIENCE_SECONDS
        assert http.get(f"{provider.url}/user", provider="other", document="user").status == 200
        assert len(provider.asked("GET", "/hangs")) == 2
        provider.stopped.set()
        assert [type(call.exception(10)) for call in hanging] == [ProviderUnavailable] * 2
        assert http.get(f"{provider.url}/user", provider="it", document="user").status == 200
        http.close()

    def test_a_burst_at_a_healthy_provider_is_served(self, pool: ThreadPoolExecutor) -> None:
        """Waiting for a moment is no refusal: eight threads, one turn, and each has it once."""
        turns, served = Turns(1), []

        def one(number: int) -> None:
            with turns.taken(ProviderUnavailable(provider="it")):
                served.append(number)

        list(pool.map(one, range(8)))
        assert sorted(served) == list(range(8))

    def test_waiting_is_worth_it_again_once_a_turn_ended_well(self) -> None:
        """What hung once is not held against it for ever."""
        turns, refusal = Turns(1, patience_seconds=0.1), ProviderUnavailable(provider="it")
        for _ in range(2):
            began = time.monotonic()
            with turns.taken(refusal), pytest.raises(ProviderUnavailable), turns.taken(refusal):
                pass
            assert time.monotonic() - began >= 0.1
