"""The one explicit map of providers that the stand-in speaks for: a provider is one file and one line.

The law: a wire does what the real provider documents, with its quirks: our client is not spared.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bridge.harness.standin.wire import Wire
from bridge.harness.standin.wires.alicloud import AliCloud
from bridge.harness.standin.wires.atlassian_oauth2 import Atlassian
from bridge.harness.standin.wires.authentik import Authentik
from bridge.harness.standin.wires.bitbucket import Bitbucket
from bridge.harness.standin.wires.casdoor import Casdoor
from bridge.harness.standin.wires.dingtalk import DingTalk
from bridge.harness.standin.wires.github import GitHub
from bridge.harness.standin.wires.gitlab import GitLab
from bridge.harness.standin.wires.google_oauth2 import Google
from bridge.harness.standin.wires.microsoft import Microsoft
from bridge.harness.standin.wires.oauth2 import OAuth2
from bridge.harness.standin.wires.openid_connect import OpenIdConnect
from bridge.harness.standin.wires.salesforce import Salesforce
from bridge.harness.standin.wires.slack import Slack

WIRES: Mapping[str, type[Wire]] = MappingProxyType(
    {
        "google_oauth2": Google,
        "github": GitHub,
        "gitlab": GitLab,
        "bitbucket": Bitbucket,
        "microsoft": Microsoft,
        "salesforce": Salesforce,
        "slack": Slack,
        "atlassian_oauth2": Atlassian,
        "dingtalk": DingTalk,
        "alicloud": AliCloud,
        "casdoor": Casdoor,
        "authentik": Authentik,
        "openid_connect": OpenIdConnect,
        "oauth2": OAuth2,
    }
)
