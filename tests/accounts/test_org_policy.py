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
    read_only=True,
    link_by_email=("google_oauth2",),
    providers=("google_oauth2", "github"),
    new_account={"role": "member", "quota": 5, "guest": False},
)


def test_policy_is_what_the_configuration_says() -> None:
    """Every rule of the `[[org]]` table arrives in the policy unchanged."""
    policy = OrgPolicy.from_config(ACME)
    assert (policy.org_id, policy.org_path, policy.org_name) == (42, "acme", "Acme")
    assert (policy.signup, policy.read_only) == ("approval", True)
    assert policy.link_by_email == {"google_oauth2"}
    assert policy.providers == {"google_oauth2", "github"}
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


def test_legacy_accounts_lie_outside_every_organization() -> None:
    """No configured organization can have the id of the legacy cell's own accounts."""
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        OrgConfig(id=LEGACY_ORG_ID, path="acme", name="Acme", providers=("github",))
