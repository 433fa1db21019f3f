"""`docs/policies.md` maps every setting of the systems that people come from, to keys that exist."""

import re
from pathlib import Path

import pytest

from bridge.accounts.username import RESERVED
from bridge.sections import OrgConfig
from tests.test_docs import sections, settings

PAGE = (Path(__file__).parents[2] / "docs/policies.md").read_text("utf-8")
# https://docs.gitlab.com/integration/omniauth/, the sign-in restrictions, and https://docs.gitlab.com/integration/saml/
GITLAB = """
enabled allow_single_sign_on block_auto_created_users auto_link_user auto_link_saml_user auto_link_ldap_user external_providers
sync_profile_from_provider sync_profile_attributes allow_bypass_two_factor upstream_two_factor_authn_contexts
auto_sign_in_with_provider saml_message_max_byte_size providers gitlab_username_claim disabled_oauth_sign_in_sources
require_admin_approval_after_user_signup trusted_extern_uid idp_cert idp_cert_fingerprint allowed_clock_drift
attribute_statements uid_attribute groups_attribute required_groups external_groups admin_groups auditor_groups certificate
private_key security
"""
ALIST = """
sso_login_enabled sso_login_platform sso_client_id sso_client_secret sso_oidc_username_key sso_organization_name
sso_application_name sso_endpoint_name sso_jwt_public_key sso_auto_register sso_default_dir sso_default_permission
sso_compatibility_mode
"""


def rows(heading: str) -> list[tuple[set[str], set[str], str]]:
    """Return the rows of a table: the settings there, the keys here, and what differs."""
    lines = [line for line in sections(PAGE, 2)[heading].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return [(set(re.findall(r"`(\w+)`", there)), set(re.findall(r"`([\w.]+)`", here)), words) for there, here, words in cells]


@pytest.mark.parametrize(("heading", "wanted"), [("Coming from GitLab", GITLAB), ("Coming from AList", ALIST)])
def test_every_setting_is_mapped_or_told_why_not(heading: str, wanted: str) -> None:
    """Whoever comes with a configuration finds each of its lines, with a key that exists or a reason."""
    found = rows(heading)
    assert set(wanted.split()) <= {name for there, _, _ in found for name in there}
    known = settings()
    for there, here, words in found:
        assert here <= known, there
        assert here or len(words) > 20, there


def test_every_policy_of_an_organization_is_on_the_page() -> None:
    """A new policy is told here, too, and not only in the list of keys."""
    policies = set(OrgConfig.model_fields) - {"id", "path", "name", "binding", "record_until", "record_folder"}
    assert {f"org.{key}" for key in policies - {"read_only"}} <= set(re.findall(r"`(org\.\w+)`", PAGE))
    assert "`read_only`" in PAGE


def test_the_reserved_names_that_the_page_gives_are_reserved() -> None:
    """The examples are real ones."""
    [told] = re.findall(r"reserved \((.+?) \.\.\.\)", PAGE)
    assert set(re.findall(r"`(\w+)`", told)) <= RESERVED
