"""Identities: a value that exists is well formed, and nothing is repaired on the way in."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.identity import (
    MAX_UID_CHARS,
    NO_EVIDENCE,
    Email,
    EmailEvidence,
    ExternalIdentity,
    IdentityKey,
    MalformedValue,
    plain_text,
)

GOOGLE = IdentityKey("google_oauth2", "1047")
VOUCHED = EmailEvidence(verified=True, rule="google.email_verified")
LABEL = st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)
ADDRESS = st.builds("{}.{}@{}.{}".format, LABEL, LABEL, LABEL, LABEL)


class TestEmail:
    """`Email`: one plain ASCII address."""

    @pytest.mark.parametrize(
        "address",
        [
            "dana@mail.example",
            "Dana.O'Neil+tag@mail.example",
            "a@b.example",
            "x@xn--mnchen-3ya.example",
            "a_b@sub.mail.example",
        ],
    )
    def test_plain_addresses_are_kept_as_they_came(self, address: str) -> None:
        """An address keeps its letter case; only `folded` is lower-case."""
        assert Email(address).address == address
        assert Email(address).folded == address.lower()

    @pytest.mark.parametrize(
        "raw",
        [
            "",
            "dana",
            "@mail.example",
            "dana@",
            "dana@mail",
            " dana@mail.example",
            "dana@mail.example ",
            "dana@mail.example\n",
            "dana@mail.example\r\nBcc: eve@evil.example",
            "dana@mail.example\x00",
            "dana@@mail.example",
            "dana@evil.example@mail.example",
            "dana@mail.example,eve@evil.example",
            "Dana <dana@mail.example>",
            '"dana smith"@mail.example',
            "dana(comment)@mail.example",
            "dana@[127.0.0.1]",
            ".dana@mail.example",
            "dana..smith@mail.example",
            "dana@-mail.example",
            "dana@mail..example",
            "dana@mail.example.",
            "dana@mail_x.example",
            "mike@example.org\u200b",
            "m\u0131ke@mail.example",
            "dana@m\u00fcnchen.example",
            "d" * 65 + "@mail.example",
            "d@" + "a" * 64 + ".example",
            "d@" + ".".join(["a" * 60] * 5) + ".example",
            None,
            7,
            True,
            b"dana@mail.example",
            ["dana@mail.example"],
        ],
    )
    def test_everything_else_is_refused(self, raw: object) -> None:
        """What is not one plain address is refused, never trimmed or repaired (CVE-2019-19844)."""
        with pytest.raises(MalformedValue) as refusal:
            Email(raw)  # type: ignore[arg-type]  # what comes from outside has any type
        assert refusal.value.field == "email"

    @given(ADDRESS)
    def test_folding_is_stable_and_splits_at_the_at_sign(self, address: str) -> None:
        """Folding twice is folding once, and the parts make the whole again."""
        email = Email(address)
        assert Email(email.folded).folded == email.folded
        assert f"{email.local_part.lower()}@{email.domain}" == email.folded

    @given(ADDRESS, st.integers(min_value=0), st.sampled_from(sorted(set(string.whitespace + '\x00,;<>()[]\\"\u00e9\u202e'))))
    def test_one_stray_character_anywhere_refuses(self, address: str, position: int, stray: str) -> None:
        """No place in an address tolerates white space, separators, quotes or characters outside ASCII."""
        position %= len(address) + 1
        with pytest.raises(MalformedValue):
            Email(address[:position] + stray + address[position:])

    def test_a_unicode_domain_from_a_provider_becomes_a_labels(self) -> None:
        """Providers may write a domain in Unicode; it is kept as A-labels (RFC 5891)."""
        assert Email.from_provider("dana@m\u00fcnchen.example").address == "dana@xn--mnchen-3ya.example"

    @pytest.mark.parametrize(
        "raw",
        [
            "d\u00e4na@mail.example",
            "dana@m\u00fcn chen.example",
            "dana@\u2460.example",
            "dana@acme\u3002example",
            "dana@acme\uff0eexample",
            "dana@acme\uff61example",
            "\u00e9",
            None,
            3,
        ],
    )
    def test_a_provider_address_that_would_need_folding_is_refused(self, raw: object) -> None:
        """A local part outside ASCII, and a domain that IDNA 2008 refuses, are nobody's address here."""
        with pytest.raises(MalformedValue):
            Email.from_provider(raw)

    @pytest.mark.parametrize(
        ("raw", "said"),
        [
            ("", "it is empty"),
            (" dana@mail.example", "white space"),
            ("dana\u00a0@mail.example", "white space"),
            ("dana\u200b@mail.example", "cannot be printed"),
            ("dana", "it has no @"),
            ("dana@@mail.example", "more than one @"),
            ("dana@mail.example,eve@evil.example", "more than one @"),
            ("@mail.example", "nothing precedes"),
            ("dana@", "nothing follows"),
            ("d\u00e4na@mail.example", "letters outside ASCII"),
            ("\u212aim@mail.example", "letters outside ASCII"),
            ('"dana"@mail.example', "is quoted"),
            ("dana..smith@mail.example", "a dot at an end or beside a dot"),
            ("dana@mail", "no host name"),
            ("dana@[127.0.0.1]", "no host name"),
            ("dana@mail.example.", "no host name"),
            ("dana@acme\u3002example", "a dot in its domain"),
            ("dana@\u2460.example", "IDNA 2008 refuses"),
            ("dana@M\u00dcNCHEN.example", "IDNA 2008 refuses"),
            ("dana@xn--a.example", "no A-label"),
            ("dana@sub.XN--mnchen-3ya0.example", "no A-label"),
            ("d" * 65 + "@mail.example", "before the @"),
            ("dana@" + "\u00fc" * 300 + ".example", "longer than 254"),
            ("dana@" + "mail." * 50 + "example", "longer than 254"),
        ],
    )
    def test_each_refusal_has_a_sentence_of_its_own(self, raw: str, said: str) -> None:
        """Support can tell a provider's operator what is wrong with the address, without having seen it."""
        with pytest.raises(MalformedValue) as refusal:
            Email.from_provider(raw)
        assert said in refusal.value.reason

    @pytest.mark.parametrize("domain", ["m\u00fcnchen.example", "xn--mnchen-3ya.example", "XN--MNCHEN-3YA.Example"])
    def test_every_spelling_of_a_unicode_domain_is_one_address(self, domain: str) -> None:
        """Two spellings that are both accepted compare equal, so nobody has two accounts by them."""
        assert Email.from_provider(f"Dana@{domain}").folded == "dana@xn--mnchen-3ya.example"

    @pytest.mark.parametrize("other", ["dana+tag@mail.example", "d.ana@mail.example", "dana@mail.example.example"])
    def test_no_clever_folding(self, other: str) -> None:
        """Dots and tags are the receiving system's business: what looks alike to one provider is two people elsewhere."""
        assert Email.from_provider(other).folded != Email("dana@mail.example").folded

    def test_the_reason_never_repeats_the_address(self) -> None:
        """Reasons go to logs, so they must not hold what came in."""
        with pytest.raises(MalformedValue) as refusal:
            Email("secret-person@@mail.example")
        assert "secret-person" not in str(refusal.value)


class TestPlainText:
    """`plain_text`: printable, bounded, no white space at the ends."""

    @pytest.mark.parametrize("raw", ["Dana", "Dana O\u2019Neil", "\u738b\u5c0f\u660e", "a b"])
    def test_printable_text_passes_unchanged(self, raw: str) -> None:
        """Names in any script come through as they are."""
        assert plain_text(raw, field="name", max_chars=20) == raw

    @pytest.mark.parametrize(
        "raw", ["", " a", "a ", "a\n", "a\tb", "a\x00", "a\u202eb", "a\u00a0b", "a\u2028b", "\ud800", "x" * 21, None, 5, b"a"]
    )
    def test_what_a_log_or_a_page_could_be_fooled_by_is_refused(self, raw: object) -> None:
        """Controls, bidirectional overrides, odd spaces, surrogates and other types are refused."""
        with pytest.raises(MalformedValue):
            plain_text(raw, field="name", max_chars=20)

    @given(st.text(max_size=30))
    def test_it_returns_its_input_or_refuses(self, raw: str) -> None:
        """There is no third outcome: text is never changed on the way in."""
        try:
            kept = plain_text(raw, field="name", max_chars=20)
        except MalformedValue:
            return
        assert kept == raw
        assert 0 < len(kept) <= 20
        assert kept.isprintable()


class TestIdentityKey:
    """`IdentityKey`: the stable name of a person at a provider."""

    @pytest.mark.parametrize("provider", ["", "Google", "google-oauth2", "1x", "a" * 64, "google ", "google\n", None])
    def test_a_provider_is_named_by_a_small_word(self, provider: object) -> None:
        """A provider's name is lower-case letters, digits and `_`, at most 63 of them."""
        with pytest.raises(MalformedValue):
            IdentityKey(provider, "1")  # type: ignore[arg-type]

    def test_a_uid_is_recognized_by_its_digest(self) -> None:
        """Logs and audit rows name a stranger by 64 bits of the uid's SHA-256: the same everywhere, and not the uid."""
        assert IdentityKey("github", "583231").uid_digest == "abd10874ca79a702"
        assert IdentityKey("gitlab", "583231").uid_digest == IdentityKey("github", "583231").uid_digest

    @pytest.mark.parametrize("uid", ["", " 1", "1 ", "1\n", "x" * (MAX_UID_CHARS + 1), 1047, None, True])
    def test_a_uid_is_text_and_never_made_from_another_type(self, uid: object) -> None:
        """A number is not turned into text here: only a provider's own file knows whether that is right."""
        with pytest.raises(MalformedValue):
            IdentityKey("github", uid)  # type: ignore[arg-type]

    def test_uids_are_compared_exactly(self) -> None:
        """Two uids that differ in letter case are two people."""
        assert IdentityKey("github", "Ab") != IdentityKey("github", "ab")


class TestEvidence:
    """`EmailEvidence`: absence is never consent."""

    @pytest.mark.parametrize("verified", ["true", "false", 1, 0, None, ""])
    def test_only_a_boolean_says_verified(self, verified: object) -> None:
        """The word `false` is true in Python; only a real boolean counts."""
        with pytest.raises(MalformedValue):
            EmailEvidence(verified=verified, rule="google.email_verified")  # type: ignore[arg-type]

    def test_a_verified_address_names_its_rule(self) -> None:
        """Nobody can vouch for an address without saying by which rule."""
        with pytest.raises(MalformedValue):
            EmailEvidence(verified=True, rule=NO_EVIDENCE.rule)
        with pytest.raises(MalformedValue):
            EmailEvidence(verified=True, rule="")

    def test_there_is_no_default(self) -> None:
        """Who builds evidence has to say what it is."""
        with pytest.raises(TypeError):
            EmailEvidence()  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            ExternalIdentity(GOOGLE, None)  # type: ignore[call-arg]


class TestExternalIdentity:
    """`ExternalIdentity`: what is unknown is None."""

    def test_nobody_vouches_for_an_address_that_is_not_there(self) -> None:
        """Evidence without an address is refused."""
        with pytest.raises(MalformedValue):
            ExternalIdentity(GOOGLE, None, VOUCHED)

    @pytest.mark.parametrize("field", ["name", "username"])
    @pytest.mark.parametrize("value", ["", " x", "x\n", "x" * 256])
    def test_what_is_unknown_is_none_never_empty(self, field: str, value: str) -> None:
        """An empty or unprintable name is refused, so that "unknown" has one spelling."""
        with pytest.raises(MalformedValue) as refusal:
            ExternalIdentity(GOOGLE, None, NO_EVIDENCE, **{field: value})
        assert refusal.value.field == field

    def test_a_whole_identity_stands(self) -> None:
        """Every part may be there at once."""
        identity = ExternalIdentity(GOOGLE, Email("dana@acme.example"), VOUCHED, name="Dana", username="dana")
        assert identity.key == GOOGLE
        assert identity.avatar_url is None
