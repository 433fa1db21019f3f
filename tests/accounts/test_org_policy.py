"""What an organization allows, read from its configuration."""

from dataclasses import MISSING, FrozenInstanceError, fields

import pytest

from bridge.accounts.policy import LEGACY_ORG_ID, OrgPolicy
from bridge.sections import OrgConfig

ACME = OrgConfig(
    id=42,
    path="acme",
    name="Acme",
    signup="approval",
    signup_by_provider={"github": "closed"},
    read_only=True,
    link_by_email=("google_oauth2",),
    providers=("google_oauth2", "github", "gitlab"),
    disabled_providers=("gitlab",),
    external_providers=("github",),
    sync_profile_from=("google_oauth2",),
    sync_profile_attributes=("name", "email"),
    new_account={"role": "member", "quota": 5, "guest": False},
)


def test_policy_is_what_the_configuration_says() -> None:
    """Every rule of the `[[org]]` table arrives in the policy unchanged."""
    policy = OrgPolicy.from_config(ACME)
    assert (policy.org_id, policy.org_path, policy.org_name) == (42, "acme", "Acme")
    assert (policy.signup, policy.read_only) == ("approval", True)
    assert policy.link_by_email == {"google_oauth2"}
    assert policy.providers == {"google_oauth2", "github", "gitlab"}
    assert policy.open_providers == {"google_oauth2", "github"}
    assert (policy.signup_from("google_oauth2"), policy.signup_from("github")) == ("approval", "closed")
    assert policy.external_providers == {"github"}
    assert policy.sync_profile_from == {"google_oauth2"}
    assert policy.sync_profile_attributes == {"name", "email"}
    assert policy.new_account == {"role": "member", "quota": 5, "guest": False}


def test_policy_cannot_be_changed() -> None:
    """A policy that one request reads cannot be loosened by another."""
    policy = OrgPolicy.from_config(ACME)
    with pytest.raises(FrozenInstanceError):
        policy.signup = "open"  # type: ignore[misc]
    with pytest.raises(TypeError):
        policy.new_account["role"] = "owner"  # type: ignore[index]


def test_policy_has_no_defaults() -> None:
    """Absence is never consent: whoever builds a policy has to say every rule."""
    assert all(field.default is MISSING and field.default_factory is MISSING for field in fields(OrgPolicy))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("link_by_email", ["github"]),
        ("signup_by_provider", {"github": "open"}),
        ("disabled_providers", ["github"]),
        ("external_providers", ["github"]),
        ("sync_profile_from", ["github"]),
    ],
)
def test_a_policy_about_a_provider_that_is_not_allowed_is_a_mistake(key: str, value: object) -> None:
    """It would have no effect, so it was meant for another provider: the sentence names the key."""
    with pytest.raises(ValueError, match=f"{key} names github, which providers does not allow"):
        OrgConfig.model_validate({"id": 42, "path": "acme", "name": "Acme", "providers": ["google_oauth2"], key: value})


def test_what_is_not_said_is_not_granted() -> None:
    """An organization that names its providers and nothing else links nobody, creates nobody and takes nothing over."""
    policy = OrgPolicy.from_config(OrgConfig(id=42, path="acme", name="Acme", providers=("github",)))
    assert policy.signup_from("github") == "closed"
    assert not policy.link_by_email
    assert not policy.synced_from("github")


def test_legacy_accounts_lie_outside_every_organization() -> None:
    """No configured organization can have the id of the legacy cell's own accounts."""
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        OrgConfig(id=LEGACY_ORG_ID, path="acme", name="Acme", providers=("github",))
