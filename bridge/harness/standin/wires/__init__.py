"""The one explicit map of providers that the stand-in speaks for: a provider is one file and one line.

The law: a wire does what the real provider documents, with its quirks: our client is not spared.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bridge.harness.standin.wire import Wire
from bridge.harness.standin.wires.github import GitHub
from bridge.harness.standin.wires.gitlab import GitLab
from bridge.harness.standin.wires.google_oauth2 import Google
from bridge.harness.standin.wires.openid_connect import OpenIdConnect

WIRES: Mapping[str, type[Wire]] = MappingProxyType(
    {
        "google_oauth2": Google,
        "github": GitHub,
        "gitlab": GitLab,
        "openid_connect": OpenIdConnect,
    }
)
