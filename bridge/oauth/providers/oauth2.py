"""Any OAuth 2.0 provider: its endpoints and where its userinfo document holds what, from the configuration.

Source: RFC 6749 and RFC 6750; there is no standard for the document. An operator's `fields.email_verified` says where the
provider vouches for an address; without it nothing does.

The law: a field that the configuration does not name is not looked for.
"""

from collections.abc import Callable
from functools import reduce
from typing import ClassVar, TypeVar

from bridge.identity import NO_EVIDENCE, EmailEvidence, ExternalIdentity
from bridge.oauth.client_auth import AuthMethod
from bridge.oauth.fields import Fields
from bridge.oauth.grant import Tokens
from bridge.oauth.provider import CLIENT_AUTH, Places, RestProvider

RULE = "oauth2.email_verified"

Value = TypeVar("Value")


class OAuth2(RestProvider):
    """Identity by what `fields.uid` leads to, text or a whole number."""

    default_label: ClassVar[str] = "OAuth 2.0"
    needs: ClassVar[frozenset[str]] = frozenset({"authorization_url", "token_url", "userinfo_url", "fields"})
    takes: ClassVar[frozenset[str]] = CLIENT_AUTH | needs
    scopes: ClassVar[tuple[str, ...]] = ()
    auth_method: ClassVar[AuthMethod] = "client_secret_basic"

    def places(self, own: str | None) -> Places:
        """Return the configured ones."""
        del own
        return Places(self.config.authorization_url or "", self.config.token_url or "", self.config.userinfo_url or "")

    def identity_of(self, tokens: Tokens) -> ExternalIdentity:
        """Return the person of the userinfo document."""
        person, paths = self.ask("userinfo", "", tokens).object(), self.config.fields

        def said(path: str | None, read: Callable[[Fields, str], Value | None]) -> Value | None:
            if path is None:
                return None
            *objects, name = path.split(".")
            return read(reduce(Fields.inside, objects, person), name)

        assert paths is not None  # noqa: S101 - one of `needs`
        return self.identity(
            uid=said(paths.uid, _uid) or "",
            email=said(paths.email, Fields.email),
            evidence=EmailEvidence(bool(said(paths.email_verified, Fields.is_true)), RULE)
            if paths.email_verified
            else NO_EVIDENCE,
            name=said(paths.name, Fields.label),
            username=said(paths.username, Fields.username),
            avatar_url=said(paths.avatar_url, Fields.url),
        )


def _uid(holder: Fields, name: str) -> str:
    return holder.text(name) if isinstance(holder.values.get(name), str) else str(holder.number(name))
