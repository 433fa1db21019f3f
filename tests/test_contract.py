"""The contract `cellbridge/1`: what is written is read back, each attribute exactly once, and nothing is repaired."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract import (
    CONTRACT,
    KNOWN,
    MAX_LIFETIME_SECONDS,
    MAX_VALUE_CHARS,
    OPTIONAL,
    REQUIRED,
    MissingAttribute,
    from_attributes,
    one,
    to_attributes,
)
from bridge.handoff import Handoff, ReturnPath, binding_of
from bridge.identity import (
    NO_EVIDENCE,
    Email,
    EmailEvidence,
    ExternalIdentity,
    IdentityKey,
    MalformedValue,
)
from bridge.sections import Saml, Trust
from bridge.urls import org_route

ROUTE = org_route(public_url="https://cells.example", org_id=42, org_path="acme", cell_id=2)
FULL = ExternalIdentity(
    IdentityKey("google_oauth2", "1047"),
    Email("Dana@acme.example"),
    EmailEvidence(verified=True, rule="google.email_verified"),
    name="Dana O\u2019Neil \u738b",
    username="dana",
)
BARE = ExternalIdentity(IdentityKey("alicloud", "AbC"), None, NO_EVIDENCE)

TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)
EMAILS = st.from_regex(r"[A-Za-z0-9]{1,20}@[A-Za-z0-9]{1,20}\.example", fullmatch=True).map(Email)
EVIDENCE = st.builds(EmailEvidence, verified=st.booleans(), rule=st.just("some.rule"))
IDENTITIES = st.one_of(
    st.builds(
        ExternalIdentity,
        key=st.builds(IdentityKey, provider=st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True), uid=TEXT),
        email=EMAILS,
        evidence=EVIDENCE,
        name=st.none() | TEXT,
        username=st.none() | TEXT,
    ),
    st.just(BARE),
)


def handoff(identity: ExternalIdentity, *, return_to: str = "/o/acme/projects/7?tab=2") -> Handoff:
    """Return a handoff of *identity* to acme."""
    return Handoff.issue(
        issuer="https://cells.example/saml/metadata",
        identity=identity,
        route=ROUTE,
        return_to=ReturnPath(return_to),
        binding=binding_of("secret"),
        reference="7KQ2M-4XD9R",
        lifetime=timedelta(seconds=60),
        now=datetime(2026, 3, 1, tzinfo=UTC),
        random_bytes=lambda count: b"\x07" * count,
    )


def sent(identity: ExternalIdentity = FULL) -> dict[str, list[str]]:
    """Return the attributes of a handoff as the reader sees them."""
    return {name: [value] for name, value in to_attributes(handoff(identity))}


class TestWriting:
    """`to_attributes`: what travels."""

    def test_the_names_are_the_contract(self) -> None:
        """The names are what other cells and a real GitLab read: they change only with the contract's version."""
        assert [name for name, _ in to_attributes(handoff(FULL))] == [
            "contract",
            "email",
            "name",
            "username",
            "email_verified",
            "email_evidence",
            "provider",
            "extern_uid",
            "organization_id",
            "organization_path",
            "return_to",
            "binding",
            "reference",
        ]
        assert set(sent()) == set(KNOWN)
        assert sent()["contract"] == [CONTRACT] == ["cellbridge/1"]

    def test_what_is_unknown_is_left_out(self) -> None:
        """An unknown email, name or username is no attribute at all, never an empty one."""
        assert set(sent(BARE)) == set(REQUIRED)
        assert set(KNOWN) - set(REQUIRED) == set(OPTIONAL)

    def test_the_lifetime_of_both_ends_agrees(self) -> None:
        """No configuration lets a handoff live longer than the contract says."""
        for model, field in ((Saml, "lifetime_seconds"), (Trust, "max_lifetime_seconds")):
            limits = [getattr(rule, "le", None) for rule in model.model_fields[field].metadata]
            assert MAX_LIFETIME_SECONDS in limits


class TestRoundTrip:
    """Written and read, a handoff says the same."""

    @given(IDENTITIES)
    def test_every_identity_survives(self, identity: ExternalIdentity) -> None:
        """What the legacy cell knew is what the owning cell reads, byte for byte."""
        issued = handoff(identity)
        claims = from_attributes({name: [value] for name, value in to_attributes(issued)})
        assert claims.identity == identity
        assert (claims.org_id, claims.org_path) == (42, "acme")
        assert claims.return_to == issued.return_to
        assert (claims.binding, claims.reference) == (issued.binding, issued.reference)

    def test_the_avatar_stays_behind(self) -> None:
        """A picture's address is no part of the contract."""
        identity = ExternalIdentity(BARE.key, None, NO_EVIDENCE, avatar_url="https://pictures.example/1")
        assert from_attributes(sent(identity)).identity.avatar_url is None

    def test_unknown_attributes_are_ignored(self) -> None:
        """A newer cell may send more; the reader takes what it knows."""
        assert from_attributes(sent() | {"role": ["admin"], "groups": ["a", "b"], "empty": []}) == from_attributes(sent())


class TestReading:
    """`from_attributes`: zero and two are both refusals."""

    @pytest.mark.parametrize("name", sorted(set(REQUIRED) - {"contract"}))
    @pytest.mark.parametrize("spoil", ["absent", "no value"])
    def test_a_required_attribute_stands(self, name: str, spoil: str) -> None:
        """A missing attribute is named as missing."""
        attributes = sent()
        if spoil == "absent":
            del attributes[name]
        else:
            attributes[name] = []
        with pytest.raises(MissingAttribute) as refusal:
            from_attributes(attributes)
        assert refusal.value.field == name

    @pytest.mark.parametrize("name", sorted(set(KNOWN) - {"contract"}))
    def test_no_attribute_stands_twice(self, name: str) -> None:
        """Two values are refused even where they are equal: which one counts must not depend on the reader."""
        attributes = sent()
        attributes[name] = attributes[name] * 2
        with pytest.raises(MalformedValue) as refusal:
            from_attributes(attributes)
        assert refusal.value.field == name

    @pytest.mark.parametrize("name", sorted(set(KNOWN) - {"contract"}))
    @pytest.mark.parametrize("value", ["", " ", "\n", "x" * (MAX_VALUE_CHARS + 1)])
    def test_empty_and_endless_values_are_refused(self, name: str, value: str) -> None:
        """An empty value is not "unknown", and no value is longer than its limit."""
        with pytest.raises(MalformedValue) as refusal:
            from_attributes(sent() | {name: [value]})
        assert refusal.value.field == name

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("email", "dana@acme.example "),
            ("email", "Dana <dana@acme.example>"),
            ("email", "dana@m\u00fcnchen.example"),
            ("email_verified", "True"),
            ("email_verified", "1"),
            ("email_verified", "true "),
            ("email_verified", "false\n"),
            ("email_evidence", "none"),
            ("provider", "Google"),
            ("extern_uid", "1047 "),
            ("organization_id", "0"),
            ("organization_id", "-42"),
            ("organization_id", "+42"),
            ("organization_id", "042"),
            ("organization_id", "42 "),
            ("organization_id", "4_2"),
            ("organization_id", "\u0664\u0662"),
            ("organization_id", "4" * 19),
            ("organization_path", "Acme"),
            ("organization_path", "acme/"),
            ("return_to", "//evil.example"),
            ("return_to", "/\\evil.example"),
            ("return_to", "/o/globex/"),
            ("return_to", "/o/acme/../globex/"),
            ("return_to", "/"),
            ("binding", "0" * 63),
            ("binding", "A" * 64),
            ("reference", "7kq2m-4xd9r"),
            ("name", "a\x00b"),
            ("username", "dana\u202e"),
        ],
    )
    def test_a_value_of_another_form_is_refused(self, name: str, value: str) -> None:
        """On arrival nothing is trimmed, folded or repaired; the refusal names the attribute."""
        with pytest.raises(MalformedValue) as refusal:
            from_attributes(sent() | {name: [value]})
        assert refusal.value.field == name

    def test_evidence_without_an_address_is_refused(self) -> None:
        """Verified without an email vouches for nothing."""
        attributes = sent()
        del attributes["email"]
        with pytest.raises(MalformedValue) as refusal:
            from_attributes(attributes)
        assert refusal.value.field == "email_verified"

    @given(st.dictionaries(st.sampled_from(KNOWN), st.lists(st.text(max_size=20), max_size=3)))
    def test_nothing_but_claims_or_a_refusal_comes_out(self, attributes: dict[str, list[str]]) -> None:
        """Whatever the attributes hold, reading ends in a value or in `MalformedValue`."""
        try:
            claims = from_attributes(attributes)
        except MalformedValue:
            return
        assert claims.return_to.within(claims.org_path)

    def test_one_returns_the_only_value(self) -> None:
        """`one` is the single place where "exactly one" is judged."""
        assert one({"a": ["x"]}, "a") == "x"
        with pytest.raises(MissingAttribute):
            one({}, "a")
