"""The people of the demo world hang together: outcomes, uids, seeds."""

import re

import pytest

from bridge.errors import AccountEmailUnverified, BridgeError, ProviderEmailMissing
from bridge.harness.personas import BY_KEY, FIRST_PROVIDERS, PERSONAS, PROVIDERS, Landing, Persona
from bridge.identity import Email, IdentityKey

UID_FORMS = {
    "google_oauth2": r"1\d{20}",
    "github": r"[1-9]\d{7}",
    "gitlab": r"[1-9]\d{6}",
    "bitbucket": r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}",
    "microsoft": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{20}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "salesforce": r"00D[0-9A-Za-z]{15}/005[0-9A-Z]{15}",
    "slack": r"T[0-9A-Z]{10}/U[0-9A-Z]{10}",
    "atlassian_oauth2": r"712020:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "dingtalk": r"[0-9A-Z]{22}iE",
    "alicloud": r"[0-9a-f]{40}",
    "casdoor": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "authentik": r"[0-9a-f]{64}",
    "openid_connect": r"person-[0-9a-f]{32}",
    "oauth2": r"[1-9]\d{8}",
}
EXPECTED = {
    "dana": "known",
    "lena": "linked",
    "newton": "created",
    "uma": "account.email_unverified",
    "blake": "account.blocked",
    "carla": "account.identity_conflict",
    "petra": "account.pending",
    "ingrid": "known",
    "iris": "account.signup_closed",
    "nora": "org.unknown",
    "mia": "provider.email_missing",
    "dee": "provider.denied",
    "lorenzo": "local",
}


def all_personas() -> list[object]:
    """Return the personas as named parameters."""
    return [pytest.param(persona, id=persona.key) for persona in PERSONAS]


def test_each_persona_has_the_outcome_that_the_documents_promise() -> None:
    """The table of people and outcomes is fixed: demo, README and end-to-end tests name these people."""
    assert {persona.key: persona.outcome_code for persona in PERSONAS} == EXPECTED
    assert list(BY_KEY) == list(EXPECTED)


def test_every_way_to_a_session_has_a_person() -> None:
    """Nobody has to invent a person to see one of the four landings."""
    assert {persona.outcome for persona in PERSONAS if isinstance(persona.outcome, Landing)} == set(Landing)


@pytest.mark.parametrize("persona", all_personas())
def test_a_personas_facts_are_well_formed(persona: Persona) -> None:
    """The address is one that our own types accept, and nobody's address counts as verified without one."""
    if persona.email is None:
        assert not persona.email_verified
    else:
        assert Email(persona.email).domain == (
            f"{persona.home}.example" if persona.hosted_domain else Email(persona.email).domain
        )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_uids_have_each_providers_form_and_differ(provider: str) -> None:
    """A client that takes GitHub's integer for text, or Google's 21 digits for a number, shows here."""
    uids = [persona.uid(provider) for persona in PERSONAS]
    assert all(re.fullmatch(UID_FORMS[provider], uid) for uid in uids)
    assert len(set(uids)) == len(uids)


def test_uids_never_change() -> None:
    """A database seeded yesterday fits a server started today."""
    assert [BY_KEY["dana"].uid(provider) for provider in FIRST_PROVIDERS] == [
        "126744671542760156060",
        "61084989",
        "4970163",
        "person-027df73dc1e2a86d185bbc74bc339e69",
    ]


@pytest.mark.parametrize("persona", all_personas())
def test_seeds_fit_outcomes(persona: Persona) -> None:
    """Who is known has their own identity beforehand, who conflicts another one, who is linked or new none."""
    own = {IdentityKey(provider, persona.uid(provider)) for provider in PROVIDERS}
    seeded = set(persona.seeded_identities())
    if persona.outcome_code in ("known", "local", "account.blocked"):
        assert seeded == own
    elif persona.outcome_code == "account.identity_conflict":
        assert {key.provider for key in seeded} == set(PROVIDERS)
        assert not seeded & own
    else:
        assert not seeded
    assert (persona.seed is not None) == (bool(seeded) or persona.outcome is Landing.LINKED)


def test_refusals_are_classes_of_the_one_tree() -> None:
    """An outcome cannot be misspelt: it is the refusal itself."""
    refusals = [persona.outcome for persona in PERSONAS if not isinstance(persona.outcome, Landing)]
    assert all(issubclass(refusal, BridgeError) for refusal in refusals)


def test_providers_without_evidence_change_what_rests_on_an_address() -> None:
    """Who is known, blocked or says no is so everywhere; who would be found by an address needs one that is vouched for."""
    refusals = {"linked", "created", "account.identity_conflict", "account.pending", "account.signup_closed"}
    by_email = {persona.key for persona in PERSONAS if persona.outcome_code in refusals}
    for persona in PERSONAS:
        assert persona.outcome_at("google_oauth2") is persona.outcome
        unvouched, silent = persona.outcome_at("dingtalk"), persona.outcome_at("alicloud")
        if persona.key in by_email:
            assert (unvouched, silent) == (AccountEmailUnverified, ProviderEmailMissing)
        else:
            assert unvouched is persona.outcome
            assert silent is (ProviderEmailMissing if persona.key in ("uma", "nora") else persona.outcome)
