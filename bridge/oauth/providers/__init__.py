"""The providers that people can sign in with.

The law: a provider is one file here, one line in `PROVIDERS`, and fixture pairs under `tests/providers/`. A file knows its
provider's endpoints, fields and quirks, and the rule by which an address of it counts as verified; nothing else knows them.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from bridge.errors import ConfigInvalid
from bridge.identity import ExternalIdentity
from bridge.oauth.attempt import LoginAttempt
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.providers.alicloud import AliCloud
from bridge.oauth.providers.atlassian_oauth2 import Atlassian
from bridge.oauth.providers.authentik import Authentik
from bridge.oauth.providers.bitbucket import Bitbucket
from bridge.oauth.providers.casdoor import Casdoor
from bridge.oauth.providers.dingtalk import DingTalk
from bridge.oauth.providers.github import GitHub
from bridge.oauth.providers.gitlab import GitLab
from bridge.oauth.providers.google_oauth2 import Google
from bridge.oauth.providers.microsoft import Microsoft
from bridge.oauth.providers.oauth2 import OAuth2
from bridge.oauth.providers.openid_connect import OpenIdConnect
from bridge.oauth.providers.salesforce import Salesforce
from bridge.oauth.providers.slack import Slack
from bridge.sections import ProviderConfig

_OF_EVERY_KIND = frozenset(
    {"name", "kind", "label", "client_id", "client_secret", "client_secret_file", "scopes"}
    | {"email_evidence", "unsafe_email_verified"}
)


class Provider(Protocol):
    """One configured provider; safe for many threads. `name` is the configured name and the provider of its identities."""

    name: str
    kind: str
    label: str

    def authorization_url(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return where to send the browser; raises `ProviderUnavailable` and `ProviderBadReply` where it has to ask first."""

    def identify(self, callback: Callback, attempt: LoginAttempt, redirect_uri: str) -> ExternalIdentity:
        """Return who signed in, by the code of *callback*, which answers *attempt*, sent out with *redirect_uri*.

        Raises `ProviderUnavailable`, `ProviderBadReply` and `ProviderBadToken`, and `ProviderDisabled` for somebody of a tenant
        that the configuration does not let in.
        """


class ProviderClass(Protocol):
    """What a provider's file holds; of the settings of some kinds only it understands `takes` and cannot go without `needs`."""

    default_label: str
    takes: frozenset[str]
    needs: frozenset[str]

    def __call__(self, config: ProviderConfig, *, http: ProviderHttp, clock: Callable[[], datetime]) -> Provider:
        """Return the configured provider; raises `ValueError` where its secret or key cannot be read."""


PROVIDERS: Mapping[str, ProviderClass] = MappingProxyType(
    {
        "alicloud": AliCloud,
        "atlassian_oauth2": Atlassian,
        "authentik": Authentik,
        "bitbucket": Bitbucket,
        "casdoor": Casdoor,
        "dingtalk": DingTalk,
        "github": GitHub,
        "gitlab": GitLab,
        "google_oauth2": Google,
        "microsoft": Microsoft,
        "oauth2": OAuth2,
        "openid_connect": OpenIdConnect,
        "salesforce": Salesforce,
        "slack": Slack,
    }
)


def build(configs: Iterable[ProviderConfig], *, http: ProviderHttp, clock: Callable[[], datetime]) -> dict[str, Provider]:
    """Return the configured providers by name, in their order; raises `ConfigInvalid` with every problem and its key path."""
    built: dict[str, Provider] = {}
    problems: list[str] = []
    for index, config in enumerate(configs):
        found = problems_of(config)
        if config.name in built:
            found.append(f"name: {config.name} stands more than once")
        if not found:
            try:
                built[config.name] = PROVIDERS[config.provider_kind](config, http=http, clock=clock)
            except ValueError as error:
                found.append(f"{'private_key_file' if config.private_key_file else 'client_secret_file'}: {error}")
        problems += (f"provider.{index}.{problem}" for problem in found)
    if problems:
        raise ConfigInvalid(source="providers", problems=tuple(problems))
    return built


def problems_of(config: ProviderConfig) -> list[str]:
    """Return what no provider of its kind could be built from, each with its key; files are read when one is built."""
    kind = config.provider_kind
    provider_class = PROVIDERS.get(kind)
    if provider_class is None:
        return [f"kind: {kind} is not a kind of provider; there are {', '.join(PROVIDERS)}"]
    given = config.model_fields_set - _OF_EVERY_KIND
    placed = {"base_url"} if "unsafe_base_url" in given else set()
    missing = sorted(provider_class.needs - given - placed)
    unknown = sorted(given - provider_class.takes)
    return [
        *(f"{key}: is missing; {kind} needs it" for key in missing),
        *(f"{key}: is not used by {kind}; take it out" for key in unknown),
    ]
