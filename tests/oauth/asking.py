"""Asking a provider's document, and what a refusal may not repeat."""

import pytest

from bridge.errors import ProviderError, ProviderUnavailable
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.reply import Reply

CALLBACK = Callback(code="code-secret-1")
BEARER = "at-secret-1"
MARK = "body-mark-7"


def ask(http: ProviderHttp, url: str) -> Reply:
    """Ask for a document with an access token."""
    return http.get(url, provider="it", document="user", bearer=BEARER)


def refusal(http: ProviderHttp, url: str, kind: type[ProviderError]) -> ProviderError:
    """Return the refusal that asking *url* for an object ends in; its class is exactly *kind*."""
    with pytest.raises(ProviderUnavailable) as refused:
        ask(http, url).object()
    assert type(refused.value) is kind
    assert refused.value.reason.startswith("user: ")
    assert BEARER not in str(refused.value)
    assert MARK not in str(refused.value)
    return refused.value
