"""A login attempt answers one callback: of its state, its provider, its browser and its ten minutes."""

import base64
import hashlib
import json
import secrets
from datetime import timedelta

import pytest

from bridge.errors import LoginExpired, LoginStateMismatch
from bridge.handoff import ReturnPath
from bridge.identity import MalformedValue
from bridge.oauth.attempt import (
    ATTEMPT_SECONDS,
    MAX_ATTEMPTS,
    PURPOSE,
    cookie_for,
    cookie_name,
    find_attempt,
    require_in_time,
    start,
    surplus_cookies,
)
from bridge.seal import Seal
from tests.oauth.samples import NOW, REFERENCE, begin, counting_bytes


class TestStart:
    """What a fresh attempt holds."""

    def test_state_nonce_and_verifier_are_256_random_bits_each(self) -> None:
        """No secret is derived from another: each is asked from the source on its own, 32 bytes, URL-safe."""
        sizes: list[int] = []

        def source(size: int) -> bytes:
            sizes.append(size)
            return secrets.token_bytes(size)

        attempt = begin(random_bytes=source)
        assert sizes == [32, 32, 32]
        assert len({attempt.state, attempt.nonce, attempt.code_verifier}) == 3
        assert {len(value) for value in (attempt.state, attempt.nonce, attempt.code_verifier)} == {43}

    def test_an_organizations_attempt_begins_with_its_id(self) -> None:
        """The router brings a callback to the cell by the state alone."""
        attempt = begin(org_id=42)
        assert attempt.state.startswith("o42.")
        assert attempt.org_id == 42

    def test_a_global_attempt_names_no_organization(self) -> None:
        """Random text that happens to begin with an o and digits is not an organization's state."""
        attempt = begin(random_bytes=lambda size: base64.urlsafe_b64decode("o42" + "A" * 41)[:size])
        assert attempt.state.startswith("o42")
        assert attempt.org_id is None

    def test_secrets_are_not_in_the_representation(self) -> None:
        """An attempt that ends in a log line or a traceback gives nothing away."""
        attempt = begin()
        for secret in (attempt.state, attempt.nonce, attempt.code_verifier):
            assert secret not in repr(attempt)

    def test_a_login_hint_is_plain_text(self) -> None:
        """A hint travels in a URL and a cookie: bounded, printable."""
        assert begin(login_hint="dana@acme.example").login_hint == "dana@acme.example"
        for hint in ("", "a\r\nb", "x" * 255):
            with pytest.raises(MalformedValue):
                begin(login_hint=hint)


class TestCookie:
    """One cookie a tab."""

    def test_everything_survives_the_cookie(self, seal: Seal) -> None:
        """What was sealed is what is opened, with and without the optional parts."""
        for attempt in (begin(), begin(org_id=42, return_to=None, login_hint="dana@acme.example")):
            name, value = cookie_for(attempt, seal)
            opened = find_attempt({name: value}, raw_state=attempt.state, provider="it", seal=seal)
            assert opened == attempt

    def test_the_name_comes_from_a_hash_of_the_state(self, seal: Seal) -> None:
        """Cookie names are seen by more eyes than values; the state cannot be read from one."""
        attempt = begin()
        name, value = cookie_for(attempt, seal)
        assert name == cookie_name(attempt.state) == "cb-login-" + hashlib.sha256(attempt.state.encode()).hexdigest()[:16]
        assert attempt.state not in value

    def test_two_tabs_do_not_disturb_each_other(self, seal: Seal) -> None:
        """Both finish, in either order, each with its own return path."""
        source = counting_bytes()
        tabs = [begin(random_bytes=source, return_to=ReturnPath(f"/o/acme/{number}")) for number in (1, 2)]
        cookies = dict(cookie_for(tab, seal) for tab in tabs)
        assert len(cookies) == 2
        for tab in reversed(tabs):
            opened = find_attempt(cookies, raw_state=tab.state, provider="it", seal=seal)
            assert opened.return_to == tab.return_to
            del cookies[cookie_name(tab.state)]

    def test_an_attempt_fits_a_cookie_at_its_largest(self, seal: Seal) -> None:
        """Browsers drop a cookie over 4096 bytes without a word."""
        attempt = begin(provider="p" * 63, return_to=ReturnPath("/" + "a" * 1023), login_hint="x" * 254, org_id=10**17)
        name, value = cookie_for(attempt, seal)
        assert len(name) + len(value) < 4000


class TestOpen:
    """Every callback that is not the attempt's own is refused."""

    @pytest.mark.parametrize("raw_state", [None, "", "short", "o0." + "A" * 43, "A" * 43 + "\n", "é" * 43])
    def test_a_missing_or_odd_state_is_a_mismatch(self, seal: Seal, raw_state: str | None) -> None:
        """A state that we cannot have made is looked up nowhere."""
        cookies = dict([cookie_for(begin(), seal)])
        with pytest.raises(LoginStateMismatch):
            find_attempt(cookies, raw_state=raw_state, provider="it", seal=seal)

    def test_another_browser_is_a_mismatch(self, seal: Seal) -> None:
        """A state alone is worth nothing: an attacker's own callback does not sign the victim in (RFC 9700 4.7)."""
        attackers, victims = begin(random_bytes=secrets.token_bytes), begin(random_bytes=secrets.token_bytes)
        with pytest.raises(LoginStateMismatch) as refused:
            find_attempt(dict([cookie_for(victims, seal)]), raw_state=attackers.state, provider="it", seal=seal)
        assert attackers.state not in str(refused.value)

    def test_another_providers_callback_is_a_mismatch(self, seal: Seal) -> None:
        """Mix-up: the code of one provider must not be redeemed at another (RFC 9700 4.4)."""
        attempt = begin("github")
        with pytest.raises(LoginStateMismatch) as refused:
            find_attempt(dict([cookie_for(attempt, seal)]), raw_state=attempt.state, provider="it", seal=seal)
        assert refused.value.code == "login.state_mismatch"

    def test_an_attempt_under_another_states_name_is_a_mismatch(self, seal: Seal) -> None:
        """The name is no secret; a sealed value that was moved to it does not answer for that state."""
        mine, other = begin(random_bytes=secrets.token_bytes), begin(random_bytes=secrets.token_bytes)
        moved = {cookie_name(other.state): cookie_for(mine, seal)[1]}
        with pytest.raises(LoginStateMismatch):
            find_attempt(moved, raw_state=other.state, provider="it", seal=seal)

    def test_an_attempt_ends_after_ten_minutes(self) -> None:
        """The last second counts, the next does not."""
        attempt = begin()
        last = NOW + timedelta(seconds=ATTEMPT_SECONDS)
        require_in_time(attempt, last)
        with pytest.raises(LoginExpired):
            require_in_time(attempt, last + timedelta(seconds=1))

    def test_an_attempt_from_the_future_is_refused(self) -> None:
        """Replicas may differ by a minute, not by more: a clock set back must not make an attempt last."""
        attempt = begin()
        require_in_time(attempt, NOW - timedelta(seconds=60))
        with pytest.raises(LoginExpired):
            require_in_time(attempt, NOW - timedelta(seconds=61))

    def test_a_used_attempt_is_a_mismatch(self, seal: Seal) -> None:
        """Its cookie is gone after the first callback, and so the same callback twice finds nothing."""
        attempt = begin()
        cookies = dict([cookie_for(attempt, seal)])
        find_attempt(cookies, raw_state=attempt.state, provider="it", seal=seal)
        del cookies[cookie_name(attempt.state)]
        with pytest.raises(LoginStateMismatch):
            find_attempt(cookies, raw_state=attempt.state, provider="it", seal=seal)

    def test_what_another_deployment_sealed_is_a_mismatch(self, seal: Seal) -> None:
        """Another secret, another purpose, or a changed byte."""
        attempt = begin()
        name, value = cookie_for(attempt, seal)
        foreign = cookie_for(attempt, Seal(["another deployment's secret, 32+"]))[1]
        other_purpose = seal.seal(seal.open(value, purpose=PURPOSE), purpose="something else")
        changed = value[:40] + ("A" if value[40] != "A" else "B") + value[41:]
        for bad in (foreign, other_purpose, changed, "", "é"):
            with pytest.raises(LoginStateMismatch):
                find_attempt({name: bad}, raw_state=attempt.state, provider="it", seal=seal)

    @pytest.mark.parametrize(
        "change",
        [
            {"nonce": "short"},
            {"nonce": 7},
            {"return_to": "//evil.example"},
            {"reference": "x"},
            {"started_at": "now"},
            {"started_at": 1e30},
            {"another": "field"},
        ],
    )
    def test_what_another_version_sealed_is_a_mismatch(self, seal: Seal, change: dict[str, object]) -> None:
        """After a deployment an old attempt may not fit; the person starts again, and nothing fails."""
        attempt = begin()
        name, value = cookie_for(attempt, seal)
        fields = json.loads(seal.open(value, purpose=PURPOSE)) | change
        resealed = seal.seal(json.dumps(fields).encode(), purpose=PURPOSE)
        with pytest.raises(LoginStateMismatch):
            find_attempt({name: resealed}, raw_state=attempt.state, provider="it", seal=seal)

    def test_sealed_text_that_is_no_object_is_a_mismatch(self, seal: Seal) -> None:
        """Any JSON may be sealed; only an attempt opens."""
        attempt = begin()
        for sealed in (b"[]", b"null", b"{}", b"\xff"):
            cookies = {cookie_name(attempt.state): seal.seal(sealed, purpose=PURPOSE)}
            with pytest.raises(LoginStateMismatch):
                find_attempt(cookies, raw_state=attempt.state, provider="it", seal=seal)


class TestSurplus:
    """Attempts left open do not pile up."""

    def test_five_stay_with_the_next_one(self, seal: Seal) -> None:
        """The oldest go; the newest four stay beside the one about to start."""
        source = counting_bytes()
        attempts = [begin(random_bytes=source, now=NOW + timedelta(seconds=age)) for age in range(7)]
        cookies = dict(cookie_for(attempt, seal) for attempt in reversed(attempts))
        surplus = surplus_cookies(cookies, seal, NOW + timedelta(seconds=10))
        assert sorted(surplus) == sorted(cookie_name(attempt.state) for attempt in attempts[:3])
        assert len(cookies) - len(surplus) + 1 == MAX_ATTEMPTS

    def test_expired_ones_go_and_others_cookies_stay(self, seal: Seal) -> None:
        """All cells share one origin: an attempt that we cannot open is another cell's, and its tab still waits."""
        source = counting_bytes()
        old, fresh = begin(random_bytes=source), begin(random_bytes=source, now=NOW + timedelta(seconds=500))
        cookies = {**dict([cookie_for(old, seal), cookie_for(fresh, seal)]), "cb-login-x": "broken", "cb-legacy": "broken"}
        surplus = surplus_cookies(cookies, seal, NOW + timedelta(seconds=601))
        assert surplus == [cookie_name(old.state)]

    def test_attempts_that_nobody_opens_go_where_they_are_too_much_by_themselves(self, seal: Seal) -> None:
        """A header full of strangers' attempts must not keep the next one from its cell."""
        other = Seal(["another cell's sealing secret, 32+ characters"])
        source = counting_bytes()
        long = ReturnPath("/o/acme/" + "a" * 1000)
        cookies = dict(cookie_for(begin(random_bytes=source, return_to=long), other) for _ in range(5))
        assert set(surplus_cookies(cookies, seal, NOW)) == set(cookies)
        few = dict(list(cookies.items())[:1])
        assert surplus_cookies(few, seal, NOW) == []

    def test_the_characters_of_all_attempts_are_capped(self, seal: Seal) -> None:
        """Long return paths must not grow the Cookie header past what servers take (8 kB)."""
        source = counting_bytes()
        long = ReturnPath("/o/acme/" + "a" * 1000)
        attempts = [begin(random_bytes=source, return_to=long, now=NOW + timedelta(seconds=age)) for age in range(4)]
        cookies = dict(cookie_for(attempt, seal) for attempt in attempts)
        surplus = surplus_cookies(cookies, seal, NOW + timedelta(seconds=10))
        assert cookie_name(attempts[-1].state) not in surplus
        assert sum(len(value) for name, value in cookies.items() if name not in surplus) <= 4096


def test_a_start_needs_a_real_reference() -> None:
    """What both cells log to be joined is one of ours."""
    with pytest.raises(MalformedValue):
        start(provider="it", return_to=None, reference="x", now=NOW, random_bytes=counting_bytes())
    assert begin().reference == REFERENCE
