"""Handoffs: a hostile return path is no return path, and a handoff is made of checked values only."""

import dataclasses
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.handoff import (
    MAX_RELAY_STATE_BYTES,
    MAX_RETURN_PATH_CHARS,
    MAX_SESSION,
    Handoff,
    OrgRoute,
    ReturnPath,
    binding_of,
    check_org_path,
    is_reference,
    new_id,
    new_reference,
    org_home,
)
from bridge.identity import NO_EVIDENCE, ExternalIdentity, IdentityKey, MalformedValue
from bridge.urls import org_route

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
ORIGIN = "https://cells.example"
IDENTITY = ExternalIdentity(IdentityKey("github", "7"), None, NO_EVIDENCE)
ROUTE = org_route(public_url=ORIGIN, org_id=42, org_path="acme", cell_id=2)

HOSTILE = [
    "",
    "o/acme/",
    "//evil.example",
    "//evil.example/o/acme/",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/o\\acme",
    "https:evil",
    "https:/evil.example",
    "https://evil.example/o/acme/",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "@evil.example",
    ".evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    " /o/acme/",
    "/o/acme/ ",
    "/o/acme/\r\nSet-Cookie: a=b",
    "/o/acme/\x00",
    "/o/acme/\x7f",
    "/o/acme/\x85",
    "/o/acme/\u2028",
    "/\u2044evil.example",
    "/\uff0fevil.example",
    "/o/acme/\u00e9",
    "/o/acme//evil.example",
    "/o//acme/",
    "/o/acme/../globex/",
    "/o/acme/./x",
    "/o/acme/..",
    "/o/acme/.",
    "/..//evil.example",
    "/./evil.example",
    "/o/acme/%2e%2e/globex/",
    "/o/acme/%2E%2e/globex/",
    "/o/acme/.%2e/globex/",
    "/o/acme/%2e",
    "/%2e%2e",
    "/%2f/evil.example",
    "/%2F%2Fevil.example",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/%09/evil.example",
    "/%0d%0aSet-Cookie:a=b",
    "/o/acme/%00",
    "/o/acme/%7f",
    '/o/acme/"onclick="x',
    "/" + "a" * MAX_RETURN_PATH_CHARS,
]
PLAIN = [
    "/",
    "/o/acme/",
    "/o/acme/projects/7?tab=2",
    "/o/acme/projects/7?tab=2#comment",
    "/o/acme/?next=//evil.example",
    "/o/acme/?u=https://evil.example/../x",
    "/o/acme/%E7%8E%8B",
    "/o/acme/...",
    "/o/acme/.well-known",
    "/o/acme/a..b",
    "/o/acme/a;b=c,d",
    "/" + "a" * (MAX_RETURN_PATH_CHARS - 1),
]


def counting_bytes() -> Callable[[int], bytes]:
    """Return a source of bytes that gives another value at each call."""
    calls = iter(range(1, 256))
    return lambda count: bytes([next(calls)]) * count


def issue(
    *,
    route: OrgRoute = ROUTE,
    return_to: ReturnPath | None = None,
    lifetime: timedelta = timedelta(seconds=60),
    now: datetime = NOW,
) -> Handoff:
    """Return a handoff of one person to acme."""
    return Handoff.issue(
        issuer=f"{ORIGIN}/saml/metadata",
        identity=IDENTITY,
        route=route,
        return_to=return_to,
        binding=binding_of("a browser's secret"),
        reference="7KQ2M-4XD9R",
        lifetime=lifetime,
        now=now,
        random_bytes=counting_bytes(),
    )


class TestReturnPath:
    """`ReturnPath`: what a browser takes for a path on this very site, and nothing else."""

    @pytest.mark.parametrize("raw", HOSTILE)
    def test_every_hostile_form_is_refused(self, raw: str) -> None:
        """No form that a browser could read as another host, another organization or a header passes (CVE-2023-1965)."""
        with pytest.raises(MalformedValue) as refusal:
            ReturnPath(raw)
        assert refusal.value.field == "return_to"

    @pytest.mark.parametrize("raw", [None, 1, b"/o/acme/", ["/o/acme/"]])
    def test_only_text_is_a_path(self, raw: object) -> None:
        """Other types are refused, not turned into text."""
        with pytest.raises(MalformedValue):
            ReturnPath(raw)  # type: ignore[arg-type]

    @pytest.mark.parametrize("raw", PLAIN)
    def test_plain_paths_are_kept_as_they_are(self, raw: str) -> None:
        """Query and fragment survive; only the path part is judged for dots and slashes."""
        assert ReturnPath(raw).path == raw

    @given(
        st.text(st.sampled_from([*"/\\.%:@?#\t\n ", "2", "e", "f", "F", "5", "c", "a", "\u00e9"]), max_size=12).map(
            "/{}".format
        )
    )
    def test_what_passes_stays_on_the_site(self, raw: str) -> None:
        """Whatever is accepted resolves to the public origin, as a browser reads it."""
        try:
            path = ReturnPath(raw).path
        except MalformedValue:
            return
        as_browser = path.replace("\\", "/").replace("\t", "").replace("\n", "").strip()
        assert as_browser == path
        resolved = urlsplit(urljoin(f"{ORIGIN}/users/sign_in", as_browser))
        assert (resolved.scheme, resolved.netloc) == ("https", "cells.example")
        assert resolved.path == urlsplit(f"{ORIGIN}{path}").path

    @pytest.mark.parametrize("path", ["/o/acme", "/o/acmes/", "/o/globex/", "/o/acme%2F", "/", "/users/sign_in?x=/o/acme/"])
    def test_a_path_elsewhere_is_not_within_the_organization(self, path: str) -> None:
        """`/o/acmes/` does not lie in `acme`: the slash belongs to the comparison."""
        try:
            assert not ReturnPath(path).within("acme")
        except MalformedValue:
            return  # refused even earlier

    def test_the_landing_page_is_within_its_organization(self) -> None:
        """Where no path is given, people land on the organization's own page."""
        assert org_home("acme").path == "/o/acme/"
        assert org_home("acme").within("acme")


class TestOrgPath:
    """`check_org_path` and `OrgRoute`."""

    @pytest.mark.parametrize("path", ["a", "acme", "acme-2", "a.b_c", "0", "a" * 64])
    def test_small_words_are_paths(self, path: str) -> None:
        """Lower-case letters, digits and inner `.`, `_`, `-`."""
        assert check_org_path(path) == path

    @pytest.mark.parametrize(
        "path", ["", "Acme", "-a", "a-", ".", "..", ".a", "a/b", "a%2fb", "a b", "\u00e9", "a\n", "a" * 65, None, 7]
    )
    def test_everything_else_is_refused(self, path: object) -> None:
        """A path that could climb, hide a slash or look like another is refused."""
        with pytest.raises(MalformedValue):
            check_org_path(path)

    @pytest.mark.parametrize(("org_id", "cell_id"), [(0, 2), (-1, 2), (42, 0)])
    def test_ids_are_positive(self, org_id: int, cell_id: int) -> None:
        """Organization 0 is the legacy cell's own; no route leads to it."""
        with pytest.raises(MalformedValue):
            org_route(public_url=ORIGIN, org_id=org_id, org_path="acme", cell_id=cell_id)


class TestReferences:
    """References and ids: enough random bits, one form."""

    @given(st.binary(min_size=7, max_size=7))
    def test_every_reference_has_the_form_that_may_be_logged(self, raw: bytes) -> None:
        """What we make we recognize; the alphabet has no I, L, O and U."""
        reference = new_reference(lambda count: raw[:count])
        assert is_reference(reference)
        assert not set(reference) & set("ILOU")

    def test_a_reference_holds_fifty_bits(self) -> None:
        """Each of the ten letters comes from five bits of its own."""
        made = {new_reference(lambda count, bit=bit: (1 << bit).to_bytes(count, "big")) for bit in range(50)}  # type: ignore[misc]
        assert len(made) == 50

    @pytest.mark.parametrize("raw", ["", "7kq2m-4xd9r", "7KQ2M4XD9R", "7KQ2M-4XD9R\n", "7KQ2M-4XD9I", "<script>", None, 5])
    def test_other_text_is_no_reference(self, raw: object) -> None:
        """An unverified reference is logged only in this form, so it cannot carry a line break or markup."""
        assert not is_reference(raw)

    @given(st.binary(min_size=16, max_size=16))
    def test_ids_are_xml_ids_of_128_bits(self, raw: bytes) -> None:
        """An xs:ID may not begin with a digit, hence the underscore."""
        assert new_id(lambda count: raw[:count]) == f"_{raw.hex()}"

    def test_the_binding_does_not_give_the_secret_away(self) -> None:
        """The handoff carries a digest; the secret stays in the browser's cookie."""
        assert binding_of("secret") == "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"


class TestIssue:
    """`Handoff.issue`: the one way to a fresh handoff."""

    def test_times_are_whole_seconds_in_utc(self) -> None:
        """SAML times are written in seconds; the clock's fraction and zone must not survive into them."""
        handoff = issue(now=NOW.astimezone(timezone(timedelta(hours=8))))
        assert handoff.issued_at == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        assert handoff.issued_at.tzinfo is UTC
        assert handoff.expires_at - handoff.issued_at == timedelta(seconds=60)
        assert handoff.session_not_on_or_after - handoff.issued_at == MAX_SESSION

    def test_response_and_assertion_have_ids_of_their_own(self) -> None:
        """One id spent must not spend the other."""
        handoff = issue()
        assert handoff.id != handoff.response_id

    @pytest.mark.parametrize("path", ["/", "/o/globex/", "/o/acmes/x", "/users/sign_in"])
    def test_a_return_path_out_of_the_organization_becomes_its_landing_page(self, path: str) -> None:
        """A handoff never sends a person into another organization."""
        assert issue(return_to=ReturnPath(path)).return_to == org_home("acme")

    def test_a_return_path_inside_is_kept(self) -> None:
        """The page that the person wanted survives, query and all."""
        wanted = ReturnPath("/o/acme/projects/7?tab=2")
        assert issue(return_to=wanted).return_to == wanted

    @given(st.integers(min_value=0, max_value=200))
    def test_the_relay_state_fits_or_stays_away(self, extra: int) -> None:
        """A RelayState has 80 bytes (SAML bindings 3.5.3); a longer path is left out, never cut."""
        path = "/o/acme/" + "a" * extra
        handoff = issue(return_to=ReturnPath(path))
        assert handoff.relay_state == (path if len(path) <= MAX_RELAY_STATE_BYTES else None)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("id", "_1"),
            ("id", "7" + "0" * 32),
            ("response_id", "_" + "G" * 32),
            ("response_id", "_" + "0" * 32 + "\n"),
            ("reference", "x"),
            ("binding", ""),
            ("binding", "A" * 64),
            ("issued_at", NOW),
            ("issued_at", datetime(2026, 3, 1)),  # noqa: DTZ001  # what must be refused
            ("expires_at", datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=1)))),
        ],
    )
    def test_no_handoff_holds_a_malformed_value(self, field: str, value: object) -> None:
        """Rendering cannot fail on a handoff, because one with a bad value does not exist."""
        with pytest.raises(MalformedValue):
            dataclasses.replace(issue(), **{field: value})  # type: ignore[arg-type]

    def test_a_handoff_cannot_be_changed(self) -> None:
        """Data goes one way: a step makes a new value."""
        with pytest.raises(dataclasses.FrozenInstanceError):
            issue().reference = "OTHER"  # type: ignore[misc]


def test_every_printable_character_is_judged() -> None:
    """The allowed characters of a path are exactly the printable ASCII ones but the quote and the backslash."""
    allowed = {character for character in map(chr, range(0x180)) if _stands(f"/a{character}b")}
    assert allowed == set(string.printable) - set(string.whitespace) - set('"\\')


def _stands(path: str) -> bool:
    try:
        ReturnPath(path)
    except MalformedValue:
        return False
    return True
