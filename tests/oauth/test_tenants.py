"""A directory of many tenants: the issuer is a template, the token's tenant fills it, and only listed tenants get in."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.errors import ProviderBadReply, ProviderBadToken, ProviderDisabled, ProviderError
from bridge.identity import ExternalIdentity
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.discovery import tenant_of
from bridge.oauth.providers import Provider, build
from bridge.oauth.providers.microsoft import PERSONAL
from tests.oauth.kinds import TENANT
from tests.oauth.loopback import LoopbackProvider
from tests.oauth.samples import REDIRECT_URI, Clock, begin, config
from tests.oauth.signing_issuer import SigningIssuer

OTHER = "11111111-2222-4333-8444-555555555555"
OBJECT = "a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d"


class Directory:
    """Microsoft on the loopback provider, asked as *tenant*."""

    def __init__(self, provider: LoopbackProvider, http: ProviderHttp, tenant: str, *allowed: str) -> None:
        self.server = provider
        self.issuer = SigningIssuer(provider, path=f"/{tenant}/v2.0", endpoints="")
        name = {"common": "{tenantid}", "organizations": "{tenantid}", "consumers": PERSONAL}.get(tenant, tenant)
        self.issuer.metadata["issuer"] = f"{provider.url}/{name}/v2.0"
        settings: dict[str, Any] = {"unsafe_base_url": provider.url, "tenant": tenant, "allowed_tenants": allowed}
        self.client: Provider = build([config("microsoft", **settings)], http=http, clock=Clock())["it"]

    def sign_in(self, tenant: str, *, iss: str | None = None, callback_iss: str | None = None, **more: Any) -> ExternalIdentity:
        """Return who signs in with a token of *tenant*, its issuer that tenant's unless *iss* is another's."""
        claims = {"iss": f"{self.server.url}/{iss or tenant}/v2.0", "tid": tenant, "oid": OBJECT, **more}
        self.issuer.gives(self.issuer.sign(self.issuer.claims(begin(), **claims)))
        return self.client.identify(Callback("c", callback_iss), begin(), REDIRECT_URI)

    def refused(self, kind: type[ProviderError], *args: Any, **more: Any) -> str:
        """Return the reason for which a sign-in is refused, exactly as *kind*."""
        with pytest.raises(ProviderError) as refused:
            self.sign_in(*args, **more)
        assert type(refused.value) is kind
        return refused.value.reason


@pytest.fixture
def common(provider: LoopbackProvider, http: ProviderHttp) -> Directory:
    """The directory of everybody, of which two tenants are let in."""
    return Directory(provider, http, "common", TENANT, PERSONAL)


class TestManyTenants:
    """`common` and `organizations`."""

    def test_a_person_is_a_tenant_and_an_object_of_it(self, common: Directory) -> None:
        """The same object id in two tenants is two people."""
        uids = {common.sign_in(tenant).key.uid for tenant in (TENANT, PERSONAL)}
        assert uids == {TENANT + OBJECT, PERSONAL + OBJECT}

    def test_a_tenant_that_is_not_listed_is_switched_off(self, common: Directory) -> None:
        """Anybody can make a tenant, and be its administrator."""
        assert common.refused(ProviderDisabled, OTHER).startswith("tid: ")

    def test_the_issuer_is_the_tokens_own_tenants(self, common: Directory) -> None:
        """A tenant's keys sign for that tenant: its token must not carry another's `tid`, nor none."""
        assert common.refused(ProviderBadToken, TENANT, iss=OTHER).startswith("iss: ")
        assert common.refused(ProviderBadToken, TENANT, iss="{tenantid}").startswith("iss: ")
        assert common.refused(ProviderBadToken, TENANT, tid=...).startswith("iss: ")
        assert common.refused(ProviderBadToken, TENANT, tid=None).startswith("iss: ")
        assert common.refused(ProviderBadToken, "common").startswith("iss: ")

    @pytest.mark.parametrize(
        ("published_for", "fits"),
        [(None, True), ("{tenantid}", True), (TENANT, True), (OTHER, False), (PERSONAL, False), ("", False)],
    )
    def test_a_key_signs_for_whom_it_is_published(
        self, published_for: str | None, fits: bool, common: Directory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The keys of `common` are those of all; one that is some tenant's own must not speak for another."""
        [key] = common.issuer.jwks
        url = common.server.url
        named = key if published_for is None else {**key, "issuer": f"{url}/{published_for}/v2.0"}
        monkeypatch.setattr(SigningIssuer, "jwks", [named])
        if fits:
            assert common.sign_in(TENANT).key.uid == TENANT + OBJECT
        else:
            assert common.refused(ProviderBadToken, TENANT).startswith("kid: ")

    def test_a_callback_may_name_the_tenants_issuer(self, common: Directory) -> None:
        """RFC 9207, should Microsoft begin to send it; another server's is refused before the code travels."""
        common.sign_in(TENANT, callback_iss=f"{common.server.url}/{TENANT}/v2.0")
        asked = len(common.server.asked("POST", "/token"))
        common.refused(ProviderBadReply, TENANT, callback_iss=f"https://evil.example/{TENANT}/v2.0")
        assert len(common.server.asked("POST", "/token")) == asked


class TestOneTenant:
    """A tenant by its id, and the personal accounts."""

    def test_only_that_tenant_gets_in(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """The issuer is its own, to the letter."""
        directory = Directory(provider, http, TENANT)
        assert directory.sign_in(TENANT).key.uid == TENANT + OBJECT
        assert directory.refused(ProviderBadToken, OTHER).startswith("iss: ")

    def test_consumers_are_one_tenant(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """All personal accounts have the same issuer, which is not called `consumers`."""
        directory = Directory(provider, http, "consumers")
        assert directory.sign_in(PERSONAL).key.uid == PERSONAL + OBJECT
        assert directory.refused(ProviderBadToken, TENANT).startswith("iss: ")

    def test_a_document_of_everybody_is_not_one_tenants(self, provider: LoopbackProvider, http: ProviderHttp) -> None:
        """A template in the place of the tenant's issuer would let all tenants in."""
        directory = Directory(provider, http, TENANT)
        directory.issuer.metadata["issuer"] = f"{provider.url}/{{tenantid}}/v2.0"
        assert directory.refused(ProviderBadReply, TENANT).startswith("discovery: issuer ")


@pytest.mark.parametrize(
    "settings",
    [
        {"tenant": "common"},
        {"tenant": "organizations"},
        {"tenant": TENANT, "allowed_tenants": (TENANT,)},
        {"tenant": "consumers", "allowed_tenants": (PERSONAL,)},
        {"allowed_tenants": (TENANT,)},
        {"tenant": "acme.onmicrosoft.com"},
        {"tenant": TENANT.upper()},
        {"tenant": "common", "allowed_tenants": ("*",)},
    ],
    ids=str,
)
def test_everybody_is_let_in_by_no_omission(settings: dict[str, Any]) -> None:
    """No list is no consent; a name instead of an id could be given to somebody else."""
    with pytest.raises(ValidationError):
        config("microsoft", **settings)


@pytest.mark.parametrize(
    ("name", "tenant"),
    [
        (f"https://login.example/{TENANT}/v2.0", TENANT),
        (f"https://login.example/{TENANT}/v2.0/", None),
        (f"https://login.example/{TENANT}/v2.0\n", None),
        (f"https://login.example/{TENANT.upper()}/v2.0", None),
        (f"https://login.example/x/{TENANT}/v2.0", None),
        (f"https://loginxexample/{TENANT}/v2.0", None),
        ("https://login.example/{tenantid}/v2.0", None),
        ("https://login.example//v2.0", None),
        (None, None),
        (7, None),
    ],
)
def test_a_template_is_filled_with_one_guid_and_nothing_else(name: object, tenant: str | None) -> None:
    """Whatever else could stand there would be a way to another issuer; an issuer that is no template is equal or another."""
    assert tenant_of("https://login.example/{tenantid}/v2.0", name) == tenant
    assert tenant_of("https://login.example", name) is None
    assert tenant_of("https://login.example", "https://login.example") == ""
